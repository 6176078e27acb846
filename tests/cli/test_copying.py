"""What a model copies is measured, shown and credited; without the pictures one line says what to do."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from zlib import crc32

import numpy as np
import pytest
from PIL import Image

from limner.bundle import open_bundle
from limner.bundle.layout import read_json, write_json
from limner.cli.nearest import page
from limner.evaluation import unpicked
from limner.evaluation.nearest import COPY, Index, Match, build
from limner.pictures.lecture import lecture
from limner.pictures.nouns import nouns
from limner.pictures.sets import Corpus

Said = tuple[int, str, str]
CORE = [word for word, noun in nouns().items() if noun.core and noun.codes]


@pytest.fixture
def taught(other: Path, tmp_path: Path) -> Path:
    """A model that was taught the tiny corpus's styles."""
    folder = Path(shutil.copytree(other, tmp_path / "taught"))
    about = {
        "identity": open_bundle(folder).identity,
        "nouns": [*CORE],
        "styles": ["round style"],
        "parameters": {"unet": 1234567},
        "training": {"diffusion": {"steps": 4321, "loss": 0.125}},
        "defaults": {"steps": 1, "guidance": 1.0, "width": 16, "height": 16},
    }
    write_json(folder / "limner.json", read_json(folder / "limner.json") | about)
    return folder


def test_copies_are_counted_on_what_was_drawn_for_the_sheet(
    taught: Path, here: Path, corpus: Corpus, limner: Callable[..., Said], monkeypatch: pytest.MonkeyPatch
) -> None:
    every = unpicked.cards
    monkeypatch.setattr(unpicked, "cards", lambda words, styles: every(words, styles)[::10])  # ten are drawn sooner
    code, out, _ = limner("measure", "unpicked", "--model", taught, "--out", "hundred", "--backend", "eager")
    assert (code, out) == (0, "pictures 10 at least 10 ok\n")
    key = json.loads(Path("hundred.json").read_text())
    assert len(key["cards"]) == len(list(Path("hundred").iterdir())) == 10
    for file in Path("hundred").iterdir():
        with Image.open(file) as picture:
            assert not picture.info
    drawn = {file: file.stat().st_mtime_ns for file in Path("hundred-drawn").rglob("*.png")}
    assert len(drawn) == 10

    job = ("measure", "nearest", "--model", taught, "--corpus", corpus.folder, "--out", "hundred", "--backend", "eager")
    code, out, err = limner(*job, "--count", 2, "--renders", 4)
    assert [line.split()[0] for line in out.splitlines()] == ["copies_found", "others_called_copies", "copy_rate"]
    assert code in (0, 1)
    assert "12 of 12 pictures" in err
    assert {file: file.stat().st_mtime_ns for file in drawn} == drawn
    kept = json.loads(Path("docs/figures/nearest.json").read_text())
    details = kept["details"]
    assert details["drawn"]["of"] == 12
    assert details["sets"] == ["round"]
    assert details["never trained on"] == ["square"]
    assert "may have seen some of them" in details["never trained on means"]
    assert details["drawings never trained on"]["of"] == 4
    assert all(pair["author"] == "Ada" and pair["key"].startswith("round") for pair in details["nearest"])
    for name in ("nearest-distribution.png", "unpicked.png"):
        with Image.open(Path("docs/figures") / name) as sheet:
            assert np.asarray(sheet).std() > 0

    rows = [f"{card['file']},{card['noun'] if card['seed'] != 60 else 'unknown'}" for card in key["cards"]]
    Path("names.csv").write_text("\n".join(rows))
    code, out, _ = limner("measure", "read", "names.csv", "--key", "hundred.json", "--reader", "a test")
    assert (code, out) == (0, "named_rightly 9 of 10 at least 6 of 10 ok\n")
    named = json.loads(Path("docs/figures/unpicked-named.json").read_text())
    assert named["details"]["kinds"]["shape"] == "0 of 1"
    assert Path("docs/figures/unpicked-named.png").exists()

    card = ("measure", "card", "--model", taught)
    assert limner(*card, "--check")[0] == 1
    assert not (taught / "README.md").exists()
    assert limner(*card)[0] == 0
    assert limner(*card, "--check")[0] == 0
    write_json(Path("docs/figures/nearest.json"), kept | {"figures": [kept["figures"][2] | {"value": 12.34}]})
    code, out, _ = limner(*card, "--check")
    assert code == 1
    assert "docs/figures/nearest.json has 12.34" in out


def test_no_folder_is_emptied_but_its_own(taught: Path, here: Path, refused: Callable[..., str]) -> None:
    Path("mine").mkdir()
    Path("mine/letter.txt").write_text("dear")
    for there in ("mine", "mine/letter.txt"):
        assert f"{there} is there already" in refused("measure", "unpicked", "--model", taught, "--out", there)
    assert Path("mine/letter.txt").read_text() == "dear"
    assert "rounds 0 is out of range" in refused("measure", "costs", "--model", taught, "--rounds", 0)


