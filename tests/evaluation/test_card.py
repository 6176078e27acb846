"""Every number in a card is its JSON's, and one that is not is found."""

import re
from pathlib import Path

import pytest

from limner.bundle.layout import read_json, write_json
from limner.errors import LimnerError
from limner.evaluation.card import ANALYSES, card, faults, figures_of, mistaken
from limner.evaluation.figures import Figure, Value, record
from limner.network.config import Json

IDENTITY = "1" * 64
ORACLE = "2" * 64
SILHOUETTES = {"plain": 0.7536, "decoded": 0.7609}
ABOUT: dict[str, Json] = {
    "identity": IDENTITY,
    "nouns": ["cat", "apple", "pilot"],
    "styles": ["3d render"],
    "parameters": {"unet": 1234567},
    "training": {"diffusion": {"steps": 4321, "loss": 0.125}},
    "defaults": {"width": 16, "height": 16},
}


@pytest.fixture
def model(tmp_path: Path) -> Path:
    write_json(tmp_path / "model" / "limner.json", ABOUT)
    return tmp_path / "model"


@pytest.fixture
def figures(tmp_path: Path) -> Path:
    folder = tmp_path / "figures"
    told: dict[str, Value] = {
        "oracle": ORACLE, "reader": "a test", "interval": [0.25, 0.75], "kinds": {"thing": "1 of 2"},
        "renders": {name: {"word of a silhouette": {"share": share}} for name, share in SILHOUETTES.items()},
        "model": IDENTITY, "agreed": 243, "given": 260, "refused": 37,
    }  # fmt: skip
    for number, each in enumerate(ANALYSES):
        measured = [Figure(f"{each.name}-share".replace("-", "_"), 0.123456789 + number, 0.5, "at least", " %")]
        record(folder / f"{each.name}.json", measured, ORACLE if each.name == "labels" else IDENTITY, told)
    return folder


def test_every_figure_of_every_json_stands_in_the_card(model: Path, figures: Path) -> None:
    text = card(model, figures)
    assert "It was not measured" not in text
    for number, each in enumerate(ANALYSES):
        assert f"| {0.123456789 + number!r} | at least 0.5 | % |" in text
        assert f"(`{each.name}.json`)" in text
    for told in ("1,234,567", "4,321 steps; mean loss of the last hundred 0.125", "people 1", "25% to 75%"):
        assert told in text
    assert list(mistaken(text, figures)) == []


@pytest.mark.parametrize("place", range(len(ANALYSES)))
def test_a_changed_number_is_found_wherever_it_stands(model: Path, figures: Path, place: int) -> None:
    text, name = card(model, figures), ANALYSES[place].name
    file = model / "README.md"
    file.write_text(text)
    assert faults(file, card(model, figures), figures) == []
    file.write_text(text.replace(f"| {0.123456789 + place!r} |", "| 0.99 |"))
    wrong = faults(file, card(model, figures), figures)
    assert len(wrong) == 2
    assert f"the card's value is 0.99, {figures / name}.json has {0.123456789 + place!r}" in wrong[0]
    file.write_text(text)
    kept = read_json(figures / f"{name}.json")
    (figure,) = kept["figures"]  # type: ignore[misc]
    write_json(figures / f"{name}.json", kept | {"figures": [figure | {"target": 0.75}]})  # type: ignore[operator]
    assert "the card's target is 0.5" in faults(file, card(model, figures), figures)[0]


def test_a_number_in_prose_is_found_too(model: Path, figures: Path) -> None:
    file, text = model / "README.md", card(model, figures)
    file.write_text(text.replace("25% to 75%", "26% to 75%"))
    (wrong,) = faults(file, text, figures)
    assert wrong.endswith("limner measure card")
    file.unlink()
    assert faults(file, text, figures) == [wrong]


def test_figures_of_other_weights_are_not_told(model: Path, figures: Path) -> None:
    for each in ANALYSES:
        kept = read_json(figures / f"{each.name}.json")
        details = kept["details"]
        assert isinstance(details, dict)
        other = {"details": details | {"model": "3" * 64}} if each.name == "labels" else {"model": "3" * 64}
        write_json(figures / f"{each.name}.json", kept | other)
    text = card(model, figures)
    assert text.count("It was not measured for these weights") == len(ANALYSES) - 1  # the oracle's are its own
    (figures / "oracle.json").unlink()
    assert re.findall(r"^\| `", card(model, figures), re.MULTILINE) == []


def test_another_oracles_certificate_is_not_told(model: Path, figures: Path) -> None:
    kept = read_json(figures / "oracle.json")
    details = kept["details"]
    assert isinstance(details, dict)
    write_json(figures / "oracle.json", kept | {"details": details | {"oracle": "4" * 64}})
    assert "oracle_share" not in card(model, figures)


def test_the_oracles_section_says_what_blind_readers_came_to(model: Path, figures: Path) -> None:
    text = card(model, figures)
    assert "leave out silhouettes: of these it names 75.4% of plain ones and 76.1% of decoded ones" in text
    assert "it agreed with blind readers in 1.123456789 %, where at least 0.5 % was the target (the next" in text
    assert "in 243 of the 260 pictures that it gave a word to (95% interval 25.0% to 75.0%); to 37 it gave none" in text
    (kept,) = figures_of(read_json(figures / "labels.json"))
    write_json(
        figures / "labels.json", read_json(figures / "labels.json") | {"figures": [{**kept, "target": 97, "ok": False}]}
    )
    assert "where at least 97 % was the target: short (the next section)." in card(model, figures)


@pytest.mark.parametrize("whose", ["the oracle", "the pictures"])
def test_labels_of_another_oracle_or_of_others_pictures_are_not_told(model: Path, figures: Path, whose: str) -> None:
    kept = read_json(figures / "labels.json")
    details, other = kept["details"], {"model": "3" * 64}
    assert isinstance(details, dict)
    write_json(figures / "labels.json", kept | (other if whose == "the oracle" else {"details": details | other}))
    text = card(model, figures)
    assert "labels_share" not in text
    assert "on pictures of these weights it was not compared with blind readers" in text


def test_a_model_that_says_nothing_about_itself_has_no_card(tmp_path: Path) -> None:
    write_json(tmp_path / "limner.json", {"identity": IDENTITY})
    with pytest.raises(LimnerError, match="does not say 'training'"):
        card(tmp_path, tmp_path)
