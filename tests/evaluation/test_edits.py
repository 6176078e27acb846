"""What the words change has to change, what they do not has to stay, and a planted fault is found out."""

from dataclasses import replace

import numpy as np
import pytest
from eyes import KnownEye

from limner.bundle import Bundle
from limner.engine import run
from limner.errors import LimnerError
from limner.evaluation.composition import Prompt, Wanted, vocabulary
from limner.evaluation.edits import (
    KINDS,
    PURPOSES,
    Edit,
    begun,
    candidates,
    coloured,
    other,
    quota,
    stayed,
    succeeded,
    tint,
)
from limner.evaluation.fidelity import TOP, background, psnr, round_trip
from limner.evaluation.seen import Found, Seen
from limner.pictures.heldout import held_out
from limner.pictures.nouns import nouns
from limner.pictures.words import COLOURS
from limner.recipe import Wish, resolve

EYE = KnownEye()
WORDS = vocabulary([word for word, noun in nouns().items() if noun.core], ["3d render", "noto style"], EYE)
LEFT = np.repeat([[True] * 8 + [False] * 24], 32, 0)
RIGHT = LEFT[:, ::-1]
CIRCLE, STAR = Found("circle", 1.0, "red", "shape", LEFT), Found("star", 1.0, "blue", "shape", RIGHT)
GREEN = replace(CIRCLE, colour="green")
PAIR = Edit(
    "colour beside a shape",
    Prompt("binding", False, "a red circle above a blue star", (Wanted("circle", "red"), Wanted("star", "blue"))),
    "a green circle above a blue star",
    Wanted("circle", "red"),
    Wanted("circle", "green"),
    Wanted("star", "blue"),
    "circle",
)


@pytest.mark.parametrize("kind", KINDS)
def test_an_edit_changes_one_thing_in_the_sentence(kind: str) -> None:
    asked = candidates(kind, WORDS, 30)
    assert asked == candidates(kind, WORDS, 60)[:30]
    for edit in asked:
        assert edit.text != edit.source.text
        assert edit.where in edit.source.text
        assert (edit.after != edit.before) != bool(edit.style)
        assert not edit.after.colour or not held_out(edit.after.colour, edit.after.word)
        assert not any(held_out(edit.after.word, style) for style in WORDS.styles if style in edit.text)
        if edit.kept:
            assert edit.kept.word in edit.text
            assert edit.source.text.split(" ", 3)[-1].split(" ", 1)[-1] in edit.text
        if edit.after.colour:
            assert edit.text == edit.source.text.replace(edit.before.colour, edit.after.colour, 1) or " an " in (
                f" {edit.text} {edit.source.text} "
            )
        assert edit.style in edit.text
        assert edit.style not in edit.source.text or not edit.style


def test_no_two_edits_share_a_seed_and_those_to_choose_by_are_others() -> None:
    every = [candidates(kind, WORDS, 40, purpose) for kind in KINDS for purpose in PURPOSES]
    assert len({edit.seed for few in every for edit in few}) == 40 * len(every)
    assert [edit.text for edit in every[0]] != [edit.text for edit in every[1]]
    assert sum(quota(kind, 100) for kind in KINDS) == 100
    assert all(quota(kind, 1) == 1 for kind in KINDS)


def test_a_source_has_to_be_right_and_not_yet_what_it_is_to_become() -> None:
    assert begun(PAIR, Seen((CIRCLE, STAR), False), EYE)
    assert not begun(PAIR, Seen((CIRCLE,), False), EYE)
    assert not begun(PAIR, Seen((GREEN, STAR), False), EYE)
    assert not begun(PAIR, Seen((CIRCLE, STAR), True), EYE)
    cat = Found("cat", 1.0, "", "noto style", LEFT)
    source = Prompt("style added", False, "a cat", (Wanted("cat"),))
    added = Edit("style added", source, "a cat, 3d render", Wanted("cat"), Wanted("cat"), None, "cat", "3d render")
    assert begun(added, Seen((cat,), False), EYE)
    assert not begun(added, Seen((replace(cat, style="3d render"),), False), EYE)
    assert succeeded(added, Seen((replace(cat, style="3d render"),), False), EYE)
    assert not succeeded(added, Seen((cat,), False), EYE)


