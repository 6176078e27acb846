"""Several processes that train one network: which of them this is, and what they tell each other."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
import torch.distributed
from torch import Tensor, nn


def rank() -> int:
    return torch.distributed.get_rank() if torch.distributed.is_initialized() else 0


def world() -> int:
    return torch.distributed.get_world_size() if torch.distributed.is_initialized() else 1


@contextmanager
def in_turn() -> Iterator[None]:
    """The first of several processes goes through this block alone, then all the others."""
    if rank() > 0:
        torch.distributed.barrier()
    yield
    if rank() == 0 and world() > 1:
        torch.distributed.barrier()


def agreed(mine: bool) -> bool:
    """Whether any of the processes says so: they stop together or not at all."""
    if world() == 1:
        return mine
    device = "cuda" if torch.distributed.get_backend() == "nccl" else "cpu"
    votes = torch.tensor(int(mine), device=device)
    torch.distributed.all_reduce(votes)
    return bool(votes)


def led(mine: float) -> float:
    """What the first process says: clocks differ, and all have to plan alike."""
    if world() == 1:
        return mine
    device = "cuda" if torch.distributed.get_backend() == "nccl" else "cpu"
    said = torch.tensor(mine, dtype=torch.float64, device=device)
    torch.distributed.broadcast(said, 0)
    return float(said)


def added(tensors: Sequence[Tensor]) -> list[Tensor]:
    """The sum over all processes of each tensor, in one message."""
    if world() == 1 or not tensors:
        return list(tensors)
    message = torch.cat([tensor.flatten() for tensor in tensors])
    torch.distributed.all_reduce(message)
    parts = torch.split(message, [tensor.numel() for tensor in tensors])
    return [part.view_as(tensor) for part, tensor in zip(parts, tensors, strict=True)]


def share(net: nn.Module) -> None:
    """The mean of every process's gradients, in every process."""
    if world() == 1:
        return
    learning = [p for p in net.parameters() if p.grad is not None]
    for parameter, total in zip(learning, added([p.grad for p in learning if p.grad is not None]), strict=True):
        parameter.grad = total / world()
