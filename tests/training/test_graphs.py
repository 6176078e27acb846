"""A recorded network is used where it says what the network says; who records is given, so a CPU can try the rest."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from limner.network.unet import UNet
from limner.process.noise import draw
from limner.training.graphs import Flat, Inputs, Maker, Replayed, Told, apart, recorded
from limner.training.loop import Plan, Run
from limner.training.preset import SIZES
from limner.training.weights import initialise
from limner.types import Context

SMALL = replace(SIZES.unet, widths=(8, 16, 16), heads=(2, 2, 2), groups=4, context_dim=16, sample_size=8)
ROWS = 6


def unet(device: str = "cpu") -> UNet:
    made = UNet(SMALL)
    initialise(made, "unet", 0)
    made.conv_out.weight.data.copy_(0.1 * draw(0, "out", 0, tuple(made.conv_out.weight.shape)))
    return made.to(device)


def inputs(number: int, rows: int = ROWS, device: str = "cpu") -> Inputs:
    x = draw(0, "x", number, (rows, 8, 8, 8))
    return x.to(device), (torch.arange(rows) * 100.0).to(device), draw(0, "words", number, (rows, 5, 16)).to(device)


def answer(net: UNet | Replayed, given: Inputs) -> Tensor:
    out: Tensor = net(given[0], given[1], Context(given[2]))
    return out


def replayed(net: UNet, make: Maker, half: bool = False) -> tuple[Replayed, list[str]]:
    said = list[str]()
    return Replayed(net, next(net.parameters()).device, half, said.append, make), said


def test_what_says_the_same_is_used_from_the_first_batch_on() -> None:
    net, asked = unet(), list[int]()

    def make(flat: nn.Module, first: Inputs) -> Told:
        def told(x: Tensor, t: Tensor, states: Tensor) -> Tensor:
            asked.append(len(x))
            out: Tensor = flat(x, t, states)
            return out

        return told

    quick, said = replayed(net, make)
    for number in range(3):
        torch.testing.assert_close(answer(quick, inputs(number)), answer(net, inputs(number)))
    assert len(asked) == 4  # once to compare, and then each batch
    assert len(said) == 1
    assert said[0].startswith("the network is replayed, 6 rows at once: loss ")
    answer(quick, inputs(9, rows=2)).sum().backward()  # another shape is not what was recorded
    assert len(asked) == 4


def test_a_device_that_records_nothing_costs_one_line() -> None:
    def make(flat: nn.Module, first: Inputs) -> Told:
        raise RuntimeError("CUDA error: operation not permitted\nwhen stream is capturing")

    quick, said = replayed(net := unet(), make)
    for number in range(2):
        torch.testing.assert_close(answer(quick, inputs(number)), answer(net, inputs(number)), rtol=0, atol=0)
    assert len(said) == 1
    assert "cannot be recorded: CUDA error: operation not permitted when stream is capturing" in said[0]


def stale(flat: nn.Module, first: Inputs) -> Told:
    """Never copies what it is given to where it reads."""
    return lambda x, t, states: flat(*first)


def numb(flat: nn.Module, first: Inputs) -> Told:
    """Says the right thing, and sends back a gradient that is too long."""

    def told(x: Tensor, t: Tensor, states: Tensor) -> Tensor:
        out: Tensor = flat(x, t, states)
        return 2 * out - out.detach()

    return told


def deaf(flat: nn.Module, first: Inputs) -> Told:
    return lambda x, t, states: flat(x, t, torch.zeros_like(states))


@pytest.mark.parametrize("make", [stale, numb, deaf])
def test_what_says_something_else_is_not_used(make: Maker) -> None:
    quick, said = replayed(net := unet(), make)
    torch.testing.assert_close(answer(quick, inputs(0)), answer(net, inputs(0)), rtol=0, atol=0)
    assert len(said) == 1
    assert said[0].startswith("the network is not replayed, as what was recorded says something else")


def test_comparing_leaves_no_gradient_behind_and_minds_no_autocast() -> None:
    quick, said = replayed(net := unet(), lambda flat, first: flat, half=True)
    with torch.autocast("cpu", torch.bfloat16):
        out = answer(quick, inputs(0))
        assert out.dtype == torch.bfloat16
    assert "is replayed" in said[0]
    assert all(parameter.grad is None for parameter in net.parameters())


def test_all_weights_are_of_use_as_a_recorder_wants_it() -> None:
    net = unet()
    answer(net, inputs(0)).square().sum().backward()
    assert all(parameter.grad is not None and parameter.grad.abs().sum() > 0 for parameter in net.parameters())


def learnt(net: UNet, quick: UNet | Replayed) -> list[float]:
    """The losses of some steps at a rate at which weights change visibly; in bfloat16 on a GPU."""
    run = Run(net, Plan(steps=6, rate=3e-3, warmup=1, fall=0.0, hidden=1e-2))
    target = draw(0, "target", 0, (ROWS, 8, 8, 8)).to(next(net.parameters()).device)

    def loss(_: nn.Module, number: int) -> Tensor:
        with torch.autocast(target.device.type, torch.bfloat16, enabled=target.is_cuda):
            return (answer(quick, inputs(number, device=target.device.type)).float() - target).square().mean()

    return [step.loss for step in run.train(loss)]


def test_a_training_through_what_is_replayed_is_the_training() -> None:
    net, other = unet(), unet()
    quick, said = replayed(other, lambda flat, first: flat)
    losses = learnt(net, net)
    assert learnt(other, quick) == pytest.approx(losses, rel=1e-5)
    assert losses[-1] < 0.95 * losses[0]
    assert "is replayed" in said[0]


@pytest.mark.gpu
@pytest.mark.filterwarnings("default")  # what torch's recorder says of its own streams
def test_cuda_graphs_learn_what_the_network_learns() -> None:
    """Weights that change must reach the recorded passes, and their gradients must not be added to each other."""
    if not torch.cuda.is_available():
        pytest.skip("no GPU")
    net, other = unet("cuda"), unet("cuda")
    quick, said = replayed(other, recorded, half=True)
    through = learnt(other, quick)
    assert len(said) == 1
    assert "the network is replayed" in said[0], said
    assert through == pytest.approx(learnt(net, net), rel=2e-2)  # kernels are chosen by trial


@pytest.mark.gpu
@pytest.mark.filterwarnings("default")  # what torch's recorder says of its own streams
def test_the_shipped_network_is_recorded_at_many_rows() -> None:
    if not torch.cuda.is_available():
        pytest.skip("no GPU")
    net = UNet(SIZES.unet)
    initialise(net, "unet", 0)
    quick, said = replayed(net.to("cuda"), recorded, half=True)
    x, states = draw(0, "x", 0, (512, 8, 16, 16)).cuda(), draw(0, "words", 0, (512, 48, 256)).cuda()
    answer(quick, (x, torch.arange(512.0, device="cuda"), states)).float().square().mean().backward()
    assert "the network is replayed" in said[0], said


def test_half_precision_throughout_has_nearly_the_gradient_of_single_and_keeps_the_weights() -> None:
    net = unet()
    loss, gradient = apart(Flat(net, half=True), Flat(net, half=False), net, inputs(0))
    assert 0 < loss < 0.01
    assert 0 < gradient < 0.05
    assert all(parameter.dtype == torch.float32 for parameter in net.parameters())
