"""A picture as a checker sees it: its format, its pixels' hash, how it looks from afar, and what it says of itself."""

import io
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from itertools import pairwise
from typing import TYPE_CHECKING

from limner.errors import LimnerError
from limner.metadata import Reading, read_from
from limner.metadata.jpeg import SCANS

if TYPE_CHECKING:
    from PIL import Image

FAR, GRAIN = 32, 16  # sides of what is left of a picture from afar
EDGE = 4  # of 255: less is no edge, but what JPEG makes of a plain ground
THUMB = 192
WEIGHTS = {"webp": 1.6}  # a pixel of its decoder takes so many times the memory of the others'
_HEADS: Mapping[bytes, str] = {
    b"\xff\xd8\xff": "jpeg", b"\x89PNG\r\n\x1a\n": "png", b"GIF8": "GIF", b"BM": "BMP", b"II*\0": "TIFF",
    b"MM\0*": "TIFF", b"%PDF": "PDF", b"8BPS": "Photoshop",
}  # fmt: skip
_HEIC = (b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1")
SUFFIXES: Mapping[str, tuple[str, ...]] = {
    "jpeg": (".jpg", ".jpeg"), "png": (".png",), "webp": (".webp",), "heic": (".heic", ".heif"),
}  # fmt: skip


class UnseenError(Exception):
    """A picture that cannot be looked at: by which rule, why, and what to do."""

    def __init__(self, rule: str, what: str, remedy: str) -> None:
        self.rule, self.what, self.remedy = rule, what, remedy
        super().__init__(what)


@dataclass(frozen=True, slots=True)
class Look:
    """`pixels` is the sha256 (hex) of its size and 8-bit RGB; `grain` and `far` are what near-duplicates share.

    `grain` is 16 x 16 bits: whether it grows darker to the right (Krawetz 2013, dHash); `far` its 32 x 32 greys.
    `reading` is what it says of how it was made, None where it says nothing; `thumb` a small JPEG.
    """

    form: str
    width: int
    height: int
    pixels: str
    grain: int
    far: bytes
    thumb: bytes
    reading: Reading | None = None


def form(data: bytes) -> str:
    """jpeg, png, webp or heic; another program's name for what else it is, "" where nobody knows."""
    for head, name in _HEADS.items():
        if data.startswith(head):
            return name
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "webp"
    if data[4:8] == b"ftyp":
        return "heic" if data[8:12] in _HEIC else "AVIF" if data[8:12] in (b"avif", b"avis") else ""
    return ""


def look(data: bytes, most: int) -> Look:
    """What there is to see; UnseenError where it has more than `most` pixels, is in no format that is read, or damaged.

    At most four copies of its pixels are in memory at a time.
    """
    kind = form(data)
    if kind not in SUFFIXES:
        known = f"a file of the kind {kind}" if kind else "no picture that is known here" if data else "empty"
        raise UnseenError("picture.unreadable", f"is {known}", "save it as a JPEG file")
    try:
        with _opened(data, kind) as image:
            width, height = image.size
            if width * height * WEIGHTS.get(kind, 1.0) > most or (kind == "jpeg" and data.count(b"\xff\xda") > SCANS):
                raise UnseenError("picture.large", f"has {width} x {height} pixels, more than are read",
                             "make it smaller")  # fmt: skip
            plain = image.convert("RGB")
    except UnseenError:
        raise
    except MemoryError as fault:
        raise UnseenError("picture.large", "needs more memory than there is", "make it smaller") from fault
    except Exception as fault:  # decoders raise what they like: SyntaxError, struct.error, IndexError ...
        said = " ".join(str(fault).split())[:80]
        raise UnseenError(
            "picture.unreadable", f"is damaged ({said or type(fault).__name__})", "save it anew"
        ) from fault
    return _seen(plain, kind, _said(data))


def _opened(data: bytes, kind: str) -> "Image.Image":
    """Its header is read, and nothing is decoded yet; a file's own kind decides, whatever it is called.

    Pillow's `open` would warn of large pictures where this refuses them.
    """
    file = io.BytesIO(data)
    if kind == "jpeg":
        from PIL.JpegImagePlugin import JpegImageFile

        return JpegImageFile(file)
    if kind == "png":
        from PIL.PngImagePlugin import PngImageFile

        return PngImageFile(file)
    if kind == "webp":
        from PIL.WebPImagePlugin import WebPImageFile

        return WebPImageFile(file)
    from pillow_heif import HeifImageFile

    opened: Image.Image = HeifImageFile(file)  # type: ignore[no-untyped-call]
    return opened


def _seen(plain: "Image.Image", kind: str, reading: Reading | None) -> Look:
    from PIL.Image import Resampling

    width, height = plain.size
    pixels = sha256(f"{width} {height} ".encode())
    pixels.update(plain.tobytes())
    far = plain.resize((FAR, FAR), Resampling.BOX).convert("L")
    small = far.resize((GRAIN + 1, GRAIN), Resampling.BOX).tobytes()
    rows = [small[row * (GRAIN + 1) : (row + 1) * (GRAIN + 1)] for row in range(GRAIN)]
    bits = "".join("01"[left > right + EDGE] for row in rows for left, right in pairwise(row))
    plain.thumbnail((THUMB, THUMB))
    file = io.BytesIO()
    plain.save(file, "JPEG", quality=75)
    return Look(kind, width, height, pixels.hexdigest(), int(bits, 2), far.tobytes(), file.getvalue(), reading)


def _said(data: bytes) -> Reading | None:
    """What it says of how it was made, whoever made it; None where that is nothing, or cannot be read."""
    try:
        reading = read_from(io.BytesIO(data), "it")
    except LimnerError:
        return None
    return reading if reading.text or reading.recipe else None
