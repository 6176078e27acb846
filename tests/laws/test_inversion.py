"""There and back again: what the way up loses, the papers say, and a Gaussian tells exactly."""

from dataclasses import replace
from functools import partial
from itertools import pairwise
from math import inf

import numpy as np
import pytest
import torch
from gaussian import MU, SCALE, sampled
from torch.testing import assert_close

from limner.bundle import Bundle
from limner.control.heatmaps import Heatmaps
from limner.control.null_text import null_text
from limner.control.pivot import Trail
from limner.engine import Engine, run
from limner.engine.given import given, latent_of, name_of
from limner.engine.run import Reader, admit, brought
from limner.errors import LimnerError
from limner.process.ladder import LADDERS
from limner.process.noise import draw
from limner.process.schedule import scaled_linear, zero_terminal_snr
from limner.recipe import Recipe, Wish, resolve
from limner.sampler import euler, steer
from limner.sampler.inversion import inverted, noised
from limner.score.guidance import classifier_free
from limner.types import Latent

X0 = MU + SCALE * draw(0, "x0", 0, (1, 1, 8, 8)).double()
PICTURE = (255 * torch.sigmoid(draw(3, "picture", 0, (64, 64, 3)))).to(torch.uint8).numpy()


def lost(ladder: str, steps: int, rounds: int = 0, zero: bool = False) -> float:
    schedule = zero_terminal_snr(scaled_linear()) if zero else scaled_linear()
    sigmas = LADDERS[ladder](schedule, steps)
    back = sampled(euler(sampled(inverted(X0, sigmas, rounds)), sigmas))
    return float((back - X0).square().mean().sqrt())


@pytest.mark.tiny
@pytest.mark.parametrize("ladder", ["karras", "exponential"])
@pytest.mark.parametrize(("zero", "first"), [(False, 40), (True, 80)])
def test_the_error_halves_when_steps_double(ladder: str, zero: bool, first: int) -> None:
    """Of the first order, like the slope that is taken from a step's wrong end."""
    errors = [lost(ladder, steps, zero=zero) for steps in (first, 2 * first, 4 * first)]
    assert all(1.9 < more / less < 2.1 for more, less in pairwise(errors)), errors


@pytest.mark.parametrize(("rounds", "order"), [(1, 2), (3, 4)])
def test_each_look_from_the_other_end_is_an_order_more(rounds: int, order: int) -> None:
    """Pan et al. 2023 (arXiv:2309.04907): fixed-point iteration."""
    errors = [lost("karras", steps, rounds) for steps in (40, 80, 160)]
    for more, less in pairwise(errors):
        assert 0.9 * 2**order < more / less < 1.1 * 2**order, errors


def test_noising_looks_at_each_level_once_and_gives_the_picture_back() -> None:
    eps, asked = draw(1, "eps", 0, X0.shape).double(), Trail()
    assert torch.equal(sampled(steer(noised(X0, eps, [3.0, 0.5]), asked.control)), X0)
    assert_close(asked.at, {3.0: X0 + 3 * eps, 0.5: X0 + 0.5 * eps})


def recipe(bundle: Bundle, inversion: str = "direct", **wanted: object) -> Recipe:
    wish = Wish(
        model=bundle.identity, prompt="a blue boat", edit_of="a red apple", edit_picture=name_of(PICTURE),
        edit_inversion=inversion, sampler="euler", ladder="karras", steps=6, guidance=4.0, seed=0, width=64, height=64,
    )  # fmt: skip
    return resolve(replace(wish, **wanted), bundle.defaults)  # type: ignore[arg-type]


def source(bundle: Bundle, inversion: str, **wanted: object) -> Latent:
    """Where the source's row of an edit ends, before it is decoded."""
    asked, read, engine = recipe(bundle, inversion, **wanted), Reader(bundle), Engine(bundle.denoiser)
    with torch.no_grad():
        admit(engine, "", asked, read, back=brought(asked, PICTURE, read))
        engine.waiting[0].finish = None
        while engine.busy:
            engine.tick()
    return engine.finished[""][:1]


