"""Where are the things, and which place belongs to which?  Every place says so, and points to its thing's middle."""

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import torch
from jaxtyping import Bool, Float, UInt8
from torch import Tensor, nn
from torch.nn import functional as F

from limner.evaluation.exercises import Exercises
from limner.network.block import Double, Halve, Residual
from limner.process.noise import CPU, generator
from limner.training.loop import Plan, Run
from limner.training.weights import initialise

WIDTHS = (48, 64, 96)
GROUPS, EPS = 8, 1e-5
REACH = 1.2  # places, of the bump around the middle of a thing
PEAK, LEAST = 0.3, 0.003  # of a middle; of the picture, what is smaller is a speck
NEIGHBOURHOOD = 5  # places a side within which there is one middle
ROWS = 32
PLAN = Plan(steps=1600, rate=1.5e-3, warmup=50, fall=0.5, decay=0.02, hidden=3e-3)
FOLD = 4  # pixels a side of a place

View = Float[Tensor, "n 3 side side"]


class Segmenter(nn.Module):
    """Three levels down and up again: for each pixel whether a thing is there, for each 4 x 4 pixels the rest.

    Things are told apart as Cheng et al. 2020 do (arXiv:1911.10194, section 3.1): a map of their middles, and at each
    place the offset to the middle of its own thing.
    """

    def __init__(self, widths: tuple[int, ...] = WIDTHS) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3 * FOLD**2, widths[0], 3, padding=1)
        self.first = Residual(widths[0], widths[0], None, GROUPS, EPS)
        pairs = list(pairwise(widths))
        self.halves = nn.ModuleList(Halve(before, (1, 1, 1, 1)) for before, _ in pairs)
        self.down = nn.ModuleList(Residual(before, after, None, GROUPS, EPS) for before, after in pairs)
        self.doubles = nn.ModuleList(Double(after) for _, after in reversed(pairs))
        self.up = nn.ModuleList(
            Residual(after + before, before, None, GROUPS, EPS) for before, after in reversed(pairs)
        )
        self.norm = nn.GroupNorm(GROUPS, widths[0], eps=EPS)
        self.out = nn.Conv2d(widths[0], FOLD**2 + 3, 3, padding=1)

    def maps(self, x: View) -> list[Float[Tensor, "n d h w"]]:
        """What it sees on the way down, from the finest level to the coarsest."""
        h = self.first(self.stem(F.pixel_unshuffle(4 * x - 2, FOLD)))
        kept = [h]
        for halve, block in zip(self.halves, self.down, strict=True):
            h = block(halve(h))
            kept.append(h)
        return kept

    def summary(self, x: View) -> Float[Tensor, "n d"]:
        """The coarsest map, averaged over all places."""
        return self.maps(x)[-1].mean((2, 3))

    def forward(self, x: View) -> tuple[Float[Tensor, "n side side"], Float[Tensor, "n h w"], Float[Tensor, "n 2 h w"]]:
        """Logits of a thing being there, logits of a middle, and offsets (rows, columns) in places."""
        kept = self.maps(x)
        h = kept.pop()
        for double, block in zip(self.doubles, self.up, strict=True):
            skip = kept.pop()
            h = block(torch.cat([double(h, skip.shape[-2:]), skip], 1))
        out = self.out(F.silu(self.norm(h)))
        there = F.pixel_shuffle(out[:, : FOLD**2], FOLD)[:, 0]
        return there, out[:, FOLD**2], 4 * out[:, FOLD**2 + 1 :]


@dataclass(frozen=True, slots=True)
class Targets:
    """What a segmenter should have said."""

    there: Float[Tensor, "n side side"]
    middle: Float[Tensor, "n h w"]
    offset: Float[Tensor, "n 2 h w"]
    inside: Bool[Tensor, "n h w"]


def targets(where: UInt8[Tensor, "n side side"]) -> Targets:
    """From the numbers of the things: the middle of a thing is that of its box."""
    ids = where[:, ::FOLD, ::FOLD].long()
    n, h, w = ids.shape
    rows, columns = torch.arange(h)[:, None].expand(h, w), torch.arange(w).expand(h, w)
    middle, offset = torch.zeros(n, h, w), torch.zeros(n, 2, h, w)
    for i in range(n):
        for k in sorted(set(ids[i].flatten().tolist())):
            if k == 0:
                continue
            own = ids[i] == k
            r, c = ((each[own].min() + each[own].max()) / 2 for each in (rows, columns))
            bump = torch.exp(-((rows - r) ** 2 + (columns - c) ** 2) / (2 * REACH**2))
            middle[i] = torch.maximum(middle[i], bump)
            offset[i, 0][own], offset[i, 1][own] = (r - rows)[own], (c - columns)[own]
    return Targets((where > 0).float(), middle, offset, ids > 0)


