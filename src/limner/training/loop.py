"""To train is to walk downhill by noisy steps, and to be able to stop after any of them and lose nothing."""

import json
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from limner.errors import LimnerError
from limner.home import beside
from limner.training.ema import Average
from limner.training.muon import Muon
from limner.training.processes import rank, share


@dataclass(frozen=True, slots=True)
class Plan:
    """How far and how fast: the rate rises over `warmup` steps and falls to zero over the last `fall` of all.

    AdamW learns everything; with `hidden` Muon, at that rate, learns the matrices between the first layer and the last,
    and `shrink` is its weight decay, without which queries and keys grow until a softmax has no slope.
    """

    steps: int
    rate: float
    warmup: int = 200
    fall: float = 0.25
    decay: float = 0.01
    clip: float = 1.0
    beta2: float = 0.99
    hidden: float = 0.0
    shrink: float = 0.0

    def rate_at(self, number: int) -> float:
        """The learning rate of step `number`, counted from 1."""
        return self.rate * min(1.0, number / self.warmup) * self.left_at(number)

    def left_at(self, number: int) -> float:
        """The share of its rate that step `number` has kept: 1 until the fall begins."""
        falling = self.fall * self.steps
        return 1.0 if falling == 0 else min(1.0, (self.steps - number + 1) / falling)


@dataclass(frozen=True, slots=True)
class Step:
    """What one step of training was: its number counted from 1, its loss, its learning rate.

    A device that computes beside this program is waited for when the loss is asked for, not before.
    """

    number: int
    value: Tensor
    rate: float

    @property
    def loss(self) -> float:
        return float(self.value)


Loss = Callable[[nn.Module, int], Tensor]


class Run:
    """A network in training: weights, their average, the optimiser's memory and how many steps were taken.

    Everything random in a step is a function of (seed, step), so to resume is to run the same command again.
    """

    def __init__(self, net: nn.Module, plan: Plan, file: Path | None = None) -> None:
        self.net, self.plan, self.file = net, plan, file
        self.number = 0
        learning = [p for p in net.parameters() if p.requires_grad]
        free = [p for p in learning if p.ndim <= 1]
        matrices = [p for p in learning if p.ndim > 1]
        hidden = matrices[1:-1] if plan.hidden else []
        kept = [p for p in matrices if not any(p is each for each in hidden)]
        groups = [{"params": kept, "weight_decay": plan.decay}, {"params": free, "weight_decay": 0.0}]
        adam = torch.optim.AdamW(groups, lr=plan.rate, betas=(0.9, plan.beta2), fused=True)
        self.optimisers: list[torch.optim.Optimizer] = [
            adam,
            *([Muon(hidden, plan.hidden, decay=plan.shrink)] if hidden else []),
        ]
        self.average = Average(net)
        self._losses = list[float]()
        self._unread = list[Tensor]()
        if file is not None and file.exists():
            self.resume(file)

    def train(self, loss: Loss, every: float = 60.0) -> Generator[Step, None, None]:
        """The steps from here to the plan's end; a checkpoint every so many seconds and whenever the caller stops.

        Under `torchrun` gradients are averaged over all processes, each of which draws its own rows.
        """
        saved = time.monotonic()
        try:
            while self.number < self.plan.steps:
                value = self.step(loss)
                self._unread.append(value)
                yield Step(self.number, value, self.plan.rate_at(self.number))
                if time.monotonic() - saved > every:
                    self.save()
                    saved = time.monotonic()
        finally:
            self.save()

    @property
    def losses(self) -> list[float]:
        """Of every step so far."""
        if self._unread:
            self._losses += torch.stack(self._unread).tolist()
            self._unread.clear()
        return self._losses

    def step(self, loss: Loss) -> Tensor:
        number = self.number + 1
        for optimiser in self.optimisers:
            for group in optimiser.param_groups:
                group["lr"] = self.plan.rate_at(number) * optimiser.defaults["lr"] / self.plan.rate
        value = loss(self.net, number)
        value.backward()  # type: ignore[no-untyped-call]
        share(self.net)
        torch.nn.utils.clip_grad_norm_(self.net.parameters(), self.plan.clip)
        for optimiser in self.optimisers:
            optimiser.step()
        self.net.zero_grad(set_to_none=True)
        self.average.update(self.net, number)
        self.number = number
        return value.detach()

    def tensors(self) -> dict[str, Tensor]:
        out = {f"net.{k}": v for k, v in self.net.state_dict().items()}
        out |= {f"average.{k}": v for k, v in self.average.weights.items()}
        for name, parameter in self.net.named_parameters():
            for optimiser in self.optimisers:
                out |= {f"memory.{key}.{name}": v for key, v in optimiser.state.get(parameter, {}).items()}
        out["losses"] = torch.tensor(self.losses, dtype=torch.float32)
        return {k: v.contiguous() for k, v in out.items()}

    def save(self) -> None:
        """Written beside the old checkpoint and moved over it, so that a crash at any moment leaves one of the two."""
        if self.file is None or rank() != 0:
            return
        self.file.parent.mkdir(parents=True, exist_ok=True)
        with beside(self.file) as part:
            save_file(self.tensors(), part, {"step": str(self.number)})
        curve = self.file.with_suffix(".json")
        curve.write_text(json.dumps({"step": self.number, "loss": [round(x, 5) for x in self.losses]}))

    def resume(self, file: Path) -> None:
        try:
            with safe_open(file, "pt") as f:
                kept = {k: f.get_tensor(k) for k in f.keys()}  # noqa: SIM118 - a safetensors file is no mapping
                number = int((f.metadata() or {})["step"])
            self.net.load_state_dict({k.removeprefix("net."): v for k, v in kept.items() if k.startswith("net.")})
        except (SafetensorError, KeyError, RuntimeError) as error:
            line = str(error).splitlines()[0]
            raise LimnerError(
                f"{file}: not a checkpoint of this network ({line})", "move it away to begin anew"
            ) from error
        self.number = number
        self._losses, self._unread = kept["losses"].tolist(), []
        for key, weights in self.average.weights.items():
            weights.copy_(kept[f"average.{key}"])
        named = dict(self.net.named_parameters())
        for tensor in (name for name in kept if name.startswith("memory.")):
            _, key, name = tensor.split(".", 2)
            parameter = named[name]
            place = torch.device("cpu") if key == "step" and not parameter.is_cuda else parameter.device
            owner = next(each for each in self.optimisers if owns(each, parameter))
            owner.state[parameter][key] = kept[tensor].to(place)


def owns(optimiser: torch.optim.Optimizer, parameter: nn.Parameter) -> bool:
    return any(parameter is each for group in optimiser.param_groups for each in group["params"])


def averaged(file: Path) -> dict[str, Tensor]:
    """The averaged weights in a checkpoint: what a trained network is."""
    with safe_open(file, "pt") as f:
        names = [name for name in f.keys() if name.startswith("average.")]  # noqa: SIM118 - a safetensors file is no mapping
        return {name.removeprefix("average."): f.get_tensor(name) for name in names}
