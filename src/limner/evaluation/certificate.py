"""Nobody is believed who was not examined: the oracle on scenes it never saw, of which everything is known."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool
from scipy.optimize import linear_sum_assignment
from scipy.stats import binomtest

from limner.evaluation.exercises import UNTOLD, Exercises
from limner.evaluation.oracle import Oracle, Thing
from limner.evaluation.reader import SPOILING, cut, taken
from limner.evaluation.seen import iou
from limner.process.noise import generator

MATCHED = 0.5  # intersection over union from which a thing is found
OFTEN, SEVERAL = 0.3, 3  # share and number of a word's renders named otherwise, from which two words look alike
ASKED = 256  # spoilt things of each kind


@dataclass(frozen=True, slots=True)
class Answer:
    """What was true of one thing, in numbers, and what was said of it; `thing` is None where it was not found."""

    scene: int
    true: tuple[int, int, int, int, int]
    thing: Thing | None
    overlap: float


def examine(oracle: Oracle, given: Exercises, decoded: bool) -> tuple[list[Answer], list[int]]:
    """Every true thing with what was found in its place, and how many things were found in each scene."""
    pictures = (given.decoded if decoded else given.pictures).movedim(1, -1).numpy()
    found = oracle.look(list(pictures))
    true = defaultdict[int, list[tuple[int, ...]]](list)
    for row in given.things.tolist():
        true[row[0]].append(tuple(row[1:]))
    answers = list[Answer]()
    for scene, rows in true.items():
        masks = [(given.where[scene] == row[0]).numpy() for row in rows]
        for row, (thing, overlap) in zip(rows, matched(masks, found[scene]), strict=True):
            answers.append(Answer(scene, (row[1], row[2], row[3], row[4], row[5]), thing, overlap))
    return answers, [len(things) for things in found]


def matched(masks: Sequence[Bool[np.ndarray, "h w"]], things: Sequence[Thing]) -> list[tuple[Thing | None, float]]:
    """For each true mask the thing that overlaps it, one each, so that the overlaps' sum is largest."""
    if not things:
        return [(None, 0.0) for _ in masks]
    overlaps = np.array([[iou(mask, thing.mask) for thing in things] for mask in masks])
    own = dict(zip(*(side.tolist() for side in linear_sum_assignment(-overlaps)), strict=True))
    best = [(own.get(row), float(overlaps[row, own[row]]) if row in own else 0.0) for row in range(len(masks))]
    return [(things[at] if at is not None and share > MATCHED else None, share) for at, share in best]


def lookalikes(oracle: Oracle, answers: Iterable[Answer]) -> list[tuple[str, ...]]:
    """Words of which renders of one are often enough called the other, joined into groups.

    Silhouettes say nothing here: those of a ball, a coin and a pie are all a circle, and the words no less apart.
    """
    confused, seen = Counter[tuple[int, int]](), Counter[int]()
    for answer in answers:
        if answer.thing is not None and not outlined(oracle, answer):
            true, said = answer.true[0], int(answer.thing.word.argmax())
            seen[true] += 1
            if said not in (true, len(oracle.known.words)):
                confused[true, said] += 1
    groups = {k: {k} for k in range(len(oracle.known.words))}
    for (true, said), count in confused.items():
        if count >= SEVERAL and count >= OFTEN * seen[true]:
            joined = groups[true] | groups[said]
            groups |= dict.fromkeys(joined, joined)
    distinct = {tuple(sorted(oracle.known.words[k] for k in group)) for group in groups.values() if len(group) > 1}
    return sorted(distinct)


def threshold(oracle: Oracle, answers: Sequence[Answer], broken: Sequence[Thing], precision: float) -> float:
    """The least probability at which so many of the named things are named rightly, spoilt things counting as wrong."""
    rated = [(oracle.named(each.thing), each) for each in answers if each.thing is not None]
    pairs = [(sure, oracle.alike(word, oracle.known.words[each.true[0]])) for (word, sure), each in rated if word]
    pairs += [(sure, False) for word, sure in map(oracle.named, broken) if word]
    right, best = 0, 1.0
    for count, (sure, ok) in enumerate(sorted(pairs, key=lambda pair: -pair[0]), 1):
        right += ok
        if right >= precision * count:
            best = sure
    return best


@dataclass(frozen=True, slots=True)
class Share:
    """So many of so many."""

    right: int
    count: int


