"""Work that goes on beside a training, in processes of its own that end with it."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing import get_context, parent_process
from multiprocessing.process import BaseProcess


@contextmanager
def beside(work: Callable[..., object], *given: object) -> Iterator[BaseProcess]:
    """Have another process do this; when the block ends, it and all that it started are stopped."""
    process = get_context("spawn").Process(target=apart, args=(work, *given))
    process.start()
    try:
        yield process
    finally:
        stop(process)


def apart(work: Callable[..., object], *given: object) -> None:
    """In a group of its own, so that whatever this starts can be stopped with it, and Ctrl-C is its parent's alone."""
    os.setpgid(0, 0)
    work(*given)


def stop(process: BaseProcess, patience: float = 10.0) -> None:
    for how in (signal.SIGTERM, signal.SIGKILL):
        if process.pid is not None and process.is_alive():
            with suppress(ProcessLookupError):
                os.killpg(process.pid, how)
            process.terminate()  # one that has no group of its own yet
            process.join(patience)


def orphaned() -> bool:
    """Whether whoever this process works beside is gone."""
    parent = parent_process()
    return parent is not None and not parent.is_alive()
