"""What is said of a space is so where it can be worked out by hand."""

from math import sqrt

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.testing import assert_close

from limner.errors import LimnerError
from limner.evaluation.space import isoscore, mean_cosine, modality_gap, projected
from limner.process.noise import draw

ONE_WAY = torch.outer(torch.tensor([1.0, 2.0, 3.0, -1.0]), torch.tensor([0.6, 0.0, 0.8]))


def axes(used: int, of: int) -> torch.Tensor:
    """Both ends of each of the first axes: a covariance that is exactly even on them and nothing elsewhere."""
    return torch.cat([torch.eye(of)[:used], -torch.eye(of)[:used]])


@pytest.mark.parametrize(("used", "of"), [(1, 4), (2, 4), (3, 4), (4, 4), (5, 16), (16, 16)])
def test_isoscore_counts_the_dimensions_that_are_used(used: int, of: int) -> None:
    """Rudman et al. 2022, section 4: k dimensions used evenly are (k - 1)/(n - 1)."""
    assert isoscore(axes(used, of)) == pytest.approx((used - 1) / (of - 1), abs=1e-12)


def test_isoscore_of_chance_and_of_a_line() -> None:
    everywhere = draw(0, "everywhere", 0, (20_000, 8))
    assert isoscore(everywhere) > 0.999
    assert isoscore(ONE_WAY) == pytest.approx(0, abs=1e-12)
    assert isoscore(everywhere[:12]) < 0.8  # few vectors cannot tell
    uneven = everywhere * torch.tensor([10.0, 1, 1, 1, 1, 1, 1, 1])
    assert isoscore(uneven) < 0.2


def test_isoscore_by_hand() -> None:
    """Variances 3 and 1 of two axes: worked through the seven steps on paper."""
    cloud = torch.tensor([[sqrt(3), 0.0], [-sqrt(3), 0.0], [0.0, 1.0], [0.0, -1.0]])
    normed = [sqrt(2) * 3 / sqrt(10), sqrt(2) / sqrt(10)]
    squared = ((normed[0] - 1) ** 2 + (normed[1] - 1) ** 2) / (2 * (2 - sqrt(2)))
    fraction = (2 - squared * (2 - sqrt(2))) ** 2 / 4
    assert isoscore(cloud) == pytest.approx(2 * fraction - 1)
    assert isoscore(cloud) == pytest.approx(0.6)


@given(st.integers(0, 1000))
def test_isoscore_does_not_care_where_or_which_way_or_how_large(seed: int) -> None:
    cloud = draw(seed, "cloud", 0, (40, 5)) * torch.tensor([3.0, 1, 1, 0.5, 0.1])
    turn = torch.linalg.qr(draw(seed, "turn", 0, (5, 5)))[0]
    moved = 7 * cloud @ turn + draw(seed, "shift", 0, (5,))
    assert isoscore(moved) == pytest.approx(isoscore(cloud), abs=1e-5)  # the cloud was moved in float32
    assert 0 <= isoscore(cloud) <= 1


def test_mean_cosine_is_over_all_pairs() -> None:
    vectors = draw(1, "vectors", 0, (30, 6)) + 1
    pairs = [
        torch.nn.functional.cosine_similarity(vectors[i], vectors[j], dim=0)
        for i in range(30)
        for j in range(30)
        if i != j
    ]
    assert mean_cosine(vectors) == pytest.approx(float(torch.stack(pairs).mean()), abs=1e-6)
    assert mean_cosine(axes(3, 3)) == pytest.approx(-1 / 5)  # each has one opposite among five others
    assert mean_cosine(torch.tensor([[1.0, 0.0], [3.0, 0.0]])) == pytest.approx(1)


def test_the_gap_is_between_the_centres() -> None:
    pictures, captions = torch.eye(2), torch.tensor([[1.0, 0.0], [1.0, 0.0], [1.0, 0.0]])
    assert modality_gap(pictures, captions) == pytest.approx(sqrt(0.5))
    assert modality_gap(pictures, pictures.flip(0)) == 0


def test_a_map_keeps_what_lies_in_a_plane() -> None:
    plane = draw(2, "plane", 0, (20, 2)) * torch.tensor([3.0, 1.0])
    turn = torch.linalg.qr(draw(2, "turn", 0, (7, 7)))[0]
    found = projected(plane @ turn[:2] + 5)
    assert sum(found.shares) == pytest.approx(1)
    assert found.shares[0] > found.shares[1]
    assert_close(torch.cdist(found.points, found.points), torch.cdist(plane, plane), rtol=1e-4, atol=1e-4)  # float32
    turned = projected(-(plane @ turn[:2] + 5))
    assert_close(turned.points.abs(), found.points.abs(), rtol=1e-4, atol=1e-4)
    assert (found.points.gather(0, found.points.abs().argmax(0, keepdim=True)) > 0).all()


def test_what_has_no_shape_is_refused() -> None:
    for measure in (mean_cosine, isoscore, projected):
        with pytest.raises(LimnerError, match="1 vectors have no shape"):
            measure(torch.ones(1, 4))
    with pytest.raises(LimnerError, match="all vectors are equal"):
        isoscore(torch.ones(3, 4))
    with pytest.raises(LimnerError, match="one number"):
        isoscore(torch.ones(3, 1))
    with pytest.raises(LimnerError, match="no map"):
        projected(torch.eye(2))
