"""What opening a model costs beside reading its files: seconds, and memory beyond its weights."""

import json
import os
import resource
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import torch

from limner.bundle import open_bundle
from limner.bundle.bundle import found
from limner.bundle.save import held

PAGE = 4096  # bytes, or a multiple of them: to touch one in each brings all of them into memory
BLOCK = 1 << 24


@dataclass(frozen=True, slots=True)
class Opening:
    """Seconds and bytes of one process that reads a model's files, or opens the model until its tensors are resident.

    `bytes` are those of the weights, `peak` what the process held at most beyond what it held before.
    """

    seconds: float
    bytes: int
    peak: int


def read(model: str) -> int:
    """Read the files of a model's tensors into memory of its own, as whoever copies them to tensors must."""
    kept = [bytearray(file.stat().st_size) for file in found(Path(model)).files()]
    for file, room in zip(found(Path(model)).files(), kept, strict=True):
        with file.open("rb", buffering=0) as f:
            at = 0
            while got := f.readinto(memoryview(room)[at : at + BLOCK]):
                at += got
    return sum(map(len, kept))


def opened(model: str) -> int:
    """Open a model in its files' precision and touch every page of its tensors."""
    bundle = open_bundle(model, dtype=torch.float16)
    size = 0
    for net in held(bundle).nets.values():
        for tensor in net.state_dict().values():
            whole = tensor.flatten().view(torch.uint8)
            size += len(whole)
            whole[::PAGE].sum()
    return size


TASKS = {"read": read, "open": opened}


def measured(task: str, model: str) -> Opening:
    """A task of `TASKS` in a fresh process, the imports that it needs not counted."""
    words = [sys.executable, "-m", "limner.evaluation.opening", task, model]
    said = subprocess.run(words, stdout=subprocess.PIPE, text=True, check=True, env={**os.environ}).stdout
    return Opening(**json.loads(said))


def held_now() -> int:
    """The most bytes that this process has held so far; on Linux without what its parent held when it was born."""
    status = Path("/proc/self/status")
    if status.exists():
        (line,) = (line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
        return 1024 * int(line.split()[1])
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def act(task: str, model: str) -> Opening:
    """A task, in this process."""
    before, began = held_now(), time.perf_counter()
    size = TASKS[task](model)
    return Opening(time.perf_counter() - began, size, held_now() - before)


if __name__ == "__main__":
    done = act(sys.argv[1], sys.argv[2])
    sys.stdout.write(json.dumps({"seconds": done.seconds, "bytes": done.bytes, "peak": done.peak}))
