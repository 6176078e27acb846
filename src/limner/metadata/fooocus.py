"""Pictures of Fooocus: one JSON object, whose prompt is the typed one and whose full prompts are what was drawn."""

import re
from collections.abc import Iterator, Mapping

from limner.metadata.emphasis import from_comfy
from limner.metadata.reading import Reading, parsed, plain, seeded, short, spelt, understood, walked

_SILENT = {"metadata_scheme", "version", "base_model_hash", "refiner_model_hash", "created_by", "loras", "performance"}
_TAKEN = {"prompt", "negative_prompt", "full_prompt", "full_negative_prompt", "steps", "resolution", "guidance_scale"}
_TAKEN |= {"seed", "sampler", "scheduler", "base_model", "clip_skip"}
_NOTHING = ("", "None", "[]", "Default (model)", "(1.0, 1.0, 0.0)", None)


def fooocus(text: str) -> Reading | None:
    """None unless the text is an object of Fooocus's."""
    record = parsed(text)
    if not isinstance(record, dict) or "base_model" not in record:
        return None
    unmet = list(_others(record))
    size = re.fullmatch(r"[\[(]\s*(\d+)\s*,\s*(\d+)\s*[\])]", str(record.get("resolution")))
    fields, strange = walked(record.get("sampler"), record.get("scheduler"))
    said = fields | {
        "prompt": _drawn(record, "full_prompt", "prompt", unmet),
        "negative": _drawn(record, "full_negative_prompt", "negative_prompt", unmet),
        "seed": seeded(record.get("seed")),
        "steps": record.get("steps"),
        "guidance": record.get("guidance_scale"),
        "clip_skip": record.get("clip_skip"),
        "width": size[1] if size else None,
        "height": size[2] if size else None,
    }
    wish, rest = understood(said, strange + unmet)
    return Reading("Fooocus", text, wish, rest, str(record["base_model"]), plain(record))


def _drawn(record: Mapping[str, object], full: str, typed: str, unmet: list[str]) -> object:
    """The prompts with the styles written out, else what was typed; Fooocus reads weights as ComfyUI does."""
    drawn = record.get(full)
    whole = isinstance(drawn, list) and drawn and all(isinstance(each, str) for each in drawn)
    prompt = ", ".join(filter(None, drawn)) if whole and isinstance(drawn, list) else record.get(typed)
    return spelt(prompt, from_comfy, unmet) if isinstance(prompt, str) else prompt


def _others(record: Mapping[str, object]) -> Iterator[str]:
    for key, value in record.items():
        if key.startswith("lora_combined_"):
            name, _, strength = str(value).rpartition(" : ")
            yield f"LoRA {short(name)} at {short(strength)}"
        elif key == "styles" and value not in _NOTHING and "full_prompt" in record:
            yield f"styles {short(value)}: written out in the prompt"
        elif key.startswith("refiner") and record.get("refiner_model") in _NOTHING:
            continue
        elif key not in _SILENT | _TAKEN and value not in _NOTHING:
            yield f"{key.replace('_', ' ')} {short(value)}"
