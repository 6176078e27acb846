"""By what a picture is known again: its pixels to the last bit, and what survives when somebody saves it anew."""

import io
import math
from functools import cache
from hashlib import sha256
from operator import mul
from typing import TYPE_CHECKING

from limner.errors import LimnerError
from limner.metadata.jpeg import SCANS

if TYPE_CHECKING:
    from PIL.Image import Image

LARGEST = 4096 * 4096  # pixels: a recipe has no more
SIDE, KEPT = 64, 16  # of the small grey picture, and of its low frequencies
BITS = KEPT * KEPT
CELLS = 16  # to a side, in which two pictures are compared
SKEW = 0.02  # by which two pictures' proportions may differ, as after halving an odd number of pixels
BARE = {0x01, *range(0xD0, 0xDA)}  # JPEG markers without a length
WORDS = {*range(0xE0, 0xF0), 0xFE} - {0xE2, 0xEE}  # those of segments that say nothing of how colours are decoded
KINDS = ("PNG", "JPEG", "WEBP")


def opened(data: bytes, name: str = "the picture") -> "Image":
    """The picture in a PNG, JPEG or WebP file, as RGB; LimnerError where there is none, or one that takes too much."""
    from PIL import Image, UnidentifiedImageError

    try:
        image = Image.open(io.BytesIO(data), formats=KINDS)
        if image.width * image.height > LARGEST:
            raise LimnerError(f"{name} has {image.width} x {image.height} pixels", f"at most {LARGEST} are read")
        if data.startswith(b"\xff\xd8") and data.count(b"\xff\xda") > SCANS:
            raise LimnerError(f"{name} is a JPEG of more than {SCANS} scans", "save it anew")
        return image.convert("RGB")
    except (UnidentifiedImageError, Image.DecompressionBombError) as fault:
        raise LimnerError(f"{name} is no picture", "give a PNG, JPEG or WebP file") from fault
    except (OSError, ValueError, SyntaxError, EOFError) as fault:  # what Pillow's readers say of a damaged file
        raise LimnerError(f"cannot read {name}: {fault}", "it may be damaged: get it again") from fault


def pixels(image: "Image") -> str:
    """sha256 (hex) of the mode, width, height and 8-bit RGB values: the same for every lossless file of a picture."""
    rgb = image if image.mode == "RGB" else image.convert("RGB")
    return sha256(f"RGB {rgb.width} {rgb.height}\n".encode() + rgb.tobytes()).hexdigest()


def coded(data: bytes) -> str:
    """sha256 (hex) of what a JPEG file codes, without the words in it (APPn, COM); "" where that is no JPEG.

    Two decoders may differ by a level where they round, and the file is the same (ITU T.81, B.1.1.4: segments).  Of the
    APPn, APP14 (Adobe's colour transform; ITU T.872, 6.5.3) and APP2 (a colour profile) are part of it: by the one
    other pixels are decoded, by the other they are shown in other colours.  limner's own files have neither.
    """
    if not data.startswith(b"\xff\xd8\xff"):
        return ""
    found, at = sha256(), 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker in BARE or marker == 0xFF:
            at += 1 if marker == 0xFF else 2
            continue
        if marker == 0xDA:  # the scan, and all after it
            found.update(data[at:])
            return found.hexdigest()
        end = at + 2 + int.from_bytes(data[at + 2 : at + 4])
        if marker not in WORDS:
            found.update(data[at:end])
        at = end
    return ""


def perceptual(image: "Image") -> str:
    """pHash, 256 bits (hex): which of the 16 x 16 lowest frequencies of the grey picture are above their median.

    Zauner 2010, "Implementation and Benchmarking of Perceptual Image Hash Functions", 3.2.1; bit for bit what ImageHash
    4 calls `phash(hash_size=16)`, without numpy, which the web's process does not have.  Of 64 bits, two seeds of one
    prompt differ by no more than a picture and its JPEG do (docs/figures/receipts.json).
    """
    from PIL.Image import Resampling

    small = image.convert("L").resize((SIDE, SIDE), Resampling.LANCZOS).tobytes()
    rows = [_low(small[at : at + SIDE]) for at in range(0, SIDE * SIDE, SIDE)]
    columns = [_low([row[place] for row in rows]) for place in range(KEPT)]
    values = [
        round(columns[across][down], 6) for down in range(KEPT) for across in range(KEPT)
    ]  # a blank one has zeros
    middle = sorted(values)[len(values) // 2 - 1 : len(values) // 2 + 1]
    bits = "".join("1" if value > sum(middle) / 2 else "0" for value in values)
    return f"{int(bits, 2):0{BITS // 4}x}"


def distance(one: str, other: str) -> int:
    """Bits, of BITS, in which two perceptual hashes differ."""
    return (int(one, 16) ^ int(other, 16)).bit_count()


def difference(image: "Image", original: "Image") -> float | None:
    """The largest difference of a colour, in levels of 255, between the means of two pictures' 16 x 16 cells.

    Saving anew and scaling move a cell's mean a little; what is painted over one moves it much.  None where one has
    other proportions than the other.
    """
    from PIL import ImageChops
    from PIL.Image import Resampling

    if abs(math.log(image.width * original.height / (image.height * original.width))) > SKEW:
        return None
    one, other = (each.convert("RGB").resize((CELLS, CELLS), Resampling.BOX) for each in (image, original))
    return float(max(ImageChops.difference(one, other).tobytes()))


def _low(values: "bytes | list[float]") -> list[float]:
    """The lowest frequencies of a discrete cosine transform (DCT-II, unscaled)."""
    return [2 * sum(map(mul, values, wave)) for wave in _waves()]


@cache
def _waves() -> list[list[float]]:
    step = math.pi / (2 * SIDE)
    return [[math.cos(step * (2 * place + 1) * wave) for place in range(SIDE)] for wave in range(KEPT)]
