"""A head that looks at the start of every sentence alone learns nothing more: it is begun anew, and nobody notices."""

from dataclasses import dataclass, field

import torch
from jaxtyping import Float
from torch import Tensor

from limner.network.unet import UNet
from limner.process.noise import draw
from limner.taps import Routed, Site
from limner.types import Context, Probs

ASLEEP = 0.98  # mean share of the start token from which on a head is taken to see nothing else
TIMES = (50.0, 300.0, 600.0, 900.0)  # on the schedule, at which is looked


@dataclass(slots=True)
class Starts:
    """What share of every head's attention goes to a sentence's first token, by attention's name."""

    shares: dict[str, list[Float[Tensor, " heads"]]] = field(default_factory=dict)

    def wants(self, site: Site) -> bool:
        return site.kind == "cross"

    def watch(self, site: Site, probs: Probs) -> None:
        self.shares.setdefault(site.name, []).append(probs[..., 0].mean((0, 2)))


@torch.no_grad()
def asleep(net: UNet, states: Float[Tensor, "n l d"]) -> dict[str, list[int]]:
    """The heads of each cross-attention that hardly look at anything but the start of these sentences."""
    seen, side, many = Starts(), net.config.sample_size, len(states)
    for number, time in enumerate(TIMES):
        x = draw(number, "revival", 0, (many, net.config.in_channels, side, side)).to(states.device)
        net(x, torch.full((many,), time, device=x.device), Context(states), Routed([(slice(0, many), (seen,))]))
    means = {name: torch.stack(shares).mean(0) for name, shares in seen.shares.items()}
    return {name: (mean > ASLEEP).nonzero().flatten().tolist() for name, mean in means.items()}


@torch.no_grad()
def revive(net: UNet, states: Float[Tensor, "n l d"], seed: int = 0) -> int:
    """Begin anew every head that is asleep, and say how many these were; what the network says stays as it was.

    Such a head adds the same vector everywhere, which moves into the bias behind it; its part of `to_out` becomes zero,
    from where it learns at once, and its queries, keys and values are drawn again.  A softmax that is one at the start
    token, which never differs, has no gradient left that could wake it: a sink, Xiao et al. 2023 (arXiv:2309.17453).
    """
    woken, found = 0, asleep(net, states)
    for attention in net.listeners():
        width = attention.to_q.weight.shape[0] // attention.heads
        out: torch.nn.Linear = attention.to_out[0]  # type: ignore[assignment]
        for head in found.get(attention.name, ()):
            rows = slice(head * width, (head + 1) * width)
            out.bias.add_(out.weight[:, rows] @ (attention.to_v.weight[rows] @ states[0, 0]))
            out.weight[:, rows] = 0
            for name in ("to_q", "to_k", "to_v"):
                weight = getattr(attention, name).weight
                fresh = draw(seed, f"{attention.name} {name} {head}", 0, (width, weight.shape[1]))
                weight[rows] = fresh.to(weight) * weight.shape[1] ** -0.5
            woken += 1
    return woken
