"""What a person waits for is the whole process, from the return key to the last file."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass

from limner.errors import LimnerError


@dataclass(frozen=True, slots=True)
class Spent:
    """One process's seconds from start to end, and its largest resident memory in megabytes (10^6 bytes)."""

    seconds: float
    megabytes: float


def command(words: Sequence[str]) -> Spent:
    """Run `limner` with these words in a fresh process.

    Raises LimnerError if it fails, or where the system cannot tell a process's memory.
    """
    if not hasattr(os, "wait4"):
        raise LimnerError("this system does not tell a process's memory", "measure on Linux or macOS")
    began = time.perf_counter()
    child = subprocess.Popen(
        [sys.executable, "-m", "limner", *words], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    assert child.stderr is not None
    said = child.stderr.read().decode()
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    child.stderr.close()
    if child.returncode:
        raise LimnerError(f"limner {' '.join(words)} failed: {said.strip()}", "run it by hand")
    unit = 1 if sys.platform == "darwin" else 1024
    return Spent(time.perf_counter() - began, usage.ru_maxrss * unit / 1e6)


def pieces(model: str, backend: str, folder: str) -> dict[str, float]:
    """Seconds of each piece of a `limner make` of twenty steps, in a fresh process: see `evaluation/pieces.py`."""
    words = [sys.executable, "-m", "limner.evaluation.pieces", model, backend, folder, str(time.time())]
    said = subprocess.run(words, stdout=subprocess.PIPE, text=True, check=True).stdout
    spent: dict[str, float] = json.loads(said.splitlines()[-1])
    return spent
