"""A few rounds of `make crash`; and its recorder, which must find what is planted."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from crashes import ZERO

HERE = Path(__file__).parent
PLANTED = """
import sys
from pathlib import Path
from sqlalchemy import delete, update
from crashes import RULES, ZERO, Ground, ask, drain, verdict
from limner.studio.house import House
from limner.studio.schema import EVENTS, JOBS, LEDGER

folder = Path(sys.argv[1])
ground = Ground(House(f"sqlite:///{folder / 'studio.db'}", folder / "pictures", RULES), folder / "record")
store = ground.house.store()
jobs = ask(ground, store, "ada", "key", 1, 4)
ask(ground, store, "local", "by the page", 9, 3)
first, second, third = (event.number for event in store.events(0, "local"))
for number in (first, third, third):
    ground.note({"heard": number, "life": "somebody"})
drain(ground)
torn, gone, twice, _ = map(store.job, jobs)
path = ground.house.vault().path(torn.picture)
path.write_bytes(path.read_bytes()[:100])
done = {"job": twice.id, "kind": "done", "at": 0.0, "detail": "{}"}
store.database.write(lambda moment: moment.run(EVENTS.insert().values(number=moment.next, **done)))
store.database.write(lambda moment: moment.run(delete(JOBS).where(JOBS.c.id == gone.id)))
store.database.write(lambda moment: moment.run(delete(LEDGER).where(LEDGER.c.job == twice.id, LEDGER.c.closes)))
found = verdict(ground)
sys.exit(str({name: found[name] for name in ZERO if name != "missing events"}))
"""


def called(*arguments: str) -> subprocess.CompletedProcess[str]:
    """In a process of its own, which may fork: it has one thread."""
    environment = {"PYTHONPATH": ":".join(sys.path), "PATH": "/usr/bin:/bin"}
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, env=environment, timeout=300)


@pytest.mark.parametrize("database", ["sqlite", pytest.param("postgresql", marks=pytest.mark.system)])
def test_nothing_is_lost_doubled_or_torn(database: str, tmp_path: Path) -> None:
    out = tmp_path / "crash.json"
    done = called(str(HERE / "crash.py"), "--short", "--database", database, "--rounds", "5", "--out", str(out))
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(out.read_text())["databases"][database]
    for part in (found["random deaths"], chosen := found["chosen deaths and broken disks"]):
        assert [part[name] for name in ZERO] == [0] * len(ZERO)
        assert part["done"] > 0
    for moment in ("before", "after"):
        assert chosen[f"died {moment} a commit, asking"] == 1
        assert chosen[f"died {moment} a commit, drawing"] >= 2  # to take a job, to hand it in, and heartbeats
    assert chosen["died at the disk"] == 5


def test_what_is_planted_is_found(tmp_path: Path) -> None:
    done = called("-c", PLANTED, str(tmp_path))
    assert done.stderr.strip().splitlines()[-1:] == [
        "{'lost': 1, 'changed': 1, 'doubled': 1, 'torn': 1, 'unbalanced': 1, 'unheard': 2}"
    ]
