"""What a hand on the picture costs, in pictures without one: ratios within one run, turn and turn about."""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from statistics import median

from limner.bundle import Bundle
from limner.control.heatmaps import Heatmaps
from limner.engine import run
from limner.recipe import Recipe, Wish, resolve
from limner.sampler import Control

PROMPTS = (  # (a picture's prompt, its source's where it is an edit)
    ("a red circle to the left of a blue star", "a red circle to the left of a green star"),
    ("a cat to the left of a dog", "a cat to the left of a horse"),
    ("a yellow square above a purple heart", "a yellow square above a pink heart"),
    ("an apple above a banana", "an apple above a carrot"),
)
KINDS = ("plain", "heat", "edit", "excite")


@dataclass(frozen=True, slots=True)
class Round:
    """Seconds of one prompt's picture in each way."""

    prompt: str
    seconds: Mapping[str, float]


def recipes(bundle: Bundle, steps: int, prompt: str, source: str, seed: int) -> dict[str, Recipe]:
    """The same picture plain, with its maps watched, as an edit of another, and excited."""
    wish = Wish(model=bundle.identity, prompt=prompt, steps=steps, seed=seed, sampler="euler")
    wishes = {
        "plain": wish,
        "heat": wish,
        "edit": replace(wish, edit_of=source),
        "excite": replace(wish, excite="auto"),
    }
    return {kind: resolve(each, bundle.defaults) for kind, each in wishes.items()}


def rounds(bundle: Bundle, steps: int, many: int) -> Iterator[Round]:
    """`many` rounds, each over the next of the prompts, every kind of picture once; after one that nobody times."""
    for turn in range(-1, many):
        prompt, source = PROMPTS[turn % len(PROMPTS)]
        wanted = recipes(bundle, steps, prompt, source, turn + 1)
        spent = {kind: seconds(each, bundle, kind) for kind, each in wanted.items()}
        if turn >= 0:
            yield Round(prompt, spent)


def seconds(recipe: Recipe, bundle: Bundle, kind: str) -> float:
    """Of a picture from its recipe to its pixels, by the eager network."""
    watchers: list[Control] = [Heatmaps().control] if kind == "heat" else []
    began = time.perf_counter()
    list(run([recipe], bundle, watchers))
    return time.perf_counter() - began


def ratios(taken: list[Round]) -> dict[str, float]:
    """The median over rounds of each kind's seconds, in those of the plain picture beside it."""
    plain, *others = KINDS
    return {kind: median(each.seconds[kind] / each.seconds[plain] for each in taken) for kind in others}
