"""What an emoji is called: code points to English label, tags, group, skin tone and gender, after CLDR."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

Colour = tuple[int, int, int]
COLOURS: Mapping[str, Colour] = {
    "red": (220, 30, 30),
    "orange": (250, 140, 10),
    "yellow": (250, 215, 20),
    "green": (40, 160, 60),
    "blue": (30, 90, 220),
    "purple": (130, 50, 180),
    "pink": (250, 130, 180),
    "brown": (130, 80, 40),
    "black": (20, 20, 20),
    "white": (255, 255, 255),
    "grey": (140, 140, 140),
}
TONES = ("", "light", "medium-light", "medium", "medium-dark", "dark")
_GENDERS = ("woman", "man")
_DROPPED_GROUPS = {"component", "symbols", "flags"}
_DROPPED_LABELS = {"hundred points", "zzz", "anger symbol", "middle finger", "love hotel", "fight cloud"}
_REWORDED = {
    "rolling on the floor laughing": "face rolling on the floor laughing",
    "star-struck": "star-struck face",
    "locked with pen": "padlock with a pen",
    "locked with key": "padlock with a key",
    "foggy": "foggy city",
    "dizzy": "circling star",
    "dashing away": "puff of air",
    "kiss": "kissing couple",
    "palms up together": "cupped hands",
    "breast-feeding": "woman feeding a baby",
    "pouring liquid": "tilted glass",
    "heart exclamation": "heart-shaped exclamation mark",
    "biting lip": "bitten lip",
    "horse racing": "racing horse",
    "selfie": "hand taking a selfie",
    "nail polish": "hand with nail polish",
}


@dataclass(frozen=True)
class Words:
    """The words for one emoji; `tone` is "" for the yellow picture, `gender` is "" where the label says none.

    `name` is the full label as CLDR spells it, skin tone included.
    """

    code: str
    name: str
    label: str
    tags: tuple[str, ...]
    group: str
    subgroup: str
    tone: str
    gender: str


def code_of(hexcode: str) -> str:
    """The code point sequence in lower case without variation selectors, which sets spell differently."""
    return "-".join(part for part in hexcode.lower().split("-") if part != "fe0f")


def colour_of(label: str) -> str:
    """The colour a label begins with ("red apple"), or "": colours are taken from words, never from pixels."""
    first, _, rest = label.partition(" ")
    return first if rest and first in COLOURS else ""


def drawable(words: Words) -> bool:
    """Whether the emoji is a picture of something: not a flag, a sign, a clock face, a letter or a keycap."""
    clock = words.subgroup == "time" and bool(re.search("o.clock|-thirty", words.label))
    return words.group not in _DROPPED_GROUPS and words.label not in _DROPPED_LABELS and not clock


def phrase(label: str) -> str:
    """An emoji label as a noun phrase: "man: red hair" is "man with red hair", "family: man, boy" is "family"."""
    head, _, tail = label.lower().replace("’", "'").partition(": ")
    head = _REWORDED.get(head, head)
    if tail == "bald":
        return f"bald {head}"
    if tail.endswith(("hair", "beard")):
        return f"{head} with {'a ' if tail == 'beard' else ''}{tail}"
    return f"{head} {tail}" if tail.startswith("facing") else head


def read_emojibase(files: Mapping[str, bytes]) -> dict[str, Words]:
    """Every emoji of the package `emojibase-data`, skin-toned variants included, by its code."""
    names = json.loads(files["en/messages.json"])
    groups = {each["order"]: each["key"] for each in names["groups"]}
    subgroups: dict[int, str] = {}
    for each in names["subgroups"]:
        subgroups.setdefault(each["order"], each["key"])
    found: dict[str, Words] = {}
    for base in json.loads(files["en/data.json"]):
        if "group" not in base:
            continue
        for entry in (base, *base.get("skins", ())):
            tone = entry.get("tone", 0)
            words = Words(
                code=code_of(entry["hexcode"]),
                name=entry["label"].lower(),
                label=phrase(base["label"]),
                tags=tuple(str(tag).lower() for tag in base.get("tags", ())),
                group=groups[base["group"]],
                subgroup=subgroups[base["subgroup"]],
                tone=" and ".join(TONES[each] for each in (tone if isinstance(tone, list) else [tone])),
                gender=_GENDERS[base["gender"]] if "gender" in base else "",
            )
            found[words.code] = words
    return found
