"""How much of a picture came through: in decibels, where it should have."""

import numpy as np
from scipy.ndimage import binary_dilation

from limner.bundle import Bundle
from limner.engine.given import latent_of
from limner.engine.run import Picture, pixels
from limner.errors import LimnerError
from limner.evaluation.seen import Mask, Seen, iou

TOP = 60.0  # dB: what equal pixels are said to reach, so that means stay finite; one level in a hundred is 68
SOFT = 2  # pixels by which a mask is grown: the edge of a thing belongs to it
LEAST = 0.02  # share of the picture below which there is no background to compare


def psnr(one: Picture, other: Picture, where: Mask | None = None) -> float:
    """10 log10(255^2 / mean squared error) over the places of the mask, or all; `TOP` at most.

    LimnerError where there is no such place, or the pictures are of two sizes.
    """
    if one.shape != other.shape:
        raise LimnerError(f"pictures of {one.shape} and {other.shape} do not compare", "draw both of one size")
    off = one.astype(float) - other.astype(float)
    off = off if where is None else off[where]
    if not off.size:
        raise LimnerError("there is no place to compare", "choose a mask that leaves some")
    error = float(np.square(off).mean())
    return min(TOP, 10 * float(np.log10(255**2 / error))) if error else TOP


def round_trip(picture: Picture, bundle: Bundle) -> Picture:
    """The picture through the autoencoder and back: nothing that is drawn from its latent can be nearer to it."""
    return pixels(bundle.decode(latent_of(picture, bundle)))


def background(before: Seen, after: Seen, kept: Mask | None) -> Mask | None:
    """Where neither picture shows a thing that was edited, edges aside; None where hardly anything is left.

    The thing that is to be `kept`, found where it was, belongs to the background.
    """
    size = next((thing.mask.shape for each in (before, after) for thing in each.things), None)
    if size is None:
        return None
    free = np.ones(size, bool)
    for thing in (*before.things, *after.things):
        if kept is None or iou(thing.mask, kept) < 0.5:
            free &= ~binary_dilation(thing.mask, iterations=SOFT)
    return free if free.mean() >= LEAST else None
