"""A decoder so small that a picture may be looked at while it is being drawn."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from limner.network.block import Map
from limner.network.config import TinyConfig
from limner.types import Latent


class Brick(nn.Module):
    """Three convolutions around a way past them."""

    def __init__(self, width: int) -> None:
        super().__init__()
        first, second, third = (nn.Conv2d(width, width, 3, padding=1) for _ in range(3))
        self.conv = nn.Sequential(first, nn.ReLU(), second, nn.ReLU(), third)

    def forward(self, x: Map) -> Map:
        return torch.relu(x + self.conv(x))


class TinyDecoder(nn.Module):
    """Latents to pictures in [0, 1], each doubling a brick or three: no norm, no attention.

    Bohan 2023, "Tiny AutoEncoder for Stable Diffusion" (github.com/madebyollin/taesd); parameters are named as the
    decoder's of diffusers' `AutoencoderTiny`.
    """

    def __init__(self, config: TinyConfig) -> None:
        super().__init__()
        self.config = config
        width, *later = config.bricks
        layers: list[nn.Module] = [nn.Conv2d(config.latent_channels, config.width, 3, padding=1), nn.ReLU()]
        layers += [Brick(config.width) for _ in range(width)]
        for bricks in later:
            layers += [nn.Upsample(scale_factor=2), nn.Conv2d(config.width, config.width, 3, padding=1, bias=False)]
            layers += [Brick(config.width) for _ in range(bricks)]
        self.layers = nn.Sequential(*layers, nn.Conv2d(config.width, 3, 3, padding=1))

    def forward(self, x0: Latent) -> Float[Tensor, "b 3 h2 w2"]:
        """Latents beyond three standard deviations are bent back: early guesses are loud."""
        out: Tensor = self.layers(3 * torch.tanh(x0 / 3))
        return out
