"""A file may say anything about itself: it costs one line, and neither time nor memory beyond its own size."""

import json
import struct
import tracemalloc
import zlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from time import process_time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pictures import HEADER, chunk, international, png, text, with_tags, zipped
from test_comfy import DEFAULT
from test_files import APPLE, PICTURE

from limner.errors import LimnerError
from limner.metadata import FORMATS, encode, read
from limner.metadata.chunks import MOST, chunks
from limner.metadata.exif import tags

MANY_MB = 50 * 2**20
LINES = "a fox\nSteps: 20, Sampler: Euler a, CFG scale: 7, Seed: 5, Size: 8x8"


def refused(path: Path) -> str:
    with pytest.raises(LimnerError) as fault:
        read(path)
    line = str(fault.value)
    assert str(path) in line
    assert "\n" not in line
    assert len(line) < 400
    return line


@pytest.mark.parametrize(
    "bomb",
    [
        lambda: text("parameters", "a" * MANY_MB),
        lambda: international("prompt", "a" * MANY_MB),
        lambda: zipped("parameters", b"a" * MANY_MB),  # 50 kB that unfold to 50 MB
        lambda: international("prompt", "a" * MANY_MB, squeezed=True),
        lambda: b"".join(zipped(f"k{i}", b"a" * (MOST // 4)) for i in range(5)),
    ],
)
def test_too_much_text_is_refused_before_it_is_held(bomb: Callable[[], bytes], tmp_path: Path) -> None:
    path = png(tmp_path / "a.png", bomb())
    tracemalloc.start()
    began = process_time()
    assert "carries more than 16 MB of text; that is no recipe" in refused(path)
    assert process_time() - began < 5
    assert tracemalloc.get_traced_memory()[1] < 4 * MOST
    tracemalloc.stop()


def test_other_chunks_may_be_as_large_as_they_like(tmp_path: Path) -> None:
    path = png(tmp_path / "a.png", chunk(b"iCCP", bytes(MANY_MB)), text("parameters", LINES))
    tracemalloc.start()
    assert read(path).wish.seed == 5
    assert tracemalloc.get_traced_memory()[1] < 2**20
    tracemalloc.stop()


def test_a_picture_of_four_milliard_pixels_is_only_asked_for_its_text(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    header = struct.pack(">II", 65535, 65535) + HEADER[8:]
    parts = [chunk(b"IHDR", header), text("parameters", LINES), chunk(b"IEND", b"")]
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(parts))
    assert read(path).wish.seed == 5


def test_of_two_texts_of_one_name_the_later_counts(tmp_path: Path) -> None:
    """As in Pillow, by which most of these programs read."""
    path = png(tmp_path / "a.png", text("parameters", LINES), text("parameters", LINES.replace("fox", "cat")))
    assert read(path).wish.prompt == "a cat"


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda data: data[:40], "it ends early"),
        (lambda data: data[:-10], "it ends early"),
        (lambda data: data.replace(b"Euler", b"Eulen"), "a tEXt chunk has a wrong checksum"),
        (lambda data: data[:33] + chunk(b"zTXt", b"k\0\0" + zlib.compress(b"a" * 99)[:-5]) + data[33:], "ends early"),
        (lambda data: data[:33] + chunk(b"zTXt", b"k\0\0nothing") + data[33:], "cannot read"),
        (lambda data: data[:33] + struct.pack(">I", 2**31 - 1) + b"tEXt" + data[33:], "carries more than"),
        (lambda data: b"GIF89a" + data, "is no picture"),
        (lambda data: data[:8], "it ends early"),
        (lambda data: b"\xff\xd8\xff\xe1\xff\xffExif", "it ends early"),
        (lambda data: b"\xff\xd8\xff\xe1\0\0Exif", "it ends early"),
        (lambda data: b"\xff\xd8\xff\xe1\0\x04ab" + b"cd", "a marker is missing"),
        (lambda data: b"RIFF\0\0\0\0WEBPEXIF\xff\xff\xff\xff", "carries more than"),
        (lambda data: b"RIFF\0\0\0\0WEBPEXIF\xff\0\0\0abc", "it ends early"),
        (lambda data: b"RIFF\0\0\0\0WEBPEX", "it ends early"),
    ],
)
def test_damage_is_named(damage: Callable[[bytes], bytes], says: str, tmp_path: Path) -> None:
    path = png(tmp_path / "a.png", text("parameters", LINES))
    path.write_bytes(damage(path.read_bytes()))
    assert says in refused(path)


