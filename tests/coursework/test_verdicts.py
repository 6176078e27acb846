"""Pixels decide who made a picture, what it says of itself may speak against it, and no likeness accuses anybody."""

import json
from collections.abc import Callable
from dataclasses import replace

import pytest
from forgeries import HER, HERS, ME, PIXELS, WORDS, Made, drawing, file, fresh, kept, known, replayed, saved
from PIL import Image
from studios import recipe

from limner.audit import likeness
from limner.audit.keys import TRUSTED, Key, Public
from limner.coursework.books import FileBook
from limner.coursework.verify import ALIKE, Judged, Verdict, verify
from limner.errors import LimnerError
from limner.recipe import Recipe, digest

YOURS, OTHERS, ALTERED, UNKNOWN = Verdict.YOURS, Verdict.OTHERS, Verdict.ALTERED, Verdict.UNKNOWN
KEY = fresh()
SEVERAL = [Made(recipe(seed=seed, prompt=f"picture {seed}"), drawing(seed), KEY) for seed in range(6)]
MINE, HERS_TOO, NOBODYS = SEVERAL[0], SEVERAL[1].by(HER), SEVERAL[5]


def book(*entries: Made, originals: bool = True, key: Key = KEY) -> FileBook:
    files = {each.receipt.statement.pixels: saved(each.image, "PNG") for each in entries}
    return FileBook(
        [each.entry for each in entries], known(key),
        lambda entry: files[entry.receipt.statement.pixels] if originals else None,
    )  # fmt: skip


def again(*drawn: Made) -> Callable[[Recipe], Image.Image | None]:
    pictures = {digest(each.recipe): each.image for each in drawn}
    return lambda wanted: pictures.get(digest(wanted))


def seen(data: bytes, *entries: Made, **how: bool) -> Judged:
    return verify("a picture", data, book(*entries, **how), [ME])


@pytest.mark.parametrize("how", WORDS)
def test_what_it_says_of_itself_is_held_against_its_pixels(how: str) -> None:
    found = seen(WORDS[how](MINE), MINE, HERS_TOO, originals=False)
    assert found.verdict == (YOURS if how.startswith(("untouched", "its metadata")) else ALTERED)
    assert bool(found.look) == (found.verdict == ALTERED)
    assert found.recipe == MINE.recipe


@pytest.mark.parametrize("how", PIXELS)
def test_saved_anew_it_is_still_ones_own_and_changed_it_is_not(how: str) -> None:
    """Where the original is kept; and where it is gone, nobody is told more than that two pictures look alike."""
    found, gone = (seen(PIXELS[how](MINE), MINE, HERS_TOO, originals=there) for there in (True, False))
    survives = how in ("JPEG 90, receipt kept", "JPEG 90", "JPEG 50", "WebP 80", "halved",
                       "screenshot (1.37 times, JPEG 85)", "one level of one pixel")  # fmt: skip
    assert found.verdict == (YOURS if survives else ALTERED if "receipt kept" in how else UNKNOWN), found
    assert gone.verdict in (UNKNOWN, ALTERED if "painted over, receipt kept" in how else UNKNOWN)
    if survives:
        assert any("alike" in line or "looks like" in line or "not those of its receipt" in line for line in gone.look)


@pytest.mark.parametrize("how", HERS)
def test_anothers_is_said_to_be_so_whatever_it_claims(how: str) -> None:
    found = seen(HERS[how](SEVERAL[1]), MINE, HERS_TOO)
    assert (found.verdict, found.others) == (OTHERS, 1)


def test_two_who_drew_the_same_have_both_made_it() -> None:
    both = (MINE, MINE.by(HER), MINE.by("3" * 16))
    found = seen(MINE.by(HER).file(), *both)
    assert found.words == "made here by you and 2 others"
    assert seen(saved(MINE.image, "JPEG", quality=60), *both).words == "made here by you and 2 others"
    assert found.look == ()


def test_a_receipt_on_another_picture_proves_nothing_for_it() -> None:
    found = seen(replayed(MINE, NOBODYS), MINE)
    assert (found.verdict, found.recipe) == (ALTERED, None)
    assert "belongs to another picture" in found.why[0]


def test_a_receipt_moved_onto_anothers_picture_does_not_make_it_ones_own() -> None:
    found = seen(replayed(MINE, SEVERAL[1]), MINE, HERS_TOO)
    assert found.verdict == OTHERS
    assert "belongs to another picture" in found.look[-1]


def test_what_nothing_speaks_for_is_unknown_and_drawn_again_if_one_likes() -> None:
    bare = file(NOBODYS.image, NOBODYS.recipe, None)
    assert seen(bare, MINE).verdict == UNKNOWN
    found = verify("it", bare, book(MINE), [ME], again(NOBODYS))
    assert (found.verdict, found.why) == (Verdict.REMADE, ("re-made here, equal to the last bit",))
    lossy = verify("it", kept(NOBODYS, NOBODYS.image, "JPEG", quality=60), FileBook([], {}), [ME], again(NOBODYS))
    assert lossy.verdict == Verdict.REMADE
    assert "levels of 255 away at most" in lossy.why[-1]
    other = verify("it", file(drawing(9), NOBODYS.recipe, None), book(MINE), [ME], again(NOBODYS))
    assert other.verdict == UNKNOWN
    assert "draws another picture" in other.look[0]
    missing = verify("it", bare, book(MINE), [ME], lambda wanted: None)
    assert "its model is not here" in missing.why[0]


