"""A grid's sides are what differs between its pictures, whoever reads them off."""

from itertools import product

from studios import recipe

from limner.studio.grid import Axis, axes


def test_the_side_that_changes_first_comes_first() -> None:
    recipes = [recipe(seed=z, sampler=y, steps=x) for z, y, x in product((5, 1), ("euler", "heun"), (10, 20, 30))]
    assert axes(recipes) == (
        Axis("steps", (10, 20, 30)),
        Axis("sampler", ("euler", "heun")),
        Axis("seed", (5, 1)),
    )


def test_what_another_field_decides_is_no_side() -> None:
    recipes = [
        recipe(seed=seed, sampler=sampler, eta=eta)
        for sampler, eta in (("ddim", 0.0), ("ancestral", 1.0), ("euler", 1.0))
        for seed in (1, 2)
    ]
    assert [axis.field for axis in axes(recipes)] == ["seed", "sampler"]


def test_one_picture_has_no_sides() -> None:
    assert axes([recipe()]) == axes([recipe(), recipe()]) == ()
