"""A thing cut out of its ground and brought to one size: what is left to compare is the drawing itself."""

from collections.abc import Iterator

import numpy as np
from jaxtyping import Bool, Float, UInt8
from PIL import Image
from scipy import ndimage

from limner.engine.run import Picture
from limner.pictures.render import fit, ink

SIDE = 64  # of a cutout, in pixels
OTHER = 32  # largest difference of a channel, of 255, that may still be ground
PLAIN = 0.6  # share of the border that is of one colour where the ground is
LEAST = 0.015  # share of the picture below which something is a speck
PART = 0.15  # share of all that stands out from which a piece may be a thing of its own
GREY = 0.5  # what every cutout stands on
COARSE = 16  # side of what is compared first, in pixels
SCALES = (0.92, 0.96, 1.0, 1.04, 1.08)
SHIFT = 4  # pixels by which a cutout may be moved, either way
SOFT = 2.0  # pixels over which both are smoothed, since an autoencoder smooths
WINDOW = 11  # of the structural similarity, in pixels
C1, C2 = 0.01**2, 0.03**2

Cutout = Float[np.ndarray, "side side 3"]
Drawing = UInt8[np.ndarray, "height width 4"]
Mask = Bool[np.ndarray, "height width"]
Numbers = Float[np.ndarray, "height width 3"]


def cutouts(picture: Picture) -> list[Cutout]:
    """What stands out from a picture's ground, as a whole and, if it falls into pieces, each large piece; or nothing.

    The ground is of one colour, or leads evenly from the picture's left edge to its right, row by row.
    """
    return [standing(np.dstack([picture, mask * np.uint8(255)])) for mask in pieces(outstanding(picture))]


def outstanding(picture: Picture) -> Mask:
    """Where the picture is not ground; what a thing encloses is the thing, and thin lines alone are nothing."""
    numbers = picture.astype(np.float32)
    apart = np.abs(numbers - ground(numbers)).max(axis=2) > OTHER
    thick = ndimage.binary_opening(apart, iterations=2)
    found: Mask = ndimage.binary_fill_holes(ndimage.binary_propagation(thick, mask=apart))
    return found


def ground(numbers: Numbers) -> Numbers:
    """One colour where most of the border has it; else in every row what leads from its left end to its right."""
    edges = (numbers[:2], numbers[-2:], numbers[:, :2], numbers[:, -2:])
    border = np.concatenate([edge.reshape(-1, 3) for edge in edges])
    plain = np.median(border, axis=0)
    if (np.abs(border - plain).max(axis=1) <= OTHER).mean() >= PLAIN:
        return np.broadcast_to(plain, numbers.shape)
    left, right = (np.median(edge, axis=1)[:, None] for edge in edges[2:])
    share = np.linspace(0, 1, numbers.shape[1], dtype=np.float32)[None, :, None]
    return np.asarray((1 - share) * left + share * right)


def pieces(mask: Mask) -> Iterator[Mask]:
    """All of it, then each large part that hangs together; nothing if it is a speck."""
    whole = mask.sum()
    if whole < LEAST * mask.size:
        return
    yield mask
    numbers, count = ndimage.label(ndimage.binary_dilation(mask, iterations=2))
    each = [mask & (numbers == k + 1) for k in range(count)] if count > 1 else []
    yield from (piece for piece in each if piece.sum() >= max(PART * whole, LEAST * mask.size))


def standing(drawing: Drawing) -> Cutout:
    """A drawing's visible part, as large as fits, on grey; raises ValueError if nothing is visible."""
    square = fit(ink(drawing), SIDE).astype(np.float32) / 255
    alpha = square[..., 3:]
    return square[..., :3] * alpha + GREY * (1 - alpha)


def coarse(cutout: Cutout) -> UInt8[np.ndarray, " d"]:
    """The cutout as a few numbers, near if two are alike at a glance."""
    image = Image.fromarray(np.round(cutout * 255).astype(np.uint8))
    return np.asarray(image.resize((COARSE, COARSE), Image.Resampling.BOX)).reshape(-1)


def likeness(one: Cutout, other: Cutout) -> float:
    """How alike two drawings are once one lies on the other as well as it can: 1 if they are the same.

    The mean structural similarity of the smoothed colours where either shows something; Wang et al. 2004
    (doi:10.1109/TIP.2003.819861), Eq. 13, with their constants.
    """
    first, second = laid(one, other)
    shown = np.asarray((np.abs(np.stack([first, second]) - GREY) > 0.02).any(axis=(0, 3)))
    near = ndimage.binary_dilation(shown, iterations=2)
    return float(structure(smooth(first), smooth(second))[near].mean()) if near.any() else 0.0


def laid(one: Cutout, other: Cutout) -> tuple[Cutout, Cutout]:
    """Both, the first moved and the second scaled a little to where their normalised correlation is highest."""
    windows = np.lib.stride_tricks.sliding_window_view(
        np.pad(one - GREY, ((SHIFT, SHIFT), (SHIFT, SHIFT), (0, 0))), (SIDE, SIDE), axis=(0, 1)
    )
    sizes = np.sqrt(np.einsum("abchw,abchw->ab", windows, windows)) + 1e-6
    best, found = -np.inf, (one, other)
    for scale in SCALES:
        changed = scaled(other, scale) - GREY
        correlation = np.einsum("abchw,hwc->ab", windows, changed) / (sizes * (np.linalg.norm(changed) + 1e-6))
        place = np.unravel_index(correlation.argmax(), correlation.shape)
        if correlation[place] > best:
            best, found = correlation[place], (windows[place].transpose(1, 2, 0) + GREY, changed + GREY)
    return found


def scaled(cutout: Cutout, scale: float) -> Cutout:
    """Larger or smaller about its middle, on as much grey as before."""
    side = round(SIDE * scale)
    image = Image.fromarray(np.round(cutout * 255).astype(np.uint8))
    numbers = np.asarray(image.resize((side, side), Image.Resampling.BILINEAR)).astype(np.float32) / 255
    start = abs(side - SIDE) // 2
    if side >= SIDE:
        return numbers[start : start + SIDE, start : start + SIDE]
    out = np.full((SIDE, SIDE, 3), GREY, np.float32)
    out[start : start + side, start : start + side] = numbers
    return out


def smooth(x: Cutout) -> Cutout:
    return np.asarray(ndimage.gaussian_filter(x, (SOFT, SOFT, 0)))


def structure(x: Cutout, y: Cutout) -> Cutout:
    """SSIM at every place and channel."""

    def mean(z: Cutout) -> Cutout:
        return np.asarray(ndimage.uniform_filter(z, (WINDOW, WINDOW, 0)))

    mx, my = mean(x), mean(y)
    vx, vy, both = mean(x * x) - mx * mx, mean(y * y) - my * my, mean(x * y) - mx * my
    return np.asarray(((2 * mx * my + C1) * (2 * both + C2)) / ((mx * mx + my * my + C1) * (vx + vy + C2)))