def test_drawn_again_its_own_ledger_line_says_whose_it_is() -> None:
    small = saved(MINE.image.resize((64, 64)), "PNG")
    assert verify("it", small, book(MINE, originals=False), [ME], again(MINE)).verdict == YOURS


def test_a_duplicated_setup_counts_when_its_key_is_trusted() -> None:
    there = replace(NOBODYS, key=fresh(), owner="9" * 16)
    unknown = seen(there.file(), MINE)
    assert unknown.verdict == UNKNOWN
    assert "by a key that is not known here" in unknown.why[0]
    keys = known(KEY) | {there.key.id: Public(there.key.public, "2026", TRUSTED, "ada's own")}
    trusting = FileBook([MINE.entry], keys)
    assert verify("it", there.file(), trusting, ["9" * 16]).verdict == YOURS
    assert verify("it", there.file("jpeg"), trusting, ["9" * 16]).verdict == YOURS
    assert verify("it", there.file(), trusting, ["ada's own"]).verdict == YOURS
    strange = verify("it", there.file(), trusting, [ME])
    assert strange.verdict == UNKNOWN
    assert f"--as {'9' * 16}" in strange.why[0]


def test_who_was_deleted_is_nobody_elses_accuser() -> None:
    """Her lines are gone; her picture, handed in by me, is signed for somebody who is not there."""
    assert seen(HERS_TOO.file(), MINE).verdict == UNKNOWN
    assert seen(saved(HERS_TOO.image, "PNG"), MINE).verdict == UNKNOWN


def test_a_ledgers_line_that_was_changed_accuses_nobody() -> None:
    honest = HERS_TOO.entry
    statement = replace(honest.receipt.statement, pixels=NOBODYS.receipt.statement.pixels)
    forged = replace(honest, receipt=replace(honest.receipt, statement=statement))
    found = verify("it", saved(NOBODYS.image, "PNG"), FileBook([forged], known(KEY)), [ME])
    assert found.verdict == UNKNOWN
    assert "does not hold" in found.look[0]


def test_no_likeness_accuses_anybody() -> None:
    """A ledger full of pictures that look just like mine, but for a patch, and are another's."""
    near = [replace(NOBODYS, image=spotted(NOBODYS.image, place), owner=HER) for place in range(4)]
    assert all(
        likeness.distance(each.receipt.statement.likeness, NOBODYS.receipt.statement.likeness) <= ALIKE for each in near
    )
    for there in (True, False):
        found = seen(file(NOBODYS.image, NOBODYS.recipe, None), *near, originals=there)
        assert found.verdict == UNKNOWN
        assert sum("somebody else's" in line for line in found.look) == 1


def spotted(image: Image.Image, place: int) -> Image.Image:
    out = image.copy()
    out.paste((255, 255, 255), (60 + 8 * place, 60, 64 + 8 * place, 64))
    return out


def test_what_is_no_picture_is_one_line() -> None:
    with pytest.raises(LimnerError, match="is no picture"):
        seen(b"nothing")


def test_a_damaged_word_keeps_its_pixels_verdict() -> None:
    data = MINE.file().replace(b'"statement"', b'"statemint"')
    from zlib import crc32

    at = data.index(b"limner-receipt") - 8
    length = int.from_bytes(data[at : at + 4])
    body = data[at + 4 : at + 8 + length]
    data = data[: at + 8 + length] + crc32(body).to_bytes(4) + data[at + 12 + length :]
    found = seen(data, MINE)
    assert found.verdict == YOURS
    assert "other fields" in found.look[0]


def test_a_recipe_that_draws_the_same_pixels_accuses_nobody() -> None:
    """Without guidance no negative prompt has an effect: two recipes, one picture; and one may draw it at home, too."""
    twin = replace(MINE.recipe, negative="blurry")
    bare, found = file(MINE.image, twin, None), seen(file(MINE.image, twin, None), MINE)
    assert (found.verdict, len(found.look)) == (YOURS, 1)
    drawn = again(MINE, replace(MINE, recipe=twin))
    assert verify("it", bare, book(MINE), [ME], drawn).look == ()
    lie = file(MINE.image, replace(MINE.recipe, seed=7), None)
    other = again(MINE, replace(NOBODYS, recipe=replace(MINE.recipe, seed=7)))
    assert verify("it", lie, book(MINE), [ME], other).verdict == ALTERED
    at_home = replace(MINE, key=fresh(), owner="7" * 16)
    assert seen(at_home.file(), MINE).verdict == YOURS


def test_the_same_pixels_by_another_recipe_of_mine_are_mine() -> None:
    twin = replace(MINE, recipe=replace(MINE.recipe, negative="blurry"))
    assert seen(MINE.file(), twin, MINE).verdict == YOURS
    assert json.loads(MINE.entry.line())["recipe"]["negative"] == ""
