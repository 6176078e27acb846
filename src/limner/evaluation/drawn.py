"""A measured picture is drawn once and kept under its recipe, so that a measurement goes on where it was cut off."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from limner.bundle import Bundle
from limner.engine import backends, run
from limner.engine.run import Picture
from limner.evaluation.seen import Eye, Seen
from limner.home import beside
from limner.recipe import Recipe, digest

AT_ONCE = 64  # pictures that are looked at together


def draw(
    recipes: Sequence[Recipe], bundle: Bundle, backend: str | None, folder: Path, given: Picture | None = None
) -> Iterator[int]:
    """Draw what is not there yet, a file a recipe; gives how many are done.

    One folder holds the pictures of one `shelf`: a recipe does not say who computed.  `given` is the picture that the
    recipes edit, where they edit one.
    """
    files = [place(folder, recipe) for recipe in recipes]
    left = [k for k, file in enumerate(files) if not file.exists()]
    done = len(files) - len(left)
    yield done
    if not left:
        return
    folder.mkdir(parents=True, exist_ok=True)
    asked = [recipes[k] for k in left]
    for number, picture in run(asked, bundle, backend=backends.choose(bundle, backend), picture=given):
        with beside(files[left[number]]) as part:
            Image.fromarray(picture).save(part, format="png")
        yield done + number + 1


def shelf(backend: str, bundle: Bundle) -> str:
    """The name of a folder for what was drawn alike: the backend; but for a CPU's float32 also device and precision."""
    place = bundle.device.type, str(bundle.denoiser.dtype).removeprefix("torch.")
    return backend if place == ("cpu", "float32") else "-".join((backend, *place))


def place(folder: Path, recipe: Recipe) -> Path:
    return folder / f"{digest(recipe)[:24]}.png"


def opened(file: Path) -> Picture:
    with Image.open(file) as picture:
        return np.asarray(picture.convert("RGB"))


def looked(files: Sequence[Path], eye: Eye) -> Iterator[Seen]:
    """What the eye sees in each picture, few of which are in memory at a time."""
    for first in range(0, len(files), AT_ONCE):
        yield from eye.see([opened(file) for file in files[first : first + AT_ONCE]])
