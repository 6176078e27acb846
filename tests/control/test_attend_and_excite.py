"""Attend-and-Excite's arithmetic on maps written down by hand, and what it does to a model of random weights."""

from dataclasses import replace
from math import exp, log2

import pytest
import torch
from asking import conversation, guidance, together
from torch.testing import assert_close

from limner.bundle import Bundle
from limner.control.attend_and_excite import ROUNDS, AttendAndExcite, apart, neglect, smoothed
from limner.control.heatmaps import Heatmaps
from limner.process.ladder import trailing
from limner.sampler import Query, Reply
from limner.taps import Site

MAPS = torch.tensor([[[0.9, 0.1], [0.0, 0.0]], [[0.1, 0.2], [0.3, 0.1]], [[0.0, 0.7], [0.7, 0.9]]])
SITE = Site("mid.cross", "cross", 2, 2)


def control(words: int = 3, **ruled: object) -> AttendAndExcite:
    columns = tuple((word + 1,) for word in range(words))
    return AttendAndExcite([4.0, 2.0, 1.0, 0.5, 0.0], columns, (0, 1), 2, **ruled)  # type: ignore[arg-type]


def test_the_loss_is_that_of_the_most_neglected() -> None:
    """Chefer et al. 2023, Eq. 2: maxima .9, .3, .9."""
    assert_close(neglect(MAPS, (0, 2)), torch.tensor(0.1))
    assert_close(neglect(MAPS, (0, 1, 2)), torch.tensor(0.7))


def test_a_trait_lies_on_its_thing() -> None:
    """Jensen-Shannon divergence in bits: of equal shares 0, of disjoint ones 1, and one by hand.

    P = (1, 0), Q = (1/2, 1/2): M = (3/4, 1/4), JSD = (log2(4/3) + log2(2/3)/2 + log2(2)/2) / 2.
    """
    half = torch.tensor([[[2.0, 0.0]], [[0.5, 0.5]], [[4.0, 0.0]], [[0.0, 1.0]]])
    assert_close(apart(half, [(0, 2)]), torch.tensor(0.0))
    assert_close(apart(half, [(0, 3)]), torch.tensor(1.0))
    byhand = (log2(4 / 3) + log2(2 / 3) / 2 + log2(2) / 2) / 2
    assert_close(apart(half, [(0, 1)]), torch.tensor(byhand))
    assert_close(apart(half, [(0, 1), (0, 3)]), torch.tensor((byhand + 1) / 2))


def test_the_blur_is_the_authors() -> None:
    """exp(-((x - m) / (2 * 0.5))^2), in both directions: of one place 1 / (1 + 2/e) squared stays, .331."""
    point = torch.zeros(1, 5, 5)
    point[0, 2, 2] = 1
    stays = 1 / (1 + 2 * exp(-1))
    assert_close(smoothed(point)[0, 2, 2], torch.tensor(stays**2))
    assert_close(smoothed(point)[0, 2, 1], torch.tensor(stays**2 * exp(-1)))
    assert_close(smoothed(torch.ones(1, 3, 3)), torch.ones(1, 3, 3))  # and nothing is lost at the borders
    assert_close(smoothed(torch.ones(1, 8, 1)), torch.ones(1, 8, 1))


def test_attention_is_shared_among_words_and_sharpened() -> None:
    """Two heads whose mean at a place is (.1, .2, .3) for three words, BOS and EOS left out: softmax(10 times that)."""
    steered = control(temperature=10.0)
    row = torch.tensor([[0.3, 0.0, 0.2, 0.3, 0.2], [0.2, 0.2, 0.2, 0.3, 0.1]])
    steered.watch(SITE, row[None, :, None].expand(1, 2, 4, 5))
    words = torch.tensor([1.0, 2.0, 3.0]).softmax(0)
    assert_close(steered.maps(), words[:, None, None].expand(3, 2, 2))


def test_a_word_of_two_tokens_is_one_word() -> None:
    steered = AttendAndExcite([1.0, 0.0], ((1,), (2, 3)), (0,), 2, temperature=1.0)
    steered.watch(SITE, torch.tensor([0.4, 0.1, 0.2, 0.4])[None, None, None].expand(1, 1, 4, 4))
    assert_close(steered.maps()[:, 0, 0], torch.tensor([0.1, 0.3]).softmax(0))


