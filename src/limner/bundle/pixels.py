"""A latent becomes a picture and back: whole where there is room, else in bands; in float32 where half will not do."""

from collections.abc import Generator
from copy import deepcopy

import torch
from torch import Tensor

from limner.network import bands
from limner.network.vae import Autoencoder, Pixels
from limner.types import Image, Latent

LARGE = 2**18  # pixels, 512 x 512, up to which a picture is decoded whole
NO_ROOM = "no memory to decode the picture whole: it was decoded in bands"
TOO_LOUD = "float16 overflowed in the autoencoder: the picture was decoded in float32"


def decoding(net: Autoencoder, x0: Latent) -> Generator[str | None, None, Image]:
    """The picture of a clean latent, in [0, 1], in pieces; what is done otherwise than usual is said between them.

    Above `LARGE` the way up is done in bands, always, so that the pixels are a function of the size and not of how much
    memory there was; below, in bands if the memory ran out, and again in float32 if float16 overflowed: both are said.
    Raises ArithmeticError where the picture is not finite for all that.
    """
    z = x0 / net.config.scaling
    drawn = yield from fitting(net, z)
    if net.dtype == torch.float16 and not drawn.isfinite().all():
        yield TOO_LOUD
        drawn = yield from fitting(deepcopy(net).float(), z)
    if not drawn.isfinite().all():
        raise ArithmeticError("the decoded picture is not finite")
    return (drawn.float() / 2 + 0.5).clamp(0, 1)


def at_once(pieces: Generator[str | None, None, Image]) -> tuple[Image, list[str]]:
    """The picture and what was said on the way to it."""
    said = list[str]()
    while True:
        try:
            said += filter(None, [next(pieces)])
        except StopIteration as done:
            image: Tensor = done.value
            return image, said


def fitting(net: Autoencoder, z: Latent) -> Generator[str | None, None, Pixels]:
    z, large = z.to(net.dtype), z.shape[2] * z.shape[3] * net.config.factor**2 > LARGE
    if not large:
        try:
            return (yield from net.decoding(z))
        except Exception as fault:
            if not out_of_memory(fault):
                raise
        yield NO_ROOM  # here, where the fault and all that it held is gone
    return (yield from bands.decoding(net, z))


def encoded(net: Autoencoder, image: Image) -> Latent:
    """The latent of a picture in [0, 1]: its posterior's mean, scaled to about unit variance."""
    pixels = (2 * image - 1).to(net.device, net.dtype)
    mean = bands.encode(net, pixels)[0] if image.shape[2] * image.shape[3] > LARGE else encoded_whole(net, pixels)
    return mean.float() * net.config.scaling


def encoded_whole(net: Autoencoder, pixels: Pixels) -> Tensor:
    """The mean; in bands if the memory ran out."""
    try:
        return net.encode(pixels)[0]
    except Exception as fault:
        if not out_of_memory(fault):
            raise
    return bands.encode(net, pixels)[0]


def out_of_memory(fault: Exception) -> bool:
    """Whether a device, or the host, had no room."""
    return isinstance(fault, torch.OutOfMemoryError | MemoryError) or "allocate memory" in str(fault)
