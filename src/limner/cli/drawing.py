"""Recipes become files: each picture is written as soon as it is finished, under a name that nothing had."""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, TypeAlias

from limner import engine
from limner.cli.adapters import settings
from limner.cli.stamps import NONE, Stamps
from limner.engine.backends import circumstances
from limner.engine.run import Note, Picture, Watch
from limner.metadata import FORMATS, deposit, fits
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
    notes: tuple[str, ...] = ()

    def report(self) -> dict[str, str | int | float | list[str]]:
        return {
            "path": str(self.path),
            "seed": self.recipe.seed,
            "digest": digest(self.recipe),
            "seconds": round(self.seconds, 3),
            "notes": list(self.notes),
        }


Drawing: TypeAlias = Callable[[Watch, Note], Iterator[tuple[int, Picture]]]
"""Pictures with their places among the recipes, as they are finished."""


def draw(
    recipes: Sequence[Recipe],
    bundle: "Bundle",
    backend: "Backend",
    folder: Path,
    form: str,
    given: Picture | None = None,
    stamps: Stamps = NONE,
) -> Iterator[Drawn]:
    """In the order in which they are finished, with a progress bar where somebody watches; `given` is edited."""

    def drawing(on_step: Watch, on_note: Note) -> Iterator[tuple[int, Picture]]:
        return engine.run(recipes, bundle, on_step=on_step, backend=backend, on_note=on_note, picture=given)

    extras = {"Model": bundle.name, **settings(bundle), **circumstances(bundle, backend)}
    return filed(recipes, drawing, extras, folder, form, stamps)


def filed(
    recipes: Sequence[Recipe],
    drawing: Drawing,
    extras: Mapping[str, str],
    folder: Path,
    form: str,
    stamps: Stamps = NONE,
) -> Iterator[Drawn]:
    """Whoever draws: each picture in a file that says by `extras` how it was made, and what had to be done for it.

    LimnerError, before anything is drawn, where a file has no room for that.
    """
    from tqdm import tqdm

    for recipe in recipes:
        fits(form, recipe, extras)
    start, notes = perf_counter(), list[str]()
    with tqdm(total=0, disable=not sys.stderr.isatty(), leave=False, unit="step") as bar:

        def on_step(done: int, total: int) -> None:
            bar.total, bar.n = total, done
            bar.refresh()

        for index, picture in drawing(on_step, notes.append):
            recipe, said = recipes[index], {"Notes": "; ".join(notes)} if notes else {}
            data = stamps.file(picture, form, recipe, {**extras, **said})
            path = deposit(data, folder, f"-{recipe.seed}{FORMATS[form]}")
            yield Drawn(path, recipe, picture, perf_counter() - start, tuple(notes))
            notes.clear()
