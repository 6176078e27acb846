"""`<lora:name:0.8>`: how users of A1111's web UI ask for a LoRA in a prompt, and what a picture says of it."""

import math
import re
from collections.abc import Iterable

from limner.errors import LimnerError

LORA_HASHES, LORA_WEIGHTS, EMBEDDING_HASHES = "Lora hashes", "Lora weights", "TI hashes"
"""Settings of a picture: A1111's own, but for the second, since A1111 has the scales in the prompt alone."""
TAG = re.compile(r"<(lora|lyco|hypernet):([^:<>]*)(?::([^<>]*))?>", re.IGNORECASE)
"""What is laid over a model, its name and how much of it; LyCORIS' tag and LoRA's have been one since A1111 1.5."""


def untagged(prompt: str) -> tuple[str, list[tuple[str, float]]]:
    """The prompt as the model reads it, and the LoRAs that its tags name, each with its scale.

    Raises LimnerError for a tag without a name or of a hypernetwork, and for a scale that is no number, or is two.
    """
    tags = TAG.findall(prompt)
    if "" in (names := [name.strip() for _, name, _ in tags]):
        raise LimnerError("<lora:> names no LoRA", "say <lora:name:0.8>")
    if old := [name for kind, name, _ in tags if kind.lower() == "hypernet"]:
        raise LimnerError(f"{old[0]} is a hypernetwork, which limner does not apply", "leave its tag out")
    scales = [scale(text) for _, _, text in tags]
    return TAG.sub("", prompt).strip(), list(zip(names, scales, strict=True))


def scale(text: str) -> float:
    """How much of a LoRA: any finite number, 1 if nothing is said."""
    try:
        found = float(text or 1)
    except ValueError:
        found = math.nan
    if not math.isfinite(found):
        raise LimnerError(f"{text!r} is not the scale of a LoRA", "give one number, such as <lora:name:0.8>")
    return found


def tagged(prompt: str, weights: str) -> str:
    """The prompt with a tag at its end for each LoRA of the setting LORA_WEIGHTS."""
    tags = [f"<lora:{name}:{amount}>" for name, amount in pairs(weights)]
    return " ".join([*([prompt] if prompt else []), *tags])


def setting(pairs: Iterable[tuple[str, str | float]]) -> str:
    """Names and what they have, as one setting."""
    return ", ".join(f"{name}: {value if isinstance(value, str) else spelt(value)}" for name, value in pairs)


def spelt(number: float) -> str:
    """The shortest text that is exactly this number."""
    return str(int(number)) if number.is_integer() else repr(number)


def pairs(text: str) -> list[tuple[str, str]]:
    """`setting` read back."""
    parts = (each.rpartition(":") for each in text.split(","))
    return [(name.strip(), value.strip()) for name, colon, value in parts if colon]
