"""A picture on its way: what the latents look like if each is taken for the colour of its place."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor
from torch.nn import functional as F

from limner.bundle import Bundle
from limner.process.noise import draw
from limner.types import Latent

Thumbnail = UInt8[np.ndarray, "h w 3"]
PATCHES = 16  # pictures of random colours that the matrix is fitted on
SIDE = 8  # their width in latent pixels


@dataclass(frozen=True, slots=True)
class Glance:
    """The affine map from a latent pixel to a colour in [0, 1] that is best on pictures of plain patches."""

    matrix: Float[Tensor, "channels_and_one 3"]

    def __call__(self, denoised: Latent) -> Thumbnail:
        """The first row, a pixel for every latent pixel: no decoder is asked."""
        c, h, w = denoised.shape[1:]
        flat = denoised[0].float().reshape(c, -1).T
        colours = (flat @ self.matrix[:-1].to(flat.device) + self.matrix[-1].to(flat.device)).clamp(0, 1)
        thumbnail: Thumbnail = (colours * 255).round().to(torch.uint8).reshape(h, w, 3).cpu().numpy()
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
