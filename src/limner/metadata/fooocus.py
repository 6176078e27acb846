"""Pictures of Fooocus: one JSON object, whose prompt is the typed one and whose full prompts are what was drawn."""

import re
from collections.abc import Iterator, Mapping

from limner.metadata.reading import Reading, parsed, plain, seeded, short, understood, walked

_SILENT = {"metadata_scheme", "version", "base_model_hash", "refiner_model_hash", "created_by", "loras", "performance"}
_TAKEN = {"prompt", "negative_prompt", "full_prompt", "full_negative_prompt", "steps", "resolution", "guidance_scale"}
_TAKEN |= {"seed", "sampler", "scheduler", "base_model", "clip_skip"}
_NOTHING = ("", "None", "[]", "Default (model)", "(1.0, 1.0, 0.0)", None)


def fooocus(text: str) -> Reading | None:
    """None unless the text is an object of Fooocus's."""
    record = parsed(text)
    if not isinstance(record, dict) or "base_model" not in record:
        return None
    size = re.fullmatch(r"[\[(]\s*(\d+)\s*,\s*(\d+)\s*[\])]", str(record.get("resolution")))
    fields, strange = walked(record.get("sampler"), record.get("scheduler"))
    said = fields | {
        "prompt": _drawn(record, "full_prompt", "prompt"),
        "negative": _drawn(record, "full_negative_prompt", "negative_prompt"),
        "seed": seeded(record.get("seed")),
        "steps": record.get("steps"),
        "guidance": record.get("guidance_scale"),
        "clip_skip": record.get("clip_skip"),
        "width": size[1] if size else None,
        "height": size[2] if size else None,
    }
    wish, unmet = understood(said, [*strange, *_others(record)])
    return Reading("Fooocus", text, wish, unmet, str(record["base_model"]), plain(record))


def _drawn(record: Mapping[str, object], full: str, typed: str) -> object:
    """The prompts with the styles written out, which Fooocus encodes one behind the other, else what was typed."""
    drawn = record.get(full)
    if isinstance(drawn, list) and drawn and all(isinstance(each, str) for each in drawn):
        return ", ".join(filter(None, drawn))
    return record.get(typed)


def _others(record: Mapping[str, object]) -> Iterator[str]:
    for key, value in record.items():
        if key.startswith("lora_combined_"):
            name, _, strength = str(value).rpartition(" : ")
            yield f"LoRA {short(name)} at {short(strength)}"
        elif key == "styles" and value not in _NOTHING and "full_prompt" in record:
            yield f"styles {short(value)}: written out in the prompt"
        elif key not in _SILENT | _TAKEN and value not in _NOTHING:
            yield f"{key.replace('_', ' ')} {short(value)}"
