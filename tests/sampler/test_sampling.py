"""A sampler asks from high to low noise, and ends in the clean picture."""

from itertools import pairwise

import pytest
import torch
from gaussian import denoise, sampled

from limner.process.noise import draw
from limner.sampler import SAMPLERS, Query, Reply, Sampling, ancestral, steer
from limner.sampler.sampling import Asking
from limner.types import Latent

EPS = draw(0, "x", 0, (1, 1, 4, 4))
SIGMAS = [14.6, 3.0, 0.7, 0.03, 0.0]


def fresh(step: int) -> Latent:
    return draw(0, "fresh", step, (1, 1, 4, 4))


@pytest.mark.parametrize("sampler", sorted(SAMPLERS.keys() - {"lms"}))  # which arrives by its slopes
@pytest.mark.parametrize("n", [1, 2])
def test_the_last_step_is_the_answer_itself(sampler: str, n: int) -> None:
    """From any level straight to 0 a first-order solution is D, bit for bit, also in float32."""
    levels = [4096.0, 0.7][-n:]
    sampling = SAMPLERS[sampler](EPS.float(), [*levels, 0.0], lambda step: EPS)
    query = next(sampling)
    for _ in range(SAMPLERS[sampler].passes(n) - 1):
        query = sampling.send(Reply(query.x, denoise(query.x, query.sigma)))
    with pytest.raises(StopIteration) as done:
        sampling.send(Reply(query.x, 7 * EPS.float()))
    assert torch.equal(done.value.value, 7 * EPS.float())


def test_no_noise_is_added_to_the_finished_picture() -> None:
    asked = list[int]()

    def counted(step: int) -> Latent:
        asked.append(step)
        return fresh(step)

    sampled(ancestral(EPS, [3.0, 2.0, 1.0, 0.0], counted))
    assert asked == [0, 1]
    assert torch.isfinite(sampled(ancestral(4096 * EPS, [4096.0, 4000.0, 0.03, 0.0], fresh))).all()


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_questions_go_down_the_ladder(sampler: str) -> None:
    """Each level is asked about, none after a lower one, and noise level 0 never; as often as the sampler says."""
    asked = list[float]()

    def control(query: Query) -> Asking:
        asked.append(query.sigma)
        return (yield query)

    sampled(steer(SAMPLERS[sampler](14.6 * EPS, SIGMAS, fresh), control))
    assert all(lower <= higher * (1 + 1e-12) for higher, lower in pairwise(asked))
    assert set(SIGMAS[:-1]) <= set(asked)
    assert len(asked) == SAMPLERS[sampler].passes(4)
    if sampler not in ("dpm_2", "dpmpp_sde"):  # which look half-way down
        assert all(any(sigma == pytest.approx(level) for level in SIGMAS) for sigma in asked)


@pytest.mark.tiny
@pytest.mark.parametrize("sampler", SAMPLERS)
def test_a_control_may_ask_again_and_move_x(sampler: str) -> None:
    """The sampler goes on from the x that was answered: here a step that first leaps to another sampling's place."""

    def walk(start: Latent, *controls: object) -> Sampling:
        sampling = SAMPLERS[sampler](start, SIGMAS, fresh)
        for control in controls:
            sampling = steer(sampling, control)  # type: ignore[arg-type]
        return sampling

    def leap(query: Query) -> Asking:
        yield query  # asked for nothing
        if query.sigma == SIGMAS[0] and torch.equal(query.x, 14.6 * EPS):
            return (yield Query(14.6 * fresh(9), query.sigma))
        return (yield query)

    assert torch.equal(sampled(walk(14.6 * EPS, leap)), sampled(walk(14.6 * fresh(9))))


@pytest.mark.parametrize("sampler", SAMPLERS)
@pytest.mark.parametrize("levels", [[4096.0, 40.0, 14.6, 3.0, 0.7, 0.03, 0.0], [14.6, 8.0, 4.0, 2.0, 1.0, 0.5, 0.0]])
def test_where_a_control_moves_x_the_picture_goes(sampler: str, levels: list[float]) -> None:
    """A push up at any question of the first half, where Attend-and-Excite pushes, lifts every pixel, or leaves it.

    In the second half several slopes at once may overshoot (lms).
    """

    def outcome(pushed: int | None) -> Latent:
        count = -1

        def control(query: Query) -> Asking:
            nonlocal count
            count += 1
            return (yield Query(query.x + 1, query.sigma) if count == pushed else query)

        return sampled(steer(SAMPLERS[sampler](EPS * levels[0], levels, fresh), control))

    plain = outcome(None)
    for question in range(SAMPLERS[sampler].passes(3)):
        lifted = outcome(question) - plain
        assert lifted.min() > -1e-5, (question, float(lifted.min()))
