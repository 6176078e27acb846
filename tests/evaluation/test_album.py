"""A picture file comes as it looks, and what was seen of a folder is not forgotten."""

import io
from pathlib import Path

import numpy as np
import pair
import pytest
from PIL import Image

from limner.bundle import open_bundle
from limner.bundle.clip import open_clip
from limner.evaluation import album
from limner.evaluation.album import index, known, place, upright


@pytest.mark.parametrize("kind", [np.uint16, ">u2", np.int32])
def test_a_grey_picture_of_16_bits_keeps_its_greys(kind: type | str) -> None:
    greys, file = np.arange(256, dtype=np.uint8).reshape(16, 16), io.BytesIO()
    Image.fromarray((greys.astype(np.int32) * 257).astype(kind)).save(file, "PNG" if kind is np.uint16 else "TIFF")
    assert np.array_equal(np.asarray(upright(file.getvalue()))[..., 0], greys)


def test_what_is_transparent_in_16_bits_stays_so() -> None:
    file = io.BytesIO()
    Image.fromarray(np.asarray([[0, 4096], [8192, 65535]], np.uint16)).save(file, "PNG", transparency=4096)
    assert np.asarray(upright(file.getvalue()))[..., 3].tolist() == [[255, 0], [255, 255]]


def test_whoever_stops_a_search_forgets_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIMNER_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(album, "ROWS", 1)
    monkeypatch.setattr(album, "OFTEN", 1)
    clip, folder = open_clip(open_bundle(pair.write(tmp_path / "paired"))), tmp_path / "pictures"
    folder.mkdir()
    for name, colour in (("b.png", "red"), ("c.png", "blue")):
        Image.new("RGB", (8, 8), colour).save(folder / name)
    list(index(folder, clip))
    Image.new("RGB", (8, 8), "green").save(folder / "a.png")
    begun = index(folder, clip)
    assert next(begun) == (1, 3)
    begun.close()
    leaves, features = known(place(folder, clip))
    assert set(leaves) == {"a.png", "b.png", "c.png"}
    assert len(features) == 3
