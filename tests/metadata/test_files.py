"""What a picture says about itself comes back from its file, and a file is whole or is not there."""

import errno
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from plain import plain

from limner.cli.drawing import filed
from limner.engine.run import Picture
from limner.errors import LimnerError
from limner.metadata import (
    FORMATS,
    LADDERS,
    SAMPLERS,
    Reading,
    deposit,
    encode,
    named,
    parameters,
    parse,
    place,
    prepare,
    read,
    write,
)
from limner.recipe import GROUPS, VERSION, Recipe, Wish, digest, resolve

APPLE = plain(VERSION, "ab" * 32, "a red apple", "blurry", 42, 20, "euler", "karras", 1, 7.5, 0.3, 10.0, 0, 1, 16, 24)
PICTURE = np.arange(24 * 16 * 3, dtype=np.uint8).reshape(24, 16, 3)
FOREIGN = (
    "a lighthouse, (stormy:1.2),\nBREAK oil\nNegative prompt: blurry,\nlowres\n"
    "Steps: 20, Sampler: Euler a, CFG scale: 7, Seed: 965400086, Size: 512x768, Model hash: 45dee52b, "
    'Lora hashes: "one: 1f, two: 2e", Note: "a \\"b\\"\\nc", Denoising strength: 0.7'
)

hard = st.text(st.characters(exclude_categories=["Cs"]), max_size=60) | st.text('ab,:"\\\n\r\t&<>é😀\0', max_size=40)
forms = pytest.mark.parametrize("form", FORMATS)


def carried(path: Path) -> tuple[Recipe | None, str]:
    reading = read(path)
    return reading.recipe, reading.text


@forms
@settings(max_examples=40)
@given(prompt=hard, negative=hard, model=hard)
def test_everything_comes_back(form: str, prompt: str, negative: str, model: str) -> None:
    recipe, extras = replace(APPLE, prompt=prompt, negative=negative), {"Model": model}
    with TemporaryDirectory() as folder:
        path = Path(folder, f"a{FORMATS[form]}")
        write(PICTURE, path, recipe, extras)
        assert carried(path) == (recipe, parameters(recipe, extras))


@forms
def test_the_longest_recipe_fits(form: str, tmp_path: Path) -> None:
    recipe = replace(APPLE, prompt="\U0001f34e" * 2000, negative="\0" * 2000)
    write(PICTURE, tmp_path / f"a{FORMATS[form]}", recipe, {})
    assert carried(tmp_path / f"a{FORMATS[form]}") == (recipe, parameters(recipe, {}))


LONG = "\U0001f34e" * 2000  # twelve bytes each, spelt as JSON in ASCII


@forms
@pytest.mark.parametrize("hard", [LONG, "\0" * 2000, "&" * 2000, "\ufffe\uffff" * 1000])
def test_the_longest_edit_fits(form: str, hard: str, tmp_path: Path) -> None:
    edit = {**GROUPS["edit_of"], "edit_of": hard, "edit_schedule": hard[:200], "edit_where": hard[:200]}
    recipe = replace(APPLE, prompt=hard, negative=hard, **edit)
    write(PICTURE, tmp_path / f"a{FORMATS[form]}", recipe, {})
    found = read(tmp_path / f"a{FORMATS[form]}").recipe
    assert found == recipe
    assert digest(found) == digest(recipe)


def test_what_no_jpeg_can_hold_is_said_before_it_is_drawn(tmp_path: Path) -> None:
    def drawing(*_: object) -> Iterator[tuple[int, Picture]]:
        pytest.fail("drawn")

    with pytest.raises(LimnerError, match="too long for a JPEG; take PNG or WebP"):
        list(filed([APPLE], drawing, {"Model": LONG * 9}, tmp_path, "jpeg"))


