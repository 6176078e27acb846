"""Processes that commands start and watch over: a worker for each device, and whatever else must be there."""

import argparse
import os
import re
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from limner.errors import LimnerError

if TYPE_CHECKING:
    from limner.studio.back import Employer
    from limner.studio.supervisor import Post


def manned(
    args: argparse.Namespace, models: Sequence[str], employer: "Employer", later: float = 0.0
) -> "Iterator[Post]":
    """A worker for each model on each device that was asked for, or that there is."""
    from limner.studio.supervisor import Post

    for device in args.device or devices():
        for model in models:
            name = f"the worker{f' for {model}' if len(models) > 1 else ''}{f' on {device}' if device else ''}"
            yield Post(name, work, (employer, model, device, args.dtype, args.backend), later)


def supervised(posts: "Sequence[Post]", line: str) -> int:
    """The exit code, once somebody has asked for the end."""
    from limner.studio.supervisor import Supervisor

    supervisor = Supervisor(posts, told=partial(print, "limner:", file=sys.stderr, flush=True))
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: supervisor.stop())
    print(line, flush=True)
    return 0 if supervisor.run() else 2


def devices() -> list[str | None]:
    """A CUDA device for each GPU that there is, found without torch; else whatever is best."""
    shown = os.environ.get("CUDA_VISIBLE_DEVICES")
    count = (
        len([each for each in shown.split(",") if each.strip() not in ("", "-1")])
        if shown is not None
        else len([each for each in Path("/dev").glob("nvidia*") if re.fullmatch(r"nvidia\d+", each.name)])
    )
    return [f"cuda:{number}" for number in range(count)] or [None]


def work(employer: "Employer", model: str, device: str | None, dtype: str | None, backend: str | None) -> None:
    """A worker's process."""
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # an idle thread that spins takes the web's core

    def serve() -> None:
        from limner.studio.worker import serve

        serve(employer, model, device, dtype, backend)

    spoken(serve)


def spoken(act: Callable[[], None]) -> None:
    """What goes wrong in a process is one line, here as everywhere."""
    try:
        act()
    except LimnerError as fault:
        print("limner:", " ".join(str(fault).split()), file=sys.stderr, flush=True)
        sys.exit(2)
