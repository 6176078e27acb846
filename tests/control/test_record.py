"""The record is what heat maps are the sum of, taken apart.  (That watching changes nothing is a law.)"""

from collections.abc import Sequence

import families
import numpy as np
import pytest
import torch
from asking import STEPS, Idle, conversation, guidance, together
from torch.testing import assert_close

from limner.bundle import Bundle
from limner.control.heatmaps import Heatmaps
from limner.control.record import Columns, Record, worded
from limner.engine import run
from limner.evaluation.large import SD15, SDXL, Size
from limner.network.unet import UNet
from limner.recipe import Recipe, Wish, resolve
from limner.sampler import Query, Reply
from limner.taps import Site

WORDS: Sequence[Columns] = ((2,), (3, 4), (0,))


def wish(model: Bundle, prompt: str = "a red apple", steps: int = 3) -> Recipe:
    """Not square: 4 x 8 latents."""
    said = Wish(model=model.identity, prompt=prompt, steps=steps, width=32, height=64, guidance=3.0)
    return resolve(said, model.defaults)


@pytest.mark.parametrize("family", families.UNETS)
def test_heat_maps_are_the_records_sum(family: str) -> None:
    """Over steps and heads, at every site, for every word: of pictures that are not square, drawn by every family."""
    model, heat, record = families.bundle(family), Heatmaps(), Record(WORDS)
    ((_, plain),) = run([wish(model)], model)
    ((_, picture),) = run([wish(model)], model, [heat.control, record.control])
    np.testing.assert_array_equal(picture, plain)
    assert len(record.looks) == len(record.sigmas) == 3
    summed, together_ = record.heatmaps(), worded(heat, WORDS)
    assert summed.sums.keys() == together_.sums.keys() == set(record.looks[0])
    for site, sums in summed.sums.items():
        assert sums.shape == (1, site.height, site.width, len(WORDS))
        assert site.height >= 2 * site.width - 1
        assert_close(sums, together_.sums[site])
    assert_close(summed.maps((64, 32)), together_.maps((64, 32)))
    assert_close(summed.maps((8, 4))[:, 0], heat.maps((8, 4))[:, 2])  # a word of one column is that column


@pytest.fixture(scope="module")
def record(bundle: Bundle) -> Record:
    seen = Record(WORDS)
    together(bundle, (conversation(bundle, [seen.control]), guidance(bundle, "a red apple")))
    return seen


def test_what_is_taken_apart_adds_up(record: Record) -> None:
    """Steps and layers are parts of the whole; heads, of which the mean is taken, where there are as many."""
    whole = record.heatmaps().sums
    steps = [record.heatmaps(steps=[step]).sums for step in range(STEPS)]
    assert not torch.equal(*(step[next(iter(whole))] for step in steps[:2]))
    for site, sums in whole.items():
        assert_close(sums, sum(step[site] for step in steps))
        assert record.heatmaps([site.name]).sums.keys() == {site}
        many = len(record.looks[0][site])
        heads = [record.heatmaps([site.name], [head]).sums[site] for head in range(many)]
        assert_close(sums, torch.stack(heads).mean(0))
    widest = max(len(maps) for maps in record.looks[0].values())
    only = record.heatmaps(heads=[widest - 1]).sums.keys()
    assert only == {site for site, maps in record.looks[0].items() if len(maps) == widest} != whole.keys()
    with pytest.raises(IndexError):
        record.heatmaps(steps=[STEPS])


def test_sub_words_are_merged_and_other_columns_forgotten() -> None:
    """By hand: two heads, two places, four columns; the last of two rows."""
    seen, site = Record([(1, 2), (3,)]), Site("mid.cross", "cross", 1, 2)
    last = torch.tensor([[[0.1, 0.2, 0.4, 0.3], [0.7, 0.1, 0.1, 0.1]], [[0.0, 0.0, 1.0, 0.0], [0.2, 0.2, 0.6, 0.0]]])
    step(seen, site, torch.stack([torch.full((2, 2, 4), 0.25), last]))
    expected = torch.tensor([[[[0.3, 0.1]], [[0.3, 0.1]]], [[[0.5, 0.4]], [[0.0, 0.0]]]])
    assert_close(seen.looks[0][site], expected)


