"""bias.json as the assignment wants it: a prompt, what its pictures show, whom it harms, and the pictures."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from limner.audit.finding import Finding, Verdict
from limner.audit.sentence import sentence
from limner.errors import LimnerError

FILE = "bias.json"


@dataclass(frozen=True, slots=True)
class Entry:
    """One bias, ready to be handed in: `images` are file names, which lie beside the JSON."""

    prompt: str
    description: str
    harm: str
    images: tuple[str, ...]


def entry(finding: Finding, images: Sequence[str]) -> Entry:
    """What a study has found; LimnerError where nobody finished it, or nobody says whom it harms."""
    study = finding.counted.study
    title = " / ".join(study.prompts)
    if finding.verdict == Verdict.INCOMPLETE:
        raise LimnerError(f'"{title}" is not tallied to its end', "label the pictures that are left")
    if not study.harm.strip():
        raise LimnerError(f'"{title}" does not say whom this harms, and how', "write it: nobody else can (harm)")
    source = f" Reference: {study.source}." if study.source else ""
    raters = len(finding.counted.labels.raters)
    labelled = f"Labelled blind and shuffled, by {raters} {'person' if raters == 1 else 'people'}."
    return Entry(title, f"{sentence(finding)}{source} {labelled}", study.harm.strip(), tuple(images))


def written(entries: Sequence[Entry]) -> bytes:
    """The file, with the assignment's own keys."""
    told: Mapping[str, object] = {
        "biases": [
            {"prompt": each.prompt, "description": each.description, "harm": each.harm, "image-paths": [*each.images]}
            for each in entries
        ]
    }
    return (json.dumps(told, indent=2, ensure_ascii=False) + "\n").encode()


def image(number: int, name: str) -> str:
    """A picture's file in the hand-in, which has no folders: of the bias of that number, from 1."""
    return f"bias-{number}-{name}.jpg"
