"""A picture as a file that carries its recipe and its parameters, and both read back from it."""

import io
import json
import zlib
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from limner.errors import LimnerError
from limner.metadata import exif
from limner.metadata.chunks import Chunks, chunks, within
from limner.metadata.comfy import comfy
from limner.metadata.fooocus import fooocus
from limner.metadata.invoke import dream, invoke, invoke_2
from limner.metadata.jpeg import LONGEST
from limner.metadata.parameters import parameters, parse
from limner.metadata.place import place
from limner.metadata.reading import Reading, short
from limner.metadata.webui import webui
from limner.recipe import Recipe, Wish, from_json, to_json

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Exif, Image

RECEIPT = "limner-receipt"  # the keyword of a PNG's text
FORMATS: Mapping[str, str] = {"png": ".png", "jpeg": ".jpg", "webp": ".webp"}
_LONGEST = 2**20  # bytes of a packet that holds a recipe
_NAMESPACE = "urn:limner:1.0/"
_IPTC = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
_SOURCES = "http://cv.iptc.org/newscodes/digitalsourcetype/"
_PACKET = f"""<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:Iptc4xmpExt="{_IPTC}" xmlns:limner="{_NAMESPACE}">
<Iptc4xmpExt:DigitalSourceType>{_SOURCES}%s</Iptc4xmpExt:DigitalSourceType>%s</rdf:Description>
</rdf:RDF></x:xmpmeta>
<?xpacket end="w"?>"""


def encode(
    picture: "NDArray[np.uint8]", form: str, recipe: Recipe, extras: Mapping[str, str], receipt: str = ""
) -> bytes:
    """The picture (h w 3) as a file of one of FORMATS that carries recipe, parameters, and a receipt if any."""
    from PIL import Image

    return filed(Image.fromarray(picture), form, recipe, parameters(recipe, extras), receipt)


def filed(image: "Image", form: str, recipe: Recipe, text: str, receipt: str = "") -> bytes:
    """The same of Pillow's picture and of parameters that are a text already.

    LimnerError where a JPEG has no room for them.
    """
    from PIL.PngImagePlugin import PngInfo

    record, file = to_json(recipe), io.BytesIO()
    if form == "png":
        chunks = PngInfo()
        chunks.add_text("parameters", text)
        chunks.add_itxt("limner", record)
        if receipt:
            chunks.add_itxt(RECEIPT, receipt)
        chunks.add_itxt("XML:com.adobe.xmp", _packet(recipe))
        image.save(file, "PNG", pnginfo=chunks)
    else:
        words = {"recipe": _plain(recipe), "receipt": receipt}
        more = "".join(f"<limner:{name}>{escape(said)}</limner:{name}>" for name, said in words.items() if said)
        block, packet = _exif(text), _packet(recipe, more).encode()
        if form == "jpeg":
            if max(len(packet), len(block.tobytes())) > LONGEST:
                raise LimnerError("what the picture is to say of itself is too long for a JPEG", "take PNG or WebP")
            image.save(file, "JPEG", quality=95, subsampling=0, exif=block, xmp=packet)
        else:
            image.save(file, "WEBP", lossless=True, exif=block, xmp=packet)
    return file.getvalue()


def fits(form: str, recipe: Recipe, extras: Mapping[str, str]) -> None:
    """LimnerError, before anybody draws, where a file of that format has no room for what it is to say."""
    from PIL import Image

    if form == "jpeg":  # the others have room for anything
        filed(Image.new("RGB", (8, 8)), form, recipe, parameters(recipe, extras))


