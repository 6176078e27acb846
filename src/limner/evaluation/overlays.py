"""Maps and masks laid over pictures, for whoever trusts their own eyes."""

import numpy as np
from matplotlib import colormaps
from scipy.ndimage import binary_erosion

from limner.engine.run import Picture
from limner.evaluation.heat import Heat
from limner.evaluation.seen import Mask

OPACITY = 0.6
LINE = (255, 0, 200)


def warm(picture: Picture, heat: Heat) -> Picture:
    """The picture under a map of its own size, 0 to 1."""
    colour = np.asarray(colormaps["inferno"](heat))[..., :3] * 255
    blend: Picture = np.rint((1 - OPACITY) * picture + OPACITY * colour).astype(np.uint8)
    return blend


def outlined(picture: Picture, mask: Mask) -> Picture:
    """The picture with the mask's edge, two pixels wide."""
    drawn: Picture = picture.copy()
    drawn[mask & ~binary_erosion(mask, iterations=2)] = LINE
    return drawn
