"""Any picture's file as a JPEG that says of itself what it said: for hand-ins, in which PNG's texts do not survive."""

import io
from collections.abc import Iterator
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from limner.errors import LimnerError
from limner.metadata import exif
from limner.metadata.chunks import Chunks, within

if TYPE_CHECKING:
    from PIL import Image

HEAD = b"\xff\xd8\xff"
LONGEST = 65_000  # bytes of a JPEG's segment, in which EXIF and XMP have to fit
PIXELS = 64_000_000
SCANS = 100  # of a progressive file that is decoded: each is a pass over all of its pixels
_XMP, _END = "XML:com.adobe.xmp", "</rdf:Description>"
_OURS = (("recipe", "limner"), ("receipt", "limner-receipt"))  # by what they are called in XMP and in a PNG
_OTHERS = ("invokeai_metadata", "sd-metadata", "Dream")  # which no JPEG has
_GRAPHS = ((exif.MAKE, "workflow"), (exif.MODEL, "prompt"))  # where ComfyUI's own JPEGs have its graphs


def jpeg(data: bytes, name: str) -> tuple[bytes, str]:
    """The JPEG file of a picture's (one that is a JPEG already keeps every byte), and what it could not carry.

    Quality and pixels are as `encode` has them: 95, colours at full size, no pixel added or taken away.  The second is
    "" where nothing was lost.  LimnerError names the file where it is no picture, damaged or too large.
    """
    said = within(io.BytesIO(data), name)
    if data.startswith(HEAD):
        return data, ""
    from PIL import Image

    try:
        with Image.open(io.BytesIO(data), formats=["PNG", "WEBP"]) as image:
            if image.width * image.height > PIXELS:
                raise LimnerError(f"{name} has {image.width} x {image.height} pixels", "make it smaller")
            return _saved(image.convert("RGB"), said)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as fault:
        raise LimnerError(f"cannot read {name}: {fault}", "it may be damaged: get it again") from fault


def _saved(image: "Image.Image", said: Chunks) -> tuple[bytes, str]:
    """With as much of what it said as fits."""
    file, packet = io.BytesIO(), _packet(said)
    packet = packet if len(packet) <= LONGEST else b""
    block = next(each for each in _blocks(said) if len(each) <= LONGEST)
    image.save(file, "JPEG", quality=95, subsampling=0, exif=block, xmp=packet)
    return file.getvalue(), _lost(said, block)


def _lost(said: Chunks, block: bytes) -> str:
    if not block and (said.exif or any(name in said.texts for name in ("parameters", *(name for _, name in _GRAPHS)))):
        return "what it says of itself is too long for a JPEG"
    strange = [name for name in _OTHERS if name in said.texts and "parameters" not in said.texts]
    return f"a JPEG cannot carry its {strange[0]}" if strange else ""


def _blocks(said: Chunks) -> Iterator[bytes]:
    """EXIF, the longest first: of ComfyUI's graphs the drawn one is left out before the one that was run."""
    if said.exif:
        yield b"Exif\0\0" + said.exif
    graphs = [(tag, name) for tag, name in _GRAPHS if name in said.texts]
    text = said.texts.get("parameters", "")
    for first in range(len(graphs) + 1):
        if text or graphs[first:]:
            yield _block(text, [(tag, f"{name}:{said.texts[name]}") for tag, name in graphs[first:]])
    yield b""


def _block(text: str, tags: list[tuple[int, str]]) -> bytes:
    from PIL.Image import Exif

    block = Exif()
    block.endian = ">"  # the order that every reader of the comment assumes
    for tag, value in tags:
        block[tag] = value
    if text:
        block.get_ifd(exif.FOLDER)[exif.COMMENT] = b"UNICODE\0" + text.encode("utf-16-be", "replace")
    return block.tobytes()


def _packet(said: Chunks) -> bytes:
    """The XMP that it had, with limner's own texts in it."""
    if said.xmp or _XMP not in said.texts:
        return said.xmp
    own = [(name, said.texts[key]) for name, key in _OURS if key in said.texts]
    more = "".join(f"<limner:{name}>{escape(text)}</limner:{name}>" for name, text in own)
    before, end, after = said.texts[_XMP].rpartition(_END)
    return f"{before}{more}{end}{after}".encode("utf-8", "replace")
