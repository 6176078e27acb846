"""Heat maps: at each place the words share what was seen there.  (That watching changes nothing is a law.)"""

import pytest
import torch
from asking import STEPS, conversation, guidance, together
from torch.testing import assert_close

from limner.bundle import Bundle
from limner.control.heatmaps import Heatmaps
from limner.sampler import Query, Reply
from limner.taps import Site


@pytest.fixture(scope="module")
def heat(bundle: Bundle) -> Heatmaps:
    heat = Heatmaps()
    together(bundle, (conversation(bundle, [heat.control]), guidance(bundle, "a red apple")))
    return heat


def test_at_each_place_the_tokens_share_one(bundle: Bundle, heat: Heatmaps) -> None:
    """Attention is a distribution over tokens, so that a sum over steps sums to the number of steps."""
    assert {site.name for site in heat.sums} >= {"down.0.0.cross", "mid.cross", "up.2.1.cross"}
    for site, sums in heat.sums.items():
        assert sums.shape == (1, site.height, site.width, bundle.tokenizer.length)
        assert_close(sums.sum(-1), torch.full_like(sums.sum(-1), STEPS))


def test_a_words_map_is_stretched_over_the_picture(bundle: Bundle, heat: Heatmaps) -> None:
    """Tang et al. 2022 (arXiv:2210.04885), Eq. 5 and 6: all sites enlarged to the picture and averaged."""
    assert heat.maps((64, 48)).shape == (1, bundle.tokenizer.length, 64, 48)
    word = heat.word(2, 4, (64, 64))
    assert (word.min(), word.max(), word.shape) == (0, 1, (1, 64, 64))
    one = Heatmaps({site: sums for site, sums in heat.sums.items() if site.name == "mid.cross"})
    flat = one.sums[next(iter(one.sums))]
    assert_close(one.maps((flat.shape[1], flat.shape[2])), flat.movedim(-1, 1))  # enlarged to its own size it stays


def test_sites_of_any_size_count_alike() -> None:
    """Their mean, not that of their places: of 2 x 2 places that see 0.2 and 4 x 4 that see 0.6 it is 0.4."""
    coarse, fine = Site("mid.cross", "cross", 2, 2), Site("up.0.0.cross", "cross", 4, 4)
    heat = Heatmaps({coarse: torch.full((1, 2, 2, 1), 0.2), fine: torch.full((1, 4, 4, 1), 0.6)})
    assert_close(heat.maps((8, 8)), torch.full((1, 1, 8, 8), 0.4))


def test_a_map_is_enlarged_by_cubics_and_never_below_nothing() -> None:
    """By hand: two places, 0 and 1, become four by Keys' cubic with a = -3/4 (Keys 1981, Eq. 4).

    They lie at -1/4, 1/4, 3/4 and 5/4, where it gives -27/256, 29/128, 99/128 and 283/256: the first, below nothing,
    counts as nothing before the other site's 0.4 is added.
    """
    two, one = Site("up.0.0.cross", "cross", 1, 2), Site("mid.cross", "cross", 1, 1)
    heat = Heatmaps({two: torch.tensor([0.0, 1]).view(1, 1, 2, 1), one: torch.full((1, 1, 1, 1), 0.4)})
    expected = (torch.tensor([0, 29 / 128, 99 / 128, 283 / 256]) + 0.4) / 2
    assert_close(heat.maps((1, 4))[0, 0, 0], expected)


def test_nothing_seen_is_nothing_to_draw() -> None:
    with pytest.raises(ValueError, match="no cross-attention was seen"):
        Heatmaps().maps((8, 8))


def test_an_answer_without_a_look_counts_nothing() -> None:
    """Somebody farther out may answer from memory: then no attention was paid, and none is counted."""
    heat, site, x = Heatmaps(), Site("mid.cross", "cross", 2, 2), torch.zeros(1, 4, 2, 2)

    def step(looks: int) -> None:
        asking = heat.control(Query(x, 1.0))
        next(asking)
        for _ in range(looks):
            heat.watch(site, torch.full((1, 3, 4, 5), 0.2))
        with pytest.raises(StopIteration):
            asking.send(Reply(x, x))

    for looks in (1, 0, 2):
        step(looks)
    assert_close(heat.sums[site], torch.full((1, 2, 2, 5), 2 * 0.2))