def test_the_lecture_is_drawn_whole(taught: Path, here: Path, limner: Callable[..., Said]) -> None:
    ask = ("measure", "lecture", "--model", taught, "--backend", "eager")
    code, out, _ = limner(*ask)
    files = [*Path("outputs/lecture").rglob("*.png")]
    different = len({Image.open(file).tobytes() for file in files})  # of chance weights some come out alike
    assert len(files) == 13
    assert (code, out) == (int(different < 13), f"pictures {different} at least 13 {'ok' if code == 0 else 'short'}\n")
    details = json.loads(Path("docs/figures/lecture.json").read_text())["details"]
    assert (details["seed"], len(details["shown"])) == (42, len(lecture()))
    assert Path("docs/figures/lecture.png").exists()
    for file in files:  # as a network draws that hears no word
        Image.new("RGB", (16, 16)).save(file)
    assert limner(*ask)[:2] == (1, "pictures 1 at least 13 short\n")


def test_a_pair_is_shown_side_by_side(here: Path, corpus: Corpus) -> None:
    list(build(corpus, here / "kept"))
    index, drawn = Index(corpus, here / "kept", range(len(corpus))), corpus.image(3, 64)[..., :3]
    page(index, [(("a house", 7), drawn, Match(3, 0.9))] * 2, Path("pairs.png"))
    with Image.open("pairs.png") as sheet:
        assert sheet.width > 4 * 64
        assert np.asarray(sheet).std() > 0


def framed(corpus: Corpus, place: int, name: str) -> None:
    drawing = Image.fromarray(corpus.image(place, 128))
    page = Image.new("RGB", (160, 160), "white")
    page.paste(drawing, (20, 10), drawing)
    page.save(name)


def test_a_copy_owes_its_artist_credit(here: Path, corpus: Corpus, limner: Callable[..., Said]) -> None:
    framed(corpus, 3, "copy.png")
    Image.new("RGB", (64, 64), "white").save("empty.png")
    ask = ("read", "--credit", "--corpus", corpus.folder, "copy.png", "empty.png")
    _, out, _ = limner(*ask)
    record = corpus.records[3]
    assert f'credit      after "{record.label}", {record.style}, by Ada (MIT), test://' in out
    assert "nothing stands out from its ground" in out
    copy, empty = json.loads(limner(*ask, "--json")[1])
    assert copy["nearest"][0]["likeness"] >= copy["copy_from"] == COPY
    assert len(copy["credit"]) == 1
    assert (empty["nearest"], empty["credit"]) == ([], [])


def test_credit_looks_at_a_picture_as_it_is_shown(here: Path, corpus: Corpus, limner: Callable[..., Said]) -> None:
    framed(corpus, 3, "copy.png")
    with Image.open("copy.png") as picture:
        turned, exif = picture.rotate(90, expand=True), Image.Exif()
    exif[0x0112] = 6  # to be shown turned by a quarter, clockwise
    turned.save("turned.png", exif=exif)
    clear = turned.rotate(-90, expand=True).convert("RGBA")
    white = (np.asarray(clear)[..., :3] == 255).all(-1)
    Image.fromarray(np.where(white[..., None], 0, np.asarray(clear)).astype(np.uint8)).save("clear.png")
    ask = ("read", "--credit", "--corpus", corpus.folder, "copy.png", "turned.png", "clear.png")
    copy, *same = json.loads(limner(*ask, "--json")[1])
    assert [each["nearest"] for each in same] == [copy["nearest"]] * 2


def test_a_picture_that_cannot_be_looked_at_keeps_nobody_from_the_others(
    here: Path, corpus: Corpus, limner: Callable[..., Said]
) -> None:
    limner("make", "a cat", "--model", "tiny", "--count", 2)
    good, bad = sorted(Path("outputs").iterdir())
    data = bad.read_bytes()
    head = b"IHDR" + (2**13 + 1).to_bytes(4) * 2 + data[24:29]
    bad.write_bytes(data[:12] + head + crc32(head).to_bytes(4) + data[33:])
    ask = ("read", "--credit", "--corpus", corpus.folder)
    assert limner(*ask, good)[0] == 0
    code, out, _ = limner(*ask, good, bad, "--json")
    first, second = json.loads(out)
    assert (code, "fault" in first) == (1, False)
    assert second["fault"].startswith(f"{bad} has 8193 x 8193 pixels")
    assert second["recipe"]["prompt"] == "a cat"
    assert f"credit      {bad} has 8193 x 8193 pixels" in limner(*ask, good, bad)[1]
    code, _, err = limner(*ask, bad)
    assert (code, err.splitlines()[-1]) == (2, f"limner: {bad} has 8193 x 8193 pixels; make it smaller")


def test_a_drawing_of_ones_own_owes_nothing(here: Path, corpus: Corpus, limner: Callable[..., Said]) -> None:
    page = np.full((64, 64, 3), 255, np.uint8)
    page[10:30, 8:56] = (30, 90, 220)
    page[30:50, 8:30] = (20, 20, 20)
    Image.fromarray(page).save("own.png")
    _, out, _ = limner("read", "--credit", "--corpus", corpus.folder, "own.png")
    assert f"credit      none owed: a copy is {COPY} like its drawing, or more" in out


def test_without_the_pictures_one_line_says_what_to_do(taught: Path, here: Path, refused: Callable[..., str]) -> None:
    Image.new("RGB", (64, 64), "white").save("empty.png")
    line = refused("read", "--credit", "--corpus", "nowhere", "empty.png")
    assert "no picture corpus in nowhere; run `limner pictures build`" in line
    job = ("measure", "nearest", "--model", taught, "--corpus", "nowhere")
    assert "no picture corpus in nowhere" in refused(*job)
    assert "count 0 is out of range" in refused(*job, "--count", 0)
    assert "renders 1 is out of range; choose at least 2" in refused(*job, "--renders", 1)
