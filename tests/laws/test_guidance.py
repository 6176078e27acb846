"""Guidance is a weighted sum, and the weights sum to one."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.testing import assert_close

from limner.engine.engine import Engine
from limner.process.ladder import exponential
from limner.process.noise import draw
from limner.process.schedule import scaled_linear
from limner.sampler import dpmpp_2m
from limner.score.exact import Mixture
from limner.score.guidance import Guidance, Lane, Rescale, at, classifier_free, composed
from limner.score.precondition import SAYINGS
from limner.taps import Routed
from limner.types import Context, Latent, Sigma

MU, SCALE, SHAPE = 0.5, 0.3, (2, 1, 4, 4)
SIGMAS = exponential(scaled_linear(), 60)


def words(shift: float) -> Context:
    """A prompt that moves the Gaussian's mean by `shift`."""
    return Context(torch.full((2, 1, 1), shift, dtype=torch.float64))


class Counting:
    """A Gaussian denoiser that counts the rows it is asked about."""

    def __init__(self) -> None:
        self.rows = 0
        self.exact = Mixture(torch.full((1, *SHAPE[1:]), MU, dtype=torch.float64), SCALE)

    def __call__(self, x: Latent, sigma: Sigma, context: Context, taps: Routed | None = None) -> Latent:
        self.rows += len(x)
        return self.exact(x, sigma, context)


class Contrasting:
    """A denoiser whose prompt is a matter of contrast."""

    def __call__(self, x: Latent, sigma: Sigma, context: Context, taps: Routed | None = None) -> Latent:
        return x * (context.states[:, :1, :1, None] / 3).exp() / (1 + sigma[:, None, None, None] ** 2)


def sampled(guidance: Guidance) -> tuple[Latent, int]:
    denoiser = Counting()
    engine = Engine(denoiser, sizes=range(1, 9))
    engine.add("", dpmpp_2m(SIGMAS[0] * draw(0, "x", 0, SHAPE).double(), SIGMAS), guidance)
    while engine.busy:
        engine.tick()
    return engine.finished[""], denoiser.rows


@pytest.mark.tiny
def test_scale_one_is_no_guidance_and_half_the_rows() -> None:
    plain, rows = sampled((Lane(words(1.0)),))
    guided, guided_rows = sampled(classifier_free(words(1.0), words(0.0), 1.0))
    assert torch.equal(guided, plain)
    assert guided_rows == rows
    assert sampled(classifier_free(words(1.0), words(0.0), 1.5))[1] == 2 * rows


@pytest.mark.tiny
def test_scale_zero_is_no_prompt() -> None:
    assert torch.equal(sampled(classifier_free(words(9.0), words(0.0), 0.0))[0], sampled((Lane(words(0.0)),))[0])


@pytest.mark.tiny
@pytest.mark.parametrize("scale", [-1.0, 0.5, 2.0, 7.5])
def test_on_gaussians_guidance_moves_the_mean_in_proportion(scale: float) -> None:
    """For p(x | prompt) = N(mu + shift, s^2) the guided denoiser is that of N(mu + scale shift, s^2), and so
    the picture is where its flow ends.  Ho & Salimans 2022 (arXiv:2207.12598), Eq. 6, in closed form."""
    guided, _ = sampled(classifier_free(words(1.0), words(0.0), scale))
    closed, _ = sampled((Lane(words(scale)),))
    assert_close(guided, closed)
    mean, x = MU + scale, SIGMAS[0] * draw(0, "x", 0, SHAPE).double()
    exact = mean + (x - mean) * SCALE / (SCALE**2 + SIGMAS[0] ** 2) ** 0.5
    assert_close(guided, exact, rtol=0, atol=0.005)  # the error of 60 steps


def flow(x: Latent, mean: float, sigma: float, to: float) -> Latent:
    """Where the probability flow takes x from one noise level to another, if p is N(mean, SCALE^2)."""
    return mean + (x - mean) * ((SCALE**2 + to**2) / (SCALE**2 + sigma**2)) ** 0.5


@pytest.mark.tiny
@pytest.mark.parametrize(("first", "last"), [(20, 40), (0, 30), (30, 59), (0, 59)])
def test_on_gaussians_an_interval_is_three_flows_in_a_row(first: int, last: int) -> None:
    """Kynkaanniemi et al. 2024 (arXiv:2404.07724), Eq. 5, in closed form; and only the guided levels cost double."""
    above, below, scale = SIGMAS[last], SIGMAS[first], 3.0
    guided, rows = sampled(classifier_free(words(1.0), words(0.0), scale, above, below))
    x = SIGMAS[0] * draw(0, "x", 0, SHAPE).double()
    x = flow(x, MU + 1, SIGMAS[0], below)
    x = flow(x, MU + scale, below, above)
    assert_close(guided, flow(x, MU + 1, above, 0.0), rtol=0, atol=0.06)  # the two-step history crosses both bounds
    assert rows == SHAPE[0] * (60 + (last - first))


@pytest.mark.parametrize(("above", "below"), [(5.0, 5.0), (5.0, 3.0), (1e9, 1e10), (-2.0, -1.0)])
def test_an_interval_that_holds_no_level_is_no_guidance(above: float, below: float) -> None:
    guided, rows = sampled(classifier_free(words(1.0), words(0.0), 3.0, above, below))
    plain, plain_rows = sampled((Lane(words(1.0)),))
    assert torch.equal(guided, plain)
    assert rows == plain_rows


def test_an_interval_that_holds_every_level_is_guidance() -> None:
    guided, _ = sampled(classifier_free(words(1.0), words(0.0), 3.0, 0.0, 10_000.0))
    assert torch.equal(guided, sampled(classifier_free(words(1.0), words(0.0), 3.0))[0])