@pytest.mark.tiny
def test_guidance_leaves_the_way_back_and_three_ways_mend_it(bundle: Bundle) -> None:
    """What is lost of the source under guidance: DDIM's inversion loses it, direct inversion nothing at all."""
    original = latent_of(PICTURE, bundle)
    off = {each: float((source(bundle, each) - original).square().mean().sqrt()) for each in
           ("ddim", "null-text", "fixed-point", "direct")}  # fmt: skip
    assert off["direct"] == 0
    assert max(off["null-text"], off["fixed-point"]) < off["ddim"], off  # how much, a network of random weights decides


@pytest.mark.parametrize(("scale", "above"), [(1.0, -inf), (4.0, 1.0)])
def test_nothing_is_learnt_where_nobody_is_told_nothing(bundle: Bundle, scale: float, above: float) -> None:
    """At scale 1, and in steps outside of guidance's interval, no text stands to be learnt."""
    asked, prompt, nothing = recipe(bundle, "null-text"), bundle.context(["a red apple"]), bundle.context([""])
    back = given(asked, latent_of(PICTURE, bundle), bundle, classifier_free(prompt, nothing, scale, above))
    moved = [not torch.equal(one.states, other.states) for one, other in pairwise((nothing, *back.nothing))]
    sigmas = LADDERS[asked.ladder](bundle.schedule, asked.steps)
    assert moved == ([] if scale == 1 else [sigma > above for sigma in sigmas[:-1]])


@pytest.mark.parametrize("wanted", [{}, {"rescale": 0.7}, {"guide_below": 3.0}])
def test_null_texts_meet_the_picture_better_the_longer_they_learn(
    bundle: Bundle, wanted: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guided plainly, with contrast taken back, or in an interval: what is drawn is what the texts learnt for."""
    original = latent_of(PICTURE, bundle)

    def off(rounds: int) -> float:
        monkeypatch.setattr("limner.engine.given.null_text", partial(null_text, rounds=rounds))
        return float((source(bundle, "null-text", **wanted) - original).square().mean())

    errors = [off(rounds) for rounds in (0, 3, 10)]
    assert errors[0] > errors[1] > errors[2], errors


def test_an_edit_of_a_given_picture_ends_as_a_picture(bundle: Bundle) -> None:
    heat = Heatmaps()
    ((_, edited),) = run([recipe(bundle)], bundle, [heat.control], picture=PICTURE)
    assert edited.shape == PICTURE.shape
    assert {sums.shape[0] for sums in heat.sums.values()} == {2}
    ((_, again),) = run([recipe(bundle)], bundle, picture=PICTURE)
    assert np.array_equal(edited, again), "watched or not, and on every run"


@pytest.mark.parametrize(
    ("wanted", "picture", "says"),
    [
        ({}, None, "this edit is of a picture that was given; give the same picture"),
        ({}, PICTURE[::-1], "this is not the picture that the recipe edits"),
        ({"edit_inversion": "magic"}, PICTURE, "unknown inversion 'magic'; there are direct, null-text"),
        ({"edit_where": "a cat"}, PICTURE, "neither prompt says 'a cat'"),
        ({"edit_weights": "boat"}, PICTURE, "'boat' is not WORD:NUMBER"),
        ({"edit_weights": "cat:2"}, PICTURE, "the prompt does not say 'cat'; choose among: a blue boat"),
        ({"prompt": "a boat AND a cat"}, PICTURE, "the two prompts do not compose alike"),
        ({"width": 32}, PICTURE, "the picture is 64x64, the recipe 32x64"),
    ],
)
def test_an_edit_that_cannot_be_is_one_line(
    wanted: dict[str, object], picture: np.ndarray | None, says: str, bundle: Bundle
) -> None:
    with pytest.raises(LimnerError, match=says):
        list(run([recipe(bundle, **wanted)], bundle, picture=picture))  # type: ignore[arg-type]
