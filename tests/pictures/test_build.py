"""A corpus is a function of its packages: the same bytes however often it was interrupted."""

import hashlib
import io
import tarfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tiny_registry import Registry

from limner.errors import LimnerError
from limner.pictures import build as building
from limner.pictures.build import Progress, build
from limner.pictures.datasheet import counted, datasheet
from limner.pictures.fetch import fetch, members
from limner.pictures.render import fit
from limner.pictures.sets import Corpus


@pytest.fixture
def run(registry: Registry, npm: Path, tmp_path: Path) -> Callable[[Path], list[Progress]]:
    """Builds the tiny corpus into a folder, with an empty cache at first."""

    def built(folder: Path) -> list[Progress]:
        return list(build(folder, cache=tmp_path / "cache", words=registry.words, table=registry.table))

    return built


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_two_builds_give_the_same_bytes(run: Callable[[Path], list[Progress]], tmp_path: Path) -> None:
    progress = run(tmp_path / "one")
    run(tmp_path / "two")
    assert contents(tmp_path / "one") == contents(tmp_path / "two")
    assert [(each.set, each.done, each.total, each.kept) for each in progress] == [
        ("round", 15, 15, 15),
        ("square", 15, 15, 15),
    ]


def test_several_processes_render_the_same_bytes(
    run: Callable[[Path], list[Progress]], registry: Registry, tmp_path: Path
) -> None:
    alone = run(tmp_path / "one")
    words = {"cache": tmp_path / "cache", "words": registry.words, "table": registry.table}
    assert list(build(tmp_path / "two", workers=2, **words)) == alone
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


def test_an_interrupted_build_continues_and_ends_the_same(
    run: Callable[[Path], list[Progress]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(tmp_path / "whole")
    drawn = 0

    def dying(svg: str, size: int) -> np.ndarray:
        nonlocal drawn
        drawn += 1
        if drawn == 20:
            raise KeyboardInterrupt
        return rendered(svg, size)

    rendered = building.render
    with monkeypatch.context() as patch:
        patch.setattr(building, "render", dying)
        with pytest.raises(KeyboardInterrupt):
            run(tmp_path / "cut")
        first = (tmp_path / "cut" / "round-000.zip").stat().st_mtime_ns
        assert not (tmp_path / "cut" / "square-000.zip").exists()
        run(tmp_path / "cut")
    assert (tmp_path / "cut" / "round-000.zip").stat().st_mtime_ns == first
    assert drawn == 20 + 15
    assert contents(tmp_path / "cut") == contents(tmp_path / "whole")


def test_a_damaged_shard_is_drawn_again(run: Callable[[Path], list[Progress]], tmp_path: Path) -> None:
    run(tmp_path / "corpus")
    whole = contents(tmp_path / "corpus")
    (tmp_path / "corpus" / "square-000.zip").write_bytes(b"not a zip")
    with pytest.raises(LimnerError, match="build"):
        Corpus(tmp_path / "corpus").image(29, 128)
    run(tmp_path / "corpus")
    assert contents(tmp_path / "corpus") == whole


def test_flags_and_clocks_are_left_out_and_words_are_kept(corpus: Corpus) -> None:
    labels = {record.label for record in corpus.records}
    assert {"cat", "red apple", "woman pilot"} <= labels
    assert not {"flag", "one o'clock"} & labels
    (toned,) = (r for r in corpus.records if r.set == "round" and r.tone and r.label == "woman pilot")
    assert (toned.tone, toned.gender, toned.author, toned.licence) == ("dark", "woman", "Ada", "MIT")
    assert {r.colour for r in corpus.records if "apple" in r.label} == {"red", "green"}


def test_a_limit_takes_that_many_of_each_set(registry: Registry, tmp_path: Path) -> None:
    list(build(tmp_path, limit=4, cache=registry.folder, words=registry.words, table=registry.table))
    assert len(Corpus(tmp_path)) == 8


def test_unknown_names_and_sizes_are_refused(registry: Registry, tmp_path: Path) -> None:
    with pytest.raises(LimnerError, match=r"no picture set 'oil'.*round, square"):
        next(build(tmp_path, sets=["oil"], table=registry.table))
    with pytest.raises(LimnerError, match="128 or 256"):
        next(build(tmp_path, size=64, table=registry.table))
    with pytest.raises(LimnerError, match="limner pictures build"):
        Corpus(tmp_path)


def test_no_npm_is_one_clear_line(registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(LimnerError, match=r"^`npm` is missing, and words@1.0.0 comes from it; install npm"):
        fetch(registry.words, tmp_path / "cache")


def test_offline_says_what_npm_said(registry: Registry, npm: Path, tmp_path: Path) -> None:
    npm.write_text("#!/bin/sh\necho 'npm error code ENOTFOUND' >&2; exit 1\n")
    with pytest.raises(LimnerError, match="ENOTFOUND; check the network") as error:
        fetch(registry.words, tmp_path / "cache")
    assert "\n" not in str(error.value)


def test_other_bytes_than_the_pinned_ones_are_refused(registry: Registry, npm: Path, tmp_path: Path) -> None:
    other = replace(registry.words, sha256="0" * 64)
    with pytest.raises(LimnerError, match="not the pinned 000000000000"):
        fetch(other, tmp_path / "cache")
    assert not list((tmp_path / "cache").iterdir())
    path = fetch(registry.words, tmp_path / "cache")
    path.write_bytes(path.read_bytes() + b"x")
    with pytest.raises(LimnerError, match="not the pinned"):
        fetch(registry.words, tmp_path / "cache")


def test_a_debian_package_is_read(tmp_path: Path) -> None:
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w:xz") as tar:
        member = tarfile.TarInfo("./usr/share/a.svg")
        member.size = 3
        tar.addfile(member, io.BytesIO(b"svg"))
    parts = [("debian-binary", b"2.0\n"), ("control.tar.xz", b"odd"), ("data.tar.xz", data.getvalue())]
    deb = b"!<arch>\n"
    for name, content in parts:
        deb += f"{name:<16}{0:<12}{0:<6}{0:<6}{100644:<8}{len(content):<10}`\n".encode() + content
        deb += b"\n" * (len(content) % 2)
    (tmp_path / "a.deb").write_bytes(deb)
    assert members(tmp_path / "a.deb") == {"usr/share/a.svg": b"svg"}


def test_fitting_leaves_no_fringe() -> None:
    """Invisible red around a blue square must not show after scaling."""
    pixels = np.zeros((40, 20, 4), np.uint8)
    pixels[..., 0] = 255
    pixels[10:30, 5:15] = (0, 0, 255, 255)
    small = fit(pixels, 16, margin=0.125)
    assert small.shape == (16, 16, 4)
    assert not small[:, :5, 3].any()
    assert not small[:2, :, 3].any()
    visible = small[small[..., 3] > 8]
    assert len(visible)
    assert visible[:, 0].max() <= 2  # rounding of the premultiplied colour


def test_the_datasheet_counts_what_is_there(corpus: Corpus) -> None:
    text = datasheet(counted(corpus.manifest))
    assert "| round | round style | 15 | 12 | Ada | MIT |" in text
    assert "| MIT | 30 |" in text
    for heading in ("Motivation", "Composition", "Collection", "Preprocessing", "Uses", "Distribution", "Maintenance"):
        assert f"## {heading}" in text


def test_the_manifest_names_the_bytes_of_every_shard(corpus: Corpus) -> None:
    for shard in corpus.manifest.shards:
        assert hashlib.sha256((corpus.folder / shard.file).read_bytes()).hexdigest() == shard.sha256
