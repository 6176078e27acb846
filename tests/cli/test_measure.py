"""Figures are said last, judged against their target, and kept with how they were taken."""

import csv
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from eyes import KnownEye
from PIL import Image

from limner.bundle import open_bundle
from limner.bundle.layout import read_json, write_json
from limner.cli import drawn
from limner.evaluation import oracle
from limner.evaluation.seen import Found, Seen
from limner.pictures.nouns import nouns

Said = tuple[int, str, str]
CORE = [word for word, noun in nouns().items() if noun.core and noun.codes]
CAT = Found("cat", 0.9, "", "3d render", np.ones((16, 16), bool))


@pytest.fixture
def taught(other: Path) -> Path:
    """A model that says what it was taught, as limner-mini does."""
    file = other / "limner.json"
    about = {
        "identity": open_bundle(other).identity,
        "nouns": [*CORE],
        "styles": ["3d render", "noto style"],
        "parameters": {"unet": 1234567},
        "training": {"diffusion": {"steps": 4321, "loss": 0.125}},
        "defaults": {"steps": 1, "guidance": 1.0, "width": 16, "height": 16},
    }
    write_json(file, read_json(file) | about)
    return other


def test_a_reading_from_the_drawing_to_the_card(taught: Path, here: Path, limner: Callable[..., Said]) -> None:
    assert limner("measure", "draw", "--model", taught, "--out", "cards")[0] == 0
    key = json.loads(Path("cards.json").read_text())
    assert len(key["cards"]) == len(list(Path("cards").iterdir())) == 100
    for card in key["cards"]:
        with Image.open(Path("cards") / card["file"]) as picture:
            assert not picture.info  # nothing in the file tells the reader
    with Path("names.csv").open("w", newline="") as file:
        rows = [(card["file"], card["noun"] if card["seed"] < 61 else "unknown") for card in key["cards"]]
        csv.writer(file).writerows(rows)
    read = ("measure", "read", "names.csv", "--key", "cards.json", "--reader", "a test")
    code, out, _ = limner(*read)
    assert (code, out) == (0, "named_rightly 61 of 100 at least 60 of 100 ok\n")
    kept = json.loads(Path("docs/figures/reading.json").read_text())
    assert kept["model"] == open_bundle(taught).identity
    assert kept["details"]["interval"] == [0.512, 0.7]  # Wilson's, worked by hand
    with Image.open("docs/figures/reading.png") as sheet:
        assert np.asarray(sheet).std() > 0

    assert limner("measure", "card", "--model", taught)[0] == 0
    card = (taught / "README.md").read_text()
    for told in ("61 of 100", "51% to 70%", "1,234,567", "4,321 steps", "0.125", f"Trained nouns: {len(CORE)}"):
        assert told in card

    names = Path("names.csv").read_text()
    Path("names.csv").write_text(
        names.replace(key["cards"][0]["noun"], "unknown").replace(key["cards"][1]["noun"], "?")
    )
    code, out, _ = limner(*read)
    assert code == 1
    assert out.endswith("short\n")


def test_another_models_figures_are_not_told(taught: Path, here: Path, limner: Callable[..., Said]) -> None:
    write_json(Path("docs/figures/reading.json"), {"model": "0" * 64, "figures": [], "details": {}})
    assert limner("measure", "card", "--model", taught)[0] == 0
    assert "was not measured for these weights" in (taught / "README.md").read_text()


def test_a_card_is_not_written_from_no_figures(taught: Path, here: Path, refused: Callable[..., str]) -> None:
    assert "nowhere is no folder" in refused("measure", "card", "--model", taught, "--figures", "nowhere")
    assert not (taught / "README.md").exists()


def test_nothing_is_drawn_over_and_half_an_answer_is_none(
    taught: Path, other: Path, here: Path, refused: Callable[..., str]
) -> None:
    Path("cards").mkdir()
    assert "cards is there already" in refused("measure", "draw", "--model", taught, "--out", "cards")
    Path("cards.json").write_text(
        '{"model": "x", "cards": [{"file": "000.png", "noun": "cat", "prompt": "a cat", "seed": 0}]}'
    )
    Path("names.csv").write_text("001.png,dog\n")
    line = refused("measure", "read", "names.csv", "--key", "cards.json", "--reader", "a test")
    assert "no name was given to 000.png" in line
    assert "is not what measure draw wrote" in refused(
        "measure", "read", "cards.json", "--key", "names.csv", "--reader", "x"
    )
    assert not Path("docs").exists()


