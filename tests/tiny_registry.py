"""Two tiny packages, drawn on the spot, in the place of a package registry."""

import hashlib
import io
import json
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from limner.pictures.catalogue import Package, PictureSet

# code, label, group, subgroup, fill; groups and subgroups as in `GROUPS`
EMOJI = (
    ("1F408", "cat", 3, 34, "#e0a030"),
    ("1F415", "dog", 3, 34, "#a06030"),
    ("1F418", "elephant", 3, 34, "#8090a0"),
    ("1F34E", "red apple", 4, 42, "#d02020"),
    ("1F34F", "green apple", 4, 42, "#40b040"),
    ("1F989", "owl", 3, 35, "#705030"),
    ("1F35E", "bread", 4, 44, "#c09050"),
    ("1F456", "jeans", 7, 65, "#3050a0"),
    ("1F3E0", "house", 5, 51, "#b04040"),
    ("1F1E8-1F1E6", "flag: Canada", 9, 99, "#ff0000"),
    ("1F550", "one o’clock", 5, 58, "#ffffff"),
)
PILOTS = (
    ("1F9D1-200D-2708-FE0F", "pilot", None),
    ("1F468-200D-2708-FE0F", "man pilot", 1),
    ("1F469-200D-2708-FE0F", "woman pilot", 0),
)
GROUPS = {1: "people-body", 3: "animals-nature", 4: "food-drink", 5: "travel-places", 7: "objects", 9: "flags"}
SUBGROUPS = {25: "person-role", 34: "animal-mammal", 35: "animal-bird", 42: "food-fruit", 44: "food-prepared",
             51: "place-building", 58: "time", 65: "clothing", 99: "country-flag"}  # fmt: skip


@dataclass(frozen=True)
class Registry:
    """What a build is given instead of the real table."""

    words: Package
    table: Mapping[str, PictureSet]
    folder: Path


def pack(folder: Path, name: str, files: Mapping[str, str | bytes]) -> Package:
    """The files as `npm pack` would send them, and the package pinned to those bytes."""
    path = folder / f"{name}-1.0.0.tgz"
    with tarfile.open(path, "w:gz") as tar:
        for file, content in files.items():
            raw = content.encode() if isinstance(content, str) else content
            member = tarfile.TarInfo(f"package/{file}")
            member.size = len(raw)
            tar.addfile(member, io.BytesIO(raw))
    return Package("npm", name, "1.0.0", hashlib.sha256(path.read_bytes()).hexdigest())


def emojibase() -> dict[str, str]:
    entries: list[dict[str, object]] = [
        {"hexcode": code, "label": label, "group": group, "subgroup": subgroup, "tags": [f"{label} tag"]}
        for code, label, group, subgroup, _ in EMOJI
    ]
    for code, label, gender in PILOTS:
        entry: dict[str, object] = {"hexcode": code, "label": label, "group": 1, "subgroup": 25, "tags": ["plane"]}
        toned = {"hexcode": code.replace("-200D", "-1F3FF-200D", 1), "label": f"{label}: dark skin tone", "tone": 5}
        entries.append({**entry, "skins": [toned], **({} if gender is None else {"gender": gender})})
    messages = {
        "groups": [{"key": key, "order": order} for order, key in GROUPS.items()],
        "subgroups": [{"key": key, "order": order} for order, key in SUBGROUPS.items()],
    }
    return {"en/data.json": json.dumps(entries), "en/messages.json": json.dumps(messages)}


def icons(shape: str) -> dict[str, str]:
    drawn = {code.lower(): fill for code, _, _, _, fill in EMOJI}
    for code, _, _ in PILOTS:
        plain = code.lower().replace("-fe0f", "")
        drawn |= {plain: "#f0c040", plain.replace("-200d", "-1f3ff-200d", 1): "#604020"}
    icons = {f"icon-{code}": {"body": shape.format(fill=fill)} for code, fill in drawn.items()}
    chars = {code: f"icon-{code}" for code in drawn}
    return {
        "icons.json": json.dumps({"icons": icons, "width": 32, "height": 32}),
        "chars.json": json.dumps(chars),
    }