def test_success_is_the_named_thing_in_its_new_colour() -> None:
    assert succeeded(PAIR, Seen((GREEN, STAR), False), EYE)
    assert succeeded(PAIR, Seen((GREEN,), False), EYE)  # that the star is gone is asked apart
    assert not succeeded(PAIR, Seen((CIRCLE, STAR), False), EYE)
    assert not succeeded(PAIR, Seen((replace(STAR, colour="green"), CIRCLE), False), EYE)
    assert not succeeded(PAIR, Seen((GREEN, STAR), True), EYE)


def test_the_other_thing_stays_by_name_colour_and_place() -> None:
    before = Seen((CIRCLE, STAR), False)
    assert stayed(PAIR, before, Seen((GREEN, STAR), False), EYE)
    moved = replace(STAR, mask=np.roll(RIGHT, -2, 1))
    for planted in (replace(STAR, colour="red"), replace(STAR, word="heart"), replace(STAR, word=""), moved):
        assert not stayed(PAIR, before, Seen((GREEN, planted), False), EYE)
    assert not stayed(PAIR, before, Seen((GREEN,), False), EYE)
    found = other(PAIR, before, EYE)
    assert found is not None
    assert found.word == "star"


def test_the_background_is_where_neither_shows_what_is_edited() -> None:
    before, after = Seen((CIRCLE, STAR), False), Seen((replace(GREEN, mask=np.roll(LEFT, 4, 1)), STAR), False)
    alone, both = background(before, after, None), background(before, after, RIGHT)
    assert alone is not None
    assert both is not None
    assert not alone[:, :14].any()  # eight columns, moved by four, two of edge
    assert not alone[:, 22:].any()
    assert alone[:, 14:22].all()
    assert both[:, 14:].all()  # the star belongs to what has to stay
    whole = replace(CIRCLE, mask=np.ones((32, 32), bool))
    assert background(Seen((whole,), False), Seen((), False), None) is None
    assert background(Seen((), False), Seen((), False), None) is None


def test_decibels_worked_by_hand() -> None:
    black, grey = np.zeros((8, 8, 3), np.uint8), np.full((8, 8, 3), 10, np.uint8)
    assert psnr(black, grey) == pytest.approx(20 * np.log10(25.5))
    assert psnr(black, black) == TOP
    half = np.repeat([[True] * 4 + [False] * 4], 8, 0)
    mixed = np.where(half[..., None], black, grey).astype(np.uint8)
    assert psnr(black, mixed, half) == TOP
    assert psnr(black, mixed, ~half) == pytest.approx(20 * np.log10(25.5))
    with pytest.raises(LimnerError, match="no place"):
        psnr(black, grey, np.zeros((8, 8), bool))
    with pytest.raises(LimnerError, match="do not compare"):
        psnr(black, grey[:4])


def test_a_tint_is_nothing_in_grey_and_one_in_its_colour() -> None:
    picture, mask = np.zeros((4, 4, 3), np.uint8), np.zeros((4, 4), bool)
    mask[0] = True
    picture[0] = COLOURS["red"]
    assert tint(picture, mask, "red") == pytest.approx(1)
    assert tint(picture, mask, "green") < 0
    picture[0] = 120
    assert tint(picture, mask, "red") == pytest.approx(0)
    assert coloured(PAIR)
    assert not coloured(replace(PAIR, before=Wanted("circle", "grey")))
    assert not coloured(replace(PAIR, before=Wanted("circle")))


def test_with_nothing_kept_an_edit_is_a_picture_of_its_own(bundle: Bundle) -> None:
    """So re-prompting is the control "0% injected"; with all kept it is not."""

    def drawn(wish: Wish) -> np.ndarray:
        recipe = resolve(replace(wish, model=bundle.identity, seed=5), bundle.defaults)
        ((_, picture),) = run([recipe], bundle)
        return picture.astype(int)

    plain = drawn(Wish(prompt="a blue boat"))
    edit = Wish(prompt="a blue boat", edit_of="a red apple")
    assert np.abs(drawn(replace(edit, edit_cross=0.0, edit_layout=0.0)) - plain).max() <= 1  # two rows round otherwise
    assert np.abs(drawn(replace(edit, edit_cross=1.0, edit_layout=1.0)) - plain).max() > 1


def test_an_autoencoder_is_the_ceiling_of_itself(bundle: Bundle) -> None:
    ((_, picture),) = run([resolve(Wish(model=bundle.identity, prompt="a cat", seed=1), bundle.defaults)], bundle)
    once = round_trip(picture, bundle)
    assert once.shape == picture.shape
    assert np.array_equal(once, round_trip(picture, bundle))
