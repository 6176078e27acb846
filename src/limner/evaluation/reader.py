"""What is this thing?  One that was cut out of a picture is named, and described, or is said to be broken."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from limner.evaluation.exercises import GENDERS, SKINS, UNTOLD, Exercises, Vocabulary
from limner.evaluation.spoiling import bent, blend, blurred, halves, melted, pieces
from limner.network.block import Halve, Residual
from limner.pictures.shapes import SHAPES
from limner.process.noise import CPU, generator
from limner.training.loop import Plan, Run
from limner.training.weights import initialise

CUT = 64  # pixels a side of what is cut out
MARGIN = 0.1  # of its longer side around it
WIDTHS = (32, 64, 128, 192)
GROUPS, EPS = 8, 1e-5
ROWS = 64
PLAN = Plan(steps=6600, rate=1.5e-3, warmup=100, fall=0.6, decay=0.05, hidden=3e-3)
BROKEN_SHARE = 0.22  # of a batch
COMMONER = 4.0  # times: coloured shapes in what models are asked for; in exercises a ball's silhouette is a circle too
GREY = 0.5  # what lies around a thing
WEIGHTS = (1.0, 0.3, 0.3, 0.2, 0.2)  # of the word, style, colour, gender and skin in the loss

Cut = Float[Tensor, "n 4 cut cut"]
"""Red, green, blue with the ground greyed out, and where the thing is."""


@dataclass(frozen=True, slots=True)
class Said:
    """Logits of a thing's word (the last: broken), style, colour, gender and skin, and its features."""

    word: Float[Tensor, "n words"]
    style: Float[Tensor, "n styles"]
    colour: Float[Tensor, "n colours"]
    gender: Float[Tensor, "n genders"]
    skin: Float[Tensor, "n skins"]
    features: Float[Tensor, "n d"]


class Reader(nn.Module):
    """Residual blocks between halvings, the mean and the maximum over all places, a linear answer to each question."""

    def __init__(self, known: Vocabulary, widths: Sequence[int] = WIDTHS) -> None:
        super().__init__()
        self.stem = nn.Conv2d(4 * 4, widths[0], 3, padding=1)
        blocks = list[nn.Module]()
        for before, width in zip((widths[0], *widths), widths, strict=False):
            blocks += [Halve(before, (1, 1, 1, 1))] if blocks else []
            blocks += [Residual(before, width, None, GROUPS, EPS), Residual(width, width, None, GROUPS, EPS)]
        self.blocks = nn.Sequential(*blocks)
        self.norm = nn.GroupNorm(GROUPS, widths[-1], eps=EPS)
        self.answers = (len(known.words) + 1, len(known.styles), len(known.colours), len(GENDERS), len(SKINS))
        self.out = nn.Linear(2 * widths[-1], sum(self.answers))

    def forward(self, x: Cut) -> Said:
        h = F.silu(self.norm(self.blocks(self.stem(F.pixel_unshuffle(4 * x - 2, 2)))))
        features = torch.cat([h.mean((2, 3)), h.amax((2, 3))], 1)
        word, style, colour, gender, skin = torch.split(self.out(features), list(self.answers), 1)
        return Said(word, style, colour, gender, skin, features)


def boxes(masks: Bool[Tensor, "n h w"]) -> Int[Tensor, "n 4"]:
    """Top, left, bottom, right of each; a mask of nothing is the whole picture."""
    n, h, w = masks.shape
    out = torch.tensor([0, 0, h, w]).repeat(n, 1)
    for axis, length, first in ((2, h, 0), (1, w, 1)):
        some = masks.any(axis)
        out[:, first] = torch.where(some.any(1), some.int().argmax(1), 0)
        out[:, first + 2] = torch.where(some.any(1), length - some.flip(1).int().argmax(1), length)
    return out


