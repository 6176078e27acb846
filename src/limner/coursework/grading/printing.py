"""A picture on A3: pixels are interpolated and none is invented, and what made it stands beneath."""

import io
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL import Image, ImageFont

DPI = 300
INCH = 25.4  # millimetres
A3 = (297, 420)  # millimetres, ISO 216
MARGIN, CAPTION = 15, 28  # millimetres
TEXT = 3.4  # millimetres, of a line of the caption
LONGEST = 600  # characters of a prompt


@dataclass(frozen=True, slots=True)
class Sheet:
    """A page as PDF and PNG, and in words what was done to the picture."""

    pdf: bytes
    png: bytes
    about: str


def sheet_of(data: bytes, name: str, said: Mapping[str, str]) -> Sheet:
    """A picture's page: it lies along its longer side; beneath it stand its name, not its author's, and its recipe."""
    from PIL import Image, ImageDraw

    with Image.open(io.BytesIO(data)) as file:
        picture = file.convert("RGB")
    width, height = (_pixels(each) for each in (A3 if picture.height >= picture.width else A3[::-1]))
    room = width - 2 * _pixels(MARGIN), height - 2 * _pixels(MARGIN) - _pixels(CAPTION)
    scale = min(room[0] / picture.width, room[1] / picture.height)
    size = round(picture.width * scale), round(picture.height * scale)
    large = picture.resize(size, Image.Resampling.LANCZOS)
    page = Image.new("RGB", (width, height), "white")
    left, top = (width - size[0]) // 2, _pixels(MARGIN) + (room[1] - size[1]) // 2
    page.paste(large, (left, top))
    about = _about(picture, scale)
    draw, font = ImageDraw.Draw(page), _font(_pixels(TEXT))
    across = int(room[0] / draw.textlength("n", font=font))
    lines = [line for text in (f"{name}. {_recipe(said)}", about) for line in textwrap.wrap(text, across)]
    most = int(_pixels(CAPTION) / (1.35 * _pixels(TEXT)))
    draw.multiline_text(
        (_pixels(MARGIN), height - _pixels(MARGIN) - _pixels(CAPTION) + _pixels(4)), "\n".join(lines[:most]),
        fill=(40, 40, 40), font=font, spacing=_pixels(TEXT * 0.35),
    )  # fmt: skip
    return Sheet(_saved(page, "PDF"), _saved(page, "PNG"), about)


def _saved(page: "Image.Image", form: str) -> bytes:
    file = io.BytesIO()
    if form == "PDF":
        page.save(file, "PDF", resolution=float(DPI), quality=95)
    else:
        page.save(file, "PNG", dpi=(DPI, DPI), compress_level=1)
    return file.getvalue()


def _about(picture: "Image.Image", scale: float) -> str:
    size = f"{picture.width} x {picture.height} pixels"
    if scale <= 1:
        return f"Handed in as {size}, made smaller by {1 / scale:.1f} (Lanczos)."
    return (
        f"Handed in as {size}, enlarged {scale:.1f} times by interpolation (Lanczos): nothing was drawn anew or added."
    )


def _recipe(said: Mapping[str, str]) -> str:
    """What made it, in a line."""
    if not said:
        return "It says nothing of how it was made."
    prompt = textwrap.shorten(said.get("prompt", ""), LONGEST, placeholder=" ...")
    names = ("model", "seed", "steps", "sampler", "guidance")
    rest = ", ".join(f"{each} {said[each]}" for each in names if each in said)
    return f"\u201c{prompt}\u201d" + (f" ({rest})" if rest else "")


def _pixels(millimetres: float) -> int:
    return round(millimetres / INCH * DPI)


@cache
def _font(size: int) -> "ImageFont.FreeTypeFont":
    """DejaVu Sans, which comes with matplotlib."""
    from PIL import ImageFont

    found = find_spec("matplotlib")
    assert found
    assert found.origin
    path = Path(found.origin).parent / "mpl-data" / "fonts" / "ttf" / "DejaVuSans.ttf"
    return ImageFont.truetype(str(path), size)
