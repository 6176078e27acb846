"""Where anyone may look at attention, or change it.  Vocabulary only: the network calls, controls answer."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias, runtime_checkable

from jaxtyping import Float
from torch import Tensor

from limner.types import Probs


@dataclass(frozen=True, slots=True)
class Site:
    """Where in the network a map is: "up.1.0.cross" at height x width latent pixels."""

    name: str
    kind: Literal["self", "cross"]
    height: int
    width: int


@runtime_checkable
class Watcher(Protocol):
    """Sees attention probabilities, computed beside the fused kernel whose output stands: it changes no pixel."""

    def wants(self, site: Site) -> bool: ...
    def watch(self, site: Site, probs: Probs) -> None: ...


@runtime_checkable
class Editor(Protocol):
    """Answers with the probabilities to use instead: its own rows leave the fused kernel, their neighbours do not."""

    def wants(self, site: Site) -> bool: ...
    def edit(self, site: Site, probs: Probs) -> Probs: ...


@dataclass(frozen=True, slots=True)
class Look:
    """One look from the inside: A = softmax(Q K^T / sqrt(d)), and what becomes of A V.

    `probs` is A as it was used, whoever edited it.  `mixed` is A V, of each head apart; `added` is what the last layer
    makes of all heads together, and is added to what was there `before`.
    """

    q: Float[Tensor, "b heads q d"]
    k: Float[Tensor, "b heads k d"]
    v: Float[Tensor, "b heads k d"]
    probs: Probs
    mixed: Float[Tensor, "b heads q d"]
    added: Float[Tensor, "b q c"]
    before: Float[Tensor, "b q c"]


@runtime_checkable
class Witness(Protocol):
    """Sees a whole look once it is over, as the network has it: it changes no pixel."""

    def wants(self, site: Site) -> bool: ...
    def witness(self, site: Site, look: Look) -> None: ...


Tap: TypeAlias = Watcher | Editor | Witness


@dataclass(frozen=True, slots=True)
class Routed:
    """Many requests, one batch: each request's taps see its own rows and no others."""

    routes: Sequence[tuple[slice, tuple[Tap, ...]]]

    def at(self, site: Site) -> Iterator[tuple[slice, tuple[Tap, ...]]]:
        """The rows that somebody wants to see at this site, with those who want to."""
        for rows, taps in self.routes:
            if wanting := tuple(tap for tap in taps if tap.wants(site)):
                yield rows, wanting
