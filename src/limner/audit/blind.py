"""A picture without its words: whoever labels it must not read in the file what was asked for."""

import zlib

from limner.errors import LimnerError

MARK, KEPT = b"\x89PNG\r\n\x1a\n", (b"IHDR", b"PLTE", b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"IDAT", b"IEND")


def blinded(data: bytes) -> bytes:
    """The same pixels in a PNG of which only the chunks that draw are left (PNG, Third Edition, 5.3); LimnerError."""
    if not data.startswith(MARK):
        raise LimnerError("the picture is no PNG", "draw it anew")
    out, at = [MARK], len(MARK)
    while at < len(data):
        end = at + 12 + int.from_bytes(data[at : at + 4])
        kind = data[at + 4 : at + 8]
        if end > len(data) or zlib.crc32(data[at + 4 : end - 4]) != int.from_bytes(data[end - 4 : end]):
            raise LimnerError("the picture is damaged", "draw it anew")
        if kind in KEPT:
            out.append(data[at:end])
        at = end
    return b"".join(out)
