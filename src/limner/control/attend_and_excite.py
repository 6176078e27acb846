"""Attend-and-Excite: before each step the latent is moved until every thing asked for is looked at somewhere."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from limner.sampler.sampling import Asking, Query
from limner.taps import Site
from limner.types import Latent, Probs

Columns = tuple[int, ...]
Maps = Float[Tensor, "words h w"]

ACTIVE = 0.5  # share of the steps in which the latent is moved
GOALS: Mapping[float, float] = {0.0: 0.05, 0.2: 0.5, 0.4: 0.8}  # what each thing must reach, from such a share of steps
ROUNDS = 0.4  # most moves by which such a step tries to get there, in a ladder's steps: 20 of the authors' 50
SMOOTHING = 0.5**0.5  # the blur's standard deviation in places: what the authors' "0.5" comes to


@dataclass(slots=True)
class AttendAndExcite:
    """Chefer et al. 2023 (arXiv:2301.13826), section 4, Algorithm 1: L = max_s (1 - max_places A_s), x <- x - a dL/dx.

    `words` are the columns of each word of the prompt, `things` those of them that must be seen, and `traits` pairs
    (trait, thing) that should look at the same places.  Attention is averaged over heads and over sites of height
    `side`, sharpened over the words by `temperature` and smoothed: over words alone, without BOS, EOS and padding, as
    the authors have it for Stable Diffusion 2.1.  `row` is the picture that is moved.  `step` and the gradient are in
    the authors' variance-preserving units.  Where the words are not told any more, nothing is moved.
    """

    sigmas: Sequence[float]
    words: tuple[Columns, ...]
    things: tuple[int, ...]
    side: int
    traits: tuple[tuple[int, int], ...] = ()
    step: float = 20.0
    temperature: float = 100.0
    binding: float = 0.0
    row: int = -1
    seen: dict[Site, Float[Tensor, "heads q k"]] = field(default_factory=dict)
    losses: list[tuple[float, float]] = field(default_factory=list)

    def wants(self, site: Site) -> bool:
        return site.kind == "cross" and site.height == self.side

    def watch(self, site: Site, probs: Probs) -> None:
        self.seen[site] = probs[self.row]

    def control(self, query: Query) -> Asking:
        share = sum(sigma > query.sigma for sigma in self.sigmas) / (len(self.sigmas) - 1)
        if query.objective is not None or share >= ACTIVE:
            return (yield query)
        x, goal, most = query.x, self.goal(share), round(ROUNDS * (len(self.sigmas) - 1))
        for turn in range(most + 1):
            reply = yield replace(query, x=x, taps=(*query.taps, self), objective=self.objective)
            if reply.slope is None:
                return reply
            loss = self.losses[-1][1]
            x = self.moved(x, reply.slope, query.sigma, share) if loss > 0 else x
            if goal is None or loss <= 1 - goal or turn == most:
                break
        return (yield replace(query, x=x))

    def goal(self, share: float) -> float | None:
        """What every thing must reach in this step, if it is one of those that try until it does."""
        step = 1 / (len(self.sigmas) - 1)
        return next((goal for begin, goal in GOALS.items() if begin - step / 2 <= share < begin + step / 2), None)

    def moved(self, x: Latent, slope: Latent, sigma: float, share: float) -> Latent:
        """z <- z - a_t dL/dz with a_t = step sqrt(1 - share / 2), for z = x / sqrt(1 + sigma^2): one row of x."""
        pace = self.step * (1 - share / 2) ** 0.5 * (1 + sigma**2)
        x = x.clone()
        x[self.row] -= pace * slope[self.row]
        return x

    def objective(self) -> Tensor:
        """The loss of what was just seen, Eq. 2, and the distance of traits from their things."""
        maps = self.maps()
        loss = neglect(maps, self.things)
        total = loss + self.binding * apart(maps, self.traits) if self.traits and self.binding else loss
        self.losses.append((float(total.detach()), float(loss.detach())))
        self.seen.clear()
        return total

    def maps(self) -> Maps:
        """A: one map a word, which share one at each place; smoothed."""
        if not self.seen:
            raise ValueError(f"no cross-attention of height {self.side} was seen")
        mean = torch.stack([probs.mean(0) for probs in self.seen.values()]).mean(0)
        site = next(iter(self.seen))
        words = torch.stack([mean[:, list(columns)].mean(-1) for columns in self.words])
        return smoothed((self.temperature * words).softmax(0).view(len(words), site.height, site.width))


def neglect(maps: Maps, things: Sequence[int]) -> Float[Tensor, ""]:
    """max_s max(0, 1 - max A_s): how little the most neglected thing is looked at anywhere."""
    return (1 - maps[list(things)].amax((1, 2))).clamp(min=0).max()


def apart(maps: Maps, pairs: Sequence[tuple[int, int]]) -> Float[Tensor, ""]:
    """The mean Jensen-Shannon divergence of trait and thing, each a distribution over places, in bits: 0 to 1.

    Li et al. 2023 (arXiv:2307.10864), section 3.3: the binding loss of Divide & Bind.
    """
    p, q = (shares(maps[[pair[side] for pair in pairs]]) for side in (0, 1))
    m = (p + q) / 2
    divergence = (torch.xlogy(p, p) + torch.xlogy(q, q)).sum(-1) / 2 - torch.xlogy(m, m).sum(-1)
    return divergence.mean() / torch.log(torch.tensor(2.0))


def shares(maps: Maps) -> Float[Tensor, "words places"]:
    flat = maps.flatten(1)
    return flat / flat.sum(1, keepdim=True)


def smoothed(maps: Maps) -> Maps:
    """A blur over 3 x 3 places, mirrored at the borders; along a side of one place there is nothing to mirror."""
    line = torch.exp(-(torch.tensor([-1.0, 0.0, 1.0], device=maps.device) ** 2) / (2 * SMOOTHING**2))
    kernel = torch.outer(line, line) / line.sum() ** 2
    mode = "reflect" if min(maps.shape[1:]) > 1 else "replicate"
    padded = F.pad(maps[:, None], (1, 1, 1, 1), mode=mode)
    return F.conv2d(padded, kernel[None, None].to(maps.dtype))[:, 0]
