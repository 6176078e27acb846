"""A step as long in every direction: the momentum of a matrix, made orthogonal."""

from collections.abc import Iterable

import torch
from jaxtyping import Float
from torch import Tensor, nn

from limner.training.processes import added, rank, world

QUINTIC = 3.4445, -4.7750, 2.0315
RMS = 0.2  # of a step's elements at rate one, about AdamW's, so that rates mean the same


def orthogonal(matrix: Float[Tensor, "m n"], rounds: int = 5) -> Float[Tensor, "m n"]:
    """The matrix with its singular values brought near one (0.7 to 1.2), its singular vectors kept.

    Newton-Schulz: X <- (a + b G + c G^2) X, G = X X^T (Jordan et al. 2024, "Muon: an optimizer for hidden layers in
    neural networks").  Here the rounds multiply G alone, which is small where the matrix is long, and X once, at last.
    """
    if matrix.shape[0] > matrix.shape[1]:
        return orthogonal(matrix.T, rounds).T
    a, b, c = QUINTIC
    x = matrix / matrix.norm().clamp_min(1e-12)
    gram = x @ x.T
    eye = torch.eye(len(x), device=x.device, dtype=x.dtype)
    product = eye
    for _ in range(rounds):
        factor = a * eye + b * gram + c * (gram @ gram)
        product = factor @ product
        gram = gram @ factor @ factor  # all three are polynomials in the first G, and so commute
    out: Tensor = product @ x
    return out


class Muon(torch.optim.Optimizer):
    """Nesterov's momentum, made orthogonal, for hidden matrices; a convolution is a matrix of its output channels.

    Jordan et al. 2024; the scale is Liu et al. 2025's (arXiv:2502.16982, Eq. 4).  torch's own takes no convolutions and
    computes in bfloat16, which some processors are slow at.  Under `torchrun` every process does its share.
    """

    def __init__(self, parameters: Iterable[nn.Parameter], lr: float, momentum: float = 0.9, decay: float = 0.0):
        super().__init__(parameters, {"lr": lr, "momentum": momentum, "decay": decay})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        for group in self.param_groups:
            learning = sorted((p for p in group["params"] if p.grad is not None), key=lambda p: -p.numel())
            steps = []
            for k, parameter in enumerate(learning):
                memory = self.state[parameter].setdefault("momentum_buffer", torch.zeros_like(parameter))
                memory.mul_(group["momentum"]).add_(parameter.grad)
                mine = k % world() == rank()
                ahead = parameter.grad + group["momentum"] * memory
                step = orthogonal(ahead.flatten(1)).view_as(parameter) if mine else torch.zeros_like(parameter)
                steps.append(RMS * max(ahead.flatten(1).shape) ** 0.5 * step)
            for parameter, step in zip(learning, added(steps), strict=True):
                parameter.mul_(1 - group["lr"] * group["decay"]).sub_(step, alpha=group["lr"])
