"""How a network is told a number: sines and cosines of it at geometrically spaced frequencies."""

from math import log

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F


def sinusoidal(values: Float[Tensor, " n"], width: int) -> Float[Tensor, "n width"]:
    """[cos(v w_k), sin(v w_k)], w_k = 10000^(-2k/width).  Vaswani et al. 2017 (arXiv:1706.03762), section 3.5."""
    half = width // 2
    frequencies = torch.exp(-log(10_000) * torch.arange(half, device=values.device, dtype=torch.float32) / half)
    angles = values.float()[:, None] * frequencies
    return torch.cat([angles.cos(), angles.sin()], dim=-1)


class Embedding(nn.Module):
    """Two linear layers that make a code of sines, or any vector, the width that residual blocks read."""

    def __init__(self, width_in: int, width_out: int) -> None:
        super().__init__()
        self.linear_1 = nn.Linear(width_in, width_out)
        self.linear_2 = nn.Linear(width_out, width_out)

    def forward(self, code: Float[Tensor, "n i"]) -> Float[Tensor, "n o"]:
        out: Tensor = self.linear_2(F.silu(self.linear_1(code)))
        return out
