"""A step as long in every direction: the momentum of a matrix, made orthogonal."""

from collections.abc import Iterable, Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from limner.training.processes import added, rank, world

QUINTIC = 3.4445, -4.7750, 2.0315
RMS = 0.2  # of a step's elements at rate one, about AdamW's, so that rates mean the same


def orthogonal(matrices: Sequence[Float[Tensor, "m n"]], rounds: int = 5) -> list[Float[Tensor, "m n"]]:
    """Each matrix with its singular values brought near one (0.7 to 1.2), its singular vectors kept.

    Newton-Schulz: X <- (a + b G + c G^2) X, G = X X^T (Jordan et al. 2024, "Muon: an optimizer for hidden layers in
    neural networks").  Here the rounds multiply G alone, which is small where the matrix is long, and X once, at last.
    Matrices of one shape are worked on at once, and the rounds on all whose shorter sides are alike, as a GPU would
    else wait for one small product after another.
    """
    alike, out = dict[torch.Size, list[int]](), list(matrices)
    for k, matrix in enumerate(matrices):
        alike.setdefault(matrix.shape, []).append(k)
    wide = {shape: unit(torch.stack([lying(matrices[k]) for k in which])) for shape, which in alike.items()}
    factors = dict[torch.Size, Tensor]()
    for side in {min(shape) for shape in wide}:
        group = [shape for shape in wide if min(shape) == side]
        grams = [wide[shape] @ wide[shape].mT for shape in group]
        parts = torch.split(factor(torch.cat(grams), rounds), [len(gram) for gram in grams])
        factors |= dict(zip(group, parts, strict=True))
    for shape, which in alike.items():
        for k, found in zip(which, factors[shape] @ wide[shape], strict=True):
            out[k] = found.mT if shape[0] > shape[1] else found
    return out


def lying(matrix: Float[Tensor, "m n"]) -> Float[Tensor, "short long"]:
    """No taller than wide."""
    return matrix.mT if matrix.shape[0] > matrix.shape[1] else matrix


def unit(matrices: Float[Tensor, "*k m n"]) -> Float[Tensor, "*k m n"]:
    """Divided by its Frobenius norm, so that no singular value is above one."""
    out: Tensor = matrices / matrices.norm(dim=(-2, -1), keepdim=True).clamp_min(1e-12)
    return out


def factor(gram: Float[Tensor, "*k m m"], rounds: int) -> Float[Tensor, "*k m m"]:
    """What the rounds multiply X by in all: polynomials in the first G, which commute."""
    a, b, c = QUINTIC
    eye = torch.eye(gram.shape[-1], device=gram.device, dtype=gram.dtype).expand_as(gram)
    product = eye
    for _ in range(rounds):
        once = a * eye + b * gram + c * (gram @ gram)
        product = once @ product
        gram = gram @ once @ once
    return product


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
            gradients = [p.grad for p in learning]
            for parameter in learning:
                if "momentum_buffer" not in self.state[parameter]:
                    self.state[parameter]["momentum_buffer"] = torch.zeros_like(parameter)
            memories = [self.state[parameter]["momentum_buffer"] for parameter in learning]
            torch._foreach_mul_(memories, group["momentum"])
            torch._foreach_add_(memories, gradients)
            ahead = torch._foreach_add(gradients, memories, alpha=group["momentum"])
            steps = made(ahead)
            if group["decay"]:
                torch._foreach_mul_(learning, 1 - group["lr"] * group["decay"])
            torch._foreach_add_(learning, added(steps), alpha=-group["lr"])


def made(ahead: Sequence[Tensor]) -> list[Tensor]:
    """Each parameter's step at rate one; zeros where another process makes it."""
    steps = [torch.zeros_like(each) if world() > 1 else each for each in ahead]
    own = range(rank(), len(ahead), world())
    found = orthogonal([ahead[k].flatten(1) for k in own])
    scaled = torch._foreach_mul(found, [RMS * max(each.shape) ** 0.5 for each in found])
    for k, step in zip(own, scaled, strict=True):
        steps[k] = step.reshape(ahead[k].shape)
    return steps
