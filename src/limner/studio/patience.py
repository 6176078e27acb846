"""Waiting for what is away for the moment: a database that restarts, a disk that is full."""

import time
from collections.abc import Callable
from random import uniform
from typing import TypeVar

T = TypeVar("T")
LONGEST = 2.0  # seconds from one try to the next


def patiently(act: Callable[[], T], faults: tuple[type[Exception], ...], patience: float) -> T:
    """What `act` returns, tried again after each of these faults for `patience` seconds; then the fault itself.

    The pauses double and are of random length, so that a class that waits for one database does not come all at once.
    """
    deadline, pause = time.monotonic() + patience, 0.05
    while True:
        try:
            return act()
        except faults:
            if time.monotonic() >= deadline:
                raise
        time.sleep(uniform(0.5, 1.0) * pause)
        pause = min(2 * pause, LONGEST)
