"""A worker is heard of while it computes, loses nothing when disk or database go away, and leaves nothing undone."""

import errno
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from threading import Timer

import pytest
from cluster import Cluster
from faults import Faulty
from studios import MODEL, recipe

from limner.errors import LimnerError
from limner.studio.check import Findings, check, sweep
from limner.studio.database import Database, connect
from limner.studio.leases import Leases
from limner.studio.rules import Rules
from limner.studio.schema import State
from limner.studio.shift import Shift
from limner.studio.store import Store
from limner.studio.vault import Local, Vault

QUICK = Rules(lease=0.5, pulse=0.05, patience=20.0)
DATA = b"a picture"


@dataclass
class Day:
    """A studio by the clock on the wall."""

    database: Database
    folder: Path
    rules: Rules = QUICK
    shifts: list[Shift] = field(default_factory=list)

    @property
    def store(self) -> Store:
        return Store(self.database, self.rules)

    def shift(self, vault: Vault | None = None, most: int = 16) -> Shift:
        worker = f"worker {len(self.shifts)}"
        self.shifts.append(Shift(Leases(self.database, self.rules), vault or Vault(self.folder), worker, MODEL, most))
        return self.shifts[-1]

    def state(self, job: str) -> State:
        return self.store.job(job).state


@pytest.fixture
def day(url: str, tmp_path: Path) -> Iterator[Day]:
    here = Day(connect(url, patience=20.0), tmp_path / "pictures")
    yield here
    for shift in here.shifts:
        shift.end()
        if shift._beats:
            shift._beats.join()
    here.database.close()


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_job_becomes_a_file_and_a_result(day: Day) -> None:
    first, second = day.store.submit("ada", "key", recipe(), 2)
    shift = day.shift()
    (one, wanted), (two, _) = shift.pull(5, wait=True)
    assert wanted == recipe()
    assert shift.pull(5, wait=False) == []
    shift.step(one, 3, 10, b"a look")
    until(lambda: day.store.job(first).done == 3)
    assert day.store.preview(first) == b"a look"
    assert shift.finish(one, DATA, ["a note"])
    shift.fail(two, "the prompt is odd", "say another")
    job = day.store.job(first)
    assert (job.state, job.notes) == (State.DONE, ("a note",))
    assert shift.vault.read(job.picture) == DATA
    assert day.state(second) == State.FAILED
    assert not shift.finish(one, DATA, [])  # it is over
    assert check(day.database, shift.vault) == Findings(1, (), (), 0)


def test_a_worker_leaves_what_it_cannot_begin_to_others(day: Day) -> None:
    day.store.submit("ada", "key", recipe(), 4)
    shift, other = day.shift(most=2), day.shift(most=2)
    (name, _), _ = shift.pull(16, wait=True)
    assert shift.pull(16, wait=False) == []
    assert len(other.pull(16, wait=True)) == 2
    shift.fail(name, "why", "what to do")
    time.sleep(0.3)
    assert shift.pull(16, wait=False) == []  # there is room, but nothing left


def test_a_pass_longer_than_a_lease_loses_nothing(day: Day) -> None:
    day.store.submit("ada", "key", recipe())
    shift, other = day.shift(), day.shift()
    ((name, _),) = shift.pull(1, wait=True)
    for _ in range(5):
        time.sleep(0.2)
        assert other.pull(1, wait=False) == []
    assert shift.gone() == []
    assert shift.finish(name, DATA, [])


def test_an_engine_that_hangs_is_not_vouched_for(day: Day) -> None:
    day.rules = Rules(lease=0.3, pulse=0.05, stuck=0.1)
    (job,) = day.store.submit("ada", "key", recipe())
    shift, other = day.shift(), day.shift()
    ((late, _),) = shift.pull(1, wait=True)
    ((name, _),) = other.pull(1, wait=True)  # waits until the lease has run out
    assert not shift.finish(late, b"another picture", [])
    assert other.finish(name, DATA, [])
    assert day.store.job(job).lapses == 1
    assert len(check(day.database, shift.vault).strays) == 1
    assert sweep(day.database, shift.vault) == 0  # not yet: its row may be on the way
    assert sweep(day.database, shift.vault, age=-1.0) == 1
    assert check(day.database, shift.vault) == Findings(1, (), (), 0)


