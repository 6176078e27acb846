"""Heat laid over a picture, and sheets of such overlays."""

import io
from collections.abc import Mapping, Sequence
from math import inf

import numpy as np
from jaxtyping import Float, UInt8
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from limner.pictures.contact import sheet

Picture = UInt8[np.ndarray, "height width 3"]
Heat = Float[np.ndarray, "h w"]
Maps = Float[np.ndarray, "columns rows h w"]

OPACITY = 0.6
TILE = 224  # pixels that a picture's shorter side has at least on a sheet
SHADES = 64  # of an atlas: more are not told apart, and less well packed
MOST = 7  # overlays beside each other, where they are one row


def overlay(picture: Picture, heat: Heat) -> Picture:
    """The picture under a map of heat (any size, 0 to 1)."""
    from matplotlib import colormaps

    height, width = picture.shape[:2]
    smooth = Image.fromarray(heat.astype(np.float32)).resize((width, height), Image.Resampling.BICUBIC)
    colour = np.asarray(colormaps["inferno"](np.clip(np.asarray(smooth), 0, 1)))[..., :3] * 255
    blend: Picture = np.rint((1 - OPACITY) * picture + OPACITY * colour).astype(np.uint8)
    return blend


def tile(picture: Picture, most: float = inf) -> Picture:
    """The picture, a small one so many times as large that its shorter side has `TILE` pixels or more; one of more than
    `most` is made as small as that."""
    height, width = picture.shape[:2]
    short = min(height, width)
    times = most / short if short > most else -(-TILE // short)
    size = round(times * width), round(times * height)
    return np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.BICUBIC))


def heats(picture: Picture, rows: Sequence[Sequence[tuple[str, Heat]]]) -> Image.Image:
    """A sheet of the picture and of captioned heats over it: one row as it comes, `MOST` beside each other; of several
    each begins anew with the picture."""
    large = tile(picture, TILE if len(rows) > 1 else inf)
    columns = min(MOST, len(rows[0])) if len(rows) == 1 else len(rows[0])
    tiles, captions = list[Picture](), list[str]()
    for row in rows:
        tiles += [large, *(overlay(large, heat) for _, heat in row)]
        captions += ["", *(caption for caption, _ in row)]
    return sheet(tiles, captions, columns + 1, lines=1, text=18)


def atlas(maps: Maps, texts: Mapping[str, str]) -> bytes:
    """All of these maps (0 to 1) side by side as one PNG file of `SHADES` colours, which says these texts."""
    from matplotlib import colormaps

    columns, rows, height, width = maps.shape
    laid = (np.rint(np.clip(maps, 0, 1) * (SHADES - 1)) * 255 / (SHADES - 1)).astype(np.uint8).transpose(1, 2, 0, 3)
    image = Image.fromarray(np.ascontiguousarray(laid).reshape(rows * height, columns * width))
    image = image.convert("P")
    image.putpalette((np.asarray(colormaps["inferno"](np.arange(256)))[:, :3] * 255).round().astype(np.uint8).tobytes())
    said, file = PngInfo(), io.BytesIO()
    for name, text in texts.items():
        said.add_itxt(name, text)
    image.save(file, "PNG", pnginfo=said, optimize=True)
    return file.getvalue()
