"""Every word of a prompt gets its map, and the watched picture is the picture."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

Limner = Callable[..., tuple[int, str, str]]
Refused = Callable[..., str]
TINY = ("--model", "tiny")
DRAW = ("explain", "--prompt", "a red apple", *TINY)


def explained(limner: Limner, *words: object) -> Mapping[str, object]:
    """What a command that draws reports."""
    code, out, err = limner(*words, *TINY, "--json")
    assert (code, err) == (0, "")
    report: Mapping[str, object] = json.loads(out)
    return report


@pytest.fixture
def made(limner: Limner) -> Path:
    """A picture that limner made."""
    assert limner("make", "a red apple", *TINY)[0] == 0
    (path,) = Path("outputs").iterdir()
    return path


@pytest.fixture
def photo(here: Path) -> Path:
    """One that it did not make, of another size."""
    Image.effect_noise((40, 30), 80).convert("RGB").save("photo.jpg")
    return Path("photo.jpg")


def test_one_map_for_each_word(limner: Limner, made: Path) -> None:
    report = explained(limner, "explain", made)
    assert report["words"] == ["a", "red", "apple"]
    assert report["largest_pixel_difference"] == 0
    with Image.open(str(report["path"])) as sheet:
        assert sheet.format == "PNG"
        assert sheet.width >= 4 * 16
    assert limner("explain", made, *TINY)[1].endswith(f"largest pixel difference from {made}: 0\n")


def test_a_picture_that_was_changed_is_noticed(limner: Limner, made: Path) -> None:
    with Image.open(made) as image:
        text, changed = image.info["limner"], image.point(lambda value: 255 - value)
    chunks = PngInfo()
    chunks.add_itxt("limner", text)
    changed.save(made, pnginfo=chunks)
    code, out, _ = limner("explain", made, *TINY, "--json")
    assert code == 1
    assert json.loads(out)["largest_pixel_difference"] > 0


def test_an_empty_prompt_has_no_words(limner: Limner, refused: Refused) -> None:
    limner("make", "", *TINY)
    (path,) = Path("outputs").iterdir()
    assert "there is no word to explain" in refused("explain", path, *TINY)


def test_a_prompt_alone_is_drawn_as_make_draws_it_and_explained(limner: Limner, made: Path) -> None:
    report = explained(limner, "explain", "--prompt", "a red apple", "--words", "apple", "--out", "new")
    assert report["words"] == ["apple"]
    drawn, before = (Image.open(str(path)) for path in (report["picture"], made))
    assert drawn.tobytes() == before.tobytes()
    assert drawn.info["limner"] == before.info["limner"]
    assert explained(limner, "explain", report["picture"])["largest_pixel_difference"] == 0


@pytest.mark.parametrize("by", [(), ("--by", "inversion")])
def test_a_picture_that_is_given_is_looked_at(limner: Limner, photo: Path, by: tuple[str, ...]) -> None:
    """With a note that it was fitted to the model's size; at its own size there is nothing to say."""
    code, out, err = limner("explain", photo, "--prompt", "a red boat", *TINY, *by)
    assert (code, err) == (0, "limner: photo.jpg is 40x30: fitted into 16x16 (--size)\n")
    assert out == "outputs/00001-words-photo.png\n"
    assert limner("explain", photo, "--prompt", "a red boat", "--size", "40x30", *TINY, *by)[2] == ""


def test_by_step_and_by_layer(limner: Limner) -> None:
    """A row a word, a column a step or layer, and before it the picture."""
    steps = explained(limner, *DRAW[:3], "--by-step", "--steps", "3")
    assert len(steps["sigmas"]) == 3  # type: ignore[arg-type]
    layers = explained(limner, *DRAW[:3], "--by-layer", "--words", "red,apple", "--step", "1")
    assert layers["layers"] == [*(f"down.{n}.0.cross" for n in (0, 1)), "mid.cross", *UP]
    for report, columns, rows in ((steps, 4, 3), (layers, 8, 2)):
        with Image.open(str(report["path"])) as sheet:
            assert (sheet.width - 8) % columns == (sheet.height - 8) % rows == 0
            assert (sheet.width - 8) // columns == 8 + 224


UP = ["up.0.0.cross", "up.0.1.cross", "up.1.0.cross", "up.1.1.cross"]


