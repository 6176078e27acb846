"""Randomness that belongs to a sample, never to a batch: a draw is a function of (seed, purpose, step)."""

from hashlib import blake2b

import torch
from jaxtyping import Float
from torch import Tensor

CPU = torch.device("cpu")
SEEDS = 2**32  # CPU torch ignores higher bits of a seed


def seeded(seed: int, device: torch.device = CPU) -> torch.Generator:
    """The stream that `initial` begins, for a library that draws for itself."""
    return torch.Generator(device).manual_seed(seed)


def initial(seed: int, shape: tuple[int, ...]) -> Float[Tensor, "..."]:
    """The noise a picture starts from: what diffusers draws on a CPU from the same seed."""
    return normal(seed, shape)


def draw(
    seed: int, purpose: str, step: int, shape: tuple[int, ...], device: torch.device = CPU
) -> Float[Tensor, "..."]:
    """Standard normal numbers for one purpose at one step: the same in any company and any order.

    Pictures are drawn from a CPU's numbers, wherever they are drawn; another device's own numbers are others.
    """
    return normal(key(seed, purpose, step), shape, device)


def key(seed: int, purpose: str, step: int) -> int:
    """A seed of its own for each (seed, purpose, step): blake2b, modulo 2^32."""
    digest = blake2b(f"{seed}/{purpose}/{step}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") % SEEDS


def generator(seed: int, purpose: str, step: int) -> torch.Generator:
    """A stream for draws that are not normal: times, indices, crops."""
    return seeded(key(seed, purpose, step))


def normal(seed: int, shape: tuple[int, ...], device: torch.device = CPU) -> Float[Tensor, "..."]:
    return torch.randn(shape, generator=seeded(seed, device), dtype=torch.float32, device=device)


def blend(x0: Tensor, eps: Tensor, abar: Tensor) -> Tensor:
    """x_t = sqrt(abar) x_0 + sqrt(1 - abar) eps.  Ho et al. 2020 (arXiv:2006.11239), Eq. 4."""
    return abar.sqrt() * x0 + (1 - abar).sqrt() * eps
