"""Programs are compared by turns, in processes of their own, on a machine that does nothing else."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import IO

import torch
from torch.nn import functional as F

from limner.errors import LimnerError

PEER = Path(__file__).with_name("peer.py")


@dataclass(slots=True)
class Contestant:
    """A process that waits for its turn.  Idle threads sleep, so that it takes nothing from whoever's turn it is.

    `way` holds what it does otherwise than the others: fields of `peer.Asked`; `label` tells it from its like.
    """

    name: str
    python: str = sys.executable
    device: str = "cpu"
    way: Mapping[str, str | float] = field(default_factory=dict)
    label: str = ""
    process: "subprocess.Popen[str] | None" = None
    said: IO[bytes] = field(default_factory=tempfile.TemporaryFile)

    def __post_init__(self) -> None:
        self.label = self.label or self.name

    def start(self, model: str) -> None:
        """LimnerError with its last words if it cannot be ready."""
        environment = os.environ | {"OMP_WAIT_POLICY": "PASSIVE", "HF_HUB_OFFLINE": "1", "DIFFUSERS_VERBOSITY": "error"}
        self.process = subprocess.Popen(
            [self.python, str(PEER), self.name, model, self.device],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.said, text=True, env=environment,
        )  # fmt: skip
        self._line()

    def draw(self, seed: int, steps: int, count: int = 1, file: Path | None = None) -> float:
        """Seconds for so many pictures in one call, as the process itself measured them."""
        assert self.process is not None
        assert self.process.stdin is not None
        asked = {"seed": seed, "steps": steps, "count": count, "file": file and str(file), **self.way}
        self.process.stdin.write(json.dumps(asked) + "\n")
        self.process.stdin.flush()
        return float(self._line()["seconds"])

    def stop(self) -> None:
        if self.process is not None and self.process.stdin is not None and self.process.stdout is not None:
            self.process.stdin.close()
            self.process.wait()
            self.process.stdout.close()
        self.said.close()

    def _line(self) -> dict[str, float]:
        """The next line that is JSON: some libraries print."""
        assert self.process is not None
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if line.startswith("{"):
                said: dict[str, float] = json.loads(line)
                return said
        self.said.seek(0)
        last = (self.said.read().decode(errors="replace").strip().splitlines() or ["it said nothing"])[-1]
        raise LimnerError(
            f"{self.name} cannot take part: {last}", "install what it needs into the environment it runs in"
        )


def contest(contestants: Sequence[Contestant], model: str, rounds: int, steps: int) -> dict[str, list[float]]:
    """Seconds a picture by contestant's label, one a round, A/B/A/B; each has drawn one before that does not count."""
    try:
        for each in contestants:
            each.start(model)
            each.draw(0, steps)
        return _rounds(contestants, rounds, steps)
    finally:
        for each in contestants:
            each.stop()


def _rounds(contestants: Sequence[Contestant], rounds: int, steps: int) -> dict[str, list[float]]:
    seconds: dict[str, list[float]] = {each.label: [] for each in contestants}
    for number in range(rounds):
        for each in contestants:
            seconds[each.label].append(each.draw(number, steps))
    return seconds


def ratio(slow: Sequence[float], fast: Sequence[float]) -> float:
    """How many times as fast: medians over the rounds."""
    return round(median(slow) / median(fast), 2)


def busy_share(seconds: float = 1.0) -> float:
    """The share of this machine's processor time that others use while we sleep; nan where the system does not tell."""
    file = Path("/proc/stat")
    if not file.exists():
        return float("nan")

    def ticks() -> tuple[int, int]:
        numbers = [int(word) for word in file.read_text().splitlines()[0].split()[1:9]]
        return sum(numbers), numbers[3] + numbers[4]

    before = ticks()
    time.sleep(seconds)
    total, idle = (after - was for was, after in zip(before, ticks(), strict=True))
    return round(1 - idle / total, 3)


def peak(dtype: torch.dtype, seconds: float = 1.0) -> float:
    """GFLOP/s that torch reaches with 3x3 convolutions of our widths on all threads: the roof over every backend."""
    x, w = torch.ones(8, 192, 32, 32, dtype=dtype), torch.ones(192, 192, 3, 3, dtype=dtype)
    work, best, end = 2 * 8 * 32 * 32 * 192 * 192 * 9, float("inf"), time.perf_counter() + seconds
    while time.perf_counter() < end:
        began = time.perf_counter()
        F.conv2d(x, w, padding=1)
        best = min(best, time.perf_counter() - began)
    return work / best / 1e9


def spread(seconds: Mapping[str, Sequence[float]]) -> dict[str, dict[str, float]]:
    """Median, least and most, in seconds."""
    return {
        name: {"median": round(median(times), 4), "least": round(min(times), 4), "most": round(max(times), 4)}
        for name, times in seconds.items()
    }