def walked(steered: AttendAndExcite, sigma: float, looks: list[float], slope: float = 1.0) -> tuple[int, torch.Tensor]:
    """How often the control asks which way, if things are looked at by so much each time, and the x it ends with."""
    x, asked = torch.zeros(1, 1, 2, 2), 0
    asking = steered.control(Query(x, sigma))
    query = next(asking)
    while query.objective is not None:
        look = looks[min(asked, len(looks) - 1)]
        asked += 1
        steered.losses.append((1 - look, 1 - look))
        query = asking.send(Reply(query.x, query.x, torch.full_like(x, slope)))
    return asked, query.x


def test_a_step_in_the_second_half_is_left_alone() -> None:
    assert walked(control(), 1.0, [0.0])[0] == 0
    assert walked(control(), 2.0, [0.5])[0] == 1


def test_the_latent_moves_against_the_slope_as_far_as_the_authors_do() -> None:
    """a_t = step sqrt(1 - share / 2) in z = x / sqrt(1 + sigma^2): in x the step is (1 + sigma^2) a_t dL/dx."""
    _, x = walked(control(step=3.0), 2.0, [0.5])
    assert_close(x, torch.full_like(x, -3 * (1 - 0.25 / 2) ** 0.5 * 5))


def test_what_is_seen_enough_is_not_moved() -> None:
    _, x = walked(control(), 2.0, [1.0])
    assert torch.equal(x, torch.zeros_like(x))


def test_at_its_three_goals_it_tries_until_they_are_reached() -> None:
    """.05 at the first step: reached at the third look, after which one move is made as at every step."""
    asked, x = walked(control(step=1.0), 4.0, [0.0, 0.04, 0.06])
    assert asked == 3
    assert_close(x, torch.full_like(x, -3 * 17.0))
    assert walked(control(step=1.0), 4.0, [0.0])[0] == round(ROUNDS * 4) + 1


def steered_by(bundle: Bundle, **ruled: object) -> AttendAndExcite:
    columns = ((1,), (2,), (3,), (4,))
    return AttendAndExcite(trailing(bundle.schedule, 4), columns, (1, 3), 8, **ruled)  # type: ignore[arg-type]


@pytest.mark.tiny
def test_a_step_of_nothing_is_identity(bundle: Bundle) -> None:
    """Asked which way, and not gone there: bit for bit the picture that nobody steered."""
    asked = guidance(bundle, "a red apple")
    (plain,) = together(bundle, (conversation(bundle), asked))
    idle, moving = steered_by(bundle, step=0.0), steered_by(bundle, step=5.0)
    (still,) = together(bundle, (conversation(bundle, [idle.control]), asked))
    (moved,) = together(bundle, (conversation(bundle, [moving.control]), asked))
    assert torch.equal(still, plain)
    assert idle.losses
    assert not torch.equal(moved, plain)


def test_words_that_are_told_no_more_move_nothing(bundle: Bundle) -> None:
    """[from:to:when]: what controls see is the sentence as it begins; when it is over the question is a plain one."""
    sigmas = trailing(bundle.schedule, 4)
    (lane,) = guidance(bundle, "a red apple", scale=1.0)
    later = replace(lane, seen=False, high=sigmas[1])
    steered = steered_by(bundle, step=5.0)
    (moved,) = together(bundle, (conversation(bundle, [steered.control]), (replace(lane, low=sigmas[1]), later)))
    assert steered.losses
    once, several = steered_by(bundle, step=5.0), len(steered.losses)
    (other,) = together(bundle, (conversation(bundle, [once.control]), (lane,)))
    assert len(once.losses) > several  # in the second step, too
    assert not torch.equal(moved, other)


def test_moving_lowers_the_loss(bundle: Bundle) -> None:
    """Within one noise level: the loss falls from look to look."""
    steered = steered_by(bundle, step=2.0, temperature=5.0)
    together(bundle, (conversation(bundle, [steered.control]), guidance(bundle, "a red apple")))
    first = [loss for loss, _ in steered.losses[:6]]
    assert first == sorted(first, reverse=True)
    assert first[-1] < first[0] - 1e-4


def test_only_the_prompts_own_lane_is_asked_which_way(bundle: Bundle) -> None:
    """Half the cost of a guided pass: whoever answers is asked about one row, not two."""
    rows = list[tuple[int, bool]]()

    class Counting:
        def __call__(self, x, sigma, context, taps=None):  # type: ignore[no-untyped-def]
            rows.append((len(x), torch.is_grad_enabled()))
            return bundle.denoiser(x, sigma, context, taps)

    from limner.engine import Engine

    engine = Engine(Counting())
    engine.add("", conversation(bundle, [steered_by(bundle).control, Heatmaps().control]), guidance(bundle, "a cat"))
    while engine.busy:
        engine.tick()
    assert {many for many, graded in rows if graded} == {1}
    assert {many for many, graded in rows if not graded} == {2}
