"""On drawn pictures nobody knows the truth, so somebody who was told nothing names them, and the two are compared."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random

from limner.evaluation.oracle import Oracle
from limner.evaluation.reading import plain
from limner.evaluation.seen import Seen
from limner.pictures.nouns import nouns, with_article
from limner.pictures.shapes import SHAPES
from limner.pictures.words import COLOURS
from limner.recipe import Wish

SINGLE, SHAPED, HARD = 200, 40, 20  # pictures of one thing, of coloured shapes, and of each of the three hard kinds
FIRST = 40_000  # seed
FEW, FEWER = 6, 3  # steps that are not enough
BROKEN = "broken"


@dataclass(frozen=True, slots=True)
class Labelled:
    """A picture to be labelled: the file a reader sees, and what it was asked for with."""

    file: str
    kind: str
    wish: Wish


def asked_for(words: Sequence[str], styles: Sequence[str]) -> list[Labelled]:
    """300 pictures by rule: nouns evenly from the sorted list, styles in turn, seeds one after another, files shuffled.

    A fifth is hard on purpose, so that there is something to refuse: too few steps, no guidance, two things in one.
    """
    ordered = sorted(words)
    single = [(ordered[i * len(ordered) // SINGLE], styles[i % len(styles)]) for i in range(SINGLE)]
    shapes, colours = list(SHAPES), list(COLOURS)
    shaped = [f"{colours[i % len(colours)]} {shapes[i % len(shapes)]}" for i in range(SHAPED)]
    some = [_one(ordered[i * len(ordered) // (2 * HARD)]) for i in range(2 * HARD)]
    wishes = [
        *(("single", Wish(prompt=f"{_one(noun)}, {style}")) for noun, style in single),
        *(("shape", Wish(prompt=with_article(words, "count"))) for words in shaped),
        *(("too few steps", Wish(prompt=noun, steps=FEWER)) for noun in some[:HARD]),
        *(("no guidance", Wish(prompt=noun, steps=FEW, guidance=1.0)) for noun in some[HARD:]),
        *(("two in one", Wish(prompt=f"{one} {two}")) for one, two in zip(some[:HARD], some[HARD:], strict=True)),
    ]
    numbers = list(range(len(wishes)))
    Random(0).shuffle(numbers)
    return [
        Labelled(f"{number:03}.png", kind, replace(wish, seed=FIRST + k))
        for k, ((kind, wish), number) in enumerate(zip(wishes, numbers, strict=True))
    ]


def _one(noun: str) -> str:
    return with_article(noun, nouns()[noun].number)


@dataclass(frozen=True, slots=True)
class Agreement:
    """How often the oracle and the readers agree where it gives a word, and how far beyond chance: Krippendorff's.

    Of several readers the word of more than half counts; `undecided` are pictures for which there is none, which count
    for nothing else.  `among` is the readers' own alpha, None of a single one.
    """

    agreed: int
    given: int
    alpha: float
    refused: int
    both_refused: int
    undecided: int
    among: float | None


def compared(oracle: Oracle, seen: Mapping[str, Seen], answers: Mapping[str, Sequence[str]]) -> Agreement:
    """The largest thing of each picture by all.  The readers' "broken" against a word is a disagreement."""
    read = {file: [value(oracle, meant(oracle, each)) for each in said] for file, said in answers.items()}
    pairs = [(value(oracle, said(seen[file])), settled(words)) for file, words in read.items()]
    decided = [(one, other) for one, other in pairs if other]
    given = [(one, other) for one, other in decided if one]
    refused = [other for one, other in decided if not one]
    return Agreement(
        agreed=sum(one == other for one, other in given),
        given=len(given),
        alpha=alpha(given),
        refused=len(refused),
        both_refused=sum(other == BROKEN for other in refused),
        undecided=len(pairs) - len(decided),
        among=alpha([*read.values()]) if any(len(words) > 1 for words in read.values()) else None,
    )


def settled(words: Sequence[str]) -> str:
    """What more than half say, "" where nothing is."""
    word, count = Counter(words).most_common(1)[0]
    return word if 2 * count > len(words) else ""


def said(seen: Seen) -> str:
    """The oracle's word for the largest thing, "" where it gives none or finds the picture broken."""
    return seen.things[0].word if seen.things and not seen.broken else ""


def meant(oracle: Oracle, answer: str) -> str:
    """The vocabulary's word that a reader wrote, the answer itself where there is none such."""
    first = answer.strip().lower()
    by_form = {plain(word): word for word in oracle.known.words}
    return first if oracle.knows(first) else by_form.get(plain(first), first)


def value(oracle: Oracle, word: str) -> str:
    """One name for all words of a group."""
    return next((group[0] for group in oracle.groups if word in group), word)


def alpha(units: Sequence[Sequence[str]]) -> float:
    """1 - observed / expected disagreement of nominal labels, two or more of each unit; 1 where nobody disagrees.

    Krippendorff 2011, "Computing Krippendorff's alpha-reliability", section C.
    """
    total = Counter(label for labels in units for label in labels)
    n = sum(total.values())
    observed = sum(apart(labels) / (len(labels) - 1) for labels in units) / n if n else 0.0
    expected = (n * n - sum(count * count for count in total.values())) / (n * (n - 1)) if n > 1 else 0.0
    return 1.0 if expected == 0 else 1 - observed / expected


def apart(labels: Sequence[str]) -> int:
    """Ordered pairs that differ."""
    return len(labels) ** 2 - sum(count * count for count in Counter(labels).values())