def shares(oracle: Oracle, answers: Sequence[Answer], counts: Sequence[int]) -> tuple[dict[str, Share], float]:
    """What the oracle got right, and the mean overlap of the masks of found things.

    "named rightly" is its sensitivity, by which shares of pictures of one thing are corrected: of such pictures alone.
    """
    found = [(each, each.thing) for each in answers if each.thing is not None]
    words = oracle.known.words
    named = [(oracle.named(thing), each) for each, thing in found]
    given = [(word, each) for (word, sure), each in named if word and sure >= oracle.threshold]
    true = Counter(each.scene for each in answers)

    def single(each: Answer) -> bool:
        return true[each.scene] == 1 and not outlined(oracle, each)

    drawn, outlines = ([pair for pair in named if outlined(oracle, pair[1]) is which] for which in (False, True))
    out = {
        "found": Share(len(found), len(answers)),
        "counted": Share(sum(counts[scene] == number for scene, number in true.items()), len(true)),
        "word": Share(sum(oracle.alike(word, words[each.true[0]]) for (word, _), each in drawn), len(drawn)),
        "word of a silhouette": Share(
            sum(oracle.alike(word, words[each.true[0]]) for (word, _), each in outlines), len(outlines)
        ),
        "word where given": Share(sum(oracle.alike(word, words[each.true[0]]) for word, each in given), len(given)),
        "given": Share(len(given), len(named)),
        "named rightly": Share(
            sum(oracle.alike(word, words[each.true[0]]) for word, each in given if single(each)),
            sum(map(single, answers)),
        ),
        "not called broken": Share(sum(bool(word) for (word, _), _ in named), len(named)),
        "style": told([(each.true[1], thing.style) for each, thing in found]),
        "colour": told([(each.true[2], thing.colour) for each, thing in found]),
        "gender": told([(each.true[3], int(thing.gender.argmax())) for each, thing in found]),
        "skin": told([(each.true[4], int(thing.skin.argmax())) for each, thing in found]),
        "place": places(answers),
    }
    return out, float(np.mean([each.overlap for each, _ in found])) if found else 0.0


def mistaken(oracle: Oracle, answers: Iterable[Answer]) -> dict[str, int]:
    """How often each style was called which other one, the most frequent mistake first."""
    styles = oracle.known.styles
    found = [(each.true[1], each.thing.style) for each in answers if each.thing is not None]
    wrong = Counter(f"{styles[true]} called {styles[said]}" for true, said in found if true not in (UNTOLD, said))
    return dict(wrong.most_common())


def outlined(oracle: Oracle, answer: Answer) -> bool:
    return oracle.known.styles[answer.true[1]] == "silhouette"


def told(pairs: Iterable[tuple[int, int]]) -> Share:
    known = [(true, said) for true, said in pairs if true != UNTOLD]
    return Share(sum(true == said for true, said in known), len(known))


def places(answers: Sequence[Answer]) -> Share:
    """Of two things in a scene: whether both were found.  Their order follows from masks that overlap the true ones."""
    by = defaultdict[int, list[Answer]](list)
    for each in answers:
        by[each.scene].append(each)
    pairs = [few for few in by.values() if len(few) == 2]
    return Share(sum(all(each.thing is not None for each in few) for few in pairs), len(pairs))


@torch.no_grad()
def spoilt(oracle: Oracle, given: Exercises, number: int) -> dict[str, list[Thing]]:
    """Things of each way of being nothing, as the oracle reads them."""
    g = generator(0, "spoilt to examine by", number)
    solid = given.spoilt_where > 0
    out = {"mixed latents": oracle.read_cuts(cut(given.spoilt.float() / 255, solid))}
    for spoiling in SPOILING:
        one, first = taken(given, ASKED, g)
        two, second = taken(given, ASKED, g)
        differ = first[:, 0] != second[:, 0]
        out[spoiling.__name__] = oracle.read_cuts(spoiling(one[differ], two[differ], g))
    return out


def refused(oracle: Oracle, things: Sequence[Thing]) -> Share:
    """Of spoilt things those that got no word."""
    return Share(sum(not word or sure < oracle.threshold for word, sure in map(oracle.named, things)), len(things))


def described(groups: Mapping[str, Share]) -> dict[str, dict[str, float]]:
    """With the Wilson interval of each share."""
    out = dict[str, dict[str, float]]()
    for name, each in groups.items():
        if each.count:
            low, high = binomtest(each.right, each.count).proportion_ci(method="wilson")
            out[name] = {"share": each.right / each.count, "low": low, "high": high, "of": each.count}
            out[name] = {key: round(float(value), 4) for key, value in out[name].items()}
    return out
