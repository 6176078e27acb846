"""What jobs that take long have in common: they say how far they are, and refuse counts that leave nothing to do."""

import sys
from math import inf

from limner.errors import LimnerError


def above_zero(name: str, value: int) -> int:
    if value < 1:
        raise LimnerError(f"{name} {value} is out of range", "choose at least 1")
    return value


def some_minutes(name: str, value: float) -> float:
    if not 0 < value < inf:
        raise LimnerError(f"{name} {value:g} is out of range", "choose a number of minutes above 0")
    return value


def told(line: str) -> None:
    print(f"limner: {line}", file=sys.stderr, flush=True)
