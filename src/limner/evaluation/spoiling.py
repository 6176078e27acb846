"""How a picture becomes one of nothing: two things in one, a thing torn up, blurred or melted, latents mixed."""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from limner.process.noise import draw, generator
from limner.types import Latent

View = Float[Tensor, "n c side side"]


def spoil(latents: Latent, seed: int, purpose: str, number: int) -> Latent:
    """By turns: the mean of two latents, one whose quarters of quarters are shuffled, one in noise of variance 1."""
    g, out = generator(seed, purpose, number), latents.clone()
    noise = draw(seed, f"{purpose} noise", number, tuple(latents.shape))
    out[0::3] = (latents + latents.roll(1, 0))[0::3] / 2
    out[1::3] = shuffled(latents, min(4, latents.shape[-1]), g)[1::3]
    out[2::3] = (latents + noise)[2::3] / 2**0.5
    return out


def shuffled(x: Tensor, parts: int, g: torch.Generator) -> Tensor:
    """Cut into parts x parts pieces, laid out in another order, the same for all rows."""
    n, c, h, w = x.shape
    order = torch.randperm(parts * parts, generator=g)
    cut = x.view(n, c, parts, h // parts, parts, w // parts).permute(2, 4, 0, 1, 3, 5).flatten(0, 1)
    laid = cut[order].view(parts, parts, n, c, h // parts, w // parts)
    return laid.permute(2, 3, 0, 4, 1, 5).reshape(n, c, h, w)


def bent(x: View, offsets: Tensor) -> View:
    """Every place moved by smooth offsets in units of half a side."""
    grid = F.affine_grid(torch.eye(2, 3).expand(len(x), 2, 3), list(x.shape), align_corners=False)
    moved = F.interpolate(offsets, x.shape[-2:], mode="bicubic", align_corners=True).movedim(1, -1)
    return F.grid_sample(x, grid + moved, padding_mode="border", align_corners=False)


def blend(x: View, y: View, g: torch.Generator) -> View:
    share = 0.35 + 0.3 * torch.rand((len(x), 1, 1, 1), generator=g)
    return share * x + (1 - share) * y


def halves(x: View, y: View, g: torch.Generator) -> View:
    """One thing's left or upper half beside another's other half, things being about in the middle."""
    cut = round(x.shape[-1] * float(0.42 + 0.16 * torch.rand((), generator=g)))
    out = x.clone()
    out[0::2, :, :, cut:], out[1::2, :, cut:] = y[0::2, :, :, cut:], y[1::2, :, cut:]
    return out


def pieces(x: View, y: View, g: torch.Generator) -> View:
    return shuffled(x, 4, g)


def blurred(x: View, y: View, g: torch.Generator) -> View:
    few = int(torch.randint(3, 7, (), generator=g))
    return F.interpolate(F.interpolate(x, (few, few), mode="area"), x.shape[-2:], mode="bicubic").clamp(0, 1)


def melted(x: View, y: View, g: torch.Generator) -> View:
    return bent(x, 1.2 * torch.rand((len(x), 2, 7, 7), generator=g) - 0.6)
