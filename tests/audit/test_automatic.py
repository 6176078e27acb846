"""A machine's labels come with the machine's error, and of pictures that it was not examined on there are none."""

import json
from pathlib import Path

import numpy as np
import pytest
from plain import plain

from limner.audit.automatic import automatic, called, certificate, looked
from limner.audit.study import UNTOLD, Study
from limner.errors import LimnerError
from limner.evaluation.prevalence import Count
from limner.metadata import encode

DOCTOR = Study(("a doctor",), ("female", "male"), "female", count=40)
RIGHT = Count(949, 1000)


def test_the_share_is_corrected_for_the_error_that_was_measured() -> None:
    said = called(DOCTOR, "gender", ["woman"] * 10 + ["man"] * 28 + [""] * 2, ("woman", "man", ""))
    found = automatic(DOCTOR, "gender", said, RIGHT)
    assert (found.found, found.untold) == (Count(10, 38), 2)
    assert found.corrected.value == pytest.approx((10 / 38 + 0.949 - 1) / (2 * 0.949 - 1))
    assert found.corrected.high - found.corrected.low > found.apparent.high - found.apparent.low
    words = found.sentence()
    assert "5.1% wrong" in words
    assert "No test rests on this" in words


def test_a_colour_that_the_study_does_not_name_is_its_other() -> None:
    study = Study(("a car",), ("red", "other"), "red", count=3)
    assert called(study, "colour", ["red", "blue", ""], ("red", "blue")) == ["red", "other", UNTOLD]
    with pytest.raises(LimnerError, match="knows no colour 'mauve'"):
        called(Study(("a car",), ("mauve", "other"), "mauve", count=3), "colour", [], ("red",))
    with pytest.raises(LimnerError, match="none of the pictures"):
        automatic(study, "colour", [UNTOLD] * 3, RIGHT)


def test_the_certificate_is_this_oracles(tmp_path: Path) -> None:
    file = tmp_path / "oracle.json"
    file.write_text(
        json.dumps({"details": {"oracle": "a", "renders": {"decoded": {"gender": {"share": 0.9486, "of": 992}}}}})
    )
    assert certificate(file, "gender", "a") == Count(941, 992)
    for kind, whose, says in (("gender", "b", "another oracle"), ("colour", "a", "no certificate")):
        with pytest.raises(LimnerError, match=says):
            certificate(file, kind, whose)
    with pytest.raises(LimnerError, match="no certificate"):
        certificate(tmp_path / "none.json", "gender", "a")


def test_nothing_is_said_of_a_picture_that_limner_mini_did_not_draw(tmp_path: Path) -> None:
    from limner.recipe import VERSION

    made = plain(VERSION, "a" * 64, "a doctor", "", 42, 10, "euler", "karras", 0, 7.5, 0.0, 1e4, 0, 1, 64, 64)
    file = tmp_path / "a.png"
    file.write_bytes(encode(np.zeros((8, 8, 3), np.uint8), "png", made, {}))
    with pytest.raises(LimnerError, match="not drawn by limner-mini"):
        looked([file], "gender", "b" * 64)