def test_maps_are_saved_as_arrays_and_as_pictures(limner: Limner, refused: Refused) -> None:
    """[step, head, word, row, column] by layer; what was chosen is what is drawn, all is what is kept."""
    flags = ("--maps", "maps", "--words", "red apple,a", "--head", "2", "--step", "2", "--layer", "mid.cross")
    report = explained(limner, *DRAW[:3], "--steps", "3", *flags)
    assert sorted(path.name for path in Path("maps").iterdir()) == ["01-red_apple.png", "02-a.png", "maps.npz"]
    with np.load("maps/maps.npz") as kept:
        assert kept["words"].tolist() == report["words"] == ["red apple", "a"]
        assert kept["sigmas"].tolist() == report["sigmas"]
        assert kept["layers"].tolist() == report["layers"]
        shapes = {name: kept[name].shape for name in kept["layers"]}
        assert shapes["up.1.0.cross"] == (3, 1, 2, 8, 8)
        assert shapes["mid.cross"] == (3, 2, 2, 4, 4)
        assert all(kept[name].min() > 0 and kept[name].max() < 1 for name in shapes)
        with Image.open(str(report["picture"])) as picture:
            np.testing.assert_array_equal(kept["picture"], np.asarray(picture))
        hottest = np.unravel_index(kept["mid.cross"][1, 1, 0].argmax(), (4, 4))
    with Image.open("maps/01-red_apple.png") as overlay, Image.open(str(report["picture"])) as picture:
        warmer = np.asarray(overlay).astype(float) - 0.4 * np.asarray(picture)
    where = np.unravel_index(warmer.sum(-1).argmax(), (16, 16))
    assert tuple(int(each) // 4 for each in where) == tuple(map(int, hottest))
    assert "maps is not empty" in refused(*DRAW, "--maps", "maps")


def test_an_edit_of_a_given_picture_is_explained_with_it(limner: Limner, photo: Path, refused: Refused) -> None:
    """Whoever drew it: here by what `limner edit` is made of."""
    from dataclasses import replace

    from limner.bundle import open_bundle
    from limner.engine import run
    from limner.engine.given import name_of
    from limner.evaluation.album import whole
    from limner.metadata import write
    from limner.recipe import Wish, resolve

    bundle, given = open_bundle("tiny"), whole(photo, 16, 16)
    wish = Wish(model=bundle.identity, prompt="a red apple", edit_of="a blue boat", sampler="euler")
    recipe = resolve(replace(wish, edit_picture=name_of(given), edit_inversion="direct"), bundle.defaults)
    ((_, edited),) = run([recipe], bundle, picture=given)
    write(edited, Path("edit.png"), recipe, {"Backend": "eager"})
    assert explained(limner, "explain", "edit.png", "--original", photo)["largest_pixel_difference"] == 0
    assert "give it with --original" in refused("explain", "edit.png", *TINY)
    assert "not the picture that the recipe edits" in refused("explain", "edit.png", "--original", "edit.png", *TINY)


def test_the_diagram_is_of_one_look(limner: Limner, refused: Refused) -> None:
    report = explained(limner, *DRAW[:3], "--diagram", "--layer", "up.1.0.cross", "--step", "2", "--place", "15,8")
    told = {name: report[name] for name in ("words", "layer", "step", "place")}
    assert told == {"words": ["apple"], "layer": "up.1.0.cross", "step": 2, "place": [4, 7]}
    assert 0 < report["share"] < 1  # type: ignore[operator]
    with Image.open(str(report["path"])) as page:
        assert page.size == (1920, 1080)
    assert "place 16,3 is outside the picture; it is 16x16" in refused(*DRAW, "--diagram", "--place", "16,3")
    assert "choose one of red, apple" in refused(*DRAW, "--diagram", "--words", "red,apple")


@pytest.mark.parametrize(
    ("words", "fault"),
    [
        (["explain"], "nothing to explain; name a picture"),
        ([*DRAW, "--words", "boat"], "the prompt does not say 'boat'"),
        ([*DRAW, "--words", ","], "names no word"),
        ([*DRAW, "--layer", "nowhere"], "there are down.0.0.cross (8x8), down.1.0.cross (4x4), mid.cross"),
        ([*DRAW, "--head", "3"], "there is no head 3; choose 1 to 2"),
        ([*DRAW, "--diagram", "--head", "2"], "there is no head 2; choose 1 to 1"),
        ([*DRAW, "--share", "1", "--head", "2"], "there is no head 2; choose 1 to 1"),
        ([*DRAW, "--step", "0"], "there is no step 0; choose 1 to 2"),
        ([*DRAW, "--share", "2"], "no maps have 2"),
        ([*DRAW, "--share", "-1"], "--share -1 is no share of the latent's side; choose 0 to 1"),
        ([*DRAW, "--share", "nan"], "--share nan is no share of the latent's side"),
        ([*DRAW, "--layer", "mid.cross", "--share", "1"], "mid.cross has not 1 of the latent's side"),
        ([*DRAW, "--guidance", "0"], "never looked at"),
        ([*DRAW, "--guidance", "0", "--step", "1"], "was not looked at in step 1"),
        (["explain", "--prompt", "[red:blue:1] cat", *TINY, "--steps", "3", "--step", "3"], "not looked at in step 3"),
        ([*DRAW, "--guidance", "0", "--diagram"], "was not looked at in step 2"),
        ([*DRAW, "--by", "noise"], "--by is for a picture that is given"),
        ([*DRAW, "--by-step", "--step", "1"], "leave out one of them"),
        ([*DRAW, "--by-step", "--diagram"], "not allowed with"),
        ([*DRAW, "--diagram", "--maps", "maps"], "a diagram is of one layer in one step"),
        ([*DRAW, "--place", "1,2"], "--place is of a diagram"),
        ([*DRAW, "--diagram", "--place", "middle"], "'middle' is not X,Y"),
        ([*DRAW, "--original", "photo.jpg"], "name the edit"),
        (["explain", "--prompt", "", *TINY], "there is no word to explain"),
        (["explain", "nowhere.png", "--prompt", "a boat", *TINY], "nowhere.png cannot be read"),
        (["explain", "photo.jpg", *TINY], "photo.jpg does not say how it was made"),
        (["explain", "photo.jpg", "--prompt", "a boat", "--negative", "x", *TINY], "--negative has no effect"),
        (["explain", "text.png", "--prompt", "a boat", *TINY], "text.png is no picture that can be opened"),
    ],
)
def test_what_cannot_be_explained_is_one_line(refused: Refused, photo: Path, words: list[str], fault: str) -> None:
    Path("text.png").write_text("no picture")
    assert fault in refused(*words)
    assert not list(Path().glob("outputs/*"))


def test_a_picture_that_limner_made_is_drawn_as_it_was(refused: Refused, made: Path) -> None:
    assert "--steps has no effect" in refused("explain", made, "--steps", "3", *TINY)
    assert "is no edit of a picture" in refused("explain", made, "--original", made, *TINY)
