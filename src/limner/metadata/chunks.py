"""The texts that lie in a picture's file, without its pixels: PNG text, and the EXIF and XMP of JPEG and WebP."""

import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from limner.errors import LimnerError

MOST = 16 * 2**20  # bytes of text in one picture; the largest ComfyUI workflows have two
MANY = 100_000  # pieces of one file; a picture of 48 MiB has some thousands
_PNG, _JPEG = b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff"
_XAP = b"http://ns.adobe.com/xap/1.0/\0"
_BARE = {0x01, *range(0xD0, 0xD9)}  # JPEG markers without a length


@dataclass(frozen=True, slots=True)
class Chunks:
    """What was found: PNG's texts by their keywords (the last of a keyword, as in Pillow), and raw EXIF and XMP."""

    texts: Mapping[str, str] = field(default_factory=dict)
    exif: bytes = b""
    xmp: bytes = b""


def chunks(path: Path) -> Chunks:
    """LimnerError names the file if there is none, if it is no picture or damaged, or carries more text than MOST."""
    try:
        with open(path, "rb") as file:
            return within(file, str(path))
    except FileNotFoundError as fault:
        raise LimnerError(f"no file {path}", "check its name") from fault
    except OSError as fault:
        raise LimnerError(f"cannot read {path}: {fault.strerror or fault}", "check that it is a file") from fault


def within(file: BinaryIO, name: str) -> Chunks:
    """The same of an open file, which faults call by that name."""
    try:
        return _chunks(file)
    except LimnerError as fault:
        raise LimnerError(f"{name} {fault.what}", fault.remedy) from fault
    except (OSError, ValueError, zlib.error) as fault:
        what = fault.strerror if isinstance(fault, OSError) and fault.strerror else fault
        raise LimnerError(f"cannot read {name}: {what}", "it may be damaged: get it again") from fault


def _chunks(file: BinaryIO) -> Chunks:
    head = file.read(12)
    if head.startswith(_PNG):
        file.seek(len(_PNG))
        return _png(file)
    if head.startswith(_JPEG):
        file.seek(2)
        return _collected(_jpeg(file))
    if head[:4] == b"RIFF" and head[8:] == b"WEBP":
        return _collected(_webp(file))
    raise LimnerError("is no picture", "give a PNG, JPEG or WebP file")


def _collected(pieces: Iterator[tuple[str, bytes]]) -> Chunks:
    """EXIF and XMP, the first of each: a second one belongs to a preview."""
    found = dict[str, bytes]()
    for name, data in pieces:
        found.setdefault(name, data)
    return Chunks(exif=found.get("exif", b""), xmp=found.get("xmp", b""))


def _png(file: BinaryIO) -> Chunks:
    """PNG (Third Edition), 5.3: length, type, data and checksum, again and again until IEND."""
    texts, exif, left = dict[str, str](), b"", MOST
    pieces = _counted()
    while (kind := (head := _exactly(file, 8))[4:]) != b"IEND":
        next(pieces)
        length = int.from_bytes(head[:4])
        if kind not in (b"tEXt", b"zTXt", b"iTXt", b"eXIf"):
            _skip(file, length + 4)
            continue
        data = _within(file, length, left)
        if int.from_bytes(_exactly(file, 4)) != zlib.crc32(kind + data):
            raise ValueError(f"a {kind.decode()} chunk has a wrong checksum")
        if kind == b"eXIf":
            exif, left = data, left - length
        else:
            keyword, text = _text(kind, data, left)
            texts[keyword] = text
            left -= max(length, len(text))
    return Chunks(texts, exif)


def _text(kind: bytes, data: bytes, left: int) -> tuple[str, str]:
    """A keyword and its text: Latin-1 in tEXt and zTXt, UTF-8 in iTXt (PNG, 11.3.3)."""
    name, _, rest = data.partition(b"\0")
    keyword = name.decode("latin-1")
    if kind == b"tEXt":
        return keyword, rest.decode("latin-1")
    if kind == b"zTXt":
        return keyword, _inflated(rest[1:], left).decode("latin-1")
    body = rest[2:].split(b"\0", 2)[-1]
    return keyword, (_inflated(body, left) if rest[:1] == b"\1" else body).decode("utf-8", "replace")


def _inflated(data: bytes, left: int) -> bytes:
    stream = zlib.decompressobj()
    text = stream.decompress(data, left + 1)
    if len(text) > left:
        raise _too_much()
    if not stream.eof:
        raise ValueError("a compressed text ends early")
    return text


def _jpeg(file: BinaryIO) -> Iterator[tuple[str, bytes]]:
    """The APP1 segments before the picture itself."""
    for _ in _counted():
        if _exactly(file, 1) != b"\xff":
            raise ValueError("a marker is missing")
        marker = next(byte[0] for _ in _counted() if (byte := _exactly(file, 1)) != b"\xff")
        if marker in (0xD9, 0xDA):  # the end; the pixels
            return
        if marker in _BARE:
            continue
        data = _exactly(file, int.from_bytes(_exactly(file, 2)) - 2)
        if marker == 0xE1 and data.startswith(b"Exif\0\0"):
            yield "exif", data[6:]
        elif marker == 0xE1 and data.startswith(_XAP):
            yield "xmp", data[len(_XAP) :]


def _webp(file: BinaryIO) -> Iterator[tuple[str, bytes]]:
    """The RIFF chunks EXIF and XMP; each is padded to an even length."""
    pieces = _counted()
    while head := file.read(8):
        next(pieces)
        length = int.from_bytes(head[4:], "little")
        if len(head) < 8:
            raise ValueError("it ends early")
        if head[:4] in (b"EXIF", b"XMP "):
            yield head[:4].strip().lower().decode(), _within(file, length, MOST).removeprefix(b"Exif\0\0")
            _skip(file, length % 2)
        else:
            _skip(file, length + length % 2)


def _counted() -> Iterator[int]:
    """A number for each piece; ValueError where there are more than anybody means."""
    yield from range(MANY)
    raise ValueError(f"it has more than {MANY} pieces")


def _within(file: BinaryIO, length: int, left: int) -> bytes:
    if length > left:
        raise _too_much()
    return _exactly(file, length)


def _exactly(file: BinaryIO, length: int) -> bytes:
    data = file.read(length) if length >= 0 else b""
    if len(data) != length:
        raise ValueError("it ends early")
    return data


def _skip(file: BinaryIO, length: int) -> None:
    file.seek(length, 1)


def _too_much() -> LimnerError:
    return LimnerError(
        f"carries more than {MOST // 2**20} MB of text", "that is no recipe: give the picture without it"
    )
