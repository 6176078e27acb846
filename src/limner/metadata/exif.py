"""The texts of an EXIF block: a few tags of two folders, read within the block whatever it claims."""

from collections.abc import Iterator
from typing import Literal

DESCRIPTION, MAKE, MODEL, SOFTWARE, NOTE, COMMENT = 0x010E, 0x010F, 0x0110, 0x0131, 0x927C, 0x9286
FOLDER = 0x8769  # where the Exif folder begins
_WANTED = {DESCRIPTION, MAKE, MODEL, SOFTWARE, NOTE, COMMENT}
_BYTES = {1, 2, 7}  # BYTE, ASCII, UNDEFINED


def tags(block: bytes) -> dict[int, str]:
    """The wanted tags that are there, the Exif folder's before the first one's (EXIF 2.3, 4.6.2; TIFF 6.0, 2)."""
    order: Literal["little", "big"] = "big" if block[:2] == b"MM" else "little"
    first = dict(_folder(block, int.from_bytes(block[4:8], order), order))
    second = dict(_folder(block, int.from_bytes(first.get(FOLDER, b""), order), order)) if FOLDER in first else {}
    return {tag: _text(data, order) for tag, data in {**first, **second}.items() if tag != FOLDER}


def _folder(block: bytes, at: int, order: Literal["little", "big"]) -> Iterator[tuple[int, bytes]]:
    """Each wanted tag once: a block that names a long text a thousand times costs no more than one."""
    seen = set[int]()
    stop = at + 2 + 12 * int.from_bytes(block[at : at + 2], order)
    for entry in range(at + 2, min(stop, len(block)), 12):
        tag, kind = (int.from_bytes(block[entry + i : entry + i + 2], order) for i in (0, 2))
        length, value = (int.from_bytes(block[entry + i : entry + i + 4], order) for i in (4, 8))
        if tag == FOLDER:
            yield tag, block[entry + 8 : entry + 12]
        elif tag in _WANTED and kind in _BYTES and tag not in seen:
            seen.add(tag)
            start = value if length > 4 else entry + 8
            yield tag, block[start : start + length]


def _text(data: bytes, order: Literal["little", "big"]) -> str:
    """A text, by the code that its first eight bytes may name (EXIF 2.3, 4.6.5, UserComment)."""
    code, body = data[:8], data[8:]
    if code == b"UNICODE\0":
        return _utf16(body, order)
    return (body if code == b"ASCII\0\0\0" else data).decode("utf-8", "replace").strip("\0 ")


def _utf16(body: bytes, order: Literal["little", "big"]) -> str:
    """In the order in which settings can be read, whatever the block's; else by where ASCII's zero bytes are."""
    big, little = (body.decode(code, "replace") for code in ("utf-16-be", "utf-16-le"))
    for text in (big, little):
        if "Steps: " in text:
            return text
    high, low = body[::2].count(0), body[1::2].count(0)
    return big if high > low or (high == low and order == "big") else little
