"""Is it a picture of what was asked for?  Ask somebody who was not told, and count by a rule fixed beforehand."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from random import Random

from limner.bundle.layout import read_json
from limner.errors import LimnerError
from limner.pictures.nouns import nouns, with_article

PICTURES = 100
IRREGULAR = {"leaves": "leaf", "knives": "knife", "wolves": "wolf", "mice": "mouse", "feet": "foot", "geese": "goose",
             "teeth": "tooth", "people": "person", "men": "man", "women": "woman", "children": "child"}  # fmt: skip
ARTICLES = {"a", "an", "the", "some", "pair", "of", "piece", "slice", "bunch"}


@dataclass(frozen=True, slots=True)
class Card:
    """One picture to be named: the file the reader sees, and what it was asked to show; `kind` has its own rule."""

    file: str
    noun: str
    prompt: str
    seed: int
    kind: str = "thing"


def cards(words: Sequence[str], styles: Sequence[str]) -> list[Card]:
    """One card a noun: every (len(words) / 100)-th of the sorted list, seeds 0 to 99, styles in turn, files shuffled.

    Nothing is picked by hand or after looking.
    """
    ordered = sorted(words)
    if len(ordered) < PICTURES:
        raise LimnerError(f"{len(ordered)} nouns are too few", f"{PICTURES} are needed")
    chosen = [ordered[i * len(ordered) // PICTURES] for i in range(PICTURES)]
    numbers = list(range(PICTURES))
    Random(0).shuffle(numbers)
    return [
        Card(
            f"{number:03}.png", noun, f"{with_article(noun, nouns()[noun].number)}, {styles[seed % len(styles)]}", seed
        )
        for seed, (noun, number) in enumerate(zip(chosen, numbers, strict=True))
    ]


def taught(folder: Path) -> tuple[list[str], list[str]]:
    """The nouns and styles that a model was trained on, as its `limner.json` says; LimnerError where it does not."""
    file = folder / "limner.json"
    about = read_json(file) if file.exists() else {}
    words, styles = about.get("nouns"), about.get("styles")
    if not isinstance(words, list) or not isinstance(styles, list) or not styles:
        raise LimnerError(f"{file} does not say which nouns and styles were trained", "measure limner-mini or its kin")
    return [str(word) for word in words], [str(style) for style in styles]


@cache
def other_names() -> Mapping[str, frozenset[str]]:
    """For each noun the names that count as right besides itself, written down before anybody looked."""
    groups = json.loads(files("limner.evaluation").joinpath("names.json").read_text(encoding="utf-8"))
    return {noun: frozenset(map(plain, names)) for noun, names in groups.items()}


def plain(name: str) -> str:
    """Lower case, no articles or measure words, every word in the singular: "Some slices of Pizza" is "pizza"."""
    words = [singular(word) for word in re.findall(r"[a-z]+", name.lower().replace("-", " "))]
    return " ".join(word for word in words if word not in ARTICLES)


def singular(word: str) -> str:
    if word in IRREGULAR:
        return IRREGULAR[word]
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if re.search(r"(ch|sh|x|ss|toe|go)es$", word):
        return word[:-2]
    return word[:-1] if word.endswith("s") and not word.endswith(("ss", "us", "is")) and len(word) > 3 else word


def right(answer: str, noun: str) -> bool:
    """Whether a free answer names the noun.

    The rule: in plain form the answer is the noun or one of its other names, or ends with it as its last words ("red
    apple" names an apple, "apple tree" does not).  Only the first name of an answer counts.
    """
    said = plain(re.split(r"[,;/(]|\bor\b|\bwith\b|\bon\b|\bin\b", answer)[0])
    names = {plain(noun)} | other_names().get(noun, frozenset())
    return any(said == name or said.endswith(f" {name}") for name in names if name)


def by_noun(answer: str, card: Card) -> bool:
    return right(answer, card.noun)


def score(
    answers: Mapping[str, str], asked: Sequence[Card], rule: Callable[[str, Card], bool] = by_noun
) -> dict[str, bool]:
    """For each file whether it was named rightly; LimnerError if a file was not answered."""
    missing = [card.file for card in asked if card.file not in answers]
    if missing:
        raise LimnerError(f"no name was given to {', '.join(missing[:5])}", "an unknown picture is named 'unknown'")
    return {card.file: rule(answers[card.file], card) for card in asked}
