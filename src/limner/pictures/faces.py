"""Faces drawn from parameters: what each part is called is known exactly, because a program chose it."""

import json
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from importlib.resources import files
from pathlib import Path

from limner.errors import LimnerError

COUNT = 768  # faces of one style; the libraries have no end
Attributes = Mapping[str, object]

# What the parameters of Open Peeps mean; a part that is not listed is not said.
_HAIR = {
    "afro": "an afro", "bangs": "bangs", "bantuKnots": "bantu knots", "bun": "a hair bun", "buns": "two hair buns",
    "cornrows": "cornrows", "dreads": "dreadlocks", "flatTop": "flat hair", "grayBun": "a grey hair bun",
    "grayMedium": "grey hair", "grayShort": "short grey hair", "hatBeanie": "a beanie", "hatHip": "a hat",
    "hijab": "a hijab", "long": "long hair", "longAfro": "a big afro", "longBangs": "long hair and bangs",
    "longCurly": "long curly hair", "mediumStraight": "straight hair", "mohawk": "a mohawk", "noHair": "no hair",
    "shaved": "shaved hair", "short": "short hair", "turban": "a turban", "twists": "twisted hair",
}  # fmt: skip
_MOOD = {
    "smile": "smiling", "smileBig": "smiling", "smileTeethGap": "smiling", "smileLOL": "laughing", "calm": "calm",
    "rage": "angry", "veryAngry": "angry", "angryWithFang": "angry", "fear": "frightened", "tired": "tired",
    "concerned": "worried", "serious": "serious", "awe": "amazed",
}  # fmt: skip
_BEARD = {"full": "a beard", "goatee": "a goatee", "moustache": "a moustache", "chin": "a chin beard"}
_WORN = {"glasses": "glasses", "sunglasses": "sunglasses", "eyepatch": "an eyepatch"}
_MASK = {"medicalMask": "a medical mask", "respirator": "a respirator"}
_FACESJS_WORN = {"hat": "a cap", "headband": "a headband", "headband-high": "a headband", "santa-hat": "a santa hat"}
_NOT_A_PERSON = {"cyclops", "monster"}


def draw_faces(
    library: str, packages: Mapping[str, Mapping[str, bytes]], count: int
) -> Iterator[tuple[str, Attributes]]:
    """The first `count` faces of a library as (SVG, attributes); the packages are laid out as Node expects them.

    Raises `LimnerError` if Node is missing or the library fails.
    """
    if shutil.which("node") is None:
        raise LimnerError(f"`node` is missing, and it draws the faces of {library}", "install Node.js and try again")
    with tempfile.TemporaryDirectory() as scratch:
        for name, contents in packages.items():
            for file, content in contents.items():
                path = Path(scratch, "node_modules", name, file)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
        script = Path(scratch, "faces.mjs")
        script.write_bytes((files("limner.pictures") / "faces.mjs").read_bytes())
        command = ["node", str(script), library, "0", str(count)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, encoding="utf-8")
    if done.returncode:
        reason = next((line for line in done.stderr.splitlines() if "Error" in line), f"exit status {done.returncode}")
        raise LimnerError(f"drawing the faces of {library} failed: {reason.strip()}", "use Node.js 18 or newer")
    for line in done.stdout.splitlines():
        face = json.loads(line)
        yield face["svg"], face["attributes"]


def describe(library: str, attributes: Attributes) -> tuple[str, str] | None:
    """What a face is called, and its gender if the library chose one; None for a face that is no person's."""
    if library == "facesjs":
        return _facesjs(attributes)
    if attributes.get("face") in _NOT_A_PERSON or attributes.get("head") == "bear":
        return None
    part = {name: str(value) for name, value in attributes.items()}
    if library == "open-peeps":
        mood = _MOOD.get(part.get("face", ""), "")
        worn = [
            _bare(_HAIR, part.get("head", "")),
            _bare(_WORN, part.get("accessories", "")),
            "" if "mask" in part else _bare(_BEARD, part.get("facialHair", "")),
            _MASK.get(part.get("mask", ""), ""),
        ]
        return _said(mood, "person", worn), ""
    mood = {"happy": "smiling", "sad": "sad"}.get(part.get("mouth", "").rstrip("0123456789"), "")
    covered = "hat" in part
    hair = part.get("hair", "") if library == "pixel-art" and not covered else ""
    worn = [
        {"long": "long hair", "short": "short hair"}.get(hair.rstrip("0123456789"), ""),
        "glasses" if "glasses" in part else "",
        "a beard" if "beard" in part else "",
        "earrings" if library == "lorelei" and "earrings" in part else "",
        "a hat" if covered else "",
    ]
    return _said(mood, "person", worn), ""


def _facesjs(attributes: Attributes) -> tuple[str, str]:
    def chosen(part: str) -> str:
        value = attributes.get(part)
        return str(value.get("id", "none")) if isinstance(value, Mapping) else "none"

    gender = "woman" if attributes["gender"] == "female" else "man"
    worn = [
        "no hair" if chosen("hair") == "bald" else "",
        "glasses" if chosen("glasses") != "none" else "",
        _FACESJS_WORN.get(chosen("accessories").rstrip("0123456789"), ""),
    ]
    return _said("", gender, worn), gender


def _bare(names: Mapping[str, str], value: str) -> str:
    """The words for a part by its name without the number of its variant."""
    return names.get(value.rstrip("0123456789"), "")


def _said(mood: str, who: str, worn: Sequence[str]) -> str:
    """ "smiling person with long hair, glasses and a beard"."""
    parts = [each for each in worn if each]
    listed = " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)
    return " ".join(each for each in (mood, who, f"with {listed}" if parts else "") if each)
