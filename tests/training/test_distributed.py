"""Two processes under torchrun, each with half the rows, take the step that one process takes with all of them."""

import subprocess
import sys
from pathlib import Path

import torch
from safetensors.torch import load_file

SCRIPT = """
import sys
from pathlib import Path

import torch
from torch import nn

from limner.cli.train import joined
from limner.process.noise import draw
from limner.training.fitting import Fit
from limner.training.loop import Plan, Run
from limner.training.processes import led, rank, world
from limner.training.weights import initialise

net = nn.Sequential(nn.Linear(4, 8), nn.SiLU(), nn.Linear(8, 6), nn.SiLU(), nn.Linear(6, 6), nn.SiLU(), nn.Linear(6, 2))
initialise(net, "toy", 0)


def loss(net, number):
    x = draw(0, "x", number, (16, 4)).chunk(world())[rank()]
    return (net(x) - x[:, :2] * x[:, 2:]).square().mean()


with joined():
    assert led(float(rank() + 1)) == 1.0  # the first one's
    fit = Fit(Plan(steps=1000, rate=1.0), 60.0 + 30 * rank())  # the second has more time,
    plan = fit.again(fit.whole, 10, 10.0)
    if rank():
        fit.forget()  # and stopped for something else
    plan = fit.again(plan, 20, 20.0 + 5 * rank())
    assert (plan.steps, plan.fall) == (60, 0.25)
    run = Run(net, Plan(steps=6, rate=1e-2, warmup=2, hidden=1e-2), Path(sys.argv[1]) if rank() == 0 else None)
    for step in run.train(loss):
        pass
"""


def trained(folder: Path, processes: int) -> dict[str, torch.Tensor]:
    script, file = folder / "script.py", folder / f"net{processes}.safetensors"
    script.write_text(SCRIPT)
    launch = (
        ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node", str(processes)] if processes > 1 else []
    )
    done = subprocess.run(
        [sys.executable, *launch, script, file], check=False, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return {name: tensor for name, tensor in load_file(file).items() if name.startswith("net.")}


def test_two_processes_learn_what_one_learns(tmp_path: Path) -> None:
    alone, together = trained(tmp_path, 1), trained(tmp_path, 2)
    assert alone.keys() == together.keys()
    for name, tensor in alone.items():
        torch.testing.assert_close(together[name], tensor, rtol=1e-4, atol=1e-6)  # sums in another order
