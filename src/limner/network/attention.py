"""Attention: each place in the picture asks, each word (or place) answers, and here a tap may stand between."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from limner.taps import Editor, Look, Routed, Site, Tap, Watcher, Witness
from limner.types import Probs

Asking = Float[Tensor, "b heads q d"]
Asked = Float[Tensor, "b heads k d"]
Projected = tuple[Float[Tensor, "b l d"], Float[Tensor, "b l d"]]
"""K and V of one attention: they depend on nothing but what is looked at."""


def similarity(q: Asking, k: Asked) -> Probs:
    """Q K^T / sqrt(d).  Vaswani et al. 2017 (arXiv:1706.03762), Eq. 1, before the softmax."""
    scores: Tensor = q.float() @ k.float().transpose(-1, -2) / q.shape[-1] ** 0.5
    return scores


def probabilities(q: Asking, k: Asked) -> Probs:
    """softmax(Q K^T / sqrt(d)), before it is applied to V."""
    return similarity(q, k).softmax(-1)


def tapped(site: Site, q: Asking, k: Asked, v: Asked, y: Asking, taps: tuple[Tap, ...]) -> tuple[Asking, Probs]:
    """The output of one request's rows after its taps, y itself unless an editor spoke; and what it was mixed by."""
    probs = probabilities(q, k)
    for tap in taps:
        if isinstance(tap, Editor):
            probs = tap.edit(site, probs)
            y = probs.to(v.dtype) @ v
        elif isinstance(tap, Watcher):
            tap.watch(site, probs)
    return y, probs


@dataclass(frozen=True, slots=True)
class Awaited:
    """Some rows at a site, what they were mixed by, and who waits to see what comes of it."""

    site: Site
    rows: slice
    probs: Probs
    witnesses: Sequence[Witness]


def routed(site: Site, q: Asking, k: Asked, v: Asked, y: Asking, taps: Routed) -> tuple[Asking, list[Awaited]]:
    """The output of all rows after everybody's taps, and who waits for the end."""
    pieces, at, awaited = list[Tensor](), 0, list[Awaited]()
    for rows, wanting in taps.at(site):
        own, probs = tapped(site, q[rows], k[rows], v[rows], y[rows], wanting)
        pieces += [y[at : rows.start], own]
        at = rows.stop
        if witnesses := [tap for tap in wanting if isinstance(tap, Witness)]:
            awaited.append(Awaited(site, rows, probs, witnesses))
    return (torch.cat([*pieces, y[at:]]) if pieces else y), awaited


class Attention(nn.Module):
    """Multi-head attention from x to what was projected, added to x; self-attention is attention to x."""

    def __init__(self, name: str, kind: Literal["self", "cross"], dim: int, context_dim: int, heads: int) -> None:
        super().__init__()
        if dim % heads:
            raise ValueError(f"{heads} heads of a width of {dim}")
        self.name, self.heads = name, heads
        self.kind: Literal["self", "cross"] = kind
        self.to_q = nn.Linear(dim, dim, bias=False)
        self.to_k = nn.Linear(context_dim, dim, bias=False)
        self.to_v = nn.Linear(context_dim, dim, bias=False)
        self.to_out = nn.ModuleList([nn.Linear(dim, dim)])

    def project(self, context: Float[Tensor, "b l c"]) -> Projected:
        """K and V of what is looked at."""
        return self.to_k(context), self.to_v(context)

    def forward(
        self,
        x: Float[Tensor, "b n d"],
        normed: Float[Tensor, "b n d"],
        projected: Projected,
        size: tuple[int, int],
        taps: Routed | None = None,
    ) -> Float[Tensor, "b n d"]:
        """x and what was seen from its places; who asks is x normalised."""
        q, k, v = (y.unflatten(-1, (self.heads, -1)).transpose(1, 2) for y in (self.to_q(normed), *projected))
        awaited: list[Awaited] = []
        y = F.scaled_dot_product_attention(q, k, v)
        if taps is not None:
            y, awaited = routed(Site(self.name, self.kind, *size), q, k, v, y, taps)
        added: Tensor = self.to_out[0](y.transpose(1, 2).flatten(2))
        out = x + added
        for each in awaited:
            of = each.rows
            look = Look(q[of], k[of], v[of], each.probs, y[of], added[of], x[of])
            for tap in each.witnesses:
                tap.witness(each.site, look)
        return out


