"""The autoencoder: a picture in a sixty-fourth of the places, so that diffusion works where meaning is, not pixels."""

from collections.abc import Generator

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from limner.network.attention import picture, places
from limner.network.block import Double, Halve, Residual
from limner.network.config import AutoencoderConfig
from limner.types import Latent

Pixels = Float[Tensor, "b 3 height width"]
Next = Float[Tensor, "b c2 h2 w2"]  # other channels, and perhaps half or twice the side
EPS = 1e-6


class Look(nn.Module):
    """Self-attention of one head over all places, added to what was there."""

    def __init__(self, dim: int, groups: int) -> None:
        super().__init__()
        self.group_norm = nn.GroupNorm(groups, dim, eps=EPS)
        self.to_q, self.to_k, self.to_v = nn.Linear(dim, dim), nn.Linear(dim, dim), nn.Linear(dim, dim)
        self.to_out = nn.ModuleList([nn.Linear(dim, dim)])

    def forward(self, x: Latent) -> Latent:
        h = places(self.group_norm(x))
        q, k, v = (ask(h)[:, None] for ask in (self.to_q, self.to_k, self.to_v))
        y = F.scaled_dot_product_attention(q, k, v)[:, 0]  # with one head, or torch writes out all probabilities
        out: Tensor = x + picture(self.to_out[0](y), (x.shape[2], x.shape[3]))
        return out


class Middle(nn.Module):
    def __init__(self, dim: int, config: AutoencoderConfig) -> None:
        super().__init__()
        self.resnets = nn.ModuleList([Residual(dim, dim, None, config.groups, EPS) for _ in range(2)])
        self.attentions = nn.ModuleList([Look(dim, config.groups)] if config.mid_attention else [])

    def forward(self, x: Latent) -> Latent:
        x = self.resnets[0](x)
        for attention in self.attentions:
            x = attention(x)
        out: Tensor = self.resnets[1](x)
        return out


class Down(nn.Module):
    def __init__(self, config: AutoencoderConfig, level: int) -> None:
        super().__init__()
        width, before = config.widths[level], config.widths[max(level - 1, 0)]
        dims = [(before if j == 0 else width, width) for j in range(config.residuals)]
        self.resnets = nn.ModuleList([Residual(i, o, None, config.groups, EPS) for i, o in dims])
        last = level == len(config.widths) - 1
        self.downsamplers = nn.ModuleList([] if last else [Halve(width, padding=(0, 1, 0, 1))])

    def forward(self, x: Latent) -> Next:
        for block in [*self.resnets, *self.downsamplers]:
            x = block(x)
        return x


class Up(nn.Module):
    def __init__(self, config: AutoencoderConfig, level: int) -> None:
        super().__init__()
        width, above = config.widths[level], config.widths[min(level + 1, len(config.widths) - 1)]
        dims = [(above if j == 0 else width, width) for j in range(config.residuals + 1)]
        self.resnets = nn.ModuleList([Residual(i, o, None, config.groups, EPS) for i, o in dims])
        self.upsamplers = nn.ModuleList([Double(width)] if level > 0 else [])

    def forward(self, x: Latent) -> Next:
        for block in [*self.resnets, *self.upsamplers]:
            x = block(x)
        return x


class Encoder(nn.Module):
    def __init__(self, config: AutoencoderConfig) -> None:
        super().__init__()
        widths = config.widths
        self.conv_in = nn.Conv2d(config.in_channels, widths[0], 3, padding=1)
        self.down_blocks = nn.ModuleList([Down(config, level) for level in range(len(widths))])
        self.mid_block = Middle(widths[-1], config)
        self.conv_norm_out = nn.GroupNorm(config.groups, widths[-1], eps=EPS)
        self.conv_out = nn.Conv2d(widths[-1], 2 * config.latent_channels, 3, padding=1)

    def forward(self, image: Pixels) -> Next:
        x = self.conv_in(image)
        for down in self.down_blocks:
            x = down(x)
        out: Tensor = self.conv_out(F.silu(self.conv_norm_out(self.mid_block(x))))
        return out


class Decoder(nn.Module):
    def __init__(self, config: AutoencoderConfig) -> None:
        super().__init__()
        widths = config.widths
        self.conv_in = nn.Conv2d(config.latent_channels, widths[-1], 3, padding=1)
        self.mid_block = Middle(widths[-1], config)
        self.up_blocks = nn.ModuleList([Up(config, level) for level in reversed(range(len(widths)))])
        self.conv_norm_out = nn.GroupNorm(config.groups, widths[0], eps=EPS)
        self.conv_out = nn.Conv2d(widths[0], config.out_channels, 3, padding=1)

    def pieces(self, z: Latent) -> Generator[None, None, Pixels]:
        """The way up with a rest after each block, for whoever has other things to do meanwhile."""
        x = self.mid_block(self.conv_in(z))
        for up in self.up_blocks:
            yield
            x = up(x)
        out: Tensor = self.conv_out(F.silu(self.conv_norm_out(x)))
        return out

    def forward(self, z: Latent) -> Pixels:
        return without_rest(self.pieces(z))


class Autoencoder(nn.Module):
    """Picture to a Gaussian over latents and back.  Kingma & Welling 2013 (arXiv:1312.6114); Rombach et al. 2022.

    Pictures are in [-1, 1].  Parameters are named as diffusers' AutoencoderKL names them.
    """

    def __init__(self, config: AutoencoderConfig) -> None:
        super().__init__()
        self.config = config
        c = config.latent_channels
        self.encoder = Encoder(config)
        self.decoder = Decoder(config)
        if config.quant_conv:
            self.quant_conv = nn.Conv2d(2 * c, 2 * c, 1)
        if config.post_quant_conv:
            self.post_quant_conv = nn.Conv2d(c, c, 1)

    @property
    def dtype(self) -> torch.dtype:
        """The precision in which it computes."""
        return self.decoder.conv_in.weight.dtype

    @property
    def device(self) -> torch.device:
        return self.decoder.conv_in.weight.device

    def encode(self, image: Pixels) -> tuple[Latent, Latent]:
        """Mean and log variance of q(z | image), unscaled; the log variance clamped to [-30, 20]."""
        return self.gaussian(self.encoder(image))

    def gaussian(self, moments: Next) -> tuple[Latent, Latent]:
        """`encode`, from what the encoder says."""
        mean, logvar = (self.quant_conv(moments) if self.config.quant_conv else moments).chunk(2, dim=1)
        return mean, logvar.clamp(-30.0, 20.0)

    def decode(self, z: Latent) -> Pixels:
        """The picture of an unscaled latent, about [-1, 1]."""
        return without_rest(self.decoding(z))

    def decoding(self, z: Latent) -> Generator[None, None, Pixels]:
        """`decode` in pieces: the same picture, bit for bit."""
        return (yield from self.decoder.pieces(self.post_quant_conv(z) if self.config.post_quant_conv else z))


def without_rest(pieces: Generator[object, None, Pixels]) -> Pixels:
    """What a generator returns, all its pieces in one go."""
    while True:
        try:
            next(pieces)
        except StopIteration as done:
            out: Tensor = done.value
            return out
