"""A picture is asked what it is, whoever made it."""

import json
from collections.abc import Callable
from pathlib import Path

from PIL import Image
from PIL.PngImagePlugin import PngInfo

Limner = Callable[..., tuple[int, str, str]]


def test_read_prints_it_back(limner: Limner) -> None:
    limner("make", "a cat,\non a table", "--model", "tiny", "--seed", 5)
    (path,) = Path("outputs").iterdir()
    code, out, _ = limner("read", path)
    assert code == 0
    lines = dict(line.split(maxsplit=1) for line in out.splitlines()[1:] if " " in line.strip())
    assert lines["prompt"] == "a cat, on a table"
    assert lines["seed"] == "5"
    (report,) = json.loads(limner("read", path, "--json")[1])
    assert report["recipe"]["prompt"] == "a cat,\non a table"
    assert report["wish"]["seed"] == 5


def test_read_knows_what_others_write(limner: Limner) -> None:
    chunks = PngInfo()
    chunks.add_text("parameters", "a \x1b[31mcat\nSteps: 20, Sampler: Euler, CFG scale: 7, Seed: 5, Size: 8x8")
    Image.new("RGB", (8, 8)).save("foreign.png", pnginfo=chunks)
    Image.new("RGB", (8, 8)).save("plain.png")
    code, out, _ = limner("read", "foreign.png", "plain.png")
    assert code == 1
    assert "plain.png: says nothing about itself" in out
    assert "foreign.png: not limner's\n  a  [31mcat\n  Steps: 20, Sampler: Euler" in out
    foreign, plain = json.loads(limner("read", "foreign.png", "plain.png", "--json")[1])
    assert foreign["recipe"] is None
    assert foreign["wish"]["guidance"] == 7.0
    assert foreign["settings"]["Seed"] == "5"
    assert plain["wish"] == {"prompt": "", "negative": ""}
