"""What is known of a model without its weights is what its weights say; and who was heard of of late is there."""

from dataclasses import replace
from pathlib import Path

import pytest
from studios import MODEL, Studio

from limner.bundle import open_bundle
from limner.errors import LimnerError
from limner.process.ladder import LADDERS
from limner.recipe import DEFAULTS, Wish
from limner.sampler import SAMPLERS
from limner.studio import staff as studio_staff
from limner.studio.staff import PRESENT, SHIPPED, WALKS, Card, Staff, stated
from limner.studio.worker import card

MINI = Card(MODEL, "mini", 8, {**DEFAULTS, "width": 64, "height": 64}, "Apache-2.0")


def test_the_web_knows_the_engines_samplers_and_ladders() -> None:
    assert sorted(WALKS) == sorted(SAMPLERS)
    assert sorted(studio_staff.LADDERS) == sorted(LADDERS)


def test_the_card_of_the_model_that_ships_is_what_its_weights_say() -> None:
    assert stated(SHIPPED) == card("limner-mini", open_bundle())


def test_a_folder_that_does_not_say_who_it_is_has_no_card(folder: Path, tmp_path: Path) -> None:
    assert stated(folder) is None
    assert stated(tmp_path) is None


def test_a_wish_is_filled_up_as_the_model_likes_it() -> None:
    recipe = MINI.recipe(Wish(prompt="a cat", steps=3))
    assert (recipe.model, recipe.steps, recipe.width, recipe.guidance) == (MODEL, 3, 64, 7.5)
    with pytest.raises(LimnerError, match="width 33 does not divide by 8"):
        MINI.recipe(Wish(prompt="a cat", width=33))


def test_of_one_name_the_latest_is_meant_and_each_by_its_identity(studio: Studio) -> None:
    staff = Staff(studio.database)
    with pytest.raises(LimnerError, match="no model has been opened here yet"):
        staff.card()
    newer, other = replace(MINI, identity="b" * 64), replace(MINI, identity="c" * 64, name="other")
    for each in (MINI, other, newer):
        studio.time.passes(1)
        staff.announce(each)
    assert staff.card() == staff.card("mini") == newer
    assert staff.card("other") == staff.card("c" * 64) == other
    with pytest.raises(LimnerError, match="there is no model 'third' here; choose one of mini, other"):
        staff.card("third")
    studio.time.passes(1)
    staff.announce(MINI)  # the older weights again
    assert staff.card("mini") == MINI


def test_a_worker_is_there_while_it_is_heard_of(studio: Studio) -> None:
    staff = Staff(studio.database)
    staff.here("first", MODEL, "cpu")
    studio.time.passes(PRESENT / 2)
    staff.here("second", MODEL, "cuda:0")
    assert staff.present() == {MODEL: 2}
    studio.time.passes(PRESENT / 2 + 1)
    assert staff.present() == {MODEL: 1}
    staff.left("second")
    assert staff.present() == {}
