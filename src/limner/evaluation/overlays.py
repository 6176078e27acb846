"""Masks laid over pictures, for whoever trusts their own eyes; maps of heat are `pictures.heat.overlay`."""

from scipy.ndimage import binary_erosion

from limner.engine.run import Picture
from limner.evaluation.seen import Mask

LINE = (255, 0, 200)


def outlined(picture: Picture, mask: Mask) -> Picture:
    """The picture with the mask's edge, two pixels wide."""
    drawn: Picture = picture.copy()
    drawn[mask & ~binary_erosion(mask, iterations=2)] = LINE
    return drawn
