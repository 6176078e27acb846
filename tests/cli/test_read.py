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


def png(name: str, **texts: str) -> None:
    chunks = PngInfo()
    for keyword, text in texts.items():
        chunks.add_text(keyword, text)
    Image.new("RGB", (8, 8)).save(name, pnginfo=chunks)


FOREIGN = "a \x1b[31mcat <lora:ink:0.7>\nSteps: 20, Sampler: Euler, CFG scale: 7, Seed: 5, Size: 8x8, Version: v1.9.4"


def test_read_knows_what_others_write(limner: Limner) -> None:
    png("foreign.png", parameters=f"{FOREIGN}, Model: dream")
    png("plain.png")
    code, out, _ = limner("read", "foreign.png", "plain.png")
    assert code == 1
    assert out.startswith("foreign.png: made by AUTOMATIC1111 with dream\n  prompt      a  [31mcat\n  negative    \n")
    assert "  seed        5\n" in out
    assert "  not done:   LoRA ink at 0.7\n              noise by RNG GPU: " in out
    assert out.endswith("plain.png: says nothing about itself\n")
    foreign, plain = json.loads(limner("read", "foreign.png", "plain.png", "--json")[1])
    assert (foreign["maker"], foreign["model"], foreign["recipe"]) == ("AUTOMATIC1111", "dream", None)
    assert foreign["wish"]["guidance"] == 7.0
    assert foreign["settings"]["Seed"] == "5"
    assert foreign["unmet"][0] == "LoRA ink at 0.7"
    assert plain["wish"] == {}


def test_what_is_in_no_known_form_is_shown_raw(limner: Limner) -> None:
    png("odd.png", prompt='{"nodes": "none"}')
    code, out, _ = limner("read", "odd.png")
    assert (code, out) == (
        0,
        """odd.png: says nothing that limner understands
  not done:   what it says is in no form that limner knows
  {"nodes": "none"}
""",
    )


def test_of_several_a_damaged_one_keeps_nobody_from_the_others(limner: Limner, refused: Callable[..., str]) -> None:
    Path("folder").mkdir()
    png("folder/b.png", parameters=FOREIGN)
    Path("folder/a.webp").write_text("nothing")
    Path("folder/notes.txt").touch()
    code, out, _ = limner("read", "folder")
    assert code == 1
    assert out.startswith(
        "folder/a.webp: folder/a.webp is no picture; give a PNG, JPEG or WebP file\nfolder/b.png: made"
    )
    faulty, fine = json.loads(limner("read", "folder", "--json")[1])
    assert faulty == {"path": "folder/a.webp", "fault": "folder/a.webp is no picture; give a PNG, JPEG or WebP file"}
    assert fine["wish"]["seed"] == 5
    assert "folder/a.webp is no picture" in refused("read", "folder/a.webp")
    Path("empty").mkdir()
    assert "no pictures in empty; they end in .png, .jpg, .jpeg, .webp" in refused("read", "empty")