def cut(x: Float[Tensor, "n 3 h w"], masks: Bool[Tensor, "n h w"], moved: Float[Tensor, "n 2 3"] | None = None) -> Cut:
    """Each thing alone, its box's longer side with a margin made CUT pixels; `moved` as F.affine_grid has it."""
    box = boxes(masks).float()
    h, w = masks.shape[1:]
    half = (1 + 2 * MARGIN) * torch.maximum(box[:, 2] - box[:, 0], box[:, 3] - box[:, 1]) / 2
    row, column = (box[:, 0] + box[:, 2]) / h - 1, (box[:, 1] + box[:, 3]) / w - 1
    theta = torch.zeros(len(x), 2, 3)
    theta[:, 0, 0], theta[:, 1, 1] = 2 * half / w, 2 * half / h
    theta[:, 0, 2], theta[:, 1, 2] = column, row
    if moved is not None:
        theta = theta @ torch.cat([moved, torch.tensor([0.0, 0.0, 1.0]).expand(len(x), 1, 3)], 1)
    grid = F.affine_grid(theta, [len(x), 4, CUT, CUT], align_corners=False)
    solid = masks[:, None].float()
    layers = torch.cat([solid * (x - GREY), solid], 1)
    seen = F.grid_sample(layers, grid, padding_mode="zeros", align_corners=False)
    return torch.cat([seen[:, :3] + GREY, seen[:, 3:]], 1)


@dataclass(frozen=True, slots=True)
class Batch:
    """Things cut out, and what is true of each: word, style, colour, gender, skin, UNTOLD where nothing is known."""

    x: Cut
    told: Int[Tensor, "n 5"]


def batch(given: Exercises, known: Vocabulary, seed: int, number: int, rows: int = ROWS) -> Batch:
    """The things of step `number`, half of them from decoded pictures; the last rows are broken."""
    g = generator(seed, "reader batch", number)
    broken = round(rows * BROKEN_SHARE)
    x, told = taken(given, rows - broken, g)
    first, one = taken(given, broken, g)
    second, two = taken(given, broken, g)
    kinds = len(SPOILING)
    for k, spoiling in enumerate(SPOILING):
        turn = slice(k, None, kinds + 1)
        differ = one[turn, 0] != two[turn, 0]
        first[turn] = torch.where(
            differ[:, None, None, None], spoiling(first[turn], second[turn], g), ruined(first[turn], second[turn], g)
        )
    rest = slice(kinds, None, kinds + 1)
    which = torch.randint(len(given.spoilt), (len(first[rest]),), generator=g)
    first[rest] = cut(given.spoilt[which].float() / 255, given.spoilt_where[which] > 0)
    nothing = torch.full((broken, told.shape[1]), UNTOLD)
    nothing[:, 0] = len(known.words)
    return Batch(varied(torch.cat([x, first]), g), torch.cat([told, nothing]))


def taken(given: Exercises, rows: int, g: torch.Generator) -> tuple[Cut, Int[Tensor, "n 5"]]:
    which = torch.randint(len(given.things), (rows,), generator=g)
    thing = given.things[which]
    scene = thing[:, 0]
    decoded = torch.rand(rows, generator=g) < 0.5
    pictures = torch.where(decoded[:, None, None, None], given.decoded[scene], given.pictures[scene]).float() / 255
    masks = roughened(given.where[scene] == thing[:, 1, None, None].to(torch.uint8), g)
    return cut(pictures, masks, moves(rows, g)), thing[:, 2:]


def roughened(masks: Bool[Tensor, "n h w"], g: torch.Generator) -> Bool[Tensor, "n h w"]:
    """A pixel more all around, or one less, or as it is: nobody segments exactly."""
    level = torch.tensor([0.05, 0.5, 0.95])[torch.randint(3, (len(masks),), generator=g)]
    out = F.avg_pool2d(masks[:, None].float(), 3, 1, 1)[:, 0] > level[:, None, None]
    return torch.where(level[:, None, None] == 0.5, masks, out)


def moves(n: int, g: torch.Generator) -> Float[Tensor, "n 2 3"]:
    """Turned, scaled, moved and mirrored a little."""

    def uniform(reach: float, *shape: int) -> Tensor:
        return reach * (2 * torch.rand((n, *shape), generator=g) - 1)

    angle = uniform(0.12)
    mirror = torch.where(torch.rand(n, generator=g) < 0.5, -1.0, 1.0)
    turn = torch.stack([angle.cos() * mirror, -angle.sin(), angle.sin() * mirror, angle.cos()], 1).view(n, 2, 2)
    turn = turn * (1 + uniform(0.1, 1, 1)) + uniform(0.04, 2, 2)
    return torch.cat([turn, uniform(0.06, 2, 1)], 2)