def _plain(recipe: Recipe) -> str:
    """The recipe's JSON in at most six bytes a character: as it is spoken, but for what XML forbids."""
    told = json.dumps(asdict(recipe), ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return told.replace("\ufffe", "\\ufffe").replace("\uffff", "\\uffff")


def _packet(recipe: Recipe, more: str = "") -> str:
    """XMP by which any program knows what made the picture (IPTC DigitalSourceType): a model, or it and a picture."""
    made = "compositeWithTrainedAlgorithmicMedia" if recipe.edit_picture else "trainedAlgorithmicMedia"
    return _PACKET % (made, more)


def write(picture: "NDArray[np.uint8]", path: Path, recipe: Recipe, extras: Mapping[str, str]) -> None:
    """A new file in the format of its suffix; LimnerError, and no file, if the name is taken or cannot be written."""
    form = {".jpeg": "jpeg", **{suffix: form for form, suffix in FORMATS.items()}}.get(path.suffix.lower())
    if form is None:
        raise LimnerError(f"{path} ends in none of the formats", f"choose {', '.join(FORMATS.values())}")
    try:
        place(encode(picture, form, recipe, extras), path)
    except FileExistsError as fault:
        raise LimnerError(f"{path} exists", "nothing is overwritten: choose another name") from fault


def read(path: Path) -> Reading:
    """What the picture says, whoever made it; LimnerError where it cannot be read or its recipe is a later limner's."""
    return _told(chunks(path), str(path))


def read_from(file: BinaryIO, name: str) -> Reading:
    """The same of an open file, which faults call by that name; nothing of it is written anywhere."""
    return _told(within(file, name), name)


def stamped(data: bytes, receipt: str) -> bytes:
    """A PNG file with a receipt beside what it says already, byte for byte the same otherwise."""
    at = data.rindex(b"IEND") - 4
    body = b"iTXt" + RECEIPT.encode() + bytes(5) + receipt.encode()
    return data[:at] + (len(body) - 4).to_bytes(4) + body + zlib.crc32(body).to_bytes(4) + data[at:]


def texts(data: bytes) -> Mapping[str, str]:
    """The texts that lie in a PNG file, by their keywords."""
    return within(io.BytesIO(data), "the file").texts


def _told(found: Chunks, name: str) -> Reading:
    tags = exif.tags(found.exif)
    record = found.texts.get("limner") or _said(found.xmp, "recipe")
    receipt = found.texts.get(RECEIPT) or _said(found.xmp, "receipt")
    text = found.texts.get("parameters") or tags.get(exif.COMMENT, "")
    if not record:
        return replace(_foreign({**found.texts, **_kept(tags)}, text), receipt=receipt)
    try:
        recipe = from_json(record)
    except LimnerError as fault:
        raise LimnerError(f"{name}: {short(fault.what)}", fault.remedy) from fault
    settings = parse(text).settings
    wish = Wish(**asdict(recipe))
    return Reading("limner", text, wish, (), settings.get("Model", ""), settings, recipe, receipt)


def _foreign(texts: Mapping[str, str], text: str) -> Reading:
    """By the first program that finds its own; a graph says more than the text that some nodes write beside it."""
    tries: tuple[tuple[str, Callable[[str], Reading | None]], ...] = (
        ("invokeai_metadata", invoke),
        ("prompt", lambda prompt: comfy(prompt, texts.get("workflow", ""))),
        ("workflow", lambda workflow: comfy("", workflow)),
        ("sd-metadata", invoke_2),
        ("Dream", dream),
    )
    for name, reader in tries:
        if name in texts and (found := reader(texts[name])):
            return found
    if text:
        return fooocus(text) or webui(text)
    left = next((texts[name] for name, _ in tries if name in texts), "")
    return Reading(text=left, unmet=("what it says is in no form that limner knows",) if left else ())


def _kept(tags: Mapping[int, str]) -> dict[str, str]:
    """ComfyUI's texts in EXIF: `prompt:{...}` and `workflow:{...}`, under whichever tag."""
    pairs = (tags[tag].partition(":") for tag in (exif.MODEL, exif.MAKE, exif.DESCRIPTION) if tag in tags)
    return {name.lower(): text for name, _, text in pairs if name.lower() in ("prompt", "workflow")}


def _exif(text: str) -> "Exif":
    from PIL.Image import Exif

    block = Exif()
    block.endian = ">"  # the order that every reader of this comment assumes
    block.get_ifd(exif.FOLDER)[exif.COMMENT] = b"UNICODE\0" + text.encode("utf-16-be")
    return block


def _said(packet: bytes, name: str) -> str:
    """The recipe's or receipt's JSON in XMP, an element's or an attribute; no entity is expanded, in any encoding."""
    if not packet or len(packet) > _LONGEST or b"\0" in packet or b"<!DOCTYPE" in packet:
        return ""
    try:
        tree = ElementTree.fromstring(packet)
    except ElementTree.ParseError:
        return ""
    key = f"{{{_NAMESPACE}}}{name}"
    return next((text for node in tree.iter() for text in (node.get(key), node.tag == key and node.text) if text), "")
