"""A picture on its way: a glance at every step, and every fifth a look through a tiny decoder."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor
from torch.nn import functional as F

from limner.bundle import Bundle
from limner.bundle.tiny import open_tiny
from limner.network.tiny import TinyDecoder
from limner.process.noise import draw
from limner.types import Latent

Thumbnail = UInt8[np.ndarray, "height width 3"]
PATCHES = 16  # pictures of random colours that the matrix is fitted on
SIDE = 8  # their width in latent pixels
EVERY = 5  # steps from one look to the next


@dataclass(frozen=True, slots=True)
class Glance:
    """The affine map from a latent pixel to a colour in [0, 1] that is best on pictures of plain patches."""

    matrix: Float[Tensor, "channels_and_one 3"]

    def __call__(self, denoised: Latent) -> Thumbnail:
        """The last row, a pixel for every latent pixel: no decoder is asked."""
        c, h, w = denoised.shape[1:]
        flat = denoised[-1].float().reshape(c, -1).T
        colours = (flat @ self.matrix[:-1].to(flat.device) + self.matrix[-1].to(flat.device)).clamp(0, 1)
        return numbers(colours.reshape(h, w, 3))


@dataclass(frozen=True, slots=True)
class Looker:
    """What there is to see of a job: a glance, and at every fifth step the tiny decoder's picture, if there is one."""

    glance: Glance
    tiny: TinyDecoder | None = None

    @torch.no_grad()
    def __call__(self, denoised: Latent, done: int, total: int) -> Thumbnail:
        """The last row after `done` steps; of the tiny decoder's size or a pixel for every latent pixel."""
        if self.tiny is None or done % EVERY or done == total:  # after the last step the picture itself is at hand
            return self.glance(denoised)
        x0 = denoised[-1:].to(next(self.tiny.parameters()).dtype)
        picture = self.tiny(x0.contiguous(memory_format=torch.channels_last))
        return numbers(picture[0].float().clamp(0, 1).movedim(0, -1))


def looker(bundle: Bundle) -> Looker:
    """LimnerError where the bundle has a tiny decoder that cannot be opened."""
    return Looker(glance(bundle), open_tiny(bundle))


def numbers(colours: Float[Tensor, "h w 3"]) -> Thumbnail:
    thumbnail: Thumbnail = (colours * 255).round().to(torch.uint8).cpu().numpy()
    return thumbnail


@torch.no_grad()
def glance(bundle: Bundle) -> Glance:
    """Least squares over latents of smooth random colours: deterministic, and takes one pass of the encoder."""
    coarse = torch.sigmoid(2 * draw(0, "colours", 0, (PATCHES, 3, SIDE // 2, SIDE // 2)))
    colours = F.interpolate(coarse, scale_factor=2.0, mode="bilinear")
    pictures = F.interpolate(colours, scale_factor=float(bundle.factor))
    latents = bundle.encode(pictures).cpu().movedim(1, -1).flatten(0, 2)
    known = torch.cat([latents, torch.ones(len(latents), 1)], dim=1)
    solution: Tensor = torch.linalg.lstsq(known.double(), colours.movedim(1, -1).flatten(0, 2).double()).solution
    return Glance(solution.float())