def varied(x: Cut, g: torch.Generator) -> Cut:
    """Bent, brightened, softened and speckled a little: still the thing, in its colours."""
    n = len(x)

    def uniform(low: float, high: float, *shape: int) -> Tensor:
        return low + (high - low) * torch.rand((n, *shape), generator=g)

    x = bent(x, uniform(-0.03, 0.03, 2, 5, 5))
    softness = uniform(0, 1, 1, 1, 1)
    x = x + softness * (F.avg_pool2d(F.pad(x, (1, 1, 1, 1), "replicate"), 3, 1) - x)
    solid = x[:, 3:]
    light = (x[:, :3] - GREY) * uniform(0.9, 1.1, 1, 1, 1) + uniform(-0.05, 0.05, 3, 1, 1) * solid
    speckle = uniform(0, 0.05, 1, 1, 1) * (torch.rand(light.shape, generator=g) - 0.5) * 12**0.5 * solid
    return torch.cat([(light + speckle + GREY).clamp(0, 1), solid.clamp(0, 1)], 1)


def ruined(x: Cut, other: Cut, g: torch.Generator) -> Cut:
    """Only a part of it: what lies beyond a line through it is gone."""
    n = len(x)
    angle, share = math.tau * torch.rand(n, generator=g), 0.2 * (2 * torch.rand(n, generator=g) - 1)
    axis = torch.linspace(-1, 1, x.shape[-1])
    side = angle.cos()[:, None, None] * axis[:, None] + angle.sin()[:, None, None] * axis - share[:, None, None]
    kept = (side < 0)[:, None].float()
    return torch.cat([(x[:, :3] - GREY) * kept + GREY, x[:, 3:] * kept], 1)


SPOILING = (blend, halves, pieces, blurred, melted, ruined)
"""Ways in which a thing of two things, or of one, is nothing."""


@torch.no_grad()
def foreseen(net: Reader, known: Vocabulary, words: Sequence[str] = tuple(SHAPES), times: float = COMMONER) -> Reader:
    """Told that these words are so many times as common where it is asked as where it learnt.

    Saerens, Latinne & Decaestecker 2002 (Neural Computation 14), Eq. 2.4: posteriors times the ratio of priors, here in
    the logits' biases.
    """
    for word in words:
        if word in known.words:
            net.out.bias[known.words.index(word)] += math.log(times)
    return net


def study(
    known: Vocabulary,
    file: Path,
    plan: Plan = PLAN,
    seed: int = 0,
    warm: Reader | None = None,
    device: torch.device = CPU,
) -> Run:
    """A reader in training, from the start or from `warm`; `file` is its checkpoint, from which it goes on.

    `warm` is an oracle's, which was told what is asked for more often: it forgets that until it is an oracle's again.
    """
    net = Reader(known)
    initialise(net, "reader", seed)
    if warm is not None:
        net.load_state_dict(warm.state_dict())
        foreseen(net, known, times=1 / COMMONER)
    return Run(net.to(device), plan, file)


def lesson(net: nn.Module, seen: Batch, device: torch.device = CPU) -> Float[Tensor, ""]:
    """The loss of a batch, on the device where the network is."""
    return reading_loss(net, Batch(seen.x.to(device), seen.told.to(device)))


def reading_loss(net: nn.Module, seen: Batch) -> Float[Tensor, ""]:
    """The cross entropy of each answer over the things of which it is known, added up."""
    said = net(seen.x)
    answers = (said.word, said.style, said.colour, said.gender, said.skin)
    total = seen.x.new_zeros(())
    for weight, logits, told in zip(WEIGHTS, answers, seen.told.T, strict=True):
        known = told != UNTOLD
        if known.any():
            total = total + weight * F.cross_entropy(logits[known].float(), told[known])
    return total
