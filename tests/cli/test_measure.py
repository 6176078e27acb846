"""Figures are said last, judged against their target, and kept with how they were taken."""

import csv
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from limner.bundle import open_bundle
from limner.bundle.layout import read_json, write_json
from limner.evaluation import renders
from limner.pictures.nouns import nouns
from limner.pictures.sets import Corpus

Said = tuple[int, str, str]
CORE = [word for word, noun in nouns().items() if noun.core and noun.codes]


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


def test_speed_is_of_whole_processes(other: Path, here: Path, limner: Callable[..., Said]) -> None:
    code, out, _ = limner("measure", "speed", "--model", other, "--rounds", 1)
    assert [line.split()[0] for line in out.splitlines()] == ["make_seconds", "make_megabytes", "help_seconds"]
    assert code == (0 if out.count(" ok\n") == 3 else 1)
    kept = json.loads(Path("docs/figures/speed.json").read_text())
    assert kept["figures"][1]["value"] > 100  # torch alone is larger
    assert kept["machine"]["torch"]


def test_a_recogniser_is_trained_and_asked(
    taught: Path, here: Path, corpus: Corpus, limner: Callable[..., Said], monkeypatch: pytest.MonkeyPatch
) -> None:
    known = replace(renders.SINGLE, sets=(), kinds=())
    monkeypatch.setattr(renders, "SINGLE", known)
    monkeypatch.setattr(renders, "OTHER_SET", known)
    for name, few in (("PLAIN", 24), ("DECODED", 16), ("SPOILT", 8)):
        monkeypatch.setattr(renders, name, few)
    train = ("measure", "recogniser", "--model", taught, "--corpus", corpus.folder, "--out", "who", "--chunks", 1)
    code, out, err = limner(*train, "--steps", 2)
    assert [line.split()[0] for line in out.splitlines()] == ["renders_named", "decoded_named", "broken_rejected"]
    assert code == 1  # two steps teach nobody
    assert "1 of 1 chunks" in err
    kept = json.loads(Path("docs/figures/recogniser.json").read_text())
    assert kept["details"]["steps"] == 2

    ask = ("measure", "equal", "--model", taught, "--recogniser", "who", "--out", "drawn", "--backend", "eager")
    code, out, err = limner(*ask, "--selection", 1, "--test", 2)
    assert [line.split()[0] for line in out.splitlines()] == ["theirs_no_worse", "ours_no_worse", "pairs"]
    assert code == 1  # two pairs tell nothing
    drawn = {file: file.stat().st_mtime_ns for file in Path("drawn").rglob("*.png")}
    assert len(drawn) == 23 + 3 * 2
    details = json.loads(Path("docs/figures/equal.json").read_text())["details"]
    assert details["ours"]["sampler"] == "dpmpp_2m"
    assert details["theirs"]["steps"] in (10, 12, 15, 20, 25, 30, 40)
    assert details["test"]["results"][0]["of"] == 2
    assert Path("docs/figures/equal.png").exists()

    assert limner(*ask, "--selection", 1, "--test", 2)[0] == 1
    assert {file: file.stat().st_mtime_ns for file in Path("drawn").rglob("*.png")} == drawn


def test_nobody_is_asked_who_is_not_there(taught: Path, here: Path, refused: Callable[..., str]) -> None:
    ask = ("measure", "equal", "--model", taught, "--recogniser", "nobody")
    assert "train one: limner measure recogniser" in refused(*ask)
    assert "test 0 is out of range" in refused(*ask, "--test", 0)
    assert "steps 0 is out of range" in refused("measure", "recogniser", "--model", taught, "--steps", 0)
