"""A picture's file in another format, with all that it said, and a receipt that is its owner's alone."""

import io
from collections.abc import Callable

from limner.errors import LimnerError
from limner.metadata.picture import filed, read_from, stamped


def leaving(data: bytes, form: str, receipt: Callable[[bytes], str]) -> bytes:
    """A PNG file of limner's as one of FORMATS; `receipt` is the text of one for the file that it is given.

    A PNG keeps every byte that it had.  LimnerError where the file carries no recipe, and another format is wanted.
    """
    if form == "png":
        text = receipt(data)
        return stamped(data, text) if text else data
    from PIL import Image

    found = read_from(io.BytesIO(data), "the picture")
    if found.recipe is None:
        raise LimnerError("that file is no picture by a recipe", "take it as PNG")
    image = Image.open(io.BytesIO(data), formats=["PNG"]).convert("RGB")
    bare = filed(image, form, found.recipe, found.text)
    text = receipt(bare)
    return filed(image, form, found.recipe, found.text, text) if text else bare
