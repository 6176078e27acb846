"""Asked for as silhouettes are only nouns that a silhouette tells, by the very oracle that judges."""

import hashlib
import json
from argparse import Namespace
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from eyes import KnownEye

from limner.bundle.catalogue import SHIPPED
from limner.cli import drawn, outlines
from limner.cli.asked import bundle
from limner.evaluation.composition import vocabulary
from limner.evaluation.oracle import FILE, FOLDER
from limner.evaluation.outlines import named, silhouettes, telling, told
from limner.evaluation.seen import Found, Seen
from limner.pictures.nouns import nouns
from limner.pictures.scenes import MINI, Mix
from limner.pictures.sets import Corpus
from limner.pictures.words import COLOURS
from limner.training.preset import PRESETS

FIGURES, DATA = Path("docs/figures"), Path("src/limner/evaluation/outlines.json")
MIX = replace(MINI, words="nouns", sets=())


def test_every_drawing_is_shown_in_one_colour_on_white_and_otherwise_the_second_time(corpus: Corpus) -> None:
    first, second = (list(silhouettes(corpus, MIX, 64, turn)) for turn in (0, 1))
    assert [word for word, _ in first] == [word for word, _ in second] == sorted(word for word, _ in first)
    assert first
    assert not any(np.array_equal(one, other) for (_, one), (_, other) in zip(first, second, strict=True))
    for _, picture in first:
        assert (picture[0, 0] == 255).all() or (picture[-1, -1] == 255).all()
        inside = picture[(picture != 255).any(axis=-1)]
        colours, counts = np.unique(inside, axis=0, return_counts=True)
        assert tuple(colours[counts.argmax()].tolist()) in {*COLOURS.values()}
        assert counts.max() > 0.6 * counts.sum()  # the rest is its soft edge


def test_every_outline_has_to_tell_at_every_look() -> None:
    first = {"star": [True, True], "cat": [True], "coin": [True, False], "ball": [False]}
    second = {"star": [True, True], "cat": [False], "coin": [True, True], "ball": [True]}
    assert telling([first, second]) == ["star"]
    assert telling([first]) == ["cat", "star"]


def test_the_largest_thing_is_asked_and_what_looks_the_same_is_the_same() -> None:
    mask = np.ones((4, 4), bool)
    eye = KnownEye(same=frozenset({frozenset({"coin", "circle"})}))
    assert named("coin", Seen((Found("circle", 1.0, "red", "silhouette", mask),), False), eye)
    assert not named("cat", Seen((Found("circle", 1.0, "red", "silhouette", mask),), False), eye)
    assert not named("cat", Seen((Found("", 1.0, "red", "silhouette", mask),), True), eye)
    assert not named("cat", Seen((), False), eye)


def test_the_nouns_in_the_package_are_those_found_with_the_oracle_in_it() -> None:
    kept = json.loads(DATA.read_text(encoding="utf-8"))
    report = json.loads((FIGURES / "outlines.json").read_text(encoding="utf-8"))
    oracle = hashlib.sha256((SHIPPED / FOLDER / FILE).read_bytes()).hexdigest()
    assert kept["oracle"] == report["details"]["oracle"] == oracle
    assert kept["words"] == report["details"]["words"] == sorted(told())


def test_silhouettes_are_asked_for_of_these_alone() -> None:
    words = vocabulary([*nouns()], ["3d render"], KnownEye())
    assert words.outlines
    assert {*words.outlines} <= told()
    assert len(words.outlines) < len(words.words)


def test_the_command_writes_figures_a_sheet_and_the_nouns(
    corpus: Corpus, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mix: Mix = MIX
    mask = np.ones((4, 4), bool)
    eye = KnownEye(otherwise=Seen((Found("apple", 1.0, "red", "silhouette", mask),), False))
    monkeypatch.setattr(drawn, "eye", lambda: eye)
    monkeypatch.setitem(PRESETS, "mini", replace(PRESETS["mini"], mix=mix))
    asked = {"model": str(folder), "device": "cpu", "dtype": None, "preset": "mini", "corpus": corpus.folder}
    args = Namespace(**asked, figures=tmp_path, words=tmp_path / "words.json")
    assert bundle(args)
    (figure,) = outlines.figures(args)
    report = json.loads((tmp_path / "outlines.json").read_text())
    assert report["details"]["words"] == json.loads((tmp_path / "words.json").read_text())["words"] == ["apple"]
    assert figure.value == 1.0
    assert (tmp_path / "outlines.png").exists()