@forms
def test_any_program_sees_that_a_model_made_it(form: str, tmp_path: Path) -> None:
    edit = {**GROUPS["edit_of"], "edit_of": "a pear", "edit_picture": "c" * 64, "edit_inversion": "direct"}
    for recipe, source in (
        (replace(APPLE, prompt="50% <red>"), "trainedAlgorithmicMedia"),
        (replace(APPLE, **edit), "compositeWithTrainedAlgorithmicMedia"),
    ):
        path = tmp_path / f"{source}{FORMATS[form]}"
        write(PICTURE, path, recipe, {})
        with Image.open(path) as image:
            packet = ElementTree.fromstring(image.info["xmp"])
        (found,) = packet.iter("{http://iptc.org/std/Iptc4xmpExt/2008-02-29/}DigitalSourceType")
        assert found.text == f"http://cv.iptc.org/newscodes/digitalsourcetype/{source}"
        assert read(path).recipe == recipe


@forms
def test_others_find_the_text_where_they_look(form: str, tmp_path: Path) -> None:
    path = tmp_path / f"a{FORMATS[form]}"
    write(PICTURE, path, replace(APPLE, prompt="a café"), {})
    with Image.open(path) as image:
        if form == "png":
            text = image.info["parameters"]
        else:
            exif = image.getexif()
            comment = exif.get_ifd(0x8769)[0x9286]
            assert exif.endian == ">"
            assert comment[:8] == b"UNICODE\0"
            text = comment[8:].decode("utf-16-be")
        if form != "jpeg":
            assert np.array_equal(np.asarray(image), PICTURE)
    assert text == parameters(replace(APPLE, prompt="a café"), {})


def test_parameters_are_written_as_others_write_them() -> None:
    text = parameters(replace(APPLE, guidance=7), {"Model": "limner-mini, old"})
    assert text.startswith(
        "a red apple\nNegative prompt: blurry\nSteps: 20, Sampler: Euler, Schedule type: Karras, CFG scale: 7, "
        "Guidance interval: 0.3 to 10.0, "
        'Seed: 42, Size: 16x24, Model: "limner-mini, old", Model identity: ababababab, RNG: CPU, Version: limner '
    )


@given(
    sampler=st.sampled_from(sorted(SAMPLERS)),
    ladder=st.sampled_from(sorted(LADDERS)),
    eta=st.sampled_from([0.0, 1.0]) | st.floats(0, 1),
    guidance=st.floats(-100, 100),
    above=st.floats(0, 1e4),
    rescale=st.floats(0, 1),
    skip=st.integers(1, 12),
    note=hard,
)
def test_parameters_give_the_wish_back(
    sampler: str, ladder: str, eta: float, guidance: float, above: float, rescale: float, skip: int, note: str
) -> None:
    recipe = replace(
        APPLE, sampler=sampler, ladder=ladder, eta=eta, guidance=guidance, guide_above=above, rescale=rescale,
        clip_skip=skip,
    )  # fmt: skip
    parsed = parse(parameters(recipe, {"Note": note}))
    assert resolve(replace(parsed.wish(), model=APPLE.model), {"rescale": 0.0}) == recipe
    assert parsed.settings["Note"] == note


def test_foreign_text_is_taken_apart() -> None:
    parsed = parse(FOREIGN)
    assert parsed.prompt == "a lighthouse, (stormy:1.2),\nBREAK oil"
    assert parsed.negative == "blurry,\nlowres"
    assert parsed.settings == {
        "Clip skip": "1",
        "RNG": "GPU",
        "Schedule type": "Automatic",
        "Steps": "20",
        "Sampler": "Euler a",
        "CFG scale": "7",
        "Seed": "965400086",
        "Size-1": "512",
        "Size-2": "768",
        "Model hash": "45dee52b",
        "Lora hashes": "one: 1f, two: 2e",
        "Note": 'a "b"\nc',
        "Denoising strength": "0.7",
    }
    assert parsed.wish() == Wish(
        prompt=parsed.prompt,
        negative=parsed.negative,
        seed=965400086,
        steps=20,
        sampler="ancestral",
        guidance=7.0,
        clip_skip=1,
        width=512,
        height=768,
    )


def test_two_settings_are_still_a_prompt() -> None:
    parsed = parse("a poster that reads\nSteps: 3, Seed: 4")
    assert parsed.prompt == "a poster that reads\nSteps: 3, Seed: 4"
    assert parsed.settings == {}
    assert parse("") == parse("\n")