class FeedForward(nn.Module):
    """Linear, gated by GELU, linear.  Shazeer 2020 (arXiv:2002.05202), GEGLU."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        gate = nn.Module()
        gate.proj = nn.Linear(dim, 8 * dim)
        self.net = nn.ModuleList([gate, nn.Identity(), nn.Linear(4 * dim, dim)])

    def forward(self, x: Float[Tensor, "b n d"]) -> Float[Tensor, "b n d"]:
        value, gate = self.net[0].proj(x).chunk(2, dim=-1)  # type: ignore[operator]
        out: Tensor = self.net[2](value * F.gelu(gate))
        return out


@runtime_checkable
class Words(Protocol):
    """What the words' states become at an attention to them."""

    def at(self, attention: Attention) -> Projected: ...


@dataclass(frozen=True, slots=True)
class Spoken:
    """States, projected where they are looked at."""

    states: Float[Tensor, "b l c"]

    def at(self, attention: Attention) -> Projected:
        return attention.project(self.states)


@dataclass(frozen=True, slots=True)
class Kept:
    """Projected before, once for all steps of a picture: by attention's name."""

    projected: Mapping[str, Projected]

    def at(self, attention: Attention) -> Projected:
        return self.projected[attention.name]


class TransformerBlock(nn.Module):
    """Look around the picture, look at the words, think: each added to what was there."""

    def __init__(self, name: str, dim: int, context_dim: int, heads: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(dim)
        self.attn1 = Attention(f"{name}.self", "self", dim, dim, heads)
        self.norm2 = nn.LayerNorm(dim)
        self.attn2 = Attention(f"{name}.cross", "cross", dim, context_dim, heads)
        self.norm3 = nn.LayerNorm(dim)
        self.ff = FeedForward(dim)

    def forward(
        self, x: Float[Tensor, "b n d"], words: Words, size: tuple[int, int], taps: Routed | None = None
    ) -> Float[Tensor, "b n d"]:
        h = self.norm1(x)
        x = self.attn1(x, h, self.attn1.project(h), size, taps)
        x = self.attn2(x, self.norm2(x), words.at(self.attn2), size, taps)
        out: Tensor = x + self.ff(self.norm3(x))
        return out


class SpatialTransformer(nn.Module):
    """Transformer blocks over the places of a feature map.  Rombach et al. 2022 (arXiv:2112.10752), Eq. 3.

    Stable Diffusion 1 projects in and out with 1x1 convolutions, 2 and XL with linear layers: `linear` says which.
    """

    def __init__(
        self, name: str, dim: int, context_dim: int, heads: int, depth: int, groups: int, linear: bool
    ) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(groups, dim, eps=1e-6)
        self.proj_in = nn.Linear(dim, dim) if linear else nn.Conv2d(dim, dim, 1)
        names = [name] if depth == 1 else [f"{name}.{k}" for k in range(depth)]
        self.transformer_blocks = nn.ModuleList([TransformerBlock(n, dim, context_dim, heads) for n in names])
        self.proj_out = nn.Linear(dim, dim) if linear else nn.Conv2d(dim, dim, 1)
        self.linear = linear

    def forward(
        self, x: Float[Tensor, "b c h w"], words: Words, taps: Routed | None = None
    ) -> Float[Tensor, "b c h w"]:
        size = (x.shape[2], x.shape[3])
        h = self.norm(x)
        h = self.proj_in(places(h)) if self.linear else places(self.proj_in(h))
        for block in self.transformer_blocks:
            h = block(h, words, size, taps)
        h = picture(self.proj_out(h), size) if self.linear else self.proj_out(picture(h, size))
        out: Tensor = x + h
        return out


def places(x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b n c"]:
    return x.flatten(2).transpose(1, 2)


def picture(x: Float[Tensor, "b n c"], size: tuple[int, int]) -> Float[Tensor, "b c h w"]:
    return x.transpose(1, 2).reshape(x.shape[0], -1, *size).contiguous()  # shape, not len: exporters see it
