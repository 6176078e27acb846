"""A server changes models all day: what is let go must be gone, in the memory as in the program."""

import resource
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch

from limner.bundle import open_bundle
from limner.engine import backends, run
from limner.recipe import Wish, resolve

SETTLED = 10  # turns after which the allocator has what it likes to keep, and over which the least is taken


def switches(
    models: Sequence[str | Path], turns: int, device: torch.device, dtype: torch.dtype, backend: str | None = None
) -> Iterator[float]:
    """Megabytes resident after each turn: a model is opened, draws a picture in two steps and is let go."""
    for turn in range(turns):
        turn_of(models[turn % len(models)], device, dtype, backend)
        yield resident()


def turn_of(model: str | Path, device: torch.device, dtype: torch.dtype, backend: str | None) -> None:
    bundle = open_bundle(model, device, dtype)
    recipe = resolve(Wish(model=bundle.identity, prompt="a red apple", steps=2), bundle.defaults)
    for _ in run([recipe], bundle, backend=backends.choose(bundle, backend)):
        pass


def growth(megabytes: Sequence[float]) -> float:
    """Megabytes from turns 10 to 20 to the last ten: of each the least, as the allocator keeps more at times."""
    return min(megabytes[-SETTLED:]) - min(megabytes[SETTLED : 2 * SETTLED])


def resident() -> float:
    """This process's memory, in megabytes of 10^6 bytes."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6
