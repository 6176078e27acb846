"""What a recogniser is shown: single things as a compositor places them, and pictures that are of nothing."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Protocol

import numpy as np
import torch
from jaxtyping import Float, Int, UInt8
from safetensors.torch import save_file
from torch import Tensor
from torch.nn import functional as F

from limner.bundle.layout import read_tensors
from limner.errors import LimnerError
from limner.pictures.scenes import Mix, compose
from limner.pictures.sets import Corpus
from limner.process.noise import draw, generator, key
from limner.training.preset import STUDIES
from limner.types import Image, Latent

SIDE = 64  # of what the recogniser sees, in pixels
PLAIN, DECODED, SPOILT = (
    192,
    64,
    16,
)  # pictures of a chunk: as composed, of these through the autoencoder, of these broken
LEARNT, UNSEEN = "renders to learn from", "renders held out"  # what a chunk's noise is drawn for
SINGLE = replace(
    STUDIES,
    single=1.0,
    people=0.0,
    tinted=0.0,
    shapes=0.0,
    count=0.0,
    pair=0.0,
    white=0.6,
    plain=0.3,
    pale=0.1,
    scale=(0.7, 1.0),
)
OTHER_SET = replace(SINGLE, sets=("fluent-flat",))  # drawings that neither the model nor the recogniser was taught
TRIES = 1000
BROKEN_SHARE = 0.25  # of a batch

Small = UInt8[Tensor, "n 3 side side"]
View = Float[Tensor, "n 3 side side"]


class Painter(Protocol):
    """The half of a bundle through which drawn pictures come: the autoencoder."""

    def encode(self, image: Image) -> Latent: ...
    def decode(self, x0: Latent) -> Image: ...


@dataclass(frozen=True, slots=True)
class Renders:
    """Small pictures of things, as composed and through the autoencoder, each with its noun's number; and broken ones.

    `spoilt` are decoded from latents that were averaged in twos, cut up or drowned in noise.
    """

    plain: Small
    plain_labels: Int[Tensor, " n"]
    decoded: Small
    decoded_labels: Int[Tensor, " n"]
    spoilt: Small


@torch.no_grad()
def prepare(
    corpus: Corpus, mix: Mix, painter: Painter, nouns: Sequence[str], side: int, folder: Path, chunks: int, seed: int
) -> Iterator[int]:
    """Compose what there is to learn from, a file a chunk; those that are there stay.  Yields how many are done."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(chunks):
        file = folder / f"{number:05}.safetensors"
        if not file.exists():
            made = chunk(corpus, mix, painter, nouns, side, LEARNT, number, seed)
            part = file.with_suffix(".part")
            save_file({name: getattr(made, name).clone() for name in Renders.__slots__}, part)
            part.rename(file)
        yield number + 1


def gathered(folder: Path, chunks: int) -> Renders:
    """What `prepare` wrote."""
    return joined([Renders(**read_tensors(folder / f"{number:05}.safetensors")) for number in range(chunks)])


@torch.no_grad()
def chunk(
    corpus: Corpus, mix: Mix, painter: Painter, nouns: Sequence[str], side: int, purpose: str, number: int, seed: int
) -> Renders:
    """One chunk: a function of its arguments.  LimnerError where the corpus hardly has these nouns."""
    known = {noun: k for k, noun in enumerate(nouns)}
    pictures, labels = list[Tensor](), list[int]()
    for row in range(PLAIN):
        rng = Random(key(seed, f"{purpose} {row}", number))
        for _ in range(TRIES):
            scene = compose(corpus, rng, side, mix)
            if (word := scene.things[0].word) in known:
                break
        else:
            raise LimnerError("the corpus has hardly a picture of what the model was taught", "build more picture sets")
        pictures.append(torch.from_numpy(np.ascontiguousarray(scene.image)).movedim(-1, 0))
        labels.append(known[word])
    pixels, told = torch.stack(pictures).float() / 255, torch.tensor(labels)
    latents = painter.encode(pixels[:DECODED])
    spoilt = painter.decode(spoil(latents[:SPOILT], seed, f"{purpose}, spoilt", number))
    return Renders(small(pixels), told, small(painter.decode(latents)), told[:DECODED], small(spoilt))


