"""How few steps are enough?  Ways of drawing get the same prompts and seeds, and a judge names what was drawn."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

from scipy.stats import binomtest

from limner.bundle import Bundle
from limner.evaluation import drawn
from limner.evaluation.drawn import opened
from limner.evaluation.paired import Paired, paired
from limner.evaluation.recogniser import Recogniser
from limner.pictures.nouns import nouns, with_article
from limner.process.ladder import LADDERS
from limner.process.noise import key
from limner.recipe import LOUDEST, Recipe, Wish, resolve

GUIDANCE = 3.0
SLACK = 0.005  # below the baseline, as a proportion, that an estimate may be to be chosen for the test
SELECTION, TEST = 1_000_000, 2_000_000  # the first seeds of the pictures to choose by, and of those to judge by


@dataclass(frozen=True, slots=True)
class Question:
    """What every way of drawing is asked for."""

    noun: str
    prompt: str
    seed: int


@dataclass(frozen=True, slots=True)
class Arm:
    """A way of drawing: what a wish says besides prompt and seed, and who computes."""

    name: str
    wish: Wish
    backend: str

    def recipe(self, question: Question, bundle: Bundle) -> Recipe:
        asked = replace(self.wish, model=bundle.identity, prompt=question.prompt, seed=question.seed)
        return resolve(asked, bundle.defaults)

    def rows(self, bundle: Bundle) -> int:
        """Rows that the network computes for a picture: two a step where it is guided, else one."""
        wish = self.wish
        assert wish.ladder is not None
        assert wish.steps is not None
        low, high = wish.guide_above or 0.0, LOUDEST if wish.guide_below is None else wish.guide_below
        return sum(2 if low < sigma <= high else 1 for sigma in LADDERS[wish.ladder](bundle.schedule, wish.steps)[:-1])


def way(sampler: str, ladder: str, steps: int, backend: str, above: float = 0.0, below: float = float(LOUDEST)) -> Arm:
    interval = "" if (above, below) == (0, LOUDEST) else f", guided {above:g} to {below:g}"
    wish = Wish(
        sampler=sampler,
        ladder=ladder,
        steps=steps,
        guidance=GUIDANCE,
        guide_above=above,
        guide_below=below,
        negative="",
    )
    return Arm(f"{sampler} {ladder} {steps}{interval}", wish, backend)


BASELINE = way("euler", "trailing", 50, "openvino-f32")
THEIRS = tuple(way("dpmpp_2m", "karras", steps, "openvino-f32") for steps in (10, 12, 15, 20, 25, 30, 40))
OURS = (
    *(way("dpmpp_2m", "trailing", steps, "openvino-bf16") for steps in (4, 5, 6, 8, 10, 12, 15)),
    *(way("dpmpp_2m", "trailing", steps, "openvino-bf16", above=0.6) for steps in (4, 5, 6, 8)),
    *(way("dpmpp_2m", "trailing", steps, "openvino-bf16", above=0.6, below=20.0) for steps in (4, 5, 6, 8)),
)


def questions(words: Sequence[str], styles: Sequence[str], count: int, first: int) -> list[Question]:
    """Every noun once in an order of chance, then all again: seeds first, first + 1, ..., styles in turn.

    The first n of them are the same whatever the count.
    """
    asked = list[Question]()
    for turn in range(-(-count // len(words))):
        order = sorted(words)
        Random(key(first, "questions", turn)).shuffle(order)
        for noun in order:
            number = nouns()[noun].number
            style = styles[(len(asked) + turn) % len(styles)]
            asked.append(Question(noun, f"{with_article(noun, number)}, {style}", first + len(asked)))
    return asked[:count]


def draw(arm: Arm, asked: Sequence[Question], bundle: Bundle, folder: Path) -> Iterator[int]:
    """Draw what is not there yet; gives how many are done."""
    recipes = [arm.recipe(question, bundle) for question in asked]
    return drawn.draw(recipes, bundle, arm.backend, drawings(folder, arm))


def drawings(folder: Path, arm: Arm) -> Path:
    return folder / f"{arm.name}, {arm.backend}"


def place(folder: Path, arm: Arm, recipe: Recipe) -> Path:
    return drawn.place(drawings(folder, arm), recipe)


def named(arm: Arm, asked: Sequence[Question], bundle: Bundle, folder: Path, recogniser: Recogniser) -> list[bool]:
    """Which of the pictures the recogniser names as they were asked for."""
    said = recogniser.says([opened(place(folder, arm, arm.recipe(question, bundle))) for question in asked])
    return [answer == question.noun for answer, question in zip(said, asked, strict=True)]


@dataclass(frozen=True, slots=True)
class Result:
    """What an arm was recognised by, and how that compares with the baseline's."""

    arm: Arm
    rows: int
    right: int
    low: float
    high: float
    compared: Paired


def result(arm: Arm, rows: int, right: Sequence[bool], baseline: Sequence[bool]) -> Result:
    low, high = binomtest(sum(right), len(right)).proportion_ci(method="wilson")
    return Result(arm, rows, sum(right), float(low), float(high), paired(right, baseline))


def chosen(results: Sequence[Result]) -> Result:
    """Of those at most SLACK below the baseline the cheapest, and of equals the best; the best, if there are none.

    Cost is counted in rows of the network.
    """
    good = [each for each in results if each.compared.difference >= -SLACK]
    best = max(results, key=lambda each: each.compared.difference)
    return min(good, key=lambda each: (each.rows, -each.compared.difference), default=best)
