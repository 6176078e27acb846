"""A PostgreSQL of one's own, in a folder of its own, that can be stopped, started and torn down."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp

from psycopg import connect

BINARIES = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))  # Debian has a folder for each version
SOMEBODY = "postgres" if os.geteuid() == 0 else None  # initdb refuses root


@dataclass(frozen=True)
class Cluster:
    folder: Path
    durable: bool

    @property
    def url(self) -> str:
        return f"postgresql://limner@/postgres?host={self.folder}"

    def start(self) -> None:
        settings = f"-c listen_addresses= -c fsync={'on' if self.durable else 'off'} -k {self.folder}"
        self.call("pg_ctl", "start", "-w", "-D", "data", "-l", "log", "-o", settings)

    def stop(self, mode: str = "immediate") -> None:
        """`immediate` is a crash: the server recovers from its log when it starts."""
        self.call("pg_ctl", "stop", "-w", "-D", "data", "-m", mode)

    def clear(self) -> None:
        with connect(self.url, autocommit=True) as connection:
            connection.execute("SET client_min_messages = warning")
            connection.execute("DROP SCHEMA public CASCADE")
            connection.execute("CREATE SCHEMA public")

    def call(self, name: str, *arguments: str) -> None:
        command = [str(BINARIES[-1].parent / name), *arguments]
        place = {"cwd": self.folder, "stdin": subprocess.DEVNULL, "capture_output": True, "check": True, "text": True}
        person = {"user": SOMEBODY, "group": SOMEBODY, "extra_groups": []} if SOMEBODY else {}
        if name == "pg_ctl":  # the server would keep a pipe open
            place |= {"capture_output": False, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        subprocess.run(command, **place, **person)


@contextmanager
def cluster(durable: bool = False) -> Iterator[Cluster]:
    """With `durable`, what is committed outlives the power, as it should; without, tests are quicker."""
    folder = Path(mkdtemp(prefix="limner-"))  # short: a socket's path has at most 107 characters
    if SOMEBODY:
        shutil.chown(folder, SOMEBODY, SOMEBODY)
    here = Cluster(folder, durable)
    try:
        here.call("initdb", "-D", "data", "-A", "trust", "-U", "limner", "--no-sync", "--no-locale", "-E", "UTF8")
        here.start()
        try:
            yield here
        finally:
            here.stop()
    finally:
        shutil.rmtree(folder)