def several(
    corpus: Corpus, mix: Mix, painter: Painter, nouns: Sequence[str], side: int, purpose: str, chunks: int = 8
) -> Renders:
    """Renders that are not kept, to examine by."""
    return joined([chunk(corpus, mix, painter, nouns, side, purpose, number, 0) for number in range(chunks)])


def joined(parts: Sequence[Renders]) -> Renders:
    return Renders(*(torch.cat([getattr(part, name) for part in parts]) for name in Renders.__slots__))


def spoil(latents: Latent, seed: int, purpose: str, number: int) -> Latent:
    """By turns: the mean of two latents, one whose quarters of quarters are shuffled, one in noise of variance 1."""
    g, out = generator(seed, purpose, number), latents.clone()
    noise = draw(seed, f"{purpose} noise", number, tuple(latents.shape))
    out[0::3] = (latents + latents.roll(1, 0))[0::3] / 2
    out[1::3] = shuffled(latents, min(4, latents.shape[-1]), g)[1::3]
    out[2::3] = (latents + noise)[2::3] / 2**0.5
    return out


def small(pixels: Image) -> Small:
    """Averaged down to what the recogniser sees, in whole numbers."""
    area = F.interpolate(pixels, (SIDE, SIDE), mode="area")
    return (area.clamp(0, 1) * 255).round().to(torch.uint8)


def batch(renders: Renders, count: int, rows: int, seed: int, number: int) -> tuple[View, Int[Tensor, " n"]]:
    """The pictures of one step and what each is: a noun's number, or `count`, the number of nouns, if it is broken.

    Half of the things came through the autoencoder; all are varied.
    """
    g = generator(seed, "recogniser batch", number)
    broken = round(rows * BROKEN_SHARE)
    x, labels = things(renders, rows - broken, g)
    first, one = things(renders, broken, g)
    second, two = things(renders, broken, g)
    while (same := one == two).any():
        second[same], two[same] = things(renders, int(same.sum()), g)
    for k, spoiling in enumerate(list(BROKEN.values())[:broken]):
        turn = slice(k, None, len(BROKEN) + 1)
        first[turn] = spoiling(first[turn], second[turn], g)
    left = slice(len(BROKEN), None, len(BROKEN) + 1)
    taken = torch.randint(len(renders.spoilt), (len(first[left]),), generator=g)
    first[left] = renders.spoilt[taken].float() / 255
    told = torch.cat([labels, torch.full((broken,), count)])
    return varied(torch.cat([x, first]), g), told


