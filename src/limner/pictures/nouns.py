"""The concrete nouns a picture can be asked for by: each one nameable thing, with its plural and the drawings of it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Literal

from limner.pictures.sets import Record

Number = Literal["count", "mass", "plural", "proper"]
_TONES = {"1f3fb", "1f3fc", "1f3fd", "1f3fe", "1f3ff"}
_VOWEL_SOUND = ("hour", "honest", "heir", "x-ray", "suv", "8", "11", "18")
_CONSONANT_SOUND = ("uni", "use", "ufo", "uk", "euro", "ewe", "one", "once", "u-")


@dataclass(frozen=True)
class Noun:
    """`number` says how it takes an article; `core` nouns are the small preset's, `scene` nouns are composed."""

    word: str
    kind: str
    number: Number
    codes: tuple[str, ...]
    plural: str = ""
    aliases: tuple[str, ...] = ()
    core: bool = False
    scene: bool = False


@cache
def nouns() -> Mapping[str, Noun]:
    """The whole list by word."""
    raw = json.loads((files("limner.pictures") / "nouns.json").read_text(encoding="utf-8"))
    return {
        word: Noun(
            word,
            entry["kind"],
            entry["number"],
            tuple(entry["codes"]),
            entry.get("plural", ""),
            tuple(entry.get("aliases", ())),
            entry.get("core", False),
            entry.get("scene", False),
        )
        for word, entry in raw.items()
    }


@cache
def _by_code() -> Mapping[str, Noun]:
    return {code: noun for noun in nouns().values() for code in noun.codes}


@cache
def _by_label() -> Mapping[str, Noun]:
    return {label: noun for noun in nouns().values() for label in (noun.word, *noun.aliases)}


def noun_of(record: Record) -> Noun | None:
    """The noun that names the picture: by its emoji whatever the skin tone, else by its label."""
    if record.code:
        return _by_code().get("-".join(part for part in record.code.split("-") if part not in _TONES))
    bare = record.label.removeprefix(f"{record.colour} ")
    return _by_label().get(record.label) or _by_label().get(bare)


def head_noun(words: str) -> Noun | None:
    """The longest noun of the list that the words end with: "polar bear" before "bear"."""
    parts = words.split()
    for start in range(len(parts)):
        noun = _by_label().get(" ".join(parts[start:]))
        if noun:
            return noun
    return None


def article(words: str) -> str:
    """ "a" or "an", by the sound the words begin with."""
    if words.startswith(_VOWEL_SOUND):
        return "an"
    return "an" if words[0] in "aeiou" and not words.startswith(_CONSONANT_SOUND) else "a"


def with_article(words: str, number: Number) -> str:
    """The words as one thing in a sentence: "an owl", "bread", "jeans"."""
    return f"{article(words)} {words}" if number == "count" else words
