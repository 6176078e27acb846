"""A large map in bands of rows: each layer is done band by band, so that hardly more than one map is ever held.

A convolution of a band needs one row of each neighbour, a normalisation the mean and variance of the whole map: both
are at hand when a layer begins.  So nothing is computed twice, nothing is blended, and there is no seam to hide.
"""

from collections.abc import Callable, Generator, Iterator, Sequence
from typing import TypeAlias

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from limner.network.block import Double, Halve, Map, Residual
from limner.network.vae import Autoencoder, Down, Pixels, Up
from limner.types import Latent

Bands: TypeAlias = list[Tensor]
"""A map's rows from top to bottom, some in each; who makes a new map of it takes them out, so that they are freed."""

PLACES = 2**16  # pixels in a band: 64 MB in the widest layer at full size of Stable Diffusion's decoder


def decoding(autoencoder: Autoencoder, z: Latent, rows: int | None = None) -> Generator[None, None, Pixels]:
    """`Autoencoder.decoding` with the way up in bands of `rows` latent rows: the same picture but for its last digits.

    The middle block, whose attention looks everywhere, is computed whole: at a latent's size it is small.  Without
    `rows` a band has about `PLACES` pixels.
    """
    decoder = autoencoder.decoder
    z = autoencoder.post_quant_conv(z) if autoencoder.config.post_quant_conv else z
    bands = cut(decoder.mid_block(decoder.conv_in(z)), rows or fitting(z.shape[3], autoencoder.config.factor))
    for up in decoder.up_blocks:
        for block in blocks(up):
            yield
            bands = through(block, bands)
    return joined(convolved(bands, decoder.conv_out, normed(decoder.conv_norm_out, bands)))


def encode(autoencoder: Autoencoder, image: Pixels, rows: int | None = None) -> tuple[Latent, Latent]:
    """`Autoencoder.encode` with the way down in bands, each of which becomes `rows` latent rows."""
    encoder, factor = autoencoder.encoder, autoencoder.config.factor
    bands = cut(image, factor * (rows or fitting(image.shape[3] // factor, factor)))
    bands = convolved(bands, encoder.conv_in)
    for down in encoder.down_blocks:
        for block in blocks(down):
            bands = through(block, bands)
    x = encoder.mid_block(joined(bands))
    return autoencoder.gaussian(encoder.conv_out(F.silu(encoder.conv_norm_out(x))))


def fitting(width: int, factor: int) -> int:
    """Latent rows of this many latent pixels whose pixels are about `PLACES`."""
    return max(1, PLACES // (width * factor**2))


def cut(x: Map, rows: int) -> Bands:
    """`rows` in each band, the last perhaps fewer."""
    return [band.clone() for band in torch.split(x, rows, dim=2)]


def joined(bands: Bands) -> Map:
    return torch.cat(bands, dim=2)


def blocks(level: nn.Module) -> list[nn.Module]:
    """A level's blocks in their order."""
    assert isinstance(level, Up | Down)
    return [*level.resnets, *(level.upsamplers if isinstance(level, Up) else level.downsamplers)]


def through(block: nn.Module, bands: Bands) -> Bands:
    """What a block of the autoencoder makes of a map."""
    if isinstance(block, Residual):
        return residual(block, bands)
    if isinstance(block, Double):
        return convolved(bands, block.conv, lambda rows: F.interpolate(rows, scale_factor=2.0), 2)
    assert isinstance(block, Halve)
    return halved(block, bands)


def residual(block: Residual, bands: Bands) -> Bands:
    """`Residual.forward`.  Of the input only what is added in the end is held: it itself, or its shortcut."""
    prepare, kept, inner = normed(block.norm1, bands), Bands(), Bands()
    for above, band, below in neighbours(bands):
        kept.append(block.conv_shortcut(band) if block.changes_width else band)
        inner.append(between(block.conv1, above, prepare(beside(above, band, below)), below))
    outer, out = convolved(inner, block.conv2, normed(block.norm2, inner)), Bands()
    while outer:
        out.append(outer.pop(0) + kept.pop(0))
    return out


def convolved(bands: Bands, conv: nn.Conv2d, prepare: Callable[[Map], Map] | None = None, scale: int = 1) -> Bands:
    """A convolution of 3 x 3 and of stride one; `prepare` comes before it and makes a map `scale` times as large."""
    out, beyond = Bands(), scale - 1
    for above, band, below in neighbours(bands):
        rows = beside(above, band, below)
        rows = rows if prepare is None else prepare(rows)
        first, last = 0 if above is None else beyond, rows.shape[2] - (0 if below is None else beyond)
        out.append(between(conv, above, rows[:, :, first:last], below))
    return out


def halved(block: Halve, bands: Bands) -> Bands:
    """`Halve.forward` as the autoencoder pads, at the right and bottom only: each band has an even number of rows."""
    out, (left, right, _, bottom) = Bands(), block.padding
    for _, band, below in neighbours(bands):
        rows = F.pad(beside(None, band, below), (left, right, 0, bottom if below is None else 0))
        out.append(block.conv(rows))
    return out


def neighbours(bands: Bands) -> Iterator[tuple[Tensor | None, Tensor, Tensor | None]]:
    """Each band with the row above and the row below it, taken out of the list."""
    above = None
    while bands:
        band = bands.pop(0)
        yield above, band, bands[0][:, :, :1] if bands else None
        above = band[:, :, -1:].clone()


def beside(above: Tensor | None, band: Tensor, below: Tensor | None) -> Tensor:
    return torch.cat([rows for rows in (above, band, below) if rows is not None], dim=2)


def between(conv: nn.Conv2d, above: Tensor | None, rows: Tensor, below: Tensor | None) -> Tensor:
    """A convolution that is padded with zeros at the map's edges, and at a band's has its neighbours' rows instead."""
    padded = F.pad(rows, (0, 0, int(above is None), int(below is None)))
    return F.conv2d(padded, conv.weight, conv.bias, padding=(0, 1))


def normed(norm: nn.GroupNorm, bands: Sequence[Tensor]) -> Callable[[Map], Map]:
    """Group normalisation by the statistics of all bands together, and SiLU.

    Their variances are put together as by Chan, Golub & LeVeque 1983 ("Algorithms for computing the sample variance",
    Eq. 2.1), in float32 whatever the precision of the map.
    """
    found = [torch.var_mean(_groups(band, norm.num_groups), dim=2, correction=0) for band in bands]
    share = torch.tensor([band.shape[2] for band in bands], dtype=torch.float32, device=bands[0].device)
    share = share / share.sum()
    variances, means = (torch.stack(each, dim=-1) for each in zip(*found, strict=True))
    mean = (means * share).sum(-1, keepdim=True)
    variance = ((variances + (means - mean) ** 2) * share).sum(-1, keepdim=True)
    each = norm.num_channels // norm.num_groups
    mean, gain = (part.repeat_interleave(each, 1)[..., None] for part in (mean, (variance + norm.eps).rsqrt()))
    scale = gain * norm.weight.float()[:, None, None]
    shift = norm.bias.float()[:, None, None] - mean * scale
    return lambda rows: F.silu(torch.addcmul(shift, rows.float(), scale).to(rows.dtype))


def _groups(band: Map, groups: int) -> Tensor:
    """One row of numbers for each group of channels."""
    return band.float().reshape(len(band), groups, -1)
