"""`make crash`: does the studio keep what it promised, whoever dies and whatever breaks?

PYTHONPATH=tests python tests/studio/crash.py [--rounds 200] [--database sqlite] [--engine] [--out FILE]
"""

import argparse
import json
import os
import platform
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from multiprocessing.process import BaseProcess
from pathlib import Path
from tempfile import TemporaryDirectory

from cluster import Cluster, cluster
from crashes import RULES, ZERO, Ground, ask, commits, failures, operations, painting, rounds, start, verdict

from limner.studio.house import House

DATABASES = ("sqlite", "postgresql")


@contextmanager
def ground(server: Cluster | None, folder: Path | None = None) -> Iterator[Ground]:
    """A new studio, in a folder of its own or in this one."""
    with TemporaryDirectory(prefix="limner-") as name:
        place = folder or Path(name)
        if server is not None:
            server.clear()
        url = server.url if server else f"sqlite:///{place / 'studio.db'}"
        yield Ground(House(url, place / "pictures", RULES), Path(name) / "record")


def random_deaths(server: Cluster | None, number: int, seed: int, shipped: bool) -> dict[str, int]:
    def restart() -> None:
        server.stop("immediate")
        server.start()

    with ground(server) as here:
        if shipped:
            here = replace(here, model="limner-mini", identity=identity())
        done = rounds(here, number, seed, restart if server else None)
        found = verdict(here)
        found["unbalanced"] += done.pop("unbalanced")  # that of each round and that of the end
        return {"rounds": number, **done, **found}


def chosen_deaths(server: Cluster | None, short: bool) -> dict[str, int]:
    with ground(server) as here:
        disk = operations(here)
        failed = {} if short else failures(here, disk["died at the disk"])
        return {**commits(here), **disk, **failed, **verdict(here)}


def full_disk(server: Cluster | None) -> dict[str, int | str]:
    """Pictures, and SQLite's database too, on a disk of four megabytes that is full for two seconds."""
    with TemporaryDirectory(prefix="limner-") as name, small_disk(Path(name)) as mounted:
        if not mounted:
            return {"left out": "this process may mount no small disk"}
        with ground(server, Path(name)) as here:
            store = here.house.store(patience=0.2)
            for number in range(5):
                ask(here, store, "ada", f"before {number}", number, 1)
            filler = Path(name) / "filler"
            fill(filler)
            painter: BaseProcess = start(painting, here)
            for number in range(5):
                ask(here, store, "bob", f"meanwhile {number}", number, 1)
            time.sleep(2.0)
            done = {
                "refused meanwhile": len(here.noted("refused")),
                "finished meanwhile": store.counts().get("done", 0),
            }
            filler.unlink()
            store.database.close()
            out = {**done, **verdict(here)}
            painter.kill()
            painter.join()
            return out


def fill(file: Path) -> None:
    with open(file, "wb", buffering=0) as disk:
        try:
            while disk.write(bytes(4096)):
                pass
        except OSError:
            pass


@contextmanager
def small_disk(folder: Path) -> Iterator[bool]:
    command = ["mount", "-t", "tmpfs", "-o", "size=4m", "limner", str(folder)]
    mounted = os.geteuid() == 0 and subprocess.run(command, capture_output=True).returncode == 0
    try:
        yield mounted
    finally:
        if mounted:
            subprocess.run(["umount", "--lazy", str(folder)], check=True)


def identity() -> str:
    from limner.bundle import open_bundle

    return open_bundle("limner-mini").identity


def taken(database: str, server: Cluster | None, args: argparse.Namespace) -> dict[str, object]:
    began, out = time.perf_counter(), dict[str, object]()
    out["random deaths"] = told(database, random_deaths(server, args.rounds, args.seed, args.engine))
    if not args.engine:
        out["chosen deaths and broken disks"] = told(database, chosen_deaths(server, args.short))
        if not args.short:
            out["full disk"] = told(database, full_disk(server))
    return {**out, "seconds": round(time.perf_counter() - began, 1)}


def told(database: str, figures: Mapping[str, object]) -> Mapping[str, object]:
    say(database, json.dumps(figures))
    return figures


def say(*words: str) -> None:
    sys.stdout.write(" ".join(words) + "\n")
    sys.stdout.flush()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--database", choices=DATABASES, help="only this one")
    parser.add_argument("--engine", action="store_true", help="workers that compute, with limner-mini: slow")
    parser.add_argument(
        "--short", action="store_true", help="without disks that fail, and PostgreSQL without its fsync"
    )
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    found = {}
    if args.database != "postgresql":
        found["sqlite"] = taken("sqlite", None, args)
    if args.database != "sqlite":
        with cluster(durable=not args.short) as server:
            found["postgresql"] = taken("postgresql", server, args)
    bad = {
        f"{database}, {part}: {name}": figures[name]
        for database, parts in found.items()
        for part, figures in parts.items()
        if isinstance(figures, Mapping)
        for name in ZERO
        if figures.get(name)
    }
    report = {
        "command": shlex.join(["tests/studio/crash.py", *sys.argv[1:]]),
        "date": date.today().isoformat(),
        "system": f"{platform.system()}, Python {platform.python_version()}, {os.cpu_count()} cores",
        "kept": not bad,
        "databases": found,
    }
    if args.out:
        args.out.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    say("broken" if bad else "kept", json.dumps(bad))
    return int(bool(bad))


if __name__ == "__main__":
    sys.exit(main())
