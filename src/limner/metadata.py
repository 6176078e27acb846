"""Nothing a picture says about itself is lost: its recipe, and the text other programs read, live inside its file."""

import errno
import io
import json
import os
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from limner import __version__
from limner.errors import LimnerError
from limner.recipe import FIELDS, LOUDEST, Recipe, Value, Wish, checked, from_json, to_json

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Exif, Image

FORMATS: Mapping[str, str] = {"png": ".png", "jpeg": ".jpg", "webp": ".webp"}

# Our name, then everybody else's (AUTOMATIC1111 first: it is the one printed; ComfyUI, InvokeAI, diffusers).
SAMPLERS: Mapping[str, tuple[str, ...]] = {
    "ancestral": ("Euler a", "euler_ancestral", "euler_a", "EulerAncestralDiscreteScheduler", "DDPMScheduler", "ddpm"),
    "euler": ("Euler", "EulerDiscreteScheduler", "DDIM", "DDIMScheduler"),
    "heun": ("Heun", "HeunDiscreteScheduler"),
    "dpmpp_2m": ("DPM++ 2M", "DPMSolverMultistepScheduler"),
}
LADDERS: Mapping[str, tuple[str, ...]] = {
    "karras": ("Karras", "k"),
    "exponential": ("Exponential",),
    "leading": ("DDIM", "ddim_uniform"),
    "linspace": ("Uniform", "Normal"),
    "trailing": ("Simple", "SGM Uniform"),
}

_SETTING = re.compile(r'\s*(\w[\w /-]+):\s*("(?:\\.|[^"\\])*"|[^,]*)(?:,|$)')
_USER_COMMENT, _EXIF_FOLDER = 0x9286, 0x8769
_NAMESPACE = "urn:limner:1.0/"
_PACKET = f"""<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:limner="{_NAMESPACE}"><limner:recipe>%s</limner:recipe></rdf:Description>
</rdf:RDF></x:xmpmeta>
<?xpacket end="w"?>"""


@dataclass(frozen=True, slots=True)
class Parameters:
    """AUTOMATIC1111's text about a picture, taken apart; `settings` keeps its names and is empty if there were none."""

    prompt: str
    negative: str
    settings: Mapping[str, str] = field(default_factory=dict)

    def wish(self) -> Wish:
        """What limner understands of it; the rest stays open."""
        above, _, below = self.settings.get("Guidance interval", "").partition(" to ")
        sampler, ladder = named(self.settings.get("Sampler", ""), self.settings.get("Schedule type", ""))
        texts = {
            "prompt": self.prompt,
            "negative": self.negative,
            "seed": self.settings.get("Seed", ""),
            "steps": self.settings.get("Steps", ""),
            "sampler": sampler,
            "ladder": ladder,
            "guidance": self.settings.get("CFG scale", ""),
            "guide_above": above,
            "guide_below": below,
            "width": self.settings.get("Size-1", ""),
            "height": self.settings.get("Size-2", ""),
        }
        return Wish(**{name: _understood(name, text) for name, text in texts.items()})  # type: ignore[arg-type]


def parameters(recipe: Recipe, extras: Mapping[str, str]) -> str:
    """The text that AUTOMATIC1111's web UI writes for this recipe; `extras` are settings beside it (model, device)."""
    guidance = int(recipe.guidance) if recipe.guidance.is_integer() else recipe.guidance
    whole = recipe.guide_above == 0 and recipe.guide_below == LOUDEST
    interval = {} if whole else {"Guidance interval": f"{recipe.guide_above} to {recipe.guide_below}"}
    settings = {
        "Steps": str(recipe.steps),
        "Sampler": SAMPLERS.get(recipe.sampler, (recipe.sampler,))[0],
        "Schedule type": LADDERS.get(recipe.ladder, (recipe.ladder,))[0],
        "CFG scale": str(guidance),
        **interval,
        "Seed": str(recipe.seed),
        "Size": f"{recipe.width}x{recipe.height}",
        "Model hash": recipe.model[:10],
        **extras,
        "RNG": "CPU",
        "Version": f"limner {__version__}",
    }
    last = ", ".join(f"{key}: {_quoted(value)}" for key, value in settings.items())
    negative = f"\nNegative prompt: {recipe.negative}" if recipe.negative else ""
    return f"{recipe.prompt}{negative}\n{last}"


