"""The picture sets are built with a report and shown on a sheet."""

import io
import json
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import fields
from pathlib import Path

import pytest
from PIL import Image

from limner.errors import LimnerError
from limner.pictures import build
from limner.pictures.build import Progress
from limner.pictures.sets import VERSION, Record

Limner = Callable[..., tuple[int, str, str]]


@pytest.fixture
def corpus(here: Path) -> Path:
    """Three pictures of one set, as a build leaves them."""
    folder = here / "corpus"
    folder.mkdir()
    with zipfile.ZipFile(folder / "dots-000.zip", "w") as shard:
        for key, colour in enumerate(("red", "green", "blue")):
            file = io.BytesIO()
            Image.new("RGBA", (128, 128), colour).save(file, "WEBP", lossless=True)
            shard.writestr(f"{key}.webp", file.getvalue())
    names = [each.name for each in fields(Record)]
    known = {"set": "dots", "tags": []}
    records = [[str(key) if name == "key" else known.get(name, "a dot") for name in names] for key in range(3)]
    shards = [{"file": "dots-000.zip", "set": "dots", "count": 3, "plan": "", "sha256": ""}]
    manifest = {"version": VERSION, "size": 128, "seed": 0, "sets": [], "shards": shards, "held_out": []}
    (folder / "manifest.json").write_text(json.dumps(manifest | {"fields": names, "records": records}))
    return folder


def test_a_sheet_of_some_of_them(limner: Limner, corpus: Path) -> None:
    code, out, _ = limner("pictures", "show", "--corpus", corpus, "--count", 2, "--json")
    report = json.loads(out)
    assert code == 0
    assert len(report["pictures"]) == 2
    assert set(report["pictures"]) < {"0", "1", "2"}
    with Image.open(report["path"]) as sheet:
        assert sheet.width > 2 * 128
        assert {(255, 0, 0), (0, 128, 0), (0, 0, 255)} & {colour for _, colour in sheet.getcolors(10_000) or []}
    again = json.loads(limner("pictures", "show", "--corpus", corpus, "--count", 2, "--json")[1])
    assert again["pictures"] == report["pictures"]
    assert again["path"] != report["path"]


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        (["show", "--corpus", "nowhere"], "no picture corpus in nowhere; run `limner pictures build`"),
        (["show", "--count", 0], "count 0 is out of range"),
        (["build", "--side", 64], "pictures of 64 pixels are not built"),
        (["build", "--sets", "emojis"], "there is no picture set 'emojis'"),
        (["bild"], "see limner pictures --help"),
        ([], "the following arguments are required"),
    ],
)
def test_bad_input_is_one_line(argv: list[object], says: str, refused: Callable[..., str]) -> None:
    assert says in refused("pictures", *argv)


def test_the_datasheet_counts_them(limner: Limner, corpus: Path) -> None:
    code, out, _ = limner("pictures", "datasheet", "--corpus", corpus)
    assert code == 0
    assert out.startswith("# Datasheet")
    assert ": 3 drawings with words" in out


def test_a_build_says_what_it_kept(limner: Limner, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def built(folder: Path, *_: object, workers: int) -> Iterator[Progress]:
        assert (folder, workers) == (here / "corpus", 3)
        yield Progress("dots", 512, 600, 500)
        yield Progress("dots", 600, 600, 580)

    monkeypatch.setattr(build, "build", built)
    code, out, _ = limner("pictures", "build", "--corpus", here / "corpus", "--workers", "3", "--json")
    assert (code, json.loads(out)) == (0, {"folder": str(here / "corpus"), "pictures": {"dots": 580}})


def test_a_build_offline_is_one_line(refused: Callable[..., str], monkeypatch: pytest.MonkeyPatch) -> None:
    def offline(*_: object, workers: int) -> Iterator[Progress]:
        raise LimnerError("npm cannot reach its registry", "connect and run the same command again")

    monkeypatch.setattr(build, "build", offline)
    assert "connect and run the same command again" in refused("pictures", "build")