def test_whoever_cancels_is_heard_at_the_next_heartbeat(day: Day) -> None:
    first, _ = day.store.submit("ada", "key", recipe(), 2)
    shift = day.shift()
    names = [name for name, _ in shift.pull(2, wait=True)]
    day.store.cancel("ada", first)
    gone = list[str]()
    until(lambda: bool(gone.extend(shift.gone()) or gone))
    assert gone == names[:1]
    shift.step(names[0], 4, 10, None)  # what the engine still says of it is nobody's business
    assert not shift.finish(names[0], DATA, [])
    assert shift.finish(names[1], DATA, [])


def test_the_end_of_a_day_hands_everything_back(day: Day) -> None:
    jobs = day.store.submit("ada", "key", recipe(), 2)
    shift = day.shift()
    names = [name for name, _ in shift.pull(2, wait=True)]
    shift.end()
    assert shift.pull(2, wait=True) is None
    assert shift.gone() == sorted(names)
    assert [day.state(job) for job in jobs] == [State.QUEUED] * 2
    assert {day.store.job(job).lapses for job in jobs} == {0}
    assert not shift.finish(names[0], DATA, [])


def test_a_day_may_end_while_nothing_comes(day: Day) -> None:
    shift = day.shift()
    Timer(0.3, shift.end).start()
    assert shift.pull(2, wait=True) is None


def test_a_disk_that_was_full_for_a_while_costs_nothing(day: Day) -> None:
    (job,) = day.store.submit("ada", "key", recipe())
    shift = day.shift(Vault(day.folder, Faulty(1, errno.ENOSPC)))
    ((name, _),) = shift.pull(1, wait=True)
    assert shift.finish(name, DATA, [])
    assert day.state(job) == State.DONE
    assert check(day.database, shift.vault) == Findings(1, (), (), 0)


class Full:
    """A disk without an end to its being full."""

    local = Local()

    def write(self, path: Path, data: bytes) -> None:
        self.local.write(path, data[:3])
        raise OSError(errno.ENOSPC, "No space left on device")

    def rename(self, old: Path, new: Path) -> None:
        self.local.rename(old, new)

    def sync(self, folder: Path) -> None:
        self.local.sync(folder)


def test_a_disk_that_stays_full_gives_the_jobs_back(day: Day) -> None:
    day.rules = Rules(patience=0.2)
    jobs = day.store.submit("ada", "key", recipe(), 2)
    shift = day.shift(Vault(day.folder, Full()))
    (name, _), _ = shift.pull(2, wait=True)
    with pytest.raises(LimnerError, match=r"cannot write to .*No space left"):
        shift.finish(name, DATA, [])
    assert [day.state(job) for job in jobs] == [State.QUEUED] * 2
    assert [event.detail["lapses"] for event in day.store.events(0) if event.kind == "returned"] == [0, 0]
    assert [path for path in day.folder.rglob("*") if path.is_file()] == []


def test_seconds_are_shared_among_those_that_stepped(day: Day) -> None:
    day.store.submit("ada", "key", recipe(), 2)
    shift = day.shift()
    (one, _), (two, _) = shift.pull(2, wait=True)
    time.sleep(0.2)
    shift.step(one, 1, 10, None)
    assert shift.gone() == []
    time.sleep(0.2)
    shift.step(one, 2, 10, None)
    shift.step(two, 1, 10, None)
    shift.gone()
    spent = [shift._held[name].spent for name in (one, two)]
    assert spent[0] == pytest.approx(0.3, abs=0.1)
    assert spent[1] == pytest.approx(0.1, abs=0.05)


@pytest.mark.system
@pytest.mark.parametrize("url", ["postgresql"], indirect=True)
@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_a_database_that_restarts_costs_nothing(day: Day, postgres: Cluster, mode: str) -> None:
    day.rules = Rules(lease=10.0, pulse=0.05, patience=20.0)
    first, second = day.store.submit("ada", "key", recipe(), 2)
    shift = day.shift()
    (one, _), (two, _) = shift.pull(2, wait=True)
    postgres.stop(mode)
    Timer(1.0, postgres.start).start()
    assert shift.finish(one, DATA, [])  # waits for it
    assert shift.gone() == []
    assert day.store.submit("ada", "key", recipe(), 2) == (first, second)
    assert shift.finish(two, DATA, [])
    assert day.store.counts() == {State.DONE: 2}
    assert [day.store.job(job).lapses for job in (first, second)] == [0, 0]