@pytest.mark.parametrize(("job", "writer"), [("read", "draw"), ("labelled", "label")])
def test_a_reader_is_not_counted_without_key_and_pictures(
    job: str, writer: str, here: Path, refused: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(oracle, "opened", KnownEye)
    ask = ("measure", job, "names.csv", "--key", "cards.json", "--reader", "a test")
    assert f"cards.json cannot be read: No such file or directory; limner measure {writer} writes it" in refused(*ask)
    for wrong in ('{"model": "x", "cards": []}', '{"model": "x"}', "[]", '{"cards": [{"file": "000.png"}]}', "{"):
        Path("cards.json").write_text(wrong)
        Path("names.csv").write_text("000.png,cat\n")
        assert f"is not what measure {writer} wrote" in refused(*ask).replace(" or names.csv", "")
    Path("cards.json").write_text(
        '{"model": "x", "cards": [{"file": "000.png", "noun": "cat", "prompt": "a cat", "seed": 0}]}'
    )
    assert f"cards is no folder; limner measure {writer} draws its pictures beside cards.json" in refused(*ask)
    Path("cards").mkdir()
    assert "cards/000.png cannot be read: No such file" in refused(*ask)
    Path("names.csv").unlink()
    assert "names.csv cannot be read" in refused(*ask)
    assert not Path("docs").exists()


def test_speed_is_of_whole_processes(other: Path, here: Path, limner: Callable[..., Said]) -> None:
    code, out, _ = limner("measure", "speed", "--model", other, "--rounds", 1)
    names = ["make_seconds", "make_megabytes", "help_seconds", "engine_seconds", "eager_seconds"]
    assert [line.split()[0] for line in out.splitlines()] == names
    assert code == (0 if out.count(" ok\n") == len(names) else 1)
    kept = json.loads(Path("docs/figures/speed.json").read_text())
    assert kept["figures"][1]["value"] > 100  # torch alone is larger
    assert kept["machine"]["torch"]


def test_ways_of_drawing_are_compared_by_whoever_is_asked(
    taught: Path, here: Path, limner: Callable[..., Said], monkeypatch: pytest.MonkeyPatch
) -> None:
    only_cats = KnownEye(otherwise=Seen((CAT,), False), strange=frozenset(CORE) - {"cat"})
    monkeypatch.setattr(drawn, "eye", lambda: only_cats)
    ask = ("measure", "equal", "--model", taught, "--out", "drawn", "--backend", "eager", "--selection", 1, "--test", 2)
    code, out, _ = limner(*ask)
    assert [line.split()[0] for line in out.splitlines()] == ["theirs_no_worse", "ours_no_worse", "pairs"]
    assert code == 1  # two pairs tell nothing
    pictures = {file: file.stat().st_mtime_ns for file in Path("drawn").rglob("*.png")}
    assert len(pictures) == 15 + 3 * 2
    details = json.loads(Path("docs/figures/equal.json").read_text())["details"]
    assert details["oracle"] == only_cats.identity
    assert details["unknown to the oracle"] == sorted(only_cats.strange)
    assert details["guidance"] == 1.0  # the model's own
    assert (details["ours"]["steps"], details["theirs"]["steps"]) == (4, 15)  # all are right: the cheapest
    assert [(each["right"], each["of"]) for each in details["test"]["results"]] == [(2, 2)] * 3
    for plot in ("equal", "equal-pictures"):
        with Image.open(f"docs/figures/{plot}.png") as drawing:
            assert np.asarray(drawing).std() > 0

    monkeypatch.setattr(drawn, "eye", lambda: replace(only_cats, otherwise=Seen((CAT,), True)))
    assert limner(*ask)[0] == 1
    assert {file: file.stat().st_mtime_ns for file in Path("drawn").rglob("*.png")} == pictures
    details = json.loads(Path("docs/figures/equal.json").read_text())["details"]
    assert [each["right"] for each in details["test"]["results"]] == [0] * 3  # a broken cat is none


def test_nobody_is_asked_what_they_do_not_know(
    taught: Path, here: Path, refused: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drawn, "eye", lambda: KnownEye(strange=frozenset(CORE)))
    ask = ("measure", "equal", "--model", taught)
    assert "the oracle knows none of these nouns" in refused(*ask)
    assert "test 0 is out of range" in refused(*ask, "--test", 0)
