"""Nobody notices the company: not who shares a forward pass, not who is watched, not who is edited."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from asking import STEPS, Idle, conversation, guidance, together
from torch.testing import assert_close

from limner.bundle import Bundle, open_bundle
from limner.control.closeup import Closeup
from limner.control.heatmaps import Heatmaps
from limner.control.prompt_to_prompt import PromptToPrompt
from limner.control.record import Record
from limner.engine.run import pixels
from limner.sampler import Control, Sampling
from limner.sampler.sampling import Asking, Query
from limner.score.guidance import Guidance
from limner.taps import Site
from limner.text.alignment import align
from limner.types import Latent, Probs

PAIR = "a red apple", "a blue apple"
PROMPT, OTHERS = "a red apple", ("a blue boat", "two cats on a table", "")


def seen(bundle: Bundle, *others: str) -> Heatmaps:
    """The prompt's heat maps, drawn last in the same passes as the others."""
    heat = Heatmaps()
    jobs = [(conversation(bundle, seed=k), guidance(bundle, prompt)) for k, prompt in enumerate(others, 1)]
    together(bundle, *jobs, (conversation(bundle, [heat.control]), guidance(bundle, PROMPT)))
    return heat


@pytest.mark.tiny
def test_a_batch_is_a_stack_of_singles(bundle: Bundle) -> None:
    """Four samplers at once, each at its own noise level, some guided and some not."""

    def jobs() -> list[tuple[Sampling, Guidance]]:
        asked = [("ancestral", PROMPT, 1.0), ("dpmpp_2m", OTHERS[0], 3.0), ("euler", OTHERS[1], 7.5), ("heun", "", 0.0)]
        return [
            (conversation(bundle, sampler=sampler, seed=seed), guidance(bundle, prompt, scale=scale))
            for seed, (sampler, prompt, scale) in enumerate(asked)
        ]

    for batched, job in zip(together(bundle, *jobs()), jobs(), strict=True):
        (single,) = together(bundle, job)
        # a product of more rows may add in another order: float32 rounding, times sigma 4096 and guidance 7.5
        assert_close(batched, single, rtol=0, atol=5e-4)
        apart = np.abs(pixels(bundle.decode(batched)).astype(int) - pixels(bundle.decode(single)).astype(int))
        assert apart.max() <= 1  # where a value lies near the half between two levels


@pytest.mark.tiny
@pytest.mark.parametrize(("dtype", "sampler"), [(torch.float32, "ancestral"), (torch.bfloat16, "dpmpp_2m")])
def test_watching_changes_nothing(bundle: Bundle, dtype: torch.dtype, sampler: str) -> None:
    """Bit for bit, for the watched and for its neighbour in the same forward pass."""
    model = open_bundle(bundle.folder, dtype=dtype)

    def pair(*controls: Control) -> list[Latent]:
        watched = conversation(model, controls, sampler), guidance(model, PROMPT)
        return together(model, watched, (conversation(model, seed=1), guidance(model, "a blue boat")))

    plain, clumsy = pair(), Clumsy()
    detailed, close = Record([(1,), (2, 3)]), Closeup("up.1.0.cross", 1)
    for control in (Heatmaps().control, detailed.control, close.control, clumsy.control):
        assert all(map(torch.equal, plain, pair(control)))
    assert clumsy.seen == {"self", "cross"}
    assert len(detailed.looks) == STEPS
    assert close.look is not None


class Clumsy:
    """Looks everywhere, and spoils what it is shown."""

    def __init__(self) -> None:
        self.seen = set[str]()

    def wants(self, site: Site) -> bool:
        return True

    def watch(self, site: Site, probs: Probs) -> None:
        self.seen.add(site.kind)
        probs.zero_()

    def control(self, query: Query) -> Asking:
        return (yield replace(query, taps=(*query.taps, self)))


@pytest.mark.tiny
def test_an_editor_leaves_its_neighbour_bit_equal(bundle: Bundle) -> None:
    """In one and the same forward pass: only the edited rows leave the fused kernel."""

    def beside(*controls: Control) -> list[Latent]:
        edited = conversation(bundle, controls, rows=2), guidance(bundle, *PAIR)
        return together(bundle, edited, (conversation(bundle, seed=5), guidance(bundle, "two cats on a table")))

    many = bundle.tokenizer.length
    alignment = align(bundle.tokenizer, *PAIR, many)
    everything = PromptToPrompt(alignment.mapping, alignment.own, torch.zeros(many), torch.ones(many), 0.0, 64)
    (plain, before), (edited, after) = beside(), beside(everything.control)
    assert not torch.equal(plain, edited)
    assert torch.equal(before, after)


def test_heat_maps_alone_are_heat_maps_in_company(bundle: Bundle) -> None:
    alone, company = seen(bundle), seen(bundle, *OTHERS)
    assert alone.sums.keys() == company.sums.keys()
    for site in alone.sums:
        assert_close(company.sums[site], alone.sums[site], rtol=0, atol=1e-4)  # float32 rounding, as above


@pytest.mark.parametrize("where", ["inside", "outside"])
def test_a_steering_pass_is_not_a_step(bundle: Bundle, where: str) -> None:
    """Whether who steers stands farther in or farther out than who looks, each step counts once."""
    alone, heat, idle = seen(bundle), Heatmaps(), Idle()
    controls = [idle.control, heat.control] if where == "inside" else [heat.control, idle.control]
    together(bundle, (conversation(bundle, controls), guidance(bundle, PROMPT)))
    assert idle.slopes == STEPS
    assert heat.sums.keys() == alone.sums.keys()
    assert all(torch.equal(heat.sums[site], alone.sums[site]) for site in heat.sums)
