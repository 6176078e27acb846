"""Does it draw what it was asked for?  One thing in one style, and the eye names it without being told."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Literal

from limner.evaluation.prevalence import Count, Share, wilson
from limner.evaluation.seen import Eye, Seen
from limner.pictures.heldout import held_out
from limner.pictures.nouns import nouns, with_article

Answer = Literal["right", "wrong", "abstained", "broken"]
FIRST = 3_000_000  # seed of the list's first picture; the next has the next


@dataclass(frozen=True, slots=True)
class Asked:
    """One picture: a noun in a style, which the model was not taught together if it is held out."""

    noun: str
    style: str
    prompt: str
    seed: int
    held: bool

    @property
    def kind(self) -> str:
        return nouns()[self.noun].kind


@dataclass(frozen=True, slots=True)
class Judged:
    """What the eye said: the name of the largest thing that it can name, "" if none, and that thing's style."""

    asked: Asked
    answer: Answer
    said: str
    style: str


def questions(words: Sequence[str], styles: Sequence[str]) -> list[Asked]:
    """Every noun in every style once, in alphabetical order; a picture's place in the list decides its seed."""
    return [
        Asked(noun, style, f"{with_article(noun, nouns()[noun].number)}, {style}", FIRST + place, held_out(noun, style))
        for place, (noun, style) in enumerate(product(sorted(words), styles))
    ]


def judged(asked: Asked, seen: Seen, eye: Eye) -> Judged:
    """A broken picture is not right whatever is named in it; words that a picture cannot tell apart are one."""
    said, style = named(seen)
    if seen.broken:
        return Judged(asked, "broken", said, style)
    if not said:
        return Judged(asked, "abstained", said, style)
    return Judged(asked, "right" if eye.alike(said, asked.noun) else "wrong", said, style)


def named(seen: Seen) -> tuple[str, str]:
    """Name and style of the largest thing that has a name; "" and "" without one."""
    return next(((thing.word, thing.style) for thing in seen.things if thing.word), ("", ""))


def count(judgements: Sequence[Judged]) -> Count:
    return Count(sum(each.answer == "right" for each in judgements), len(judgements))


def shares(judgements: Sequence[Judged], sort: Callable[[Asked], str]) -> dict[str, tuple[Count, Share]]:
    """How many of each sort are recognised, the best first."""
    groups = dict[str, list[Judged]]()
    for each in judgements:
        groups.setdefault(sort(each.asked), []).append(each)
    counts = {name: count(group) for name, group in groups.items()}
    return {name: (each, wilson(each)) for name, each in sorted(counts.items(), key=lambda pair: -pair[1].share)}


def answers(judgements: Sequence[Judged]) -> Mapping[str, int]:
    return Counter(each.answer for each in judgements)


def in_style(judgements: Sequence[Judged]) -> Count | None:
    """Of the recognised things those that are in the style asked for."""
    right = [each for each in judgements if each.answer == "right"]
    return Count(sum(each.style == each.asked.style for each in right), len(right)) if right else None


def worst(judgements: Sequence[Judged], most: int) -> list[tuple[str, int, int, str]]:
    """The nouns that are recognised least: noun, right, of, and what was said most often instead."""
    rows = list[tuple[str, int, int, str]]()
    for noun, (share, _) in shares(judgements, lambda asked: asked.noun).items():
        said = Counter(
            each.said or each.answer for each in judgements if each.asked.noun == noun and each.answer != "right"
        )
        if said:
            rows.append((noun, share.right, share.of, said.most_common(1)[0][0]))
    return sorted(rows, key=lambda row: (row[1] / row[2], row[0]))[:most]


def spread(count: int, most: int) -> list[int]:
    """Places of at most `most` things of `count`, evenly spread over them: nobody picks."""
    return [k * count // most for k in range(most)] if count > most else list(range(count))
