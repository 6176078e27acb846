"""What a person waits for is the whole process, from the return key to the last file."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass

from limner.bundle import Bundle
from limner.engine import run
from limner.engine.backends import Backend
from limner.errors import LimnerError
from limner.recipe import Recipe


@dataclass(frozen=True, slots=True)
class Spent:
    """One process's seconds from start to end, and its largest resident memory in megabytes (10^6 bytes)."""

    seconds: float
    megabytes: float


# A system counts into a child's largest memory what its parent held when it was born: so the parent is a small one.
BETWEEN = """
import json, os, sys, time
began = time.perf_counter()
child = os.posix_spawn(sys.executable, [sys.executable, "-m", "limner", *sys.argv[1:]], os.environ)
_, status, usage = os.wait4(child, 0)
said = {"seconds": time.perf_counter() - began, "code": os.waitstatus_to_exitcode(status), "most": usage.ru_maxrss}
sys.stderr.write("\\n" + json.dumps(said))
"""


def command(words: Sequence[str]) -> Spent:
    """Run `limner` with these words in a fresh process.

    Raises LimnerError if it fails, or where the system cannot tell a process's memory.
    """
    if not hasattr(os, "wait4"):
        raise LimnerError("this system does not tell a process's memory", "measure on Linux or macOS")
    ran = subprocess.run([sys.executable, "-S", "-c", BETWEEN, *words], capture_output=True, text=True)
    *lines, last = ran.stderr.strip().splitlines()
    told = json.loads(last)
    if told["code"]:
        raise LimnerError(f"limner {' '.join(words)} failed: {' '.join(lines)}", "run it by hand")
    return Spent(told["seconds"], told["most"] * (1 if sys.platform == "darwin" else 1024) / 1e6)


def picture(recipe: Recipe, bundle: Bundle, backend: Backend) -> float:
    """Seconds from a recipe to its pixels, decoding included, by an engine of one in this process."""
    began = time.perf_counter()
    for _ in run([recipe], bundle, backend=backend):
        pass
    return time.perf_counter() - began


def pieces(model: str, backend: str, folder: str) -> dict[str, float]:
    """Seconds of each piece of a `limner make` of twenty steps, in a fresh process: see `evaluation/pieces.py`."""
    words = [sys.executable, "-m", "limner.evaluation.pieces", model, backend, folder, str(time.time())]
    said = subprocess.run(words, stdout=subprocess.PIPE, text=True, check=True).stdout
    spent: dict[str, float] = json.loads(said.splitlines()[-1])
    return spent