def step(seen: Record, site: Site, *looks: torch.Tensor) -> None:
    """One question in which the model looks so many times, and perhaps not at all."""
    x = torch.zeros(1, 4, 2, 2)
    asking = seen.control(Query(x, 1.0))
    next(asking)
    for probs in looks:
        seen.watch(site, probs)
    with pytest.raises(StopIteration):
        asking.send(Reply(x, x))


def test_an_answer_without_a_look_is_no_step() -> None:
    """And of several looks before an answer the last counts."""
    seen, site = Record([(0,)]), Site("mid.cross", "cross", 1, 1)
    for looks in ([0.5], [], [0.1, 0.9]):
        step(seen, site, *(torch.full((1, 1, 1, 1), look) for look in looks))
    assert [float(look[site]) for look in seen.looks] == pytest.approx([0.5, 0.9])


def test_only_the_prompts_own_lane_is_kept(bundle: Bundle) -> None:
    """Guided or not, the first look is the same; another prompt's is not."""

    def first(prompt: str, scale: float) -> Record:
        seen = Record(WORDS)
        together(bundle, (conversation(bundle, [seen.control]), guidance(bundle, prompt, scale=scale)))
        return seen

    guided, alone, nothing = first("a red apple", 7.5), first("a red apple", 1.0), first("", 1.0)
    for site, maps in guided.looks[0].items():
        assert_close(maps, alone.looks[0][site], rtol=1e-4, atol=1e-5)  # two rows may be added in another order
    assert any((maps - nothing.looks[0][site]).abs().max() > 0.01 for site, maps in guided.looks[0].items())


def test_a_steering_pass_is_not_kept(bundle: Bundle, record: Record) -> None:
    seen, idle = Record(WORDS), Idle()
    together(bundle, (conversation(bundle, [idle.control, seen.control]), guidance(bundle, "a red apple")))
    assert (idle.slopes, len(seen.looks)) == (STEPS, STEPS)
    for look, alone in zip(seen.looks, record.looks, strict=True):
        assert all(torch.equal(maps, alone[site]) for site, maps in look.items())


def test_sides_choose_the_sites(bundle: Bundle) -> None:
    seen = Record(WORDS, sides=(4,))
    together(bundle, (conversation(bundle, [seen.control]), guidance(bundle, "a red apple")))
    assert {site.height for site in seen.looks[0]} == {4}
    assert not seen.wants(Site("up.0.0.self", "self", 4, 4))


@pytest.mark.parametrize(("size", "said"), [(SD15, "{places:,} heads"), (SDXL, "{bytes:.2f} MB a word")])
def test_the_memory_that_the_docstring_says(size: Size, said: str) -> None:
    """Heads times places, counted on networks without numbers."""
    with torch.device("meta"):
        net, coarsest = UNet(size.unet), len(size.unet.widths) - 1
    many = 0
    for each in net.listeners():
        way, *number = each.name.split(".")
        level = coarsest if way == "mid" else int(number[0]) if way == "down" else coarsest - int(number[0])
        many += each.heads * (size.unet.sample_size // 2**level) ** 2
    assert said.format(places=many, bytes=4 * many / 1e6) in (Record.__doc__ or "").replace("\n    ", " ")


def test_a_record_of_two_rows_is_of_the_last(bundle: Bundle) -> None:
    """An edit's source and edit: the edit's own words."""
    both, own = Record(WORDS), Record(WORDS)
    pair = conversation(bundle, [both.control], rows=2), guidance(bundle, "a blue boat", "a red apple")
    together(bundle, pair)
    together(bundle, (conversation(bundle, [own.control]), guidance(bundle, "a red apple")))
    for site, maps in both.looks[0].items():
        assert_close(maps, own.looks[0][site], rtol=1e-4, atol=1e-5)  # as above