@given(st.text(max_size=300))
def test_any_text_can_be_taken_apart(text: str) -> None:
    parse(text).wish()


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("Euler a", ("ancestral", "")),
        ("k_euler_a", ("ancestral", "")),
        ("euler_ancestral", ("ancestral", "")),
        ("EulerAncestralDiscreteScheduler", ("ancestral", "")),
        ("DPM++ 2M Karras", ("dpmpp_2m", "karras")),
        ("dpmpp_2m_k", ("dpmpp_2m", "karras")),
        ("DPMSolverMultistepScheduler", ("dpmpp_2m", "")),
        ("heun", ("heun", "")),
        ("DDIM", ("ddim", "")),
        ("DPM2 a Karras", ("dpm_2_ancestral", "karras")),
        ("k_dpmpp_2m_sde_ka", ("dpmpp_2m_sde", "karras")),
        ("DPM++ 2M SDE Exponential", ("dpmpp_2m_sde", "exponential")),
        ("DPM++ 2S a", ("dpmpp_2s_ancestral", "")),
        ("kdpm_2_a_k", ("dpm_2_ancestral", "karras")),
        ("uni_pc", ("unipc", "")),
        ("Euler SGM Uniform", ("euler", "sgm_uniform")),
        ("DPM++ 3M SDE", ("", "")),
        ("DPM++ 3M SDE Karras", ("", "karras")),
        ("", ("", "")),
    ],
)
def test_a_sampler_is_known_by_all_its_names(theirs: str, ours: tuple[str, str]) -> None:
    assert named(theirs) == ours


@given(
    st.sampled_from([(ours, name) for ours, others in SAMPLERS.items() for name in (ours, *others)]),
    st.sampled_from([("", ""), *((ours, name) for ours, others in LADDERS.items() for name in (ours, *others))]),
    st.sampled_from([str.lower, str.upper, str]),
    st.sampled_from([" ", "_"]),
    st.sampled_from(["", "k_"]),
)
def test_any_name_of_a_sampler_may_end_in_any_of_a_ladder(
    sampler: tuple[str, str], ladder: tuple[str, str], case: Callable[[str], str], blank: str, prefix: str
) -> None:
    """In any case, with blanks or underscores; or the ladder beside it, which counts more."""
    joined = case(f"{prefix}{sampler[1]} {ladder[1]}".strip()).replace(" ", blank)
    assert named(joined) == (sampler[0], ladder[0])
    assert named(sampler[1], ladder[1]) == (sampler[0], ladder[0])
    assert named(joined, "Karras") == (sampler[0], "karras")


@pytest.mark.parametrize("table", [SAMPLERS, LADDERS])
def test_no_name_means_two_things(table: dict[str, tuple[str, ...]]) -> None:
    names = [{name.replace(" ", "_").casefold() for name in (ours, *others)} for ours, others in table.items()]
    assert sum(map(len, names)) == len(set().union(*names))


def test_foreign_files_are_read(tmp_path: Path) -> None:
    chunks = Image.Exif()
    chunks.get_ifd(0x8769)[0x9286] = b"UNICODE\0" + FOREIGN.encode("utf-16-le")  # little-endian, as some write it
    Image.fromarray(PICTURE).save(tmp_path / "a.jpg", exif=chunks)
    Image.fromarray(PICTURE).save(tmp_path / "plain.png")
    assert carried(tmp_path / "a.jpg") == (None, FOREIGN)
    assert read(tmp_path / "plain.png") == Reading()


def test_hostile_xmp_expands_no_entity(tmp_path: Path) -> None:
    bomb = b'<!DOCTYPE x [<!ENTITY a "aaaa">]><x xmlns:l="urn:limner:1.0/"><l:recipe>&a;</l:recipe></x>'
    Image.fromarray(PICTURE).save(tmp_path / "a.jpg", xmp=bomb)
    assert read(tmp_path / "a.jpg") == Reading()


