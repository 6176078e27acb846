"""Every word of a prompt gets its map, and the watched picture is the picture."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from limner.pictures.heat import OPACITY, overlay

Limner = Callable[..., tuple[int, str, str]]
TINY = ("--model", "tiny")


def test_one_map_for_each_word(limner: Limner) -> None:
    limner("make", "a red apple", *TINY)
    (path,) = Path("outputs").iterdir()
    code, out, err = limner("explain", path, *TINY, "--json")
    assert (code, err) == (0, "")
    report = json.loads(out)
    assert report["words"] == ["a", "red", "apple"]
    assert report["largest_pixel_difference"] == 0
    with Image.open(report["path"]) as sheet:
        assert sheet.format == "PNG"
        assert sheet.width >= 2 * 16
    assert limner("explain", path, *TINY)[1].endswith(f"largest pixel difference from {path}: 0\n")


def test_a_picture_that_was_changed_is_noticed(limner: Limner) -> None:
    limner("make", "a red apple", *TINY)
    (path,) = Path("outputs").iterdir()
    with Image.open(path) as image:
        text, changed = image.info["limner"], image.point(lambda value: 255 - value)
    chunks = PngInfo()
    chunks.add_itxt("limner", text)
    changed.save(path, pnginfo=chunks)
    code, out, _ = limner("explain", path, *TINY, "--json")
    assert code == 1
    assert json.loads(out)["largest_pixel_difference"] > 0


def test_an_empty_prompt_has_no_words(limner: Limner, refused: Callable[..., str]) -> None:
    limner("make", "", *TINY)
    (path,) = Path("outputs").iterdir()
    assert "there is no word to explain" in refused("explain", path, *TINY)


def test_heat_is_laid_over_the_picture() -> None:
    white = np.full((4, 6, 3), 255, np.uint8)
    cold, hot = (overlay(white, np.full((2, 3), heat, np.float32)) for heat in (0, 1))
    assert cold.shape == hot.shape == white.shape
    assert cold.max() <= 255 * (1 - OPACITY) + 10  # inferno begins at almost black
    assert hot.min() > cold.max()
