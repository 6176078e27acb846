"""The sentences that the lecture shows, each with what it is shown for."""

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files


@dataclass(frozen=True, slots=True)
class Shown:
    """A prompt of the lecture, word for word, and what its pictures are to show."""

    prompt: str
    shows: str


@cache
def lecture() -> tuple[Shown, ...]:
    """All of them, in the lecture's order."""
    raw = json.loads((files("limner.pictures") / "lecture.json").read_text(encoding="utf-8"))
    return tuple(Shown(**each) for each in raw)
