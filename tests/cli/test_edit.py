"""A picture again with other words; and things that must not be missing.  Wrong inputs cost one line."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from limner.metadata import read
from limner.recipe import Recipe

Limner = Callable[..., tuple[int, str, str]]
Refused = Callable[..., str]
TWO = ("--prompt", "a boat", "--to", "a cat")
TINY = ("--model", "tiny", "--ladder", "karras")


def recipe(path: str | Path) -> Recipe:
    found = read(Path(path)).recipe
    assert found is not None
    return found


def pixels(path: str | Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image)


@pytest.fixture
def photo(here: Path) -> Path:
    rng = np.random.default_rng(0)
    Image.fromarray(rng.integers(0, 256, (20, 30, 3), np.uint8)).save(here / "photo.png")
    return here / "photo.png"


def test_a_source_and_its_edit(limner: Limner) -> None:
    code, out, err = limner(
        "edit", "--prompt", "a red apple", "--to", "a blue boat", *TINY, "--seed", 3, "--cross", 0.5
    )
    assert (code, err) == (0, "")
    source, edit = (recipe(path) for path in out.split())
    assert (source.prompt, source.edit_of, source.seed) == ("a red apple", "", 3)
    assert (edit.prompt, edit.edit_of, edit.edit_cross, edit.edit_layout) == ("a blue boat", "a red apple", 0.5, 0.4)
    before, after = (pixels(path) for path in out.split())
    assert not np.array_equal(before, after)


def test_a_picture_limner_made_is_edited_by_its_recipe_and_made_again(limner: Limner) -> None:
    _, made, _ = limner("make", "a red apple", *TINY, "--seed", 9)
    code, edited, _ = limner("edit", made.strip(), "--to", "a blue apple", "--model", "tiny", "--where", "apple")
    assert code == 0
    found = recipe(edited.strip())
    assert (found.edit_of, found.seed, found.edit_picture, found.edit_where) == ("a red apple", 9, "", "apple")
    _, again, _ = limner("make", "--from", edited.strip(), "--model", "tiny")
    assert np.array_equal(pixels(again.strip()), pixels(edited.strip()))


@pytest.mark.parametrize(
    ("flags", "named"),
    [
        (("--seed", 7), "--seed"),
        (("--steps", 5), "--steps"),
        (("--size", "32x16"), "--size"),
        (("--height", 32), "--height"),
        (("--guidance", 3), "--guidance"),
        (("--guide-below", 3), "--guide-below"),
        (("--sampler", "heun"), "--sampler"),
        (("--ladder", "trailing"), "--ladder"),
        (("--negative", "blurry"), "--negative"),
        (("--rescale", 0.5), "--rescale"),
        (("--clip-skip", 2), "--clip-skip"),
    ],
)
def test_another_picture_than_the_one_given_is_not_edited(
    flags: tuple[object, ...], named: str, limner: Limner, refused: Refused
) -> None:
    made = limner("make", "a red apple", *TINY, "--seed", 9, "--out", "made")[1].strip()
    line = refused("edit", made, "--to", "a blue apple", "--model", "tiny", *flags)
    assert f"{made} is edited as it was drawn: by {named} it would be another picture; leave it out" in line
    assert not list(Path().glob("outputs/*"))


def test_what_changes_the_edit_alone_or_nothing_may_be_said(limner: Limner) -> None:
    made = limner("make", "a red apple", *TINY, "--seed", 9, "--out", "made")[1].strip()
    same = ("--seed", 9, "--steps", 2, "--size", "16x16", "--ladder", "karras", "--negative", "")
    code, out, err = limner("edit", made, "--to", "a blue apple", *same, "--model", "tiny", "--excite", "apple")
    assert (code, err) == (0, "")
    assert recipe(out.strip()).excite == "apple"


@pytest.mark.parametrize("receipt", [(), ("--no-receipt",)])
def test_a_picture_that_was_changed_is_not_edited_by_its_recipe(
    receipt: tuple[str, ...], limner: Limner, refused: Refused
) -> None:
    told = ("--to", "a blue apple", "--model", "tiny")
    made = limner("make", "a red apple", *TINY, "--out", "made", *receipt)[1].strip()
    assert limner("edit", made, *told, "--out", "whole")[::2] == (0, "")
    with Image.open(made) as image:
        kept, same = dict(image.info), image.convert("RGB")

    def saved(name: str, changed: Image.Image) -> str:
        chunks = PngInfo()
        for key in ("limner", "limner-receipt"):
            if key in kept:
                chunks.add_itxt(key, kept[key])
        changed.save(name, pnginfo=chunks)
        return name

    inverted, cut = same.point(lambda value: 255 - value), same.crop((0, 0, 16, 8))
    for name, changed, how in (("other.png", inverted, "levels of 255 away"), ("cut.png", cut, "other proportions")):
        line = refused("edit", saved(name, changed), *told)
        assert how in line
        assert "what its recipe draws, and would not be what is edited; say what it shows with --prompt" in line
        assert not list(Path().glob("outputs/*"))
    lighter = saved("lighter.png", same.point(lambda value: min(value + 3, 255)))
    code, out, err = limner("edit", lighter, *told)
    assert (code, err) == (0, "limner: lighter.png is not to the last bit what its recipe draws, which is edited\n")
    (whole,) = Path("whole").iterdir()
    assert np.array_equal(pixels(out.strip()), pixels(whole))
    code, out, err = limner("edit", "other.png", "--prompt", "a red apple", *told)
    assert code == 0
    assert recipe(out.strip()).edit_picture


@pytest.mark.parametrize("inversion", ["direct", "null-text", "fixed-point", "ddim"])
def test_a_picture_from_anywhere(inversion: str, limner: Limner, photo: Path) -> None:
    told = ("--prompt", "a red apple", "--to", "a blue apple", "--inversion", inversion)
    code, out, err = limner("edit", photo, *told, *TINY, "--sampler", "dpmpp_2m", "--json")
    assert code == 0
    assert "drawn by euler" in err
    report = json.loads(out)
    found = recipe(report["pictures"][0]["path"])
    assert (found.edit_inversion, len(found.edit_picture), found.sampler) == (inversion, 64, "euler")
    code, again, _ = limner("edit", photo, "--from", report["pictures"][0]["path"], "--model", "tiny")
    assert code == 0
    assert np.array_equal(pixels(again.strip()), pixels(report["pictures"][0]["path"]))


def test_things_that_must_not_be_missing(limner: Limner) -> None:
    _, out, _ = limner("make", "a cat on a table", *TINY, "--excite", "cat, table", "--excite-step", 3)
    found = recipe(out.strip())
    assert (found.excite, found.excite_step, found.excite_temperature) == ("cat, table", 3, 100)
    _, again, _ = limner("make", "--from", out.strip(), "--model", "tiny")
    assert np.array_equal(pixels(again.strip()), pixels(out.strip()))
    _, plain, _ = limner("make", "a cat on a table", *TINY)
    assert not np.array_equal(pixels(plain.strip()), pixels(out.strip()))
    _, without, _ = limner("make", "--from", out.strip(), "--model", "tiny", "--excite", "")
    assert np.array_equal(pixels(without.strip()), pixels(plain.strip()))


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["make", "a cat", "--excite", "dog"], "the prompt does not say 'dog'; choose among: a cat"),
        (["make", "a cat", "--excite-step", "3"], "excite_step without excite is without effect; say excite too"),
        (["make", "a cat", "--excite", "cat", "--backend", "openvino-f32"], "can be neither watched nor steered"),
        (["edit", "--to", "a cat"], "no prompt; say what the picture shows"),
        (["edit", "--prompt", "a cat"], "no other words; say what it is to show"),
        (["edit", "nowhere.png", "--to", "a cat"], "nowhere.png"),
        (["edit", "nowhere.png", "--prompt", "a boat", "--to", "a cat"], "nowhere.png cannot be read"),
        (["edit", "text.png", "--prompt", "a boat", "--to", "a cat"], "text.png is no picture that can be opened"),
        (["edit", "photo.png", "--to", "a cat"], "photo.png"),
        (["edit", "photo.png", *TWO, "--inversion", "magic"], "unknown inversion 'magic'"),
        (["edit", *TWO, "--inversion", "ddim"], "inversion ddim of no picture"),
        (["edit", *TWO, "--cross", "2"], "edit_cross 2.0 is out of range; choose 0 to 1"),
        (["edit", *TWO, "--where", "tree"], "neither prompt says 'tree'"),
        (["edit", *TWO, "--where", ","], "',' names no word; such as cat, dog"),
        (["edit", *TWO, "--weights", "cat"], "'cat' is not WORD:NUMBER; such as red:2"),
        (["edit", *TWO, "--weights", " , "], "' , ' gives no word a number; such as red:2"),
        (["edit", *TWO, "--schedule", ","], "',' gives no word a number"),
        (["edit", *TWO, "--weights", "cat:" + 41 * "9"], "cat:1e+41 is out of range; choose -100 to 100"),
        (["edit", *TWO, "--weights", "cat:-100.5"], "cat:-100.5 is out of range"),
        (
            ["edit", "--prompt", "a boat", "--to", "a red boat", "--schedule", "boat:0.5, red:0.5"],
            "'red' is new and has no places to keep for some steps; leave it out of the schedule",
        ),
        (
            ["make", "a red cat", "--excite", "cat", "--excite-temperature", "0"],
            "excite_temperature 0.0 is out of range; choose above 0, to 10000",
        ),
        (["edit", "--prompt", "a boat", "--to", "a boat AND a cat"], "the two prompts do not compose alike"),
        (["edit", *TWO, "--schedule", "cat:1.5"], "1.5 is no share of the steps; from 0 to 1, such as cat:0.5"),
        (["edit", *TWO, "--schedule", "cat:-0.5"], "-0.5 is no share of the steps"),
        (["edit", "--prompt", "a boat", "--to", "a cat <lora:nope:1>"], "nope"),
        (["edit", "--prompt", "a boat <lora:nope:1>", "--to", "a cat"], "nope"),
        (
            [
                "edit",
                "photo.png",
                "--prompt",
                "a boat AND a cat",
                "--to",
                "a boat AND a dog",
                "--inversion",
                "null-text",
            ],
            "null-text inversion knows one sentence, the same in all steps; choose another inversion, such as direct",
        ),
        (
            [
                "edit",
                "photo.png",
                "--prompt",
                "a [boat:cat:0.5]",
                "--to",
                "a [boat:dog:0.5]",
                "--steps",
                "4",
                "--inversion",
                "null-text",
            ],
            "null-text inversion knows one sentence",
        ),
        (
            ["edit", "photo.png", "--prompt", "a cat :0 AND a boat", "--to", "a dog :0 AND a boat"],
            "what the picture shows has no weight",
        ),
        (["make", "cat", "--excite", "cat"], "'cat' is one word, beside which nothing is looked at"),
        (["make", "a cat", "--excite", "cat", "--guidance", "0"], "nothing to excite in words of no weight"),
        (["make", "a cat :0 AND a boat", "--excite", "cat"], "nothing to excite in words of no weight"),
    ],
)
def test_what_cannot_be_done_costs_one_line(words: list[str], says: str, refused: Refused, photo: Path) -> None:
    (photo.parent / "text.png").write_text("no picture")
    assert says in refused(*words, *TINY)
    assert not Path("outputs").exists() or not list(Path("outputs").iterdir())


def test_an_edit_to_nothing_says_so(limner: Limner) -> None:
    code, _, err = limner("edit", "--prompt", "a boat", "--to", " ", *TINY)
    assert (code, err) == (0, "limner: the prompt is empty: the model draws whatever comes\n")


def test_a_word_that_is_new_in_one_place_has_a_schedule_in_the_other(limner: Limner) -> None:
    told = ("edit", "--prompt", "a red boat", "--to", "a red boat red", *TINY)
    assert limner(*told, "--schedule", "red:0.5")[0] == 0


def test_words_that_change_on_the_way_are_excited_while_they_are_said(limner: Limner) -> None:
    for prompt in ("a [red:blue:0.2] cat", "a [red|blue] cat"):
        _, plain, _ = limner("make", prompt, *TINY, "--steps", 8)
        code, moved, _ = limner("make", prompt, *TINY, "--steps", 8, "--excite", "cat", "--excite-temperature", 5)
        assert code == 0
        assert not np.array_equal(pixels(plain.strip()), pixels(moved.strip()))


def test_a_word_said_twice_is_excited_twice(limner: Limner) -> None:
    told = ("a cat and a cat", *TINY, "--excite-temperature", 5, "--excite")
    once, twice, all_ = (pixels(limner("make", *told, named)[1].strip()) for named in ("cat", "cat, cat", "auto"))
    assert np.array_equal(once, twice)
    assert np.array_equal(once, all_)


def test_no_fresh_noise_on_the_way_of_a_given_picture(limner: Limner, photo: Path) -> None:
    """DDIM with eta has no way back: it is drawn by Euler's steps, whatever the seed."""
    told = ("edit", photo, "--prompt", "a boat", "--to", "a boat", "--cross", 1, "--layout", 1, *TINY)
    (one, err), (other, _) = (limner(*told, "--sampler", "ddim", "--eta", 1, "--seed", seed)[1:] for seed in (1, 2))
    assert "drawn by euler" in err
    assert np.array_equal(pixels(one.strip()), pixels(other.strip()))
    assert "drawn by euler" not in limner(*told, "--sampler", "ddim", "--eta", 0)[2]