def parse(text: str) -> Parameters:
    """The same text read back, whoever wrote it.

    The last line counts as settings only where it holds three or more; `Size` comes as `Size-1` and `Size-2`; what an
    old version left out has the meaning that it had then.
    """
    *lines, last = text.strip().split("\n")
    settings = _settings(last)
    if len(settings) < 3:
        lines, settings = [*lines, last], {}
    prompt, _, negative = "\n".join(["", *lines]).partition("\nNegative prompt:")
    if settings:
        settings = {"Clip skip": "1", "RNG": "GPU", "Schedule type": "Automatic", **settings}
    return Parameters(prompt.strip(), negative.strip(), settings)


def named(sampler: str, schedule: str = "") -> tuple[str, str]:
    """Our names for a sampler and a ladder, empty where there is none; older names of samplers end in the ladder's."""
    stem, _, last = sampler.replace("_", " ").rpartition(" ")
    ending = "" if _alias(SAMPLERS, sampler) else _alias(LADDERS, last)
    return _alias(SAMPLERS, stem if ending else sampler), _alias(LADDERS, schedule) or ending


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


def deposit(data: bytes, folder: Path, ending: str) -> Path:
    """The path of a new file with these bytes, called by the folder's next free number: `00001` + ending."""
    taken = (re.match(r"\d{5,}", path.name) for path in folder.iterdir())
    number = max((int(match[0]) for match in taken if match), default=0)
    while True:
        number += 1
        path = folder / f"{number:05}{ending}"
        try:
            place(data, path)
        except FileExistsError:
            continue
        return path


def place(data: bytes, path: Path) -> None:
    """A whole new file or none, through a crash and a full disk; FileExistsError where the name is taken."""
    part = path.with_name(f".{token_hex(8)}.part")
    try:
        try:
            with open(part, "xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            _christen(part, path)
        finally:
            part.unlink(missing_ok=True)
    except FileExistsError:
        raise
    except OSError as fault:
        full = fault.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
        remedy = "free some space or choose another folder" if full else "choose a folder that you may write to"
        raise LimnerError(f"cannot write {path}: {fault.strerror or fault}", remedy) from fault


def prepare(folder: Path) -> None:
    """Makes the folder if need be; LimnerError unless a file can be written there."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as fault:
        raise LimnerError(f"cannot make {folder}: {fault.strerror}", "choose a folder that you may write to") from fault
    trial = folder / f".{token_hex(8)}.trial"
    place(b"limner", trial)
    trial.unlink()


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


def _alias(table: Mapping[str, tuple[str, ...]], name: str) -> str:
    plain = name.strip().replace(" ", "_").casefold().removeprefix("k_")
    for ours, others in table.items():
        if plain in (ours, *(other.replace(" ", "_").casefold() for other in others)):
            return ours
    return ""


def _understood(name: str, text: str) -> Value | None:
    try:
        return checked(name, FIELDS[name].kind(text))
    except (ValueError, LimnerError):
        return None


def _quoted(value: str) -> str:
    plain = value == value.strip() and not re.search('[,:\n"]', value)
    return value if plain else json.dumps(value, ensure_ascii=False)


def _settings(line: str) -> dict[str, str]:
    """The line's `key: value` pairs, read from left to right in linear time."""
    settings, at = dict[str, str](), 0
    while 0 <= at < len(line):
        if match := _SETTING.match(line, at):
            key, value = match[1], match[2].strip()
            if len(value) > 1 and value[0] == value[-1] == '"':
                with suppress(ValueError):
                    value = str(json.loads(value))
            if size := re.fullmatch(r"(\d+)x(\d+)", value):
                settings |= {f"{key}-1": size[1], f"{key}-2": size[2]}
            else:
                settings[key] = value
            at = match.end()
        else:
            at = line.find(",", at) + 1 or -1
    return settings


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


def _christen(part: Path, path: Path) -> None:
    try:
        os.link(part, path)
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links: claim the name first
        path.touch(exist_ok=False)
        part.replace(path)
