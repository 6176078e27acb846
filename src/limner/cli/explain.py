"""`limner explain`: where each word of the prompt looked while the picture was drawn."""

import argparse
import io
from pathlib import Path
from typing import TYPE_CHECKING

from limner.cli import adapters, asked
from limner.errors import LimnerError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

OPACITY = 0.6


def flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("picture", type=Path, metavar="PICTURE", help="a picture that limner made")
    asked.bundle_flags(parser)
    adapters.flags(parser)
    asked.weights_flags(parser)
    asked.folder_flag(parser)
    asked.json_flag(parser)


def run(args: argparse.Namespace) -> int:
    """Draws the picture again, watched, by the eager network; 1 if its own pixels came out other than in the file."""
    made = asked.source(args.picture)
    from limner.metadata import deposit, prepare

    prepare(args.out)
    from limner import engine

    picture, maps = engine.explain(made.recipe, asked.bundle(args, made))
    if not maps:
        raise LimnerError(f"{args.picture} was made from an empty prompt", "there is no word to explain")
    path = deposit(_sheet(picture, maps), args.out, f"-words-{args.picture.stem}.png")
    difference, maker = _difference(args.picture, picture), made.settings.get("Backend", "eager")
    if args.json:
        words = [word for word, _ in maps]
        asked.print_json({"path": str(path), "words": words, "made_by": maker, "largest_pixel_difference": difference})
    else:
        print(path)
        other = "" if maker == "eager" else f", which {maker} made"
        print(
            f"largest pixel difference from {args.picture}{other}: {'other size' if difference is None else difference}"
        )
    return int(difference is None or (difference != 0 and maker == "eager"))


def _sheet(picture: "NDArray[np.uint8]", maps: "list[tuple[str, NDArray[np.float32]]]") -> bytes:
    from limner.pictures.contact import sheet

    pictures, labels = [picture, *(_overlay(picture, heat) for _, heat in maps)], ["", *(word for word, _ in maps)]
    file = io.BytesIO()
    sheet(pictures, labels).save(file, "PNG")
    return file.getvalue()


def _overlay(picture: "NDArray[np.uint8]", heat: "NDArray[np.float32]") -> "NDArray[np.uint8]":
    """The picture under a map of heat (any size, 0 to 1)."""
    import numpy as np
    from matplotlib import colormaps
    from PIL import Image

    height, width = picture.shape[:2]
    smooth = Image.fromarray(heat.astype(np.float32)).resize((width, height), Image.Resampling.BICUBIC)
    colour = np.asarray(colormaps["inferno"](np.clip(np.asarray(smooth), 0, 1)))[..., :3] * 255
    blend: NDArray[np.uint8] = np.rint((1 - OPACITY) * picture + OPACITY * colour).astype(np.uint8)
    return blend


def _difference(path: Path, picture: "NDArray[np.uint8]") -> int | None:
    """The largest difference of one channel of one pixel, of 255; None if the sizes differ."""
    import numpy as np
    from PIL import Image

    with Image.open(path) as file:
        before = np.asarray(file.convert("RGB")).astype(np.int16)
    return int(np.abs(before - picture).max()) if before.shape == picture.shape else None
