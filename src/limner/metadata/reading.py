"""What a picture says about itself: who made it and how, what of that limner understands, and what it does not do."""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from math import isfinite

from limner.errors import LimnerError
from limner.metadata.emphasis import dividers
from limner.metadata.names import named
from limner.recipe import FIELDS, SEEDS, Recipe, Value, Wish, checked

MANY = 40


@dataclass(frozen=True, slots=True)
class Reading:
    """`maker` and `model` are the program and its weights, "" where nobody says; `text` is all that was found, raw.

    `wish` is what limner understands, `unmet` what it does not do, each in words of its own; `settings` are the
    maker's own names and values.  `recipe` is there only if limner made the picture: only then are its pixels promised.
    `receipt` is the text of one, which nobody has checked (`audit.receipt` does).
    """

    maker: str = ""
    text: str = ""
    wish: Wish = field(default_factory=Wish)
    unmet: tuple[str, ...] = ()
    model: str = ""
    settings: Mapping[str, str] = field(default_factory=dict)
    recipe: Recipe | None = None
    receipt: str = ""


def parsed(text: str) -> object:
    """The JSON in a text, None where there is none; NaN is a float, and no depth overflows."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def plain(mapping: Mapping[str, object]) -> dict[str, str]:
    """The entries that are one value, as texts."""
    return {key: str(value) for key, value in mapping.items() if isinstance(value, str | int | float)}


def understood(said: Mapping[str, object], unmet: Iterable[str] = ()) -> tuple[Wish, tuple[str, ...]]:
    """The wish that these fields of a recipe make up, None being open; and `unmet` with those out of range."""
    fields, rest = dict[str, Value](), list(unmet)
    for name, value in said.items():
        if value is None or (value == "" and name not in ("prompt", "negative")):
            continue
        try:
            fields[name] = checked(name, _converted(name, value))
        except (ValueError, OverflowError, LimnerError):
            long = isinstance(value, str) and len(value) > FIELDS[name].high
            rest.append(f"a {name} of {len(str(value))} characters" if long else f"{name} {short(value)}")
    return Wish(**fields), capped(rest)  # type: ignore[arg-type]  # Wish checks each


def capped(unmet: Iterable[str]) -> tuple[str, ...]:
    """Each once, and no more than anybody reads."""
    each = tuple(dict.fromkeys(unmet))
    return each if len(each) <= MANY else (*each[:MANY], f"and {len(each) - MANY} more")


def walked(sampler: object, schedule: object = "") -> tuple[dict[str, object], list[str]]:
    """The fields that other programs' names of a sampler and a schedule mean, and the names that mean nothing here."""
    theirs, spacing = (each if isinstance(each, str) else "" for each in (sampler, schedule))
    spacing = "" if spacing.casefold() in ("automatic", "default") else spacing
    ours, ladder = named(theirs, spacing)
    unmet = [f"sampler {short(theirs)}"] if theirs and not ours else []
    unmet += [f"schedule {short(spacing)}"] if spacing and not ladder else []
    return {"sampler": ours or None, "ladder": ladder or None}, unmet


def seeded(seed: object) -> object:
    """A seed of 64 bits as limner's of 32: torch's CPU generator, which drew the noise, ignores the others."""
    number = int(seed) if isinstance(seed, str) and seed.strip().isdecimal() and len(seed) < 30 else seed
    return number % SEEDS if isinstance(number, int) and not isinstance(number, bool) and number >= 0 else number


def spelt(prompt: str, translate: Callable[[str], str | None], unmet: list[str]) -> str:
    """A prompt in AUTOMATIC1111's spelling, or as it stands; `unmet` gains what is not the same then."""
    unmet.extend(f"the plain word {word}, which divides a prompt here" for word in dividers(prompt))
    if (translated := translate(prompt)) is None:
        unmet.append(f"the weights in {short(prompt)!r}: taken as they stand")
    return prompt if translated is None else translated


def short(value: object) -> str:
    """At most 60 characters in one line."""
    try:
        text = " ".join(str(value)[:1000].split())
    except RecursionError:  # lists in lists in lists
        text = "..."
    return text if len(text) <= 60 else f"{text[:57]}..."


def _converted(name: str, value: object) -> object:
    """A number out of text or out of another kind of number, where that is exact."""
    kind = FIELDS[name].kind
    if kind is not str and isinstance(value, str):
        return kind(value)
    if kind is int and isinstance(value, float) and isfinite(value) and value.is_integer():
        return int(value)
    return value
