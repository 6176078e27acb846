"""A step of orthogonalised momentum is long in every direction, and a convolution's kernel is a matrix."""

import pytest
import torch
from torch import nn

from limner.process.noise import draw
from limner.training.muon import RMS, Muon, orthogonal


@pytest.mark.tiny
@pytest.mark.parametrize("shape", [(6, 6), (6, 40), (40, 6)])
def test_singular_values_come_near_one_and_their_vectors_stay(shape: tuple[int, int]) -> None:
    u, s, vt = torch.linalg.svd(draw(0, "matrix", 0, shape), full_matrices=False)
    s = torch.linspace(1, 0.05, len(s))
    (made,) = orthogonal([u @ s.diag() @ vt])
    inside = u.T @ made @ vt.T
    torch.testing.assert_close(inside, inside.diagonal().diag(), rtol=0, atol=1e-4)
    assert inside.diagonal().min() > 0.65
    assert inside.diagonal().max() < 1.25


def test_it_is_the_published_iteration() -> None:
    """X <- a X + (b A + c A^2) X with A = X X^T, five times, on the whole matrix."""
    matrix = draw(0, "matrix", 1, (8, 24))
    x = matrix / matrix.norm()
    for _ in range(5):
        gram = x @ x.T
        x = 3.4445 * x + (-4.7750 * gram + 2.0315 * gram @ gram) @ x
    torch.testing.assert_close(orthogonal([matrix])[0], x, rtol=1e-4, atol=1e-5)


def test_company_of_other_shapes_changes_nothing() -> None:
    shapes = ((6, 6), (6, 40), (40, 6), (6, 40), (8, 9))
    matrices = [draw(0, "company", k, shape) for k, shape in enumerate(shapes)]
    for alone, together in zip(matrices, orthogonal(matrices), strict=True):
        torch.testing.assert_close(together, orthogonal([alone])[0])


def test_a_matrix_of_rank_one_and_one_of_zeros_stay_finite() -> None:
    column = draw(0, "column", 0, (16, 1))
    (made,) = orthogonal([column @ draw(0, "row", 0, (1, 24))])
    assert 0.65 < torch.linalg.matrix_norm(made, 2) < 1.25
    assert torch.equal(orthogonal([torch.zeros(3, 5)])[0], torch.zeros(3, 5))


def test_a_step_has_the_size_that_its_rate_says_and_nesterovs_direction() -> None:
    layer = nn.Conv2d(4, 8, 3, bias=False)
    before = layer.weight.detach().clone()
    optimiser = Muon([layer.weight], lr=0.1, momentum=0.5)
    first, second = draw(0, "gradient", 0, (8, 4, 3, 3)), draw(0, "gradient", 1, (8, 4, 3, 3))
    layer.weight.grad = first
    optimiser.step()
    moved = before - layer.weight.detach()
    assert moved.square().mean().sqrt() == pytest.approx(0.1 * RMS, rel=0.3)
    torch.testing.assert_close(
        moved, 0.1 * RMS * 6 * orthogonal([first.flatten(1)])[0].view_as(moved), rtol=1e-4, atol=1e-6
    )
    before, layer.weight.grad = layer.weight.detach().clone(), second
    optimiser.step()
    ahead = second + 0.5 * (0.5 * first + second)
    torch.testing.assert_close(
        before - layer.weight.detach(),
        0.1 * RMS * 6 * orthogonal([ahead.flatten(1)])[0].view_as(moved),
        rtol=1e-4,
        atol=1e-6,
    )


def test_matrices_of_one_shape_are_worked_on_at_once_and_each_steps_as_alone() -> None:
    shapes = [(8, 4, 3, 3), (6, 10), (8, 4, 3, 3), (6, 10), (10, 6)]
    together = [nn.Parameter(draw(0, "weight", k, shape)) for k, shape in enumerate(shapes)]
    for k, parameter in enumerate(together):
        parameter.grad = draw(0, "gradient of several", k, shapes[k])
    alone = [nn.Parameter(parameter.detach().clone()) for parameter in together]
    for one, parameter in zip(alone, together, strict=True):
        one.grad = parameter.grad
        Muon([one], lr=0.1).step()
    Muon(together, lr=0.1).step()
    for one, parameter in zip(alone, together, strict=True):
        torch.testing.assert_close(parameter, one, rtol=1e-5, atol=1e-6)
