"""A recipe is exact: one spelling, no defaults, no value out of range."""

import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict, fields, replace
from typing import get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st
from plain import plain

from limner.errors import LimnerError
from limner.recipe import (
    ADDED,
    FIELDS,
    GROUPS,
    NEUTRAL,
    SEEDS,
    VERSION,
    Recipe,
    Value,
    Wish,
    check,
    digest,
    from_json,
    from_mapping,
    resolve,
    series,
    to_json,
)

APPLE = plain(VERSION, "ab" * 32, "a red apple", "", 42, 20, "euler", "karras", 1, 7.5, 0.3, 10.0, 0.7, 2, 256, 256)
DEFAULTS: Mapping[str, Value] = {
    "negative": "",
    "steps": 30,
    "sampler": "heun",
    "ladder": "trailing",
    "guidance": 4,
    "guide_above": 0,
    "guide_below": 5,
    "rescale": 0,
    "clip_skip": 1,
    "width": 128,
    "height": 64,
}

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=200)
recipes = st.builds(
    Recipe,
    version=st.just(VERSION),
    model=st.text("0123456789abcdef", min_size=64, max_size=64),
    prompt=texts,
    negative=texts,
    seed=st.integers(0, SEEDS - 1),
    steps=st.integers(1, 1000),
    sampler=st.sampled_from(["euler", "heun", "two, of: them"]),
    ladder=st.sampled_from(["karras", "trailing"]),
    eta=st.floats(0, 1),
    guidance=st.floats(-100, 100),
    guide_above=st.floats(0, 10_000),
    guide_below=st.floats(0, 10_000),
    rescale=st.floats(0, 1),
    clip_skip=st.integers(1, 12),
    width=st.integers(8, 4096),
    height=st.integers(8, 4096),
    **{name: st.just(value) for name, value in NEUTRAL.items()},
)


@given(recipes)
def test_json_gives_back_every_bit(recipe: Recipe) -> None:
    text = to_json(recipe)
    assert from_json(text) == recipe
    assert to_json(from_json(text)) == text
    assert text.isascii()
    assert digest(from_json(text)) == digest(recipe)


@given(recipes, st.sampled_from(sorted(FIELDS.keys() - {"version"})))
def test_every_field_changes_the_digest(recipe: Recipe, name: str) -> None:
    about = FIELDS[name]
    for switch, ruled in GROUPS.items():
        recipe = replace(recipe, **{switch: "cat"}) if name in ruled else recipe
    other = next(value for value in (about.example, about.low, about.high, "b" * 64) if _may(recipe, name, value))
    assert digest(replace(recipe, **{name: other})) != digest(recipe)  # type: ignore[arg-type]


def _may(recipe: Recipe, name: str, value: object) -> bool:
    return isinstance(value, FIELDS[name].kind) and value != getattr(recipe, name)


def test_equal_recipes_have_one_spelling() -> None:
    whole, broken, minus = (replace(APPLE, guidance=g) for g in (0, 0.0, -0.0))
    assert to_json(whole) == to_json(broken) == to_json(minus)


def test_fields_say_what_they_are() -> None:
    hints, open_hints = get_type_hints(Recipe), get_type_hints(Wish)
    assert [each.name for each in fields(Wish)] == list(FIELDS) == [each.name for each in fields(Recipe)]
    for name, about in FIELDS.items():
        assert hints[name] is about.kind
        assert open_hints[name] == about.kind | None
        assert about.help
        assert Wish(**{name: about.example}) is not None  # type: ignore[arg-type]  # the example is within its own range


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("steps", 0, "steps 0 is out of range; choose 1 to 1000 steps"),
        ("steps", -3, "steps -3 is out of range"),
        ("steps", 1001, "steps 1001 is out of range"),
        ("steps", 20.0, "steps 20.0 is not a whole number"),
        ("steps", True, "steps True is not a whole number"),
        ("guidance", float("nan"), "guidance nan is out of range; choose -100 to 100"),
        ("guidance", float("inf"), "guidance inf is out of range"),
        ("guidance", "7", "guidance '7' is not a number"),
        ("seed", -1, "seed -1 is out of range; choose 0 to 4294967295"),
        ("seed", 2**32, "seed 4294967296 is out of range"),
        ("width", 0, "width 0 is out of range; choose 8 to 4096 pixels"),
        ("prompt", None, "prompt None is not text"),
        ("prompt", "a" * 2001, "is out of range; choose 0 to 2000 characters"),
        ("prompt", "\udcff", "holds bytes that are no text"),
        ("model", "Z" * 64, "is not of the form"),
        ("model", "ab", "choose 64 characters"),
        ("version", 2, "version 2 is out of range; choose 4"),
    ],
)
def test_what_is_out_of_range_is_refused(name: str, value: object, says: str) -> None:
    with pytest.raises(LimnerError) as refused:
        replace(APPLE, **{name: value})  # type: ignore[arg-type]
    assert says in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_wish_is_checked_where_it_is_made() -> None:
    with pytest.raises(LimnerError, match="steps 0"):
        Wish(steps=0)


def test_resolve_fills_from_the_bundle_and_the_wish_wins() -> None:
    recipe = resolve(Wish(model="ab" * 32, prompt="", seed=1, steps=5, negative="blue"), DEFAULTS)
    assert recipe == plain(VERSION, "ab" * 32, "", "blue", 1, 5, "heun", "trailing", 1, 4.0, 0.0, 5.0, 0, 1, 128, 64)
    assert isinstance(recipe.guidance, float)


