"""Batches are made while the last one is learnt from; which batch a step gets depends on its number alone."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

from torch.utils.data import DataLoader, Dataset

Batch = TypeVar("Batch")


@dataclass(frozen=True)
class Steps(Dataset[Batch], Generic[Batch]):
    """The batch of each step from `first` on, made when it is asked for."""

    make: Callable[[int], Batch]
    first: int
    last: int

    def __len__(self) -> int:
        return self.last - self.first + 1

    def __getitem__(self, at: int) -> Batch:
        if not 0 <= at < len(self):
            raise IndexError(at)
        return self.make(self.first + at)


def feed(make: Callable[[int], Batch], first: int, last: int, workers: int) -> Iterator[Batch]:
    """make(first), ..., make(last) in order, by so many processes beside this one (0: by this one).

    They are this one's forks, also where this one is none, and share the pictures that it has read.
    """
    steps = Steps(make, first, last)
    yield from DataLoader(
        steps,
        batch_size=None,
        shuffle=False,
        num_workers=workers,
        prefetch_factor=4 if workers else None,
        multiprocessing_context="fork" if workers else None,
    )
