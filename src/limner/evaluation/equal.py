"""How few steps are enough?  Ways of drawing get the same prompts and seeds, and the eye names what was drawn."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

from scipy.stats import binomtest

from limner.bundle import Bundle
from limner.evaluation import drawn
from limner.evaluation.drawn import looked
from limner.evaluation.paired import Paired, paired
from limner.evaluation.recognition import Asked, judged
from limner.evaluation.seen import Eye
from limner.pictures.heldout import held_out
from limner.pictures.nouns import nouns, with_article
from limner.process.ladder import LADDERS
from limner.process.noise import key
from limner.recipe import LOUDEST, Recipe, Wish, resolve

SLACK = 0.005  # below the baseline, as a proportion, that an estimate may be to be chosen for the test
SELECTION, TEST = 1_000_000, 2_000_000  # the first seeds of the pictures to choose by, and of those to judge by


@dataclass(frozen=True, slots=True)
class Arm:
    """A way of drawing: what a wish says besides prompt and seed, and who computes.

    Guidance is the model's own: what is no worse at another scale says nothing about pictures as the model draws them.
    """

    name: str
    wish: Wish
    backend: str

    def recipe(self, asked: Asked, bundle: Bundle) -> Recipe:
        wish = replace(self.wish, model=bundle.identity, prompt=asked.prompt, seed=asked.seed)
        return resolve(wish, bundle.defaults)

    def rows(self, bundle: Bundle) -> int:
        """Rows that the network computes for a picture: two a step where it is guided, else one."""
        wish = self.wish
        assert wish.ladder is not None
        assert wish.steps is not None
        low, high = wish.guide_above or 0.0, LOUDEST if wish.guide_below is None else wish.guide_below
        guided = 1 if bundle.defaults["guidance"] == 1 else 2
        levels = LADDERS[wish.ladder](bundle.schedule, wish.steps)[:-1]
        return sum(guided if low < sigma <= high else 1 for sigma in levels)


def way(sampler: str, ladder: str, steps: int, backend: str, above: float = 0.0, below: float = float(LOUDEST)) -> Arm:
    interval = "" if (above, below) == (0, LOUDEST) else f", guided {above:g} to {below:g}"
    wish = Wish(
        sampler=sampler,
        ladder=ladder,
        steps=steps,
        guide_above=above,
        guide_below=below,
        negative="",
    )
    return Arm(f"{sampler} {ladder} {steps}{interval}", wish, backend)


# What others draw by is in float32, so that no rounding makes it easier to be equal to; what limner draws by is in
# bfloat16, as it is used, and has to make up for that too.
#
# Of an earlier limner-mini more ways were tried, on 300 pictures.  Left out is what cost much and told nothing: on
# Karras' levels 10 and 12 steps, which lost 81 and 34 points (15 lost 6), and 40, which did what 25 and 30 did; on
# trailing levels 12, between 10 and 15; and guidance below sigma 20 only, which saved one row and was never better.
BASELINE = way("euler", "trailing", 50, "openvino-f32")
THEIRS = tuple(way("dpmpp_2m", "karras", steps, "openvino-f32") for steps in (15, 20, 25, 30))
OURS = (
    *(way("dpmpp_2m", "trailing", steps, "openvino-bf16") for steps in (4, 5, 6, 8, 10, 15)),
    *(way("dpmpp_2m", "trailing", steps, "openvino-bf16", above=0.6) for steps in (4, 5, 6, 8)),
)


def questions(words: Sequence[str], styles: Sequence[str], count: int, first: int) -> list[Asked]:
    """Every noun once in an order of chance, then all again: seeds first, first + 1, ..., styles in turn.

    The first n of them are the same whatever the count.
    """
    asked = list[Asked]()
    for turn in range(-(-count // len(words))):
        order = sorted(words)
        Random(key(first, "questions", turn)).shuffle(order)
        for noun in order:
            style = styles[(len(asked) + turn) % len(styles)]
            prompt = f"{with_article(noun, nouns()[noun].number)}, {style}"
            asked.append(Asked(noun, style, prompt, first + len(asked), held_out(noun, style)))
    return asked[:count]


def draw(arm: Arm, asked: Sequence[Asked], bundle: Bundle, folder: Path) -> Iterator[int]:
    """Draw what is not there yet; gives how many are done."""
    recipes = [arm.recipe(each, bundle) for each in asked]
    return drawn.draw(recipes, bundle, arm.backend, drawings(folder, arm, bundle))


def drawings(folder: Path, arm: Arm, bundle: Bundle) -> Path:
    return folder / f"{arm.name}, {drawn.shelf(arm.backend, bundle)}"


def place(folder: Path, arm: Arm, asked: Asked, bundle: Bundle) -> Path:
    return drawn.place(drawings(folder, arm, bundle), arm.recipe(asked, bundle))


def right(arm: Arm, asked: Sequence[Asked], bundle: Bundle, folder: Path, eye: Eye) -> list[bool]:
    """Which of the pictures the eye names as they were asked for; few are in memory at a time."""
    files = [place(folder, arm, each, bundle) for each in asked]
    return [judged(*pair, eye).answer == "right" for pair in zip(asked, looked(files, eye), strict=True)]


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
