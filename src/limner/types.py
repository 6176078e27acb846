"""Shapes and units, once.  Every latent is variance-exploding: x = x0 + sigma * eps."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import torch
from jaxtyping import Float
from torch import Tensor

Latent: TypeAlias = Float[Tensor, "b c h w"]
Sigma: TypeAlias = Float[Tensor, " b"]
Probs: TypeAlias = Float[Tensor, "b heads q k"]
Image: TypeAlias = Float[Tensor, "b 3 height width"]


@dataclass(frozen=True, slots=True)
class Context:
    """What a network is told, one row a sample.

    `states` are the text tower's token states.  `pooled` (the sentence in one vector) and `sizes` (original height and
    width, crop top and left, target height and width, in pixels) are SDXL's added conditions (Podell et al. 2023,
    arXiv:2307.01952, section 2.2); a model without them leaves them None.
    """

    states: Float[Tensor, "b l d"]
    pooled: Float[Tensor, "b p"] | None = None
    sizes: Float[Tensor, "b 6"] | None = None

    def __len__(self) -> int:
        return len(self.states)

    def __getitem__(self, rows: slice) -> "Context":
        return Context(*(None if part is None else part[rows] for part in self.parts()))  # type: ignore[arg-type]

    def parts(self) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
        return self.states, self.pooled, self.sizes

    def to(self, device: torch.device | str, dtype: torch.dtype) -> "Context":
        """The states and the sentence in another precision; sizes, which half precision would round, stay float32."""
        pooled = None if self.pooled is None else self.pooled.to(device, dtype)
        sizes = None if self.sizes is None else self.sizes.to(device, torch.float32)
        return Context(self.states.to(device, dtype), pooled, sizes)

    @staticmethod
    def cat(contexts: Sequence["Context"]) -> "Context":
        """All rows in order.  Either every context carries an added condition or none does."""
        columns = zip(*(context.parts() for context in contexts), strict=True)
        return Context(*(None if column[0] is None else torch.cat(column) for column in columns))  # type: ignore[arg-type]
