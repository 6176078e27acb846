"""A picture as a file that carries its recipe and its parameters, and both read back from it."""

import io
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from limner.errors import LimnerError
from limner.metadata.parameters import parameters
from limner.metadata.place import place
from limner.recipe import Recipe, from_json, to_json

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Exif, Image

FORMATS: Mapping[str, str] = {"png": ".png", "jpeg": ".jpg", "webp": ".webp"}
_USER_COMMENT, _EXIF_FOLDER = 0x9286, 0x8769
_NAMESPACE = "urn:limner:1.0/"
_PACKET = f"""<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:limner="{_NAMESPACE}"><limner:recipe>%s</limner:recipe></rdf:Description>
</rdf:RDF></x:xmpmeta>
<?xpacket end="w"?>"""


def encode(picture: "NDArray[np.uint8]", form: str, recipe: Recipe, extras: Mapping[str, str]) -> bytes:
    """The picture (h w 3) as a file of one of FORMATS that carries its recipe and its parameters."""
    from PIL import Image
    from PIL.PngImagePlugin import PngInfo

    text, record = parameters(recipe, extras), to_json(recipe)
    image, file = Image.fromarray(picture), io.BytesIO()
    if form == "png":
        chunks = PngInfo()
        chunks.add_text("parameters", text)
        chunks.add_itxt("limner", record)
        image.save(file, "PNG", pnginfo=chunks)
    else:
        exif, packet = _exif(text), (_PACKET % escape(record)).encode()
        if form == "jpeg":
            image.save(file, "JPEG", quality=95, subsampling=0, exif=exif, xmp=packet)
        else:
            image.save(file, "WEBP", lossless=True, exif=exif, xmp=packet)
    return file.getvalue()


def write(picture: "NDArray[np.uint8]", path: Path, recipe: Recipe, extras: Mapping[str, str]) -> None:
    """A new file in the format of its suffix; LimnerError, and no file, if the name is taken or cannot be written."""
    form = {".jpeg": "jpeg", **{suffix: form for form, suffix in FORMATS.items()}}.get(path.suffix.lower())
    if form is None:
        raise LimnerError(f"{path} ends in none of the formats", f"choose {', '.join(FORMATS.values())}")
    try:
        place(encode(picture, form, recipe, extras), path)
    except FileExistsError as fault:
        raise LimnerError(f"{path} exists", "nothing is overwritten: choose another name") from fault


def read(path: Path) -> tuple[Recipe | None, str]:
    """The recipe, if limner made the picture, and its parameters text, whoever did ("" if there is none)."""
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(path, formats=["PNG", "JPEG", "WEBP"]) as picture:
            if picture.format == "PNG":
                picture.load()  # text may stand behind the pixels
            record, text = _record(picture), _text(picture)
    except UnidentifiedImageError as fault:
        raise LimnerError(f"{path} is no picture", "give a PNG, JPEG or WebP file") from fault
    except FileNotFoundError as fault:
        raise LimnerError(f"no file {path}", "check its name") from fault
    except Exception as fault:  # the decoders raise anything on a damaged file
        raise LimnerError(f"cannot read {path}: {fault}", "it may be damaged: get it again") from fault
    try:
        return from_json(record) if record else None, text
    except LimnerError as fault:
        raise LimnerError(f"{path}: {fault.what}", fault.remedy) from fault


def _exif(text: str) -> "Exif":
    from PIL.Image import Exif

    exif = Exif()
    exif.endian = ">"  # the order that every reader of this comment assumes
    exif.get_ifd(_EXIF_FOLDER)[_USER_COMMENT] = b"UNICODE\0" + text.encode("utf-16-be")
    return exif


def _text(picture: "Image") -> str:
    """The parameters: a PNG text chunk, else the EXIF comment."""
    if picture.format == "PNG":
        return str(picture.info.get("parameters", ""))
    comment = picture.getexif().get_ifd(_EXIF_FOLDER).get(_USER_COMMENT, b"")
    code, body = bytes(comment[:8]), bytes(comment[8:])
    if code == b"UNICODE\0":  # in either order: the settings are ASCII, so the zero bytes tell which
        return body.decode("utf-16-be" if body[::2].count(0) >= body[1::2].count(0) else "utf-16-le", "replace")
    return body.decode("utf-8", "replace").strip("\0 ")


def _record(picture: "Image") -> str:
    """The recipe's JSON: a PNG text chunk, else the XMP property, as an element or as an attribute."""
    if picture.format == "PNG":
        return str(picture.info.get("limner", ""))
    packet = picture.info.get("xmp", b"")
    if not packet or b"<!DOCTYPE" in packet:  # no entity is ever expanded
        return ""
    try:
        tree = ElementTree.fromstring(packet)
    except ElementTree.ParseError:
        return ""
    key = f"{{{_NAMESPACE}}}recipe"
    return next((text for node in tree.iter() for text in (node.get(key), node.tag == key and node.text) if text), "")
