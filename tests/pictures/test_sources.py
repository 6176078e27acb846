"""Noisy packages are read into words that a stranger would also use for the picture."""

import json
from pathlib import Path

import pytest

from limner.errors import LimnerError
from limner.pictures.catalogue import SETS
from limner.pictures.faces import describe, draw_faces
from limner.pictures.sources import READERS, Drawing

CLIPART = """<svg xmlns:rdf="r" xmlns:cc="c" xmlns:dc="d"><cc:Work><dc:title>{title}</dc:title>
<dc:creator><cc:Agent><dc:title>Ada L.</dc:title></cc:Agent></dc:creator><dc:subject><rdf:Bag>{keywords}</rdf:Bag>
</dc:subject><cc:license rdf:resource="http://web.resource.org/cc/{licence}"/></cc:Work></svg>"""


def clip(title: str, *keywords: str, licence: str = "PublicDomain") -> bytes:
    items = "".join(f"<rdf:li>{word}</rdf:li>" for word in keywords)
    return CLIPART.format(title=title, keywords=items, licence=licence).encode()


def read(name: str, files: dict[str, bytes]) -> dict[str, Drawing]:
    which = SETS[name]
    return {each.record.key: each for each in READERS[which.labels](which, {which.package.name: files}, {})}


def test_clip_art_is_named_by_title_then_file_then_keyword() -> None:
    root = "usr/share/openclipart/svg"
    found = read(
        "openclipart",
        {
            f"{root}/food/a_01.svg": clip("Red Apple With Worm", "worm", "fruit"),
            f"{root}/food/b.svg": clip("Apple core", "trash"),
            f"{root}/tools/scissors.svg": clip("Clipart by Somebody - book_01"),
            f"{root}/animals/birds/pollo_01.svg": clip("Pollo", "bird", ""),
            f"{root}/animals/c.svg": clip("Gatto", "cat", "dog"),
            f"{root}/animals/d.svg": clip("Cat", licence="by-sa"),
            f"{root}/tools/cat_tree.svg": clip("Cat"),
            f"{root}/computer/e.svg": clip("Mouse"),
            f"{root}/people/f.svg": clip("Naked Man"),
        },
    )
    assert {key.removeprefix("openclipart-"): each.record.label for key, each in found.items()} == {
        "food-a-01": "red apple",
        "tools-scissors": "scissors",
        "animals-birds-pollo-01": "bird",
    }
    apple = found["openclipart-food-a-01"].record
    assert (apple.author, apple.licence, apple.colour) == ("Ada L.", "public domain", "red")
    assert apple.source.endswith("food/a_01.svg")


def test_icons_are_named_by_the_noun_they_end_in() -> None:
    icons = {name: {"body": "<path/>"} for name in ("fruit-banana", "laptop-warning", "laptop-clock", "office-desk-2")}
    found = read("streamline-ultimate", {"icons.json": json.dumps({"icons": icons}).encode()})
    assert [each.record.label for each in found.values()] == ["banana", "desk"]


@pytest.mark.parametrize(
    ("library", "attributes", "said"),
    [
        (
            "pixel-art",
            {"mouth": "happy03", "hair": "long07", "glasses": "dark01"},
            "smiling person with long hair and glasses",
        ),
        ("pixel-art", {"mouth": "sad03", "hair": "long07", "hat": "variant01"}, "sad person with a hat"),
        (
            "open-peeps",
            {"face": "rage", "head": "afro", "facialHair": "full2"},
            "angry person with an afro and a beard",
        ),
        ("notionists", {"lips": "variant01"}, "person"),
    ],
)
def test_faces_are_named_by_their_parameters(library: str, attributes: dict[str, str], said: str) -> None:
    assert describe(library, attributes) == (said, "")


def test_a_generated_face_says_gender_and_never_race() -> None:
    face = {"gender": "female", "race": "asian", "hair": {"id": "afro2"}, "glasses": {"id": "glasses1-primary"}}
    assert describe("facesjs", face) == ("woman with glasses", "woman")
    assert describe("open-peeps", {"face": "monster"}) is None


def test_no_node_is_one_clear_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(LimnerError, match="`node` is missing"):
        next(draw_faces("facesjs", {}, 1))