def test_a_recipe_of_the_future_is_named_with_its_file(tmp_path: Path) -> None:
    data = encode(PICTURE, "webp", APPLE, {}).replace(b'"version":4', b'"version":5')
    (tmp_path / "a.webp").write_bytes(data)
    with pytest.raises(LimnerError, match=r"a\.webp: recipe version 5 is unknown.*update limner"):
        read(tmp_path / "a.webp")


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda path: path.unlink(), "no file"),
        (lambda path: path.write_bytes(b""), "is no picture"),
        (lambda path: path.write_text("hello"), "is no picture"),
        (lambda path: path.write_bytes(path.read_bytes()[:-60]), "cannot read"),
        (lambda path: (path.unlink(), path.mkdir()), "cannot read"),
    ],
)
def test_what_cannot_be_read_is_refused_in_one_line(spoil: Callable[[Path], object], says: str, tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    write(PICTURE, path, APPLE, {})
    spoil(path)
    with pytest.raises(LimnerError) as refused:
        read(path)
    assert says in str(refused.value)
    assert str(path) in str(refused.value)
    assert "\n" not in str(refused.value)


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_text("mine")
    with pytest.raises(LimnerError, match="exists"):
        write(PICTURE, path, APPLE, {})
    with pytest.raises(LimnerError, match=r"none of the formats; choose \.png, \.jpg, \.webp"):
        write(PICTURE, tmp_path / "a.gif", APPLE, {})
    assert [(each.name, each.read_text()) for each in tmp_path.iterdir()] == [("a.png", "mine")]


def test_the_next_free_number_is_taken(tmp_path: Path) -> None:
    assert deposit(b"1", tmp_path, "-42.png").name == "00001-42.png"
    assert deposit(b"2", tmp_path, "-42.png").name == "00002-42.png"
    (tmp_path / "00041-7.jpg").touch()
    (tmp_path / "holiday.png").touch()
    assert deposit(b"3", tmp_path, "-42.png").name == "00042-42.png"


def test_two_at_once_lose_nothing(tmp_path: Path) -> None:
    code = "import sys; from pathlib import Path; from limner.metadata import deposit\n"
    code += "for i in range(50): deposit(sys.argv[2].encode(), Path(sys.argv[1]), '-0.png')"
    both = [subprocess.Popen([sys.executable, "-c", code, str(tmp_path), name]) for name in "ab"]
    assert [each.wait() for each in both] == [0, 0]
    assert sorted(path.read_text() for path in tmp_path.iterdir()) == ["a"] * 50 + ["b"] * 50


@pytest.mark.parametrize("without", [errno.EPERM, errno.ENOTSUP])
def test_a_file_system_without_links_will_do(without: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(without, os.strerror(without))

    monkeypatch.setattr(os, "link", refuse)
    place(b"1", tmp_path / "a")
    with pytest.raises(FileExistsError):
        place(b"2", tmp_path / "a")
    assert [(each.name, each.read_bytes()) for each in tmp_path.iterdir()] == [("a", b"1")]


@pytest.mark.skipif(sys.platform == "win32", reason="RLIMIT_FSIZE is POSIX")
def test_a_full_disk_leaves_nothing_half_written(tmp_path: Path) -> None:
    code = "import resource, sys; from pathlib import Path; from limner.errors import LimnerError\n"
    code += "from limner.metadata import place; resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
    code += "try: place(bytes(5000), Path(sys.argv[1]))\nexcept LimnerError as fault: print(fault)"
    done = subprocess.run([sys.executable, "-c", code, tmp_path / "a.png"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith(f"cannot write {tmp_path / 'a.png'}: ")
    assert done.stdout.endswith("; free some space or choose another folder\n")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_is_made_or_refused(tmp_path: Path) -> None:
    prepare(tmp_path / "new" / "folder")
    assert list((tmp_path / "new" / "folder").iterdir()) == []
    (tmp_path / "file").touch()
    with pytest.raises(LimnerError, match="choose a folder that you may write to"):
        prepare(tmp_path / "file" / "folder")
    with pytest.raises(LimnerError, match="choose a folder that you may write to"):
        prepare(tmp_path / "file")
