"""`make fuzz`: does the studio answer whatever comes through its doors?

PYTHONPATH=tests python tests/studio/fuzz.py [--cases 10000] [--database sqlite] [--seed 0] [--out FILE]
"""

import argparse
import json
import os
import platform
import shlex
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from datetime import date
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

from anyio import to_thread
from argon2 import PasswordHasher
from campus import campus
from cluster import cluster
from hypothesis.errors import HypothesisWarning
from knocking import watched
from siege import Siege

from limner.studio.people import passwords
from limner.studio.web.limits import RATES, Rate

T = TypeVar("T")
DATABASES = ("sqlite", "postgresql")


async def at_once(act: Callable[..., T], *arguments: object, **options: object) -> T:
    """What a thread would do, here and now: nobody else waits, and a thread's turn takes longer than a case."""
    return act(*arguments)


@contextmanager
def lenient() -> Iterator[None]:
    """Passwords are hashed in no time, and nobody asks too often: others test that.  One thread answers."""
    kept, hasher, threads = dict(RATES), passwords.HASHER, to_thread.run_sync
    to_thread.run_sync = at_once
    RATES.update(dict.fromkeys(RATES, Rate(10**6, 0.0)))  # type: ignore[attr-defined]
    passwords.HASHER = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    try:
        yield
    finally:
        RATES.update(kept)  # type: ignore[attr-defined]
        passwords.HASHER, to_thread.run_sync = hasher, threads


def besieged(database: str, cases: int, seed: int, gradio: bool) -> Siege:
    """So many requests to a new studio on that database, which may write in its own folder alone."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="limner-"))) / "studio"
        url = f"sqlite:///{folder / 'studio.db'}"
        if database == "postgresql":
            url = stack.enter_context(cluster()).url
        stack.enter_context(lenient())
        stack.enter_context(spooling(folder / "tmp"))
        siege = Siege(stack.enter_context(campus(folder, url)), seed, gradio)
        siege.warm()
        siege.watch = stack.enter_context(watched(folder))
        siege.run(cases)
        return siege


@contextmanager
def spooling(folder: Path) -> Iterator[None]:
    """Where a large upload lies until it is read."""
    folder.mkdir(parents=True)
    before, tempfile.tempdir = tempfile.tempdir, str(folder)
    try:
        yield
    finally:
        tempfile.tempdir = before


def one(database: str, cases: int, seed: int, gradio: bool) -> tuple[dict[str, object], list[dict[str, object]]]:
    """What came of it, and what should not have."""
    warnings.simplefilter("ignore", HypothesisWarning)  # that the name of a strategy is long
    began = time.perf_counter()
    siege = besieged(database, cases, seed, gradio)
    found = {**siege.told(), "seed": seed, "seconds": round(time.perf_counter() - began, 1)}
    return found, [{"database": database, **each} for each in siege.failures]


def say(*words: str) -> None:
    sys.stdout.write(" ".join(words) + "\n")
    sys.stdout.flush()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=10_000, help="of all databases together")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--database", choices=DATABASES, help="only this one")
    parser.add_argument("--without-gradio", action="store_true")
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    chosen, found, failures = [args.database] if args.database else list(DATABASES), {}, []
    with ProcessPoolExecutor(len(chosen), get_context("spawn")) as pool:
        begun = {
            database: pool.submit(one, database, args.cases // len(chosen), args.seed + place, not args.without_gradio)
            for place, database in enumerate(chosen)
        }
        for database, each in begun.items():
            found[database], bad = each.result()
            failures += bad
            told = {name: found[database][name] for name in ("cases", "by kind", "by status", "seconds")}
            say(database, json.dumps(told))
    report = {
        "command": shlex.join(["tests/studio/fuzz.py", *sys.argv[1:]]),
        "date": date.today().isoformat(),
        "system": f"{platform.system()}, Python {platform.python_version()}, {os.cpu_count()} cores",
        "cases": sum(each["cases"] for each in found.values()),
        "failures": len(failures),
        "databases": found,
        "what failed": failures[:200],
    }
    if args.out:
        args.out.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    for each in failures[:40]:
        say(json.dumps(each, indent=1))
    say(f"{report['cases']} cases, {len(failures)} failures")
    return int(bool(failures))


if __name__ == "__main__":
    sys.exit(main())
