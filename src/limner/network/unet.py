"""The U-Net: down to coarse and wide, up to fine and narrow, and going up it remembers what it saw on the way."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from limner.network.attention import SpatialTransformer
from limner.network.block import Double, Halve, Residual
from limner.network.config import UNetConfig
from limner.network.embedding import Embedding, sinusoidal
from limner.taps import Routed
from limner.types import Context, Latent

Time = Float[Tensor, "b t"]
Code = Float[Tensor, "b _"]  # sines and cosines of numbers
Next = Float[Tensor, "b c2 h2 w2"]  # other channels, and perhaps half or twice the side
Seen = list[Float[Tensor, "b _ _ _"]]


@dataclass(frozen=True, slots=True)
class Residuals:
    """What a ControlNet adds to a U-Net: to all that the way up remembers, the first of it first, and to the middle."""

    seen: tuple[Float[Tensor, "b _ _ _"], ...]
    middle: Float[Tensor, "b _ _ _"]


class Level(nn.Module):
    """One resolution, on the way down or up: residual blocks, each followed by a look at the words."""

    def __init__(self, name: str, config: UNetConfig, level: int, dims: list[tuple[int, int]]) -> None:
        super().__init__()
        width, depth = config.widths[level], config.depths[level]
        time_dim = 4 * config.widths[0]
        self.resnets = nn.ModuleList([Residual(i, o, time_dim, config.groups, config.eps) for i, o in dims])
        if depth:
            self.attentions = nn.ModuleList(
                [
                    SpatialTransformer(
                        f"{name}.{j}",
                        width,
                        config.context_dim,
                        config.heads[level],
                        depth,
                        config.groups,
                        config.linear,
                    )
                    for j in range(len(dims))
                ]
            )
        self.attends = depth > 0

    def brick(self, j: int, x: Latent, time: Time, context: Context, taps: Routed | None) -> Next:
        x = self.resnets[j](x, time)
        return self.attentions[j](x, context.states, taps) if self.attends else x


class Down(Level):
    def __init__(self, config: UNetConfig, level: int) -> None:
        width = config.widths[level]
        before = config.widths[max(level - 1, 0)]
        dims = [(before if j == 0 else width, width) for j in range(config.residuals)]
        super().__init__(f"down.{level}", config, level, dims)
        if level < len(config.widths) - 1:
            self.downsamplers = nn.ModuleList([Halve(width, padding=(1, 1, 1, 1))])
        self.halves = level < len(config.widths) - 1

    def forward(self, x: Latent, time: Time, context: Context, taps: Routed | None) -> Seen:
        """Everything that the way up will want to remember, the last of it first to be used."""
        seen: Seen = []
        for j in range(len(self.resnets)):
            x = self.brick(j, x, time, context, taps)
            seen.append(x)
        if self.halves:
            seen.append(self.downsamplers[0](x))
        return seen


class Up(Level):
    def __init__(self, config: UNetConfig, level: int) -> None:
        """`level` counts from fine to coarse as everywhere; the file counts the way up from coarse to fine."""
        widths, n = config.widths, config.residuals + 1
        above = widths[min(level + 1, len(widths) - 1)]
        below = widths[max(level - 1, 0)]
        skips = [widths[level]] * (n - 1) + [below]
        dims = [((above if j == 0 else widths[level]) + skips[j], widths[level]) for j in range(n)]
        super().__init__(f"up.{len(widths) - 1 - level}", config, level, dims)
        if level > 0:
            self.upsamplers = nn.ModuleList([Double(widths[level])])
        self.doubles = level > 0

    def forward(self, x: Latent, seen: Seen, time: Time, context: Context, taps: Routed | None) -> Next:
        for j in range(len(self.resnets)):
            x = self.brick(j, torch.cat([x, seen.pop()], dim=1), time, context, taps)
        return self.upsamplers[0](x, seen[-1].shape[2:]) if self.doubles else x


class Middle(nn.Module):
    def __init__(self, config: UNetConfig) -> None:
        super().__init__()
        width, time_dim = config.widths[-1], 4 * config.widths[0]
        self.resnets = nn.ModuleList([Residual(width, width, time_dim, config.groups, config.eps) for _ in range(2)])
        self.attentions = nn.ModuleList(
            [
                SpatialTransformer(
                    "mid", width, config.context_dim, config.heads[-1], config.mid_depth, config.groups, config.linear
                )
            ]
        )

    def forward(self, x: Latent, time: Time, context: Context, taps: Routed | None) -> Latent:
        x = self.resnets[0](x, time)
        x = self.attentions[0](x, context.states, taps)
        out: Tensor = self.resnets[1](x, time)
        return out


class UNet(nn.Module):
    """What is in this noisy latent?  An answer of the latent's shape: noise, velocity or x0, as the model was trained.

    Rombach et al. 2022 (arXiv:2112.10752), section 3.3.  Parameters are named as diffusers names them.
    `t` is the schedule's time, one a row, and need not be whole; the network itself knows no sigma.
    """

    def __init__(self, config: UNetConfig) -> None:
        super().__init__()
        self.config = config
        widths, levels = config.widths, range(len(config.widths))
        self.conv_in = nn.Conv2d(config.in_channels, widths[0], 3, padding=1)
        self.time_embedding = Embedding(widths[0], 4 * widths[0])
        if config.added_dim is not None:
            self.add_embedding = Embedding(config.added_dim, 4 * widths[0])
        self.down_blocks = nn.ModuleList([Down(config, level) for level in levels])
        self.mid_block = Middle(config)
        self.up_blocks = nn.ModuleList([Up(config, level) for level in reversed(levels)])
        self.conv_norm_out = nn.GroupNorm(config.groups, widths[0], eps=config.eps)
        self.conv_out = nn.Conv2d(widths[0], config.out_channels, 3, padding=1)

    def forward(
        self,
        x: Latent,
        t: Float[Tensor, " b"],
        context: Context,
        taps: Routed | None = None,
        residuals: Residuals | None = None,
    ) -> Next:
        return self.answer(x, *self.codes(t, context), context, taps, residuals)

    def codes(self, t: Float[Tensor, " b"], context: Context) -> tuple[Code, Code | None]:
        """What is said in numbers, as sines."""
        return codes(self.config, t, context)

    def answer(
        self,
        x: Latent,
        time: Code,
        added: Code | None,
        context: Context,
        taps: Routed | None = None,
        residuals: Residuals | None = None,
    ) -> Float[Tensor, "b c2 h2 w2"]:
        """The pass itself, without a sine in it, so that it can be exported and run in half precision as a whole."""
        when = self.when(time.to(x.dtype), None if added is None else added.to(x.dtype))
        x = self.conv_in(x)
        seen = [x]
        for down in self.down_blocks:
            seen += down(seen[-1], when, context, taps)
        x = self.mid_block(seen[-1], when, context, taps)
        if residuals is not None:
            x = x + residuals.middle
            seen = [mine + more for mine, more in zip(seen, residuals.seen, strict=True)]
        for up in self.up_blocks:
            x = up(x, seen, when, context, taps)
        out: Tensor = self.conv_out(F.silu(self.conv_norm_out(x)))
        return out

    def when(self, time: Code, added: Code | None) -> Time:
        """The time, and for SDXL the sentence and the sizes: Podell et al. 2023 (arXiv:2307.01952), 2.2."""
        when: Tensor = self.time_embedding(time)
        return when if added is None else when + self.add_embedding(added)


def codes(config: UNetConfig, t: Float[Tensor, " b"], context: Context) -> tuple[Code, Code | None]:
    """What is said in numbers, as sines: the time, and for SDXL the sizes, after the sentence in one vector.

    In float32 whatever the network computes in: half precision tells t = 999 from 1000 no more.
    """
    time = sinusoidal(t, config.widths[0])
    if config.added_size_dim is None:
        return time, None
    if context.pooled is None or context.sizes is None:
        raise ValueError("this network also reads a pooled sentence and sizes: Context(states, pooled, sizes)")
    sizes = sinusoidal(context.sizes.flatten(), config.added_size_dim).reshape(len(context), -1)
    return time, torch.cat([context.pooled.float(), sizes], dim=-1)