def test_bytes_that_are_no_utf8_are_marked(tmp_path: Path) -> None:
    path = png(tmp_path / "a.png", chunk(b"iTXt", b"parameters\0\0\0\0\0" + LINES.encode().replace(b"fox", b"f\xffx")))
    assert read(path).wish.prompt == "a f�x"


def test_chunks_of_no_form_are_harmless(tmp_path: Path) -> None:
    parts = [chunk(kind, body) for kind in (b"tEXt", b"iTXt", b"eXIf") for body in (b"", b"\0", b"a", b"\0\0\0")]
    assert read(png(tmp_path / "a.png", *parts)).wish.prompt is None


@pytest.mark.parametrize("name", ["prompt", "workflow", "invokeai_metadata", "sd-metadata", "Dream", "parameters"])
@pytest.mark.parametrize(
    "body",
    [
        "[" * 10**6,
        '{"a":' * 10**6,
        "1" * 10**6,
        f'{{"a": {"1" * 5000}}}',
        '"' + "\\" * 999_999,
        "a: b, " * 10**5,
        "<" * 10**6,
    ],
)
def test_no_text_is_deep_or_long_enough(name: str, body: str, tmp_path: Path) -> None:
    path = png(tmp_path / "a.png", text(name, body))
    began = process_time()
    found = read(path)
    assert process_time() - began < 3
    assert len(found.unmet) <= 41


def test_a_record_of_many_strange_keys_is_one_short_line(tmp_path: Path) -> None:
    record = json.dumps({f"key {i}": i for i in range(10_000)})
    assert "the recipe" in refused(png(tmp_path / "a.png", text("limner", record)))


def test_exif_that_names_a_text_often_costs_it_once() -> None:
    entries = b"".join(struct.pack("<HHII", 0x010E, 2, 2**20, 8) for _ in range(60_000))
    block = b"II*\0" + struct.pack("<I", 8) + struct.pack("<H", 60_000) + entries + bytes(2**20)
    began = process_time()
    assert list(tags(block)) == [0x010E]
    assert process_time() - began < 3


def test_exif_that_leads_into_itself_or_nowhere_ends() -> None:
    looped = b"MM\0*" + struct.pack(">I", 8) + struct.pack(">H", 1) + struct.pack(">HHII", 0x8769, 4, 1, 8)
    assert tags(looped) == {}
    assert tags(b"MM\0*" + struct.pack(">I", 2**31)) == {}
    assert tags(b"") == tags(b"II") == {}


def test_xmp_in_an_encoding_that_hides_its_entities_is_not_opened(tmp_path: Path) -> None:
    from PIL import Image

    bomb = '<?xml version="1.0" encoding="utf-16"?><!DOCTYPE x [<!ENTITY a "{}">]>'.format("a" * 99)
    bomb += '<x xmlns:l="urn:limner:1.0/"><l:recipe>&a;</l:recipe></x>'
    Image.fromarray(PICTURE).save(tmp_path / "a.webp", xmp=bomb.encode("utf-16"))
    assert read(tmp_path / "a.webp").text == ""
    Image.fromarray(PICTURE).save(tmp_path / "b.webp", xmp=b"<x>" * 10**5)
    assert read(tmp_path / "b.webp").text == ""


@pytest.mark.parametrize("form", FORMATS)
@settings(max_examples=60)
@given(
    cuts=st.lists(st.tuples(st.integers(0, 2000), st.binary(max_size=4)), min_size=1, max_size=4), length=st.integers(0)
)
def test_any_damage_is_a_reading_or_one_line(form: str, cuts: list[tuple[int, bytes]], length: int) -> None:
    data = bytearray(encode(PICTURE, form, APPLE, {"Model": "mini"}))
    for at, piece in cuts:
        data[at : at + len(piece)] = piece
    with TemporaryDirectory() as folder:
        path = Path(folder, f"a{FORMATS[form]}")
        path.write_bytes(bytes(data[: 12 + length % len(data)]))
        began = process_time()
        with suppress(LimnerError):
            read(path)
        assert process_time() - began < 1


@settings(max_examples=100)
@given(st.binary(max_size=300))
def test_any_exif_is_read_or_left(block: bytes) -> None:
    tags(block)
    tags(b"II*\0\x08\0\0\0" + block)


def test_only_the_texts_are_read(tmp_path: Path) -> None:
    path = with_tags(tmp_path / "a.webp", {0x0110: f"prompt:{DEFAULT}", 0x0112: 1})
    assert chunks(path).texts == {}
    assert set(tags(chunks(path).exif)) == {0x0110}
