"""Golden prompts: limner draws them, diffusers draws them from the same noise, and the difference is the verdict."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from limner.bundle import Bundle
from limner.bundle.bundle import found
from limner.bundle.save import save_folder
from limner.engine.run import run
from limner.errors import LimnerError
from limner.recipe import Wish, resolve
from limner.text.prompt import chunks

THEIRS = Path(__file__).with_name("theirs.py")
Pictures = list[NDArray[np.uint8]]

LARGEST, MEAN = 2, 0.1
"""Levels of 255 that a value may differ by, and all of them on average.

Both compute in float32, in another order, which moves one value in some thousands across the half where whole numbers
are rounded (a mean of 1e-4); where the last signal is zero, diffusers has it zero and limner 2^-12 of the amplitude,
which moves one in thirty (0.04 for limner-mini).  One transposed weight of a thousand is far beyond both.
"""


@dataclass(frozen=True, slots=True)
class Golden:
    """A prompt with everything that decides its picture; width and height are shares of the model's own size."""

    prompt: str
    negative: str
    seed: int
    sampler: str
    guidance: float
    wide: float
    high: float
    steps: int = 4


GOLDEN = (
    Golden("a red apple", "", 42, "euler", 7.5, 1, 1),
    Golden("A yellow bowl and a blue cat", "blurry, dark", 7, "dpmpp_2m", 7.5, 1, 0.75),
    Golden("a monk riding a snail, medieval illuminated manuscript", "", 2**32 - 1, "euler", 1.0, 0.75, 1),
    Golden("a tree, impressionism", "people", 0, "dpmpp_2m", 3.0, 1.25, 1),
)


def wishes(bundle: Bundle) -> list[Wish]:
    """The golden prompts at this model's size; sides are multiples of what its coarsest level halves to.

    A tower that reads less at once than CLIP's is told less: diffusers cuts off what limner would read next.
    """
    step = bundle.factor * 2 ** (len(bundle.unet.config.widths) - 1)
    width, height = int(bundle.defaults["width"]), int(bundle.defaults["height"])
    return [
        Wish(
            model=bundle.identity, prompt=_at_once(bundle, each.prompt), negative=_at_once(bundle, each.negative),
            seed=each.seed, steps=each.steps,
            sampler=each.sampler, ladder="trailing", guidance=each.guidance, guide_above=0.0, guide_below=10000.0,
            width=_even(width * each.wide, step), height=_even(height * each.high, step),
        )
        for each in GOLDEN
    ]  # fmt: skip


def _at_once(bundle: Bundle, prompt: str) -> str:
    """As many of a prompt's words as every tower reads at once."""
    words = prompt.split()
    while any(len(chunks(tokenizer, " ".join(words))) > 1 for tokenizer, _ in bundle.towers):
        del words[-1]
    return " ".join(words)


def _even(side: float, step: int) -> int:
    return max(1, int(side // step)) * step


def ours(bundle: Bundle, asked: Sequence[Wish]) -> Pictures:
    """The pictures that limner's eager network draws: the one that all other backends are measured against."""
    recipes = [resolve(wish, bundle.defaults) for wish in asked]
    return [picture for _, picture in run(recipes, bundle)]


def theirs(path: Path, device: str, asked: Sequence[Wish], place: Path) -> Pictures:
    """The pictures that diffusers draws of a folder or a single file, in a process of its own; `place` is for scratch.

    A single file it reads by its own tables of names, and only the configs are those that limner finds for it.  Raises
    LimnerError with its last words if it cannot.
    """
    jobs, out, folder = place / "asked.json", place / "theirs.npz", path
    if path.is_file():
        folder = place / "configs"
        save_folder(found(path), folder)
    jobs.write_text(json.dumps([asdict(each) for each in asked]), encoding="utf-8")
    environment = os.environ | {
        "HF_HUB_OFFLINE": "1",
        "DIFFUSERS_VERBOSITY": "error",
        "TRANSFORMERS_VERBOSITY": "error",
    }
    command = [sys.executable, str(THEIRS), str(folder), device, str(jobs), str(out)]
    command += [str(path)] if path.is_file() else []
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise LimnerError(f"diffusers cannot draw {path}: {last}", "pip install diffusers transformers, or --alone")
    with np.load(out) as drawn:
        return [drawn[str(number)] for number in range(len(asked))]


@dataclass(frozen=True, slots=True)
class Difference:
    """Between two pictures, in levels of 255: the largest, the mean, and the share of values that differ."""

    prompt: str
    size: str
    largest: int
    mean: float
    share: float

    @property
    def ok(self) -> bool:
        return self.largest <= LARGEST and self.mean <= MEAN

    def line(self) -> str:
        verdict = "ok" if self.ok else "!!"
        return f"{verdict}  {self.size:>9}  largest {self.largest}, mean {self.mean:.5f} of 255  {self.prompt}"


def compared(asked: Sequence[Wish], mine: Pictures, other: Pictures) -> list[Difference]:
    """Each golden prompt's difference; pictures of unlike size differ by everything."""
    out = []
    for wish, one, two in zip(asked, mine, other, strict=True):
        size = f"{wish.width}x{wish.height}"
        if one.shape != two.shape:
            out.append(Difference(str(wish.prompt), size, 255, 255.0, 1.0))
            continue
        apart = np.abs(one.astype(int) - two.astype(int))
        figures = int(apart.max()), float(apart.mean()), float((apart > 0).mean())
        out.append(Difference(str(wish.prompt), size, *figures))
    return out


def sheet(asked: Sequence[Wish], mine: Pictures, other: Pictures | None, file: Path) -> None:
    """Draw limner's pictures, diffusers' beside them, and their difference so many times as the title says."""
    from matplotlib.figure import Figure

    columns = 3 if other else 1
    figure = Figure(figsize=(3.4 * columns, 3.2 * len(asked)), layout="constrained")
    for row, wish in enumerate(asked):
        shown = [("limner", mine[row])]
        if other:
            apart = np.abs(mine[row].astype(int) - other[row].astype(int))
            times = 255 // max(1, int(apart.max()))
            shown += [("diffusers", other[row]), (f"difference x {times}", (apart * times).astype(np.uint8))]
        for column, (title, picture) in enumerate(shown):
            axes = figure.add_subplot(len(asked), columns, row * columns + column + 1)
            axes.imshow(picture)
            axes.set_axis_off()
            axes.set_title(title if column else f"{title}: {wish.prompt}"[:60], fontsize=7)
    figure.savefig(file, dpi=110)
