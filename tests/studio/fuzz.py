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
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

from argon2 import PasswordHasher
from campus import campus
from cluster import cluster
from knocking import watched
from siege import Siege

from limner.studio.people import passwords
from limner.studio.web.limits import RATES, Rate

DATABASES = ("sqlite", "postgresql")


@contextmanager
def lenient() -> Iterator[None]:
    """Passwords are hashed in no time, and nobody is told that he asks too often: others test that."""
    kept, hasher = dict(RATES), passwords.HASHER
    RATES.update(dict.fromkeys(RATES, Rate(10**6, 0.0)))  # type: ignore[attr-defined]
    passwords.HASHER = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    try:
        yield
    finally:
        RATES.update(kept)  # type: ignore[attr-defined]
        passwords.HASHER = hasher


def besieged(database: str, cases: int, seed: int, gradio: bool) -> Siege:
    """So many requests to a new studio on that database, which may write in its own folder alone."""
    with tempfile.TemporaryDirectory(prefix="limner-") as name, lenient():
        folder, before = Path(name) / "studio", tempfile.tempdir
        for place in (folder, folder / "tmp"):
            place.mkdir()
        tempfile.tempdir = str(folder / "tmp")  # where a large upload lies until it is read
        try:
            if database == "sqlite":
                return _besieged(folder, f"sqlite:///{folder / 'studio.db'}", cases, seed, gradio)
            with cluster() as server:
                return _besieged(folder, server.url, cases, seed, gradio)
        finally:
            tempfile.tempdir = before


def _besieged(folder: Path, url: str, cases: int, seed: int, gradio: bool) -> Siege:
    with campus(folder, url) as here:
        siege = Siege(here, seed, gradio)
        siege.warm()
        with watched(folder) as watch:
            siege.watch = watch
            siege.run(cases)
        return siege


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
    for place, database in enumerate(chosen):
        began = time.perf_counter()
        siege = besieged(database, args.cases // len(chosen), args.seed + place, not args.without_gradio)
        found[database] = {**siege.told(), "seed": args.seed + place, "seconds": round(time.perf_counter() - began, 1)}
        failures += [{"database": database, **each} for each in siege.failures]
        say(database, json.dumps({name: found[database][name] for name in ("cases", "by kind", "by status", "seconds")}))
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