def things(renders: Renders, rows: int, g: torch.Generator) -> tuple[View, Int[Tensor, " n"]]:
    plain = torch.randint(len(renders.plain), (rows - rows // 2,), generator=g)
    decoded = torch.randint(len(renders.decoded), (rows // 2,), generator=g)
    x = torch.cat([renders.plain[plain], renders.decoded[decoded]]).float() / 255
    labels = torch.cat([renders.plain_labels[plain], renders.decoded_labels[decoded]])
    order = torch.randperm(rows, generator=g)
    return x[order], labels[order]


def varied(x: View, g: torch.Generator) -> View:
    """Turned, sheared, scaled, moved, mirrored, bent, recoloured, softened and speckled a little: still the thing."""
    n = len(x)

    def uniform(low: float, high: float, *shape: int) -> Tensor:
        return low + (high - low) * torch.rand((n, *shape), generator=g)

    angle, scale = uniform(-0.2, 0.2), uniform(0.85, 1.2)
    mirror = torch.where(torch.rand(n, generator=g) < 0.5, -1.0, 1.0)
    turn = torch.stack([angle.cos() * mirror, -angle.sin(), angle.sin() * mirror, angle.cos()], 1).view(n, 2, 2)
    turn = (turn + uniform(-0.1, 0.1, 2, 2)) * scale[:, None, None]
    grid = F.affine_grid(torch.cat([turn, uniform(-0.12, 0.12, 2, 1)], 2), list(x.shape), align_corners=False)
    x = bent(x, uniform(-0.06, 0.06, 2, 5, 5), grid)
    mixing = torch.eye(3) + uniform(-0.1, 0.1, 3, 3)
    x = torch.einsum("nij,njhw->nihw", mixing, x - 0.5) * uniform(0.7, 1.2, 1, 1, 1) + 0.5 + uniform(-0.1, 0.1, 3, 1, 1)
    grey = torch.rand(n, generator=g) < 0.1
    x[grey] = x[grey].mean(1, keepdim=True).expand(-1, 3, -1, -1)
    softness = uniform(0, 1, 1, 1, 1)
    x = x + softness * (F.avg_pool2d(F.pad(x, (1, 1, 1, 1), "replicate"), 3, 1) - x)
    speckle = uniform(0, 0.05, 1, 1, 1) * (torch.rand(x.shape, generator=g) - 0.5) * 12**0.5
    return (x + speckle).clamp(0, 1)


def bent(x: View, offsets: Tensor, grid: Tensor | None = None) -> View:
    """Sampled where a grid says (its own places if left out), moved by smooth offsets in units of half a side."""
    if grid is None:
        grid = F.affine_grid(torch.eye(2, 3).expand(len(x), 2, 3), list(x.shape), align_corners=False)
    moved = F.interpolate(offsets, x.shape[-2:], mode="bicubic", align_corners=True).movedim(1, -1)
    return F.grid_sample(x, grid + moved, padding_mode="border", align_corners=False)


def shuffled(x: Tensor, parts: int, g: torch.Generator) -> Tensor:
    """Cut into parts x parts pieces, laid out in another order, the same for all rows."""
    n, c, h, w = x.shape
    order = torch.randperm(parts * parts, generator=g)
    pieces = x.view(n, c, parts, h // parts, parts, w // parts).permute(2, 4, 0, 1, 3, 5).flatten(0, 1)
    laid = pieces[order].view(parts, parts, n, c, h // parts, w // parts)
    return laid.permute(2, 3, 0, 4, 1, 5).reshape(n, c, h, w)


def blend(x: View, y: View, g: torch.Generator) -> View:
    share = 0.35 + 0.3 * torch.rand((len(x), 1, 1, 1), generator=g)
    return share * x + (1 - share) * y


def halves(x: View, y: View, g: torch.Generator) -> View:
    """One thing's left or upper half beside another's other half, things being about in the middle."""
    cut = round(SIDE * float(0.42 + 0.16 * torch.rand((), generator=g)))
    out = x.clone()
    out[0::2, :, :, cut:], out[1::2, :, cut:] = y[0::2, :, :, cut:], y[1::2, :, cut:]
    return out


def pieces(x: View, y: View, g: torch.Generator) -> View:
    return shuffled(x, 4, g)


def blurred(x: View, y: View, g: torch.Generator) -> View:
    side = int(torch.randint(3, 7, (), generator=g))
    return F.interpolate(F.interpolate(x, (side, side), mode="area"), (SIDE, SIDE), mode="bicubic").clamp(0, 1)


def melted(x: View, y: View, g: torch.Generator) -> View:
    return bent(x, 1.2 * torch.rand((len(x), 2, 7, 7), generator=g) - 0.6)


def ground(x: View, y: View, g: torch.Generator) -> View:
    return x[..., :1, :1].expand_as(x) * (1 - 0.3 * torch.rand((len(x), 1, 1, 1), generator=g))


BROKEN: Mapping[str, Callable[[View, View, torch.Generator], View]] = {
    "blend": blend,
    "halves": halves,
    "pieces": pieces,
    "blurred": blurred,
    "melted": melted,
    "ground": ground,
}
"""What is no picture of anything, made from two things: (one, another, a stream of chance)."""
