"""A folder is looked at once, asked as somebody types it, and never written to."""

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pair
import pytest
from PIL import Image

from limner.pictures.scenes import FULL
from limner.pictures.sets import Corpus
from limner.process.noise import draw
from limner.training.preset import PRESETS

Said = tuple[int, str, str]


@pytest.fixture(scope="module")
def paired(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return pair.write(tmp_path_factory.mktemp("search") / "paired")


@pytest.fixture
def pictures(here: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Seven pictures, one in a folder of its own, and three files that only look like some."""
    monkeypatch.setenv("LIMNER_HOME", str(here / "home"))
    folder = here / "pictures"
    (folder / "inner").mkdir(parents=True)
    for k, name in enumerate(("a.png", "b.jpg", "c.webp", "d.gif", "inner/e.PNG", "f.png")):
        noise = draw(k, "pixels", 0, (24 + k, 20, 3)).sigmoid().numpy()
        Image.fromarray((255 * noise).astype(np.uint8)).save(folder / name)
    Image.new("CMYK", (9, 30)).save(folder / "g.jpg")
    (folder / "bad.png").write_bytes(b"\x89PNG\r\n\x1a\nno more")
    (folder / "empty.jpg").write_bytes(b"")
    half = (folder / "a.png").read_bytes()
    (folder / "half.png").write_bytes(half[: len(half) // 2])
    (folder / ".hidden.png").write_bytes(half)
    (folder / "notes.txt").write_text("no picture")
    return folder


def asked(limner: Callable[..., Said], *words: object) -> tuple[int, dict[str, object]]:
    code, out, _ = limner("search", *words, "--json")
    return code, json.loads(out)


def test_a_folder_is_looked_at_once(paired: Path, pictures: Path, limner: Callable[..., Said]) -> None:
    before = sorted(pictures.rglob("*"))
    code, first = asked(limner, pictures, "a red apple", "--model", paired)
    assert (code, first["pictures"], first["new"]) == (1, 7, 7)
    assert set(first["bad"]) == {"bad.png", "empty.jpg", "half.png"}
    cosines = [each["similarity"] for each in first["answers"]]
    assert len(cosines) == 5
    assert cosines == sorted(cosines, reverse=True)
    code, again = asked(limner, pictures, "a red apple", "--model", paired)
    assert (again["new"], again["answers"]) == (0, first["answers"])
    assert sorted(pictures.rglob("*")) == before

    (pictures / "a.png").rename(pictures / "moved.png")
    os.utime(pictures / "b.jpg", ns=(1, 1))
    _, moved = asked(limner, pictures, "a red apple", "--model", paired)
    assert (moved["pictures"], moved["new"]) == (7, 0)  # known by their bytes
    shutil.copy(pictures / "b.jpg", pictures / "moved.png")
    (pictures / "c.webp").unlink()
    Image.new("RGB", (20, 20), "red").save(pictures / "f.png")
    _, changed = asked(limner, pictures, "a red apple", "--model", paired)
    assert (changed["pictures"], changed["new"]) == (6, 1)


def test_a_damaged_index_is_made_again(paired: Path, pictures: Path, here: Path, limner: Callable[..., Said]) -> None:
    _, first = asked(limner, pictures, "two cats", "--model", paired)
    (index,) = (here / "home" / "albums").iterdir()
    index.write_bytes(index.read_bytes()[:-7])
    _, again = asked(limner, pictures, "two cats", "--model", paired)
    assert (again["new"], again["answers"]) == (7, first["answers"])


def test_a_picture_finds_its_copy_but_not_itself(paired: Path, pictures: Path, limner: Callable[..., Said]) -> None:
    shutil.copy(pictures / "a.png", pictures / "copy.png")
    _, found = asked(limner, pictures, "--like", pictures / "a.png", "--count", 7, "--model", paired)
    paths = [Path(each["path"]).name for each in found["answers"]]
    assert paths[0] == "copy.png"
    assert "a.png" not in paths
    assert found["answers"][0]["similarity"] == pytest.approx(1, abs=1e-4)


def test_what_is_found_is_said_and_drawn(paired: Path, pictures: Path, here: Path, limner: Callable[..., Said]) -> None:
    words = ("search", pictures, "a blue boat", "--count", 2, "--model", paired)
    code, out, err = limner(*words, "--sheet", "found.png", "--map", "map.png")
    lines = out.splitlines()
    assert (code, len(lines)) == (1, 4)
    assert [line.rsplit(" ", 1)[0] for line in lines[2:]] == ["mean cosine", "isoscore"]
    assert sorted(line.split()[1] for line in err.splitlines()) == sorted(
        str(pictures / name) for name in ("bad.png", "empty.jpg", "half.png")
    )
    for name in ("found.png", "map.png"):
        with Image.open(name) as drawn:
            assert np.asarray(drawn.convert("RGB")).std() > 1


def test_a_map_of_too_few_withholds_no_answer(
    paired: Path, pictures: Path, here: Path, limner: Callable[..., Said], refused: Callable[..., str]
) -> None:
    for few in ("one.png", "copy.png", "again.png"):
        (here / "few").mkdir(exist_ok=True)
        shutil.copy(pictures / "a.png", here / "few" / few)
        code, out, err = limner("search", "few", "cat", "--map", "map.png", "--model", paired)
        assert (code, out.count("few/")) == (1, len([*(here / "few").iterdir()]))
        assert err == "limner: no map is drawn: a map needs 3 different pictures, not 1; give the folder more\n"
    assert "a map needs 3 different" in refused("search", "few", "--map", "map.png", "--model", paired)
    assert not (here / "map.png").exists()


def test_what_is_not_read_is_said(paired: Path, pictures: Path, limner: Callable[..., Said]) -> None:
    note = "limner: the {} is longer than the model reads at once: this is not read: "
    long = "a red apple " * 6
    _, said, err = limner("search", pictures, f"{long}blue\x1b boat", "--model", paired)
    line = next(each for each in err.splitlines() if "longer" in each)
    assert line.startswith(note.format("text"))
    assert line.endswith("apple blue   boat")
    assert limner("search", pictures, long, "--model", paired)[1] == said  # what is said not to be read is not
    assert "longer" not in limner("search", pictures, "a red apple", "--model", paired)[2]
    _, _, err = limner("classify", pictures / "a.png", "--words", f"cat,{long}", "--model", paired)
    assert err.startswith(note.format("word 'a red apple a red apple a red [...]'"))
    assert err.count("\n") == 1
    assert not limner("classify", pictures / "a.png", "--words", "cat,red apple", "--model", paired)[2]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("{pictures}",), "nothing to look for"),
        (("{pictures}", " "), "nothing to look for"),
        (("{pictures}", "cat", "--like", "x.png"), "two questions"),
        (("{pictures}", "cat", "--count", "0"), "count 0 is out of range"),
        (("{pictures}", "cat", "--sheet", "there.png"), "there.png exists"),
        (("{pictures}", "cat", "--sheet", "x.png", "--map", "x.png"), "are one file"),
        (("{pictures}", "cat", "--sheet", "sheet.gif"), "does not end in .png"),
        (("{pictures}", "cat", "--map", "no/where.png"), "no is no folder"),
        (("nowhere", "cat"), "nowhere is no folder"),
        (("home", "cat"), "no pictures in home"),
        (("{pictures}", "--like", "{pictures}/bad.png"), "is no picture that can be opened"),
    ],
)
def test_what_cannot_be_asked_is_one_line(
    words: tuple[str, ...], said: str, paired: Path, pictures: Path, here: Path, refused: Callable[..., str]
) -> None:
    (here / "home").mkdir()
    (here / "there.png").write_bytes(b"")
    assert said in refused("search", *(each.format(pictures=pictures) for each in words), "--model", paired)
    assert (here / "there.png").read_bytes() == b""


def test_a_model_without_a_picture_tower_says_so(other: Path, pictures: Path, refused: Callable[..., str]) -> None:
    assert "brings no picture tower" in refused("search", pictures, "cat", "--model", other)
    assert "brings no picture tower" in refused("classify", pictures / "a.png", "--words", "a,b", "--model", other)


def test_a_picture_is_classified(paired: Path, pictures: Path, here: Path, limner: Callable[..., Said]) -> None:
    ask = ("classify", pictures / "a.png", pictures / "bad.png", "--model", paired, "--count", 9)
    code, out, _ = limner(*ask, "--words", "cat, dog,red apple,cat", "--json")
    good, bad = json.loads(out)
    assert code == 1
    assert "is no picture" in bad["fault"]
    assert {each["word"] for each in good["words"]} == {"cat", "dog", "red apple"}
    assert sum(each["probability"] for each in good["words"]) == pytest.approx(1, abs=1e-4)
    (here / "words.txt").write_text("cat\n\n dog\nred  apple\n", "utf-8-sig")
    _, listed, _ = limner(*ask[:2], *ask[3:], "--words-file", "words.txt", "--json")
    assert json.loads(listed) == [good]
    code, line, _ = limner(*ask[:2], "--model", paired, "--words", "cat,dog", "--count", 1)
    assert code == 0
    assert line.startswith(f"{pictures / 'a.png'}: ")
    assert line.endswith("%\n")


def test_without_a_choice_nothing_is_classified(
    paired: Path, pictures: Path, here: Path, refused: Callable[..., str]
) -> None:
    (here / "words.txt").write_bytes(b"\xff\xfe\x00")
    ask = ("classify", pictures / "a.png", "--model", paired)
    assert "1 words are no choice" in refused(*ask, "--words", "cat,,cat")
    assert "two lists" in refused(*ask, "--words", "a,b", "--words-file", "words.txt")
    assert "words.txt is no text" in refused(*ask, "--words-file", "words.txt")
    assert "nowhere.txt" in refused(*ask, "--words-file", "nowhere.txt")
    assert "give --words" in refused(*ask)
    assert "count 0" in refused(*ask, "--words", "a,b", "--count", 0)


def test_what_clip_knows_is_measured(
    paired: Path, corpus: Corpus, here: Path, limner: Callable[..., Said], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(PRESETS, "mini", replace(PRESETS["mini"], sayings=replace(FULL, faces=0.0)))
    code, out, err = limner(
        "measure",
        "clip",
        "--model",
        paired,
        "--corpus",
        corpus.folder,
        "--gallery",
        12,
        "--questions",
        4,
    )
    names = [
        "caption_found_first",
        "picture_found_first",
        "held_out_caption_found_first",
        "held_out_picture_found_first",
        "noun_named",
        "colour_named",
        "control_above_chance",
        "gallery",
    ]
    assert [line.split()[0] for line in out.splitlines()] == names, err
    assert code == 1  # chance weights
    assert "held out pairs" in err
    kept = json.loads(Path("docs/figures/clip.json").read_text())["details"]
    assert len(kept["counts"]) == 3 * 6 + 3 + 10
    assert kept["counts"]["colours exchanged, and, held out"]["chance"] == 0.5
    assert set(kept["space"]) == {"mean cosine", "mean cosine of pairs", "isoscore", "modality gap"}
    for name in ("clip.png", "clip-pictures.png", "clip-space.png"):
        with Image.open(Path("docs/figures") / name) as drawn:
            assert np.asarray(drawn.convert("RGB")).std() > 1
