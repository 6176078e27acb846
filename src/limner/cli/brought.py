"""A picture somebody brings, as large as the model draws."""

import io
from pathlib import Path
from typing import TYPE_CHECKING

from limner.errors import LimnerError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

LARGEST = 100_000_000  # pixels


def opened(path: Path, width: int, height: int) -> "NDArray[np.uint8]":
    """The picture upright and whole (height width 3); what it lacks to that shape, and what is transparent, is white.

    LimnerError naming the file where it is none.
    """
    import numpy as np
    from PIL import Image, ImageOps, UnidentifiedImageError

    try:
        with Image.open(io.BytesIO(path.read_bytes())) as image:
            if image.width * image.height > LARGEST:
                raise LimnerError(f"{path} has {image.width} x {image.height} pixels", "make it smaller")
            upright = ImageOps.exif_transpose(image).convert("RGBA")
    except LimnerError:
        raise
    except OSError as fault:
        why = "is no picture that can be opened" if isinstance(fault, UnidentifiedImageError) else "cannot be read"
        raise LimnerError(f"{path} {why}", "check its name, or save it anew") from fault
    except Exception as fault:  # Pillow's decoders raise whatever they stumble over
        raise LimnerError(f"{path} cannot be opened: {fault}", "save it anew") from fault
    solid = Image.new("RGBA", upright.size, "white")
    solid.alpha_composite(upright)
    picture = solid.convert("RGB")
    if picture.size != (width, height):
        picture = ImageOps.pad(picture, (width, height), Image.Resampling.LANCZOS, color="white")
    return np.asarray(picture)
