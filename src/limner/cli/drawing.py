"""Recipes become files: each picture is written as soon as it is finished, under a name that nothing had."""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

from limner import engine
from limner.cli.adapters import settings
from limner.engine.backends import circumstances
from limner.metadata import FORMATS, deposit, encode
from limner.recipe import Recipe, digest

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from limner.bundle import Bundle
    from limner.engine.backends import Backend


@dataclass(frozen=True, slots=True)
class Drawn:
    """A finished picture (h w 3), where it is, and the seconds from the beginning of its series to its file."""

    path: Path
    recipe: Recipe
    picture: "NDArray[np.uint8]"
    seconds: float

    def report(self) -> dict[str, str | int | float]:
        return {
            "path": str(self.path),
            "seed": self.recipe.seed,
            "digest": digest(self.recipe),
            "seconds": round(self.seconds, 3),
        }


def draw(recipes: Sequence[Recipe], bundle: "Bundle", backend: "Backend", folder: Path, form: str) -> Iterator[Drawn]:
    """In the order in which they are finished, with a progress bar where somebody watches."""
    from tqdm import tqdm

    start = perf_counter()
    with tqdm(total=0, disable=not sys.stderr.isatty(), leave=False, unit="step") as bar:

        def on_step(done: int, total: int) -> None:
            bar.total, bar.n = total, done
            bar.refresh()

        for index, picture in engine.run(recipes, bundle, on_step=on_step, backend=backend):
            recipe = recipes[index]
            data = encode(
                picture, form, recipe, {"Model": bundle.name, **settings(bundle), **circumstances(bundle, backend)}
            )
            path = deposit(data, folder, f"-{recipe.seed}{FORMATS[form]}")
            yield Drawn(path, recipe, picture, perf_counter() - start)
