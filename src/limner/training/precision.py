"""Half precision where it is faster, and only there: a processor is asked, not believed."""

import time
from contextlib import AbstractContextManager

import torch
from torch.nn import functional as F


def autocast(device: torch.device, half: bool) -> AbstractContextManager[None]:
    """bfloat16 for the matrix products and convolutions inside, float32 for the rest."""
    context: AbstractContextManager[None] = torch.autocast(device.type, torch.bfloat16, enabled=half)
    return context


def half_pays(device: torch.device, rounds: int = 5) -> bool:
    """Whether a convolution like ours is at least a fifth faster in bfloat16 than in float32, timed here and now.

    GPUs are believed.  Among CPUs those with AVX512-BF16 differ: on some it is twice as fast, on others slower.
    """
    if device.type != "cpu":
        return True
    seconds = dict[torch.dtype, float]()
    for dtype in (torch.float32, torch.bfloat16):
        x, w = torch.ones(8, 96, 16, 16, dtype=dtype), torch.ones(96, 96, 3, 3, dtype=dtype)
        times = list[float]()
        for _ in range(rounds):
            began = time.perf_counter()
            F.conv2d(x, w, padding=1)
            times.append(time.perf_counter() - began)
        seconds[dtype] = min(times)
    return seconds[torch.float32] > 1.2 * seconds[torch.bfloat16]
