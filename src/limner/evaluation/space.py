"""The shape of an embedding space: whether its vectors fill it, and whether pictures and words live in one place."""

from dataclasses import dataclass
from math import sqrt

import torch
from jaxtyping import Float
from torch import Tensor

from limner.errors import LimnerError

Features = Float[Tensor, "n p"]


def mean_cosine(features: Features) -> float:
    """The mean cosine of two different vectors, over all pairs: 0 where they point everywhere, 1 where one way.

    Ethayarajh 2019 (arXiv:1909.00512), section 4.2, who samples the pairs.  Their sum needs none of them: it is
    |sum of the unit vectors|^2 less the n cosines of each with itself.  LimnerError for fewer than two vectors.
    """
    n = enough(features)
    unit = torch.nn.functional.normalize(features.double(), dim=-1)
    return float((unit.sum(0).square().sum() - n) / (n * (n - 1)))


def isoscore(features: Features) -> float:
    """The share of dimensions that the cloud uses evenly: 1 where its covariance is spherical, 0 where it is a line.

    Rudman et al. 2022 (arXiv:2108.07344), section 3, algorithm 1.  k of n dimensions used evenly score (k - 1)/(n - 1);
    few vectors score less than the cloud that they are drawn from.  LimnerError for fewer than two vectors, for
    vectors of one number, and where all are equal.
    """
    enough(features)
    n = features.shape[1]
    if n < 2:
        raise LimnerError("vectors of one number have no direction", "give vectors of two numbers or more")
    covariance = torch.cov(features.double().T)
    sigma = torch.linalg.eigvalsh(covariance).clamp(min=0)  # steps 2 and 3: the diagonal on the principal axes
    if not sigma.any():
        raise LimnerError("all vectors are equal", "give vectors of different things")
    normed = sqrt(n) * sigma / sigma.norm()  # step 4
    defect = float((normed - 1).norm()) / sqrt(2 * (n - sqrt(n)))  # step 5
    fraction = (n - defect**2 * (n - sqrt(n))) ** 2 / n**2  # step 6
    return min(max((n * fraction - 1) / (n - 1), 0.0), 1.0)  # step 7, of which rounding can fall out by 1e-16


def modality_gap(pictures: Float[Tensor, "n p"], captions: Float[Tensor, "m p"]) -> float:
    """How far the centroid of pictures is from that of captions, both on the unit sphere.

    Liang et al. 2022 (arXiv:2203.02053), section 2.2.
    """
    return float((pictures.double().mean(0) - captions.double().mean(0)).norm())


@dataclass(frozen=True, slots=True)
class Projection:
    """The plane in which vectors differ most: their coordinates there, and the share of variance that each axis has."""

    points: Float[Tensor, "n 2"]
    shares: tuple[float, float]


def projected(features: Features) -> Projection:
    """Principal components (Pearson 1901).  An axis points to where its largest coordinate is, so that maps agree.

    LimnerError for fewer than three vectors, or for vectors of one number.
    """
    if min(enough(features) - 1, features.shape[1]) < 2:
        raise LimnerError("two vectors make no map", "give three or more")
    centred = features.double() - features.double().mean(0)
    u, s, _ = torch.linalg.svd(centred, full_matrices=False)
    points = u[:, :2] * s[:2]
    signs = points.gather(0, points.abs().argmax(0, keepdim=True)).sign()
    total = float(s.square().sum()) or 1.0
    return Projection((points * signs).float(), (float(s[0] ** 2) / total, float(s[1] ** 2) / total))


def enough(features: Features) -> int:
    """How many vectors there are; LimnerError for fewer than two."""
    if len(features) < 2:
        raise LimnerError(f"{len(features)} vectors have no shape", "give two or more")
    return len(features)
