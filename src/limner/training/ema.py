"""An average of the weights along the way draws better than the weights at the end of it."""

import torch
from torch import Tensor, nn


class Average:
    """Exponential moving average whose memory grows with training: beta = (1 - 1/t)^(gamma + 1).

    Karras et al. 2023 (arXiv:2312.02696), Eq. 124 and section 3.1: its width stays the same share of the run so far
    (gamma = 6.94: a standard deviation of 10% of it), so it needs no length chosen before the length is known.
    """

    def __init__(self, net: nn.Module, gamma: float = 6.94) -> None:
        self.gamma = gamma
        self.weights: dict[str, Tensor] = {k: v.detach().clone() for k, v in net.state_dict().items()}

    @torch.no_grad()
    def update(self, net: nn.Module, number: int) -> None:
        """After step `number`, counted from 1."""
        beta = (1 - 1 / number) ** (self.gamma + 1)
        new = net.state_dict()
        torch._foreach_lerp_(list(self.weights.values()), [new[k] for k in self.weights], 1 - beta)
