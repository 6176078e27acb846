"""A low-rank change to a layer: what a small file adds to a large network, in its weights or beside them."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F


@dataclass(frozen=True, slots=True, eq=False)
class LowRank:
    """Delta W = (alpha / r) B A.  Hu et al. 2021 (arXiv:2106.09685), section 4.1.

    `down` is A and `up` is B, each with as many axes as the layer's weight.  Of a convolution, `down` has the kernel
    and `up` is 1 x 1; where there is a `mid`, that has the kernel, and `down` is 1 x 1, too.  Yeh et al. 2023
    (arXiv:2309.14859), section 3.1.
    """

    down: Float[Tensor, "r i *_"]
    up: Float[Tensor, "o r *_"]
    mid: Float[Tensor, "r r *_"] | None
    alpha: float

    @property
    def rank(self) -> int:
        return self.down.shape[0]

    @property
    def gain(self) -> float:
        """alpha / r: so that another rank needs no other learning rate."""
        return self.alpha / self.rank

    @property
    def shape(self) -> tuple[int, ...]:
        """That of the weight it changes."""
        kernel = self.down if self.mid is None else self.mid
        return self.up.shape[0], self.down.shape[1], *kernel.shape[2:]

    def product(self) -> Float[Tensor, "o i *_"]:
        """Delta W itself, in float32."""
        up, down = self.up.float().flatten(1), self.down.float()
        if self.mid is not None:
            down = torch.einsum("pq...,qi->pi...", self.mid.float(), down.flatten(1))
        return self.gain * (up @ down.flatten(1)).reshape(len(up), *down.shape[1:])


class Beside(nn.Module):
    """A linear or convolution layer, and beside it what an adapter adds: y = W x + scale (alpha / r) B A x.

    Hu et al. 2021 (arXiv:2106.09685), Eq. 3.  The layer keeps its weights, which others may share.
    """

    down: Tensor
    mid: Tensor | None
    up: Tensor

    def __init__(self, layer: nn.Module, change: LowRank, scale: float) -> None:
        super().__init__()
        self.layer, self.gain = layer, scale * change.gain
        own = innermost(layer)
        self.strides = None if isinstance(own, nn.Linear) else own.stride
        self.padding = 0 if isinstance(own, nn.Linear) else own.padding
        for name in ("down", "mid", "up"):
            factor = getattr(change, name)
            self.register_buffer(name, None if factor is None else factor.to(own.weight.device, own.weight.dtype))

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.layer(x) + self.gain * self.added(x)
        return out

    def added(self, x: Tensor) -> Tensor:
        """B A x."""
        if self.strides is None:
            return F.linear(F.linear(x, self.down), self.up)
        if self.mid is None:
            h = F.conv2d(x, self.down, None, self.strides, self.padding)
        else:
            h = F.conv2d(F.conv2d(x, self.down), self.mid, None, self.strides, self.padding)
        return F.conv2d(h, self.up)


def innermost(layer: nn.Module) -> nn.Linear | nn.Conv2d:
    """The layer that has the weight, under however many changes."""
    while isinstance(layer, Beside):
        layer = layer.layer
    if not isinstance(layer, nn.Linear | nn.Conv2d):
        raise TypeError(f"{type(layer).__name__} has no weight that a low-rank change could be added to")
    return layer
