"""Whether bytes that came from elsewhere are one whole PNG: nothing is drawn, and nothing is believed."""

import zlib
from collections.abc import Iterator

from limner.errors import LimnerError

MARK = b"\x89PNG\r\n\x1a\n"
CHANNELS = {0: 1, 2: 3, 4: 2, 6: 4}  # by the colour type; a palette (3) is nothing that an engine writes
WIDEST = 4096  # pixels: a recipe has no more
MANY = 100_000  # chunks; an engine writes some hundreds
PIECE = 2**16  # bytes of pixels that are looked at at once, as a small file may hold very many


def measured(data: bytes) -> tuple[int, int]:
    """Width and height of a PNG (Third Edition): its checksums are right, and it holds as many pixels as it says.

    Eight bits a channel, without interlacing, as engines write it.  LimnerError says what is wrong otherwise.
    """
    if not data.startswith(MARK):
        raise _wrong("is no PNG")
    chunks = list(_chunks(data))
    if [chunks[0][0], len(chunks[0][1]), chunks[-1]] != [b"IHDR", 13, (b"IEND", b"")]:
        raise _wrong("does not begin or end as a PNG does")
    header = chunks[0][1]
    width, height = int.from_bytes(header[:4]), int.from_bytes(header[4:8])
    depth, colour, *ways = header[8:]
    if not (0 < width <= WIDEST and 0 < height <= WIDEST and depth == 8 and colour in CHANNELS and not any(ways)):
        raise _wrong("is of a kind that no engine here writes")
    expected = height * (1 + width * CHANNELS[colour])
    if _length(b"".join(body for kind, body in chunks if kind == b"IDAT"), expected) != expected:
        raise _wrong("holds more or fewer pixels than it says")
    return width, height


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Section 5.3: length, type, data and checksum, to the last byte."""
    at, pieces = len(MARK), 0
    while at < len(data):
        if (pieces := pieces + 1) > MANY:
            raise _wrong(f"has more than {MANY} pieces")
        end = at + 8 + int.from_bytes(data[at : at + 4])
        kind, body = data[at + 4 : at + 8], data[at + 8 : end]
        if data[end : end + 4] != zlib.crc32(kind + body).to_bytes(4):
            raise _wrong("is cut off or has a wrong checksum")
        yield kind, body
        at = end + 4
    if at == len(MARK):
        raise _wrong("is empty")


def _length(packed: bytes, most: int) -> int:
    """Of what is packed, in bytes; it is given up where it is longer than `most`, or has no proper end."""
    stream, length = zlib.decompressobj(), 0
    try:
        while packed and not stream.eof and length <= most:
            length += len(stream.decompress(packed, PIECE))
            packed = stream.unconsumed_tail
    except zlib.error:
        return -1
    return length if stream.eof and not stream.unused_data else -1


def _wrong(what: str) -> LimnerError:
    return LimnerError(f"the picture {what}", "see that the worker is of the studio's version")
