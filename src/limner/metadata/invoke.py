"""Pictures of InvokeAI: `invokeai_metadata` of version 3 and later, `sd-metadata` of 2 and `Dream` of 1."""

import re
import shlex
from collections.abc import Iterator, Mapping

from limner.metadata.emphasis import LONGEST, from_compel
from limner.metadata.reading import Reading, parsed, plain, seeded, short, spelt, understood, walked

_TAKEN = {"positive_prompt", "negative_prompt", "seed", "steps", "cfg_scale", "cfg_rescale_multiplier", "scheduler"}
_TAKEN |= {"clip_skip", "width", "height", "model"}
_SILENT = {"app_version", "generation_mode", "rand_device", "ref_images", "canvas_v2_metadata"}
_SILENT |= {"positive_style_prompt", "negative_style_prompt"}  # looked at beside the prompts
_NOTHING: tuple[object, ...] = (None, 0, 0.0, False, "", [], {})
_ADAPTERS: Mapping[str, str] = {  # the list, and what one of it is called
    "loras": "LoRA",
    "controlnets": "ControlNet",
    "ipAdapters": "IP-Adapter",
    "t2iAdapters": "T2I-Adapter",
    "controlLayers": "control layers",
    "regions": "region",
}


def invoke(text: str) -> Reading | None:
    """None unless the text is an object of InvokeAI's, version 3 or later."""
    record = parsed(text)
    if not isinstance(record, dict):
        return None
    unmet = list(_others(record))
    fields, strange = walked(record.get("scheduler"))
    said = fields | {
        "prompt": _prompt(record.get("positive_prompt"), unmet),
        "negative": _prompt(record.get("negative_prompt"), unmet),
        "seed": seeded(record.get("seed")),
        "steps": record.get("steps"),
        "guidance": record.get("cfg_scale"),
        "rescale": record.get("cfg_rescale_multiplier"),
        "clip_skip": _layer(record.get("clip_skip")),
        "width": record.get("width"),
        "height": record.get("height"),
    }
    wish, rest = understood(said, strange + unmet)
    maker = f"InvokeAI {short(record.get('app_version', ''))}".strip()
    return Reading(maker, text, wish, rest, _named(record.get("model")), plain(record))


def invoke_2(text: str) -> Reading | None:
    """Of the `sd-metadata` of version 2; the negative prompt stands in the prompt, in brackets."""
    record = parsed(text)
    image = record.get("image") if isinstance(record, dict) else None
    if not isinstance(record, dict) or not isinstance(image, dict):
        return None
    prompts = image.get("prompt")
    first = prompts[0] if isinstance(prompts, list) and prompts else {"prompt": prompts}
    prompt = first.get("prompt") if isinstance(first, dict) else None
    settings = plain(image) | {"model": str(record.get("model_weights", ""))}
    extras = [f"{key} {short(image[key])}" for key in _EXTRAS if image.get(key) not in _NOTHING]
    return _old("InvokeAI 2", text, prompt, settings, extras)


_EXTRAS = (
    "threshold",
    "perlin",
    "hires_fix",
    "seamless",
    "postprocessing",
    "variations",
    "strength",
    "init_image_path",
)
_FLAGS: Mapping[str, str] = {"s": "steps", "S": "seed", "W": "width", "H": "height", "C": "cfg_scale", "A": "sampler"}


def dream(text: str) -> Reading | None:
    """Of the command of version 1, a prompt in quotes and flags: `"a cat [blurry]" -s 50 -S 42 -W 512 -A k_lms`."""
    try:
        words = shlex.split(text[:LONGEST])
    except ValueError:
        return None
    if not text.startswith('"'):
        return None
    flags = [re.fullmatch(r"-([a-zA-Z])(.*)", word) for word in words]
    settings, extras = dict[str, str](), list[str]()
    for index, flag in enumerate(flags):
        if flag and index:
            value = flag[2] or (words[index + 1] if index + 1 < len(words) and not flags[index + 1] else "")
            if flag[1] in _FLAGS:
                settings[_FLAGS[flag[1]]] = value
            else:
                extras.append(f"-{flag[1]} {short(value)}".strip())
    return _old("InvokeAI 1", text, words[0], settings, extras)


def _old(maker: str, text: str, prompt: object, settings: Mapping[str, str], extras: list[str]) -> Reading:
    whole = prompt if isinstance(prompt, str) else ""
    negative = ", ".join(re.findall(r"\[([^][]*)\]", whole))
    positive = re.sub(r" ?\[[^][]*\]", "", whole).strip()
    fields, strange = walked(settings.get("sampler"))
    said = fields | {
        "prompt": _prompt(positive, extras),
        "negative": _prompt(negative, extras),
        "seed": seeded(settings.get("seed")),
        "steps": settings.get("steps"),
        "guidance": settings.get("cfg_scale"),
        "width": settings.get("width"),
        "height": settings.get("height"),
    }
    wish, unmet = understood(said, strange + extras)
    return Reading(maker, text, wish, unmet, settings.get("model", ""), settings)


def _prompt(prompt: object, unmet: list[str]) -> object:
    """In AUTOMATIC1111's spelling."""
    return spelt(prompt, from_compel, unmet) if isinstance(prompt, str) else prompt


def _layer(skipped: object) -> object:
    """InvokeAI counts the layers that are skipped; none is the model's own, and stays open."""
    return skipped + 1 if isinstance(skipped, int) and skipped else None


def _named(model: object) -> str:
    if isinstance(model, dict):  # versions 4 and 3
        return str(model.get("name") or model.get("model_name") or "")
    return model if isinstance(model, str) else ""


def _others(record: Mapping[str, object]) -> Iterator[str]:
    if record.get("generation_mode") not in (None, "txt2img", "sdxl_txt2img"):
        yield f"mode {short(record['generation_mode'])}"
    if record.get("rand_device") not in (None, "cpu"):
        yield f"noise of a {short(record['rand_device'])}: the same seed begins with other noise here"
    for side in ("positive", "negative"):
        style = record.get(f"{side}_style_prompt")
        if style and style != record.get(f"{side}_prompt"):
            yield f"{side} style prompt {short(style)!r}"
    for key, value in record.items():
        if isinstance(value, list) and key in _ADAPTERS:
            yield from (f"{_ADAPTERS[key]} {_adapter(each)}".strip() for each in value[:20])
        elif key not in _TAKEN | _SILENT and value not in _NOTHING:
            yield f"{key.replace('_', ' ')} {short(_named(value) or value)}"


def _adapter(entry: object) -> str:
    """A LoRA's or ControlNet's name and strength: versions 3 and 4 have other keys."""
    if not isinstance(entry, dict):
        return short(entry)
    models = (entry.get(key) for key in ("model", "lora", "control_model", "ip_adapter_model", "t2i_adapter_model"))
    name = next((named for model in models if (named := _named(model))), "")
    strength = entry.get("weight", entry.get("control_weight"))
    return short(name) + (f" at {short(strength)}" if strength is not None else "")
