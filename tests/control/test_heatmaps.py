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