def segment_loss(net: nn.Module, x: View, wanted: Targets) -> Float[Tensor, ""]:
    """Cross entropies of being there and of being a middle, and the offsets' mean error, in places, on the things."""
    there, middle, offset = (each.float() for each in net(x))
    off = (offset - wanted.offset).abs().mean(1)[wanted.inside]
    seen = F.binary_cross_entropy_with_logits(there, wanted.there)
    # The middles are few: each place counts as its target says, so that saying nowhere is no way out.
    rare = F.binary_cross_entropy_with_logits(middle, wanted.middle, 1 + 10 * wanted.middle)
    return seen + rare + (0.02 * off.mean() if len(off) else 0.0)


def study(
    file: Path, seed: int = 0, plan: Plan = PLAN, warm: Segmenter | None = None, device: torch.device = CPU
) -> Run:
    """A segmenter in training, from the start or from `warm`; `file` is its checkpoint, from which it goes on."""
    net = Segmenter()
    initialise(net, "segmenter", seed)
    if warm is not None:
        net.load_state_dict(warm.state_dict())
    return Run(net.to(device), plan, file)


def batch(given: Exercises, seed: int, number: int, rows: int = ROWS) -> tuple[View, Targets]:
    """What step `number` sees: half of its pictures came through the autoencoder; some are mirrored or recoloured."""
    g = generator(seed, "segmenter batch", number)
    which = torch.randint(len(given.pictures), (rows,), generator=g)
    decoded = torch.rand(rows, generator=g) < 0.5
    x = torch.where(decoded[:, None, None, None], given.decoded[which], given.pictures[which]).float() / 255
    where = given.where[which]
    if torch.rand((), generator=g) < 0.5:
        x, where = x.flip(-1), where.flip(-1)
    order = torch.randperm(3, generator=g) if torch.rand((), generator=g) < 0.3 else torch.arange(3)
    return x[:, order], targets(where)


def lesson(net: nn.Module, seen: tuple[View, Targets], device: torch.device = CPU) -> Float[Tensor, ""]:
    """The loss of a batch, on the device where the network is."""
    x, wanted = seen
    there = Targets(*(getattr(wanted, name).to(device) for name in Targets.__slots__))
    return segment_loss(net, x.to(device), there)


@torch.no_grad()
def masks(net: nn.Module, x: View) -> list[list[Bool[Tensor, "side side"]]]:
    """The things of each picture, the largest first, each pixel belonging to one at most."""
    there, middle, offset = (each.float() for each in net(x))
    found = list[list[Tensor]]()
    for solid, peaks, off in zip(there > 0, summits(middle.sigmoid()), offset, strict=True):
        found.append(parted(solid, peaks, off))
    return found


def summits(heat: Float[Tensor, "n h w"]) -> Bool[Tensor, "n h w"]:
    """Where no neighbour is higher, above PEAK."""
    top = F.max_pool2d(heat[:, None], NEIGHBOURHOOD, 1, NEIGHBOURHOOD // 2)[:, 0]
    return (heat == top) & (heat > PEAK)


def parted(
    solid: Bool[Tensor, "side side"], peaks: Bool[Tensor, "h w"], offset: Float[Tensor, "2 h w"]
) -> list[Bool[Tensor, "side side"]]:
    """The solid pixels by the middle that each points nearest to; all one thing where no middle is seen."""
    centres = peaks.nonzero().float()
    if not len(centres):
        centres = torch.tensor([[side / 2 for side in peaks.shape]])
    h, w = peaks.shape
    grid = torch.stack(torch.meshgrid(torch.arange(h), torch.arange(w), indexing="ij")).float()
    pointed = (grid + offset).flatten(1).T
    own = torch.cdist(pointed, centres).argmin(1).view(h, w)
    whole = F.interpolate(own[None, None].float(), solid.shape, mode="nearest")[0, 0].long()
    parts = [solid & (whole == k) for k in range(len(centres))]
    least = LEAST * solid.numel()
    return sorted((part for part in parts if part.sum() >= least), key=lambda part: -int(part.sum()))
