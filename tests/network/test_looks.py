"""Attention by hand, and what somebody sees of it who wants to see all."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import log, sqrt

import torch
from torch.testing import assert_close

from limner.network.attention import Attention, probabilities, similarity
from limner.process.noise import draw
from limner.taps import Look, Routed, Site
from limner.types import Probs

SIZE = 1, 3


def test_by_hand() -> None:
    """One place, two words, d = 2: similarities 0 and ln 3, shares 1/4 and 3/4, and of V so much."""
    q = torch.tensor([[[[1.0, 0.0]]]])
    k = torch.tensor([[[[0.0, 5.0], [sqrt(2) * log(3), -7.0]]]])
    v = torch.tensor([[[[0.0, 4.0], [8.0, 0.0]]]])
    assert_close(similarity(q, k), torch.tensor([[[[0.0, log(3)]]]]))
    assert_close(probabilities(q, k), torch.tensor([[[[0.25, 0.75]]]]))
    assert_close(probabilities(q, k) @ v, torch.tensor([[[[6.0, 1.0]]]]))


@dataclass
class Seer:
    """A witness that keeps what it sees, and spoils it."""

    sites: Sequence[str] = ("mid.cross",)
    looks: list[Look] = field(default_factory=list)
    asked: int = 0

    def wants(self, site: Site) -> bool:
        return site.name in self.sites

    def witness(self, site: Site, look: Look) -> None:
        parts = (look.q, look.k, look.v, look.probs, look.mixed, look.added, look.before)
        self.looks.append(Look(*(part.clone() for part in parts)))
        for part in parts:
            part.zero_()


class Doubled:
    """An editor: every look counts twice."""

    def wants(self, site: Site) -> bool:
        return True

    def edit(self, site: Site, probs: Probs) -> Probs:
        return 2 * probs


@torch.no_grad()
def answered(routes: Sequence[tuple[slice, tuple[object, ...]]] | None) -> tuple[Attention, torch.Tensor, torch.Tensor]:
    """Three rows of an attention to four words, what was there, and what it became."""
    attention = Attention("mid.cross", "cross", 8, 6, 2)
    for name, weight in attention.named_parameters():
        weight.copy_(0.5 * draw(0, name, 0, tuple(weight.shape)))
    x, normed, context = (
        draw(0, name, 1, (3, *shape)) for name, shape in (("x", (3, 8)), ("n", (3, 8)), ("c", (4, 6)))
    )
    before = x.clone()
    out = attention(x, normed, attention.project(context), SIZE, None if routes is None else Routed(routes))  # type: ignore[arg-type]
    return attention, before, out


def test_a_witness_sees_what_the_network_computed() -> None:
    """A V is what was mixed, the last layer makes of it what is added, and that and what was there is the answer."""
    seer = Seer()
    attention, before, out = answered([(slice(1, 3), (seer,))])
    (look,) = seer.looks
    assert_close(probabilities(look.q, look.k), look.probs)
    assert_close(look.probs @ look.v, look.mixed)
    assert_close(attention.to_out[0](look.mixed.transpose(1, 2).flatten(2)), look.added)
    assert_close(look.before, before[1:])
    assert_close(look.before + look.added, out[1:])
    assert look.q.shape == (2, 2, 3, 4)
    assert look.k.shape == look.v.shape == (2, 2, 4, 4)


def test_a_witness_changes_nothing_even_where_it_spoils_what_it_sees() -> None:
    seer = Seer()
    assert torch.equal(answered([(slice(0, 1), (seer,)), (slice(2, 3), (seer,))])[2], answered(None)[2])
    assert len(seer.looks) == 2


def test_a_witness_sees_what_an_editor_made_of_it() -> None:
    """Wherever it stands among the taps; the neighbours' rows stay as they are."""
    for taps in ((first := Seer(), Doubled()), (Doubled(), last := Seer())):
        assert torch.equal(answered([(slice(0, 1), taps)])[2][1:], answered(None)[2][1:])
    for look in (*first.looks, *last.looks):
        assert_close(look.probs, 2 * probabilities(look.q, look.k))
        assert_close(look.mixed, look.probs @ look.v)


def test_who_wants_nothing_sees_nothing() -> None:
    seer = Seer(sites=())
    answered([(slice(0, 3), (seer,))])
    assert seer.looks == []
