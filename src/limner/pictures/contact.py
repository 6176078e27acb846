"""Many pictures on one page, each above its words: the first thing to look at in any data set."""

import textwrap
from collections.abc import Sequence

import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageDraw, ImageFont

_GAP = 8


def sheet(
    pictures: Sequence[UInt8[np.ndarray, "height width channels"]],
    captions: Sequence[str],
    columns: int = 8,
    lines: int = 3,
    text: int = 11,
) -> Image.Image:
    """A contact sheet of RGB or RGBA pictures in rows; transparent ones stand on white.

    Every cell is as large as the largest picture; captions, `text` pixels high, are wrapped to so many lines. Raises
    ValueError if there is not one caption for each picture, or no picture.
    """
    if not pictures:
        raise ValueError("a contact sheet needs a picture")
    images = [Image.fromarray(np.ascontiguousarray(each)).convert("RGBA") for each in pictures]
    width, height = (max(getattr(image, side) for image in images) for side in ("width", "height"))
    columns = min(columns, len(images))
    rows = -(-len(images) // columns)
    cell_width, cell_height = width + _GAP, height + _GAP + lines * (text + 3)
    page = Image.new("RGB", (columns * cell_width + _GAP, rows * cell_height + _GAP), "white")
    draw, font = ImageDraw.Draw(page), ImageFont.load_default(text)
    letters = max(8, int(width / font.getlength("n")))
    for i, (image, words) in enumerate(zip(images, captions, strict=True)):
        left, top = _GAP + i % columns * cell_width, _GAP + i // columns * cell_height
        page.paste(image, (left, top), image)
        wrapped = textwrap.wrap(words, letters, max_lines=lines, placeholder="...")
        draw.multiline_text((left, top + height + 2), "\n".join(wrapped), fill="black", font=font, spacing=3)
    return page