levels = st.floats(0, 1e4)


@given(st.floats(-20, 20), levels, levels, st.floats(1e-3, 1e4))
def test_weights_sum_to_one_at_every_level(scale: float, above: float, below: float, sigma: float) -> None:
    lanes = at(classifier_free(words(1.0), words(0.0), scale, above, below), sigma)
    assert sum(lane.weight for lane in lanes) == pytest.approx(1)
    without = [lane.seen for lane in lanes if lane.context.states[0, 0, 0] == 0]
    assert without == ([False] if scale != 1 and above < sigma <= below else [])


@pytest.mark.parametrize("prediction", ["epsilon", "v_prediction", "sample"])
def test_rescaled_in_full_the_network_speaks_as_loud_as_unguided(prediction: str) -> None:
    """Lin et al. 2023 (arXiv:2305.08891), Eq. 15, row for row; half-way is half-way, Eq. 16."""
    x, alone, mean = (draw(k, "x", 0, SHAPE).double() for k in range(3))
    full, half = (Rescale(share, prediction)(x, 0.8, alone, 3 * mean) for share in (1.0, 0.5))
    said = SAYINGS[prediction](x, full, torch.full((2,), 0.8).double())
    wanted = SAYINGS[prediction](x, alone, torch.full((2,), 0.8).double())
    assert_close(said.std((1, 2, 3)), wanted.std((1, 2, 3)))
    assert_close(half, (full + 3 * mean) / 2)


def test_rescaling_counts_where_guidance_does() -> None:
    """The contrast of pictures from one Gaussian to another differs by the mean alone: what moves is unguided."""
    rescale = Rescale(1.0, "sample")
    assert [lane.rescale for lane in classifier_free(words(1.0), words(0.0), 1.0, rescale=rescale)] == [None]
    guided = classifier_free(words(1.0), words(0.0), 3.0, 1.0, 5.0, rescale)
    assert [lane.rescale for lane in at(guided, 3.0)] == [rescale, None]
    assert [lane.rescale for lane in at(guided, 0.5)] == [None]
    never = sampled(classifier_free(words(1.0), words(0.0), 3.0, 1e9, 1e10, rescale))[0]
    assert torch.equal(never, sampled((Lane(words(1.0)),))[0])


def test_rescaling_has_its_own_row_and_lane() -> None:
    """In a pass with others, whose lanes are more and fewer, each picture is rescaled by its own prompt's lane."""
    rescale, x = Rescale(0.7, "v_prediction"), [draw(k, "x", 1, SHAPE).double() for k in range(3)]
    told = (
        (Lane(words(1.0)),),
        classifier_free(words(2.0), words(0.0), 5.0, rescale=rescale),
        (Lane(words(1.0), 2.0), Lane(words(-1.0), -1.0, seen=False, rescale=rescale)),
    )

    def drawn(*jobs: int) -> list[Latent]:
        engine = Engine(Contrasting(), sizes=range(1, 33))
        for k in jobs:
            engine.add(str(k), dpmpp_2m(SIGMAS[0] * x[k], SIGMAS), told[k])
        while engine.busy:
            engine.tick()
        return [engine.finished[str(k)] for k in jobs]

    together, alone = drawn(0, 1, 2), [drawn(k)[0] for k in range(3)]
    assert all(torch.equal(*pair) for pair in zip(together, alone, strict=True))


def test_composed_prompts_are_the_same_sum() -> None:
    """Liu et al. 2022 (arXiv:2206.01714), Eq. 11: several prompts, each with its weight against none."""
    prompts = [(Lane(words(1.0), 1.0),), (Lane(words(-3.0), 0.25),)]
    guided, _ = sampled(composed(prompts, (Lane(words(0.0), seen=False),), 2.0))
    assert_close(guided, sampled((Lane(words(2.0 * (1.0 - 3.0 * 0.25))),))[0])
    lanes = composed(prompts, (Lane(words(0.0), seen=False),), 2.0)
    assert [lane.weight for lane in lanes] == [2.0, 0.5, -1.5]
    assert [lane.weight for lane in composed(prompts, (Lane(words(0.0)),), 1.0)] == [1.0, 0.25, -0.25]


@given(st.lists(st.floats(-3, 3), min_size=1, max_size=4), st.floats(-20, 20), levels, levels, st.floats(1e-3, 1e4))
def test_weights_of_composed_prompts_sum_to_one(
    weights: list[float], scale: float, above: float, below: float, sigma: float
) -> None:
    """Also where every prompt changes its words on the way, as those of nothing do."""
    prompts = [(Lane(words(1.0), w, low=7.0), Lane(words(2.0), w, high=7.0)) for w in weights]
    nothing = (Lane(words(0.0), high=3.0), Lane(words(-1.0), low=3.0))
    assert sum(lane.weight for lane in at(composed(prompts, nothing, scale, above, below), sigma)) == pytest.approx(1)


@pytest.mark.parametrize("change", [10, 30])
def test_on_gaussians_a_prompt_that_changes_is_two_flows_in_a_row(change: int) -> None:
    at_change, scale = SIGMAS[change], 2.0
    prompt = (Lane(words(1.0), low=at_change), Lane(words(2.0), high=at_change))
    guided, rows = sampled(composed([prompt], (Lane(words(0.0), seen=False),), scale))
    x = flow(SIGMAS[0] * draw(0, "x", 0, SHAPE).double(), MU + scale, SIGMAS[0], at_change)
    assert_close(guided, flow(x, MU + 2 * scale, at_change, 0.0), rtol=0, atol=0.06)  # the history crosses the bound
    assert rows == 2 * SHAPE[0] * 60
