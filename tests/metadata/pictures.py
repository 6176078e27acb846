"""Pictures as other programs write them: a byte is a byte here, and nothing of limner's writes it."""

import struct
import zlib
from pathlib import Path

from PIL import Image

PIXELS = zlib.compress(b"\0\x80\x80\x80")  # one grey pixel
HEADER = struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(path: Path, *chunks: bytes, behind: bytes = b"") -> Path:
    """With these chunks before its pixels and behind them."""
    parts = [chunk(b"IHDR", HEADER), *chunks, chunk(b"IDAT", PIXELS), behind, chunk(b"IEND", b"")]
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(parts))
    return path


def text(keyword: str, body: str) -> bytes:
    return chunk(b"tEXt", keyword.encode() + b"\0" + body.encode("latin-1"))


def zipped(keyword: str, body: bytes) -> bytes:
    return chunk(b"zTXt", keyword.encode() + b"\0\0" + zlib.compress(body))


def international(keyword: str, body: str, *, squeezed: bool = False) -> bytes:
    data = zlib.compress(body.encode()) if squeezed else body.encode()
    return chunk(b"iTXt", keyword.encode() + (b"\0\1\0" if squeezed else b"\0\0\0") + b"\0\0" + data)


def with_tags(path: Path, tags: dict[int, str | int], folder: dict[int, str | bytes] | None = None) -> Path:
    """A JPEG or WebP picture whose EXIF has these tags, and those of `folder` in its Exif folder."""
    exif = Image.Exif()
    for tag, value in tags.items():
        exif[tag] = value
    for tag, value in (folder or {}).items():
        exif.get_ifd(0x8769)[tag] = value
    Image.new("RGB", (8, 8)).save(path, exif=exif)
    return path