def test_resolve_names_what_stays_open() -> None:
    with pytest.raises(LimnerError, match="lacks model, seed"):
        resolve(Wish(prompt="a red apple"), DEFAULTS)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda m: m.pop("steps"), "lacks steps"),
        (lambda m: m.update(theta=1.0), "no field 'theta'"),
        (lambda m: m.update(version=5, theta=1.0), "version 5 is unknown; this limner reads 4; update limner"),
        (lambda m: m.update(seed="42"), "seed '42' is not a whole number"),
    ],
)
def test_a_mapping_is_a_recipe_or_refused(change: Callable[[dict[str, object]], object], says: str) -> None:
    mapping: dict[str, object] = asdict(APPLE)
    assert from_mapping(mapping) == APPLE
    change(mapping)
    with pytest.raises(LimnerError) as refused:
        from_mapping(mapping)
    assert says in str(refused.value)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "[" * 100_000, to_json(APPLE).replace("7.5", "NaN")])
def test_what_is_not_a_recipe_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(LimnerError) as refused:
        from_json(text)
    assert "\n" not in str(refused.value)


def test_check_lists_near_names_and_nearest_sizes() -> None:
    known = ["euler", "heun", "dpmpp_2m"], ["karras", "trailing"]
    check(APPLE, 8, *known)
    for change, says in (
        ({"sampler": "eular"}, "unknown sampler 'eular'; did you mean euler or heun? there are dpmpp_2m, euler, heun"),
        ({"ladder": "zzz"}, "unknown ladder 'zzz'; there are karras, trailing"),
        ({"width": 250}, "width 250 does not divide by 8; the nearest that do: 248 and 256"),
        ({"height": 9}, "height 9 does not divide by 8; the nearest that do: 8 and 16"),
    ):
        with pytest.raises(LimnerError) as refused:
            check(replace(APPLE, **change), 8, *known)
        assert str(refused.value) == says


def test_a_series_counts_seeds_up_and_never_wraps() -> None:
    assert [each.seed for each in series(APPLE, 3)] == [42, 43, 44]
    assert series(APPLE, 3)[0] == APPLE
    assert series(replace(APPLE, seed=SEEDS - 2), 2)[1].seed == SEEDS - 1
    with pytest.raises(LimnerError, match="run past 4294967295"):
        series(replace(APPLE, seed=SEEDS - 2), 3)
    with pytest.raises(LimnerError, match="count 0"):
        series(APPLE, 0)


def test_recipe_needs_nothing_but_the_standard_library() -> None:
    code = "import sys, limner.recipe; print(sorted({'torch', 'numpy', 'PIL'} & set(sys.modules)))"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert json.loads(said.replace("'", '"')) == []


@pytest.mark.parametrize("version", [1, 2, 3])
def test_an_older_recipe_draws_what_it_drew(version: int) -> None:
    """Version 1 is guided at every noise level; before 3 all the noise there may be is drawn; none has controls."""
    meant = replace(APPLE, eta=1.0, rescale=0.0, clip_skip=1, guide_above=0.0, guide_below=10_000.0)
    later = {name for added in range(version + 1, VERSION + 1) for name in ADDED[added]}
    old = {name: value for name, value in asdict(meant).items() if name not in later} | {"version": version}
    assert from_mapping(old) == meant


@pytest.mark.parametrize(
    ("said", "defaults", "eta"),
    [
        ({}, {}, 1),
        ({"sampler": "ddim"}, {}, 0),
        ({"sampler": "ddim", "eta": 0.5}, {}, 0.5),
        ({}, {"sampler": "ddim"}, 0),
        ({}, {"sampler": "ddim", "eta": 0.5}, 0.5),
        ({"sampler": "ddim"}, {"sampler": "ddim", "eta": 0.5}, 0.5),
        ({"sampler": "ancestral"}, {"sampler": "ddim", "eta": 0.5}, 1),
        ({"sampler": "ddim"}, {"eta": 1.0}, 0),
    ],
)
def test_eta_belongs_to_its_sampler(said: dict[str, str], defaults: dict[str, Value], eta: float) -> None:
    wish = Wish(model="ab" * 32, prompt="", seed=1, **said)  # type: ignore[arg-type]
    assert resolve(wish, {**DEFAULTS, **defaults}).eta == eta


def test_a_control_that_is_not_wished_for_leaves_no_trace() -> None:
    """Whatever a model's own numbers for it are: equal pictures have equal recipes."""
    plainly = resolve(Wish(model="ab" * 32, prompt="a cat", seed=1), DEFAULTS)
    calibrated = DEFAULTS | {"excite_temperature": 30.0}
    assert resolve(Wish(model="ab" * 32, prompt="a cat", seed=1), calibrated) == plainly
    excited = resolve(Wish(model="ab" * 32, prompt="a cat", seed=1, excite="cat"), calibrated)
    assert (excited.excite_step, excited.excite_temperature) == (20.0, 30.0)
    assert resolve(Wish(excite=""), asdict(excited)) == plainly
    again = resolve(Wish(excite="cat"), asdict(plainly))
    assert again.excite_temperature == GROUPS["excite"]["excite_temperature"], "a plain source's zeros are no wish"
    still = replace(excited, excite_step=0.0, edit_of="a dog", edit_cross=0.0, edit_layout=0.0)
    assert resolve(Wish(), asdict(still)) == still, "a steered source's zeros are"


@pytest.mark.parametrize(
    ("wish", "says"),
    [
        (Wish(excite_step=3.0), "excite_step without excite is without effect; say excite too"),
        (Wish(edit_where="cat"), "edit_where without edit_of is without effect"),
        (Wish(excite="cat", excite_temperature=0.0), "excite_temperature 0.0 is out of range; choose above 0, to"),
    ],
)
def test_a_controls_number_without_the_control_is_refused(wish: Wish, says: str) -> None:
    with pytest.raises(LimnerError, match=says):
        resolve(replace(wish, model="ab" * 32, prompt="a cat", seed=1), DEFAULTS)
