"""A picture is stored as a JPEG; what was signed for it on this machine is signed for that file, too."""

import io
from collections.abc import Callable
from dataclasses import dataclass

from limner.audit import keys, likeness
from limner.audit.keyring import own
from limner.audit.receipt import Held, for_jpeg, read
from limner.errors import LimnerError
from limner.metadata import Reading, leaving, read_from
from limner.metadata.jpeg import jpeg

MARK = b"\x89PNG\r\n\x1a\n"
OTHERS = "its receipt is of the PNG file: a studio's JPEG has one of its own"


@dataclass(frozen=True, slots=True)
class Stored:
    """The JPEG file, what it says, and a line on what it cannot say; "" where nothing was lost."""

    data: bytes
    reading: Reading
    lost: str = ""


def stored(data: bytes, name: str) -> Stored:
    """A JPEG keeps every byte.  LimnerError names the file where it is no picture, damaged or too large."""
    reading = read_from(io.BytesIO(data), name)
    if reading.recipe is None or not reading.receipt or not data.startswith(MARK):
        made, lost = jpeg(data, name)
        return Stored(made, reading, lost)
    said = _ours(reading.receipt, data)
    made = leaving(data, "jpeg", lambda bare: said(bare) if said else reading.receipt)
    return Stored(made, read_from(io.BytesIO(made), name), "" if said else OTHERS)


def _ours(text: str, data: bytes) -> Callable[[bytes], str] | None:
    """Signs the receipt for a JPEG file, if it is one of this machine's and of these pixels; nothing is signed else."""
    ring = own()
    if not (ring.folder / keys.SECRET).exists():
        return None
    try:
        receipt = read(text)
        same = receipt.statement.pixels == likeness.pixels(likeness.opened(data))
        ours = same and receipt.held(ring.known()) == Held.OURS
    except LimnerError:
        return None
    mine = keys.key(ring.folder)
    return (lambda bare: for_jpeg(mine, receipt, likeness.coded(bare)).text()) if ours else None
