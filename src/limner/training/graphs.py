"""A network's passes recorded once and replayed: a GPU that is asked for one kernel after another waits for the asking.

What torch's recorder asks for, and where it is seen to: what is recorded rounds its weights itself, and autocast is
nowhere, so that the backward pass is recorded outside of it; nothing in the network draws at random;
rows are fixed, and each batch is copied to where the recorded one was; a gradient is the recorder's own memory, so that
it has to be let go after each step (`zero_grad` with `set_to_none`) and not added to; the network was not asked for a
gradient before, as its leaves would remember the stream; kernels are chosen by trial while it warms up; the optimiser
steps outside.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.func import functional_call

from limner.training.precision import autocast
from limner.types import Context, Latent

Inputs = tuple[Tensor, Tensor, Tensor]
Told = Callable[[Tensor, Tensor, Tensor], Tensor]
Maker = Callable[[nn.Module, Inputs], Told]
SLICE = 256  # rows that are computed at once to be compared: eager passes do not share the memory of recorded ones
LOSS_APART, GRADIENT_APART = 0.01, 0.05  # at most; kernels differ, as slices are shorter, and bfloat16 has 8 bits


class Flat(nn.Module):
    """A denoising network that is told tensors alone, in the precision it trains in.

    In half precision all of it is in bfloat16, norms and sums too, which autocast would do in float32: a device moves
    half the bytes, and the gradient is as far from float32's (1.4% with the shipped weights, autocast's 1.3%).  The
    weights that learn stay in float32.
    """

    def __init__(self, net: nn.Module, half: bool) -> None:
        super().__init__()
        self.net, self.halved = net, half

    def forward(self, x: Latent, t: Float[Tensor, " b"], states: Float[Tensor, "b l d"]) -> Tensor:
        if not self.halved:
            out: Tensor = self.net(x, t, Context(states))
            return out
        rounded = {name: each.bfloat16() for name, each in self.net.named_parameters()}
        out = functional_call(self.net, rounded, (x.bfloat16(), t, Context(states.bfloat16())))
        return out


def recorded(flat: nn.Module, inputs: Inputs) -> Told:
    """Both passes as CUDA graphs; `inputs` become the memory from which they are replayed."""
    made: Told = torch.cuda.make_graphed_callables(flat, inputs)  # type: ignore[assignment]
    return made


@dataclass(slots=True)
class Replayed:
    """A denoising network that is recorded when it is first asked, and as it is if that fails or says something else.

    `tell` hears in one line which of the two it became.
    """

    net: nn.Module
    device: torch.device
    half: bool
    tell: Callable[[str], None]
    make: Maker
    made: Told | None = None
    rows: int = 0

    def __call__(self, x: Latent, t: Float[Tensor, " b"], context: Context) -> Tensor:
        if not self.rows:
            self.rows = len(x)
            self._begin((x, t, context.states))
        if self.made is None or len(x) != self.rows:
            out: Tensor = self.net(x, t, context)
            return out
        return self.made(x, t, context.states)

    def _begin(self, inputs: Inputs) -> None:
        """Record from zeros, and compare on this very batch, so that what forgets to look at a batch is found out."""
        empty: Inputs = (torch.zeros_like(inputs[0]), torch.zeros_like(inputs[1]), torch.zeros_like(inputs[2]))
        try:
            with autocast(self.device, False), torch.enable_grad():
                made = self.make(Flat(self.net, self.half), empty)
                loss, gradient = apart(made, Flat(self.net, self.half), self.net, inputs)
        except (RuntimeError, AssertionError) as error:
            self.tell(f"the network is not replayed, as it cannot be recorded: {' '.join(str(error).split())[:200]}")
            return
        said = f"loss {100 * loss:.2g}% and gradient {100 * gradient:.2g}% from those computed kernel by kernel"
        if loss <= LOSS_APART and gradient <= GRADIENT_APART:
            self.made = made
            self.tell(f"the network is replayed, {self.rows} rows at once: {said}")
        else:
            self.tell(f"the network is not replayed, as what was recorded says something else: {said}")


def apart(made: Told, plain: nn.Module, net: nn.Module, inputs: Inputs) -> tuple[float, float]:
    """How far what was recorded is from the plain network, in shares: by a loss of its answers, and by its gradient."""
    loss, gradient = judged(made, net, inputs, len(inputs[0]))
    wanted, steepest = judged(plain, net, inputs, SLICE)
    far = sum(float((a - b).square().sum()) for a, b in zip(gradient, steepest, strict=True))
    long = sum(float(each.square().sum()) for each in steepest)
    return abs(loss - wanted) / max(wanted, 1e-9), (far / max(long, 1e-30)) ** 0.5


def judged(told: Told | nn.Module, net: nn.Module, inputs: Inputs, rows: int) -> tuple[float, list[Tensor]]:
    """How far the answers are from what was asked about, squared, and the gradient: steep wherever a network stands."""
    learning, total = [p for p in net.parameters() if p.requires_grad], 0.0
    gradient = [torch.zeros_like(p) for p in learning]
    for few in zip(*(torch.split(each, rows) for each in inputs), strict=True):
        share = len(few[0]) / len(inputs[0])
        loss: Tensor = share * (told(*few).float() - few[0]).square().mean()
        torch._foreach_add_(gradient, list(torch.autograd.grad(loss, learning)))
        total += float(loss.detach())
    return total, gradient