def test_a_picture_whose_recipe_would_not_give_it_back_is_told_of(
    limner: Limner, refused: Refused, photo: Path
) -> None:
    excited = limner("make", "a cat on a table", *TINY, "--excite", "cat, table")[1].strip()
    _, edited = limner("edit", *TWO, *TINY)[1].split()
    for path, what in ((excited, "excited"), (edited, "itself an edit")):
        line = refused("edit", path, "--to", "a boat", "--model", "tiny")
        assert what in line
        assert "say what it shows with --prompt" in line
        code, out, _ = limner("edit", path, "--prompt", "a cat", "--to", "a boat", "--model", "tiny", "--where", "boat")
        assert code == 0
        assert recipe(out.strip()).edit_picture
    assert "of a picture that was drawn; leave out" in refused("edit", photo, "--from", edited, "--model", "tiny")
    of_photo = limner("edit", photo, *TWO, *TINY)[1].strip()
    assert "of a picture that was given" in refused("edit", "--from", of_photo, "--model", "tiny")


def test_an_edit_made_again_of_another_picture(limner: Limner, refused: Refused, photo: Path) -> None:
    told = ("--prompt", "a red apple", "--to", "a blue apple")
    _, out, _ = limner("edit", photo, *told, *TINY)
    Image.fromarray(pixels(photo)[::-1]).save("other.png")
    line = refused("edit", "other.png", "--from", out.strip(), "--model", "tiny")
    assert "is no edit of other.png" in line
    assert "of a picture that was given" in refused("make", "--from", out.strip(), "--model", "tiny")
