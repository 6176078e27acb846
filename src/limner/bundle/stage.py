"""On a small device there is room for one network at a time: who is on stage, and who waits in the host's memory."""

from dataclasses import dataclass, field
from typing import TypeVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

from limner.network.unet import UNet
from limner.taps import Routed
from limner.types import Context, Latent

Net = TypeVar("Net", bound=nn.Module)


@dataclass(slots=True, eq=False)
class Stage:
    """The device, with one network on it: who enters sends whoever was there home.

    Weights never change while they are on stage, so that nothing is carried back.  `entrances` counts, by class, how
    often weights were moved.
    """

    device: torch.device
    there: nn.Module | None = None
    home: dict[str, Tensor] = field(default_factory=dict)
    entrances: dict[str, int] = field(default_factory=dict)

    def enter(self, net: Net) -> Net:
        """The network, with its weights on the device."""
        if net is not self.there:
            self.clear()
            self.there, self.home = net, net.state_dict()
            net.load_state_dict({name: weight.to(self.device) for name, weight in self.home.items()}, assign=True)
            self.entrances[type(net).__name__] = self.entrances.get(type(net).__name__, 0) + 1
        return net

    def clear(self) -> None:
        """Nobody is on the device any more."""
        if self.there is not None:
            self.there.load_state_dict(self.home, assign=True)
        self.there, self.home = None, {}


@dataclass(frozen=True, slots=True)
class Staged:
    """A U-Net that enters when it is asked."""

    net: UNet
    stage: Stage

    def __call__(self, x: Latent, t: Float[Tensor, " b"], context: Context, taps: Routed | None = None) -> Latent:
        answer: Latent = self.stage.enter(self.net)(x, t, context, taps)
        return answer
