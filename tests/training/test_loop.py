"""To stop after any step and go on loses nothing: not a bit of the weights, the average or the optimiser's memory."""

import json
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from limner.errors import LimnerError
from limner.process.noise import draw
from limner.training.ema import Average
from limner.training.loop import Plan, Run, averaged
from limner.training.weights import initialise

PLAN = Plan(steps=30, rate=1e-2, warmup=3, fall=0.25, hidden=1e-2)


def net() -> nn.Module:
    made = nn.Sequential(nn.Linear(4, 8), nn.SiLU(), nn.Linear(8, 8), nn.SiLU(), nn.Linear(8, 2))
    initialise(made, "toy", 0)
    return made


def loss(net: nn.Module, number: int) -> Tensor:
    x = draw(0, "x", number, (16, 4))
    out: Tensor = (net(x) - x[:, :2] * x[:, 2:]).square().mean()
    return out


def trained(file: Path | None, *stops: int) -> Run:
    """A run to its end, taken up again from the file after each stop."""
    for stop in stops:
        steps = Run(net(), PLAN, file).train(loss)
        for step in steps:
            if step.number == stop:
                steps.close()
    run = Run(net(), PLAN, file)
    for _ in run.train(loss):
        pass
    return run


@pytest.mark.tiny
def test_a_run_in_three_pieces_is_the_run_in_one_bit_for_bit(tmp_path: Path) -> None:
    whole = trained(None)
    pieces = trained(tmp_path / "net.safetensors", 1, 17)
    assert pieces.number == whole.number == PLAN.steps
    assert pieces.losses[1:] == pytest.approx(whole.losses[1:], rel=1e-6)  # the list is kept in float32
    for name, tensor in whole.tensors().items():
        if name != "losses":
            torch.testing.assert_close(pieces.tensors()[name], tensor, rtol=0, atol=0)
    assert sum(whole.losses[-5:]) < 0.8 * sum(whole.losses[:5])


def test_the_checkpoint_survives_a_crash_while_it_is_replaced(tmp_path: Path) -> None:
    file = tmp_path / "net.safetensors"
    trained(file)
    file.with_name(f".{file.name}.0a1b2c3d").write_bytes(b"half a che")
    again = Run(net(), PLAN, file)
    assert again.number == PLAN.steps
    assert json.loads(file.with_suffix(".json").read_text())["step"] == PLAN.steps


def test_a_foreign_or_torn_checkpoint_is_refused_in_one_line(tmp_path: Path) -> None:
    file = tmp_path / "net.safetensors"
    trained(file)
    with pytest.raises(LimnerError, match="not a checkpoint of this network"):
        Run(nn.Sequential(nn.Linear(3, 3)), PLAN, file)
    file.write_bytes(file.read_bytes()[:500])
    with pytest.raises(LimnerError, match="move it away") as refused:
        Run(net(), PLAN, file)
    assert "\n" not in str(refused.value)


def test_the_average_is_karras_power_function(tmp_path: Path) -> None:
    """theta_bar(t) = (gamma + 1) / t^(gamma + 1) * integral of tau^gamma theta(tau): here theta(tau) = tau."""
    gamma, toy = 6.94, nn.Linear(1, 1, bias=False)
    average = Average(toy, gamma)
    for number in range(1, 2001):
        toy.weight.data.fill_(float(number))
        average.update(toy, number)
    expected = torch.tensor([[2000 * (gamma + 1) / (gamma + 2)]])
    torch.testing.assert_close(average.weights["weight"], expected, rtol=2e-3, atol=0)  # a sum for an integral


def test_what_is_kept_is_the_average(tmp_path: Path) -> None:
    run = trained(tmp_path / "net.safetensors")
    kept = averaged(tmp_path / "net.safetensors")
    assert kept.keys() == run.net.state_dict().keys()
    torch.testing.assert_close(kept["0.weight"], run.average.weights["0.weight"], rtol=0, atol=0)


def test_the_rate_rises_stays_and_falls_to_nearly_nothing() -> None:
    plan = Plan(steps=100, rate=1.0, warmup=10, fall=0.2)
    assert [round(plan.rate_at(n), 3) for n in (1, 5, 10, 80, 81, 91, 100)] == [0.1, 0.5, 1, 1, 1, 0.5, 0.05]
