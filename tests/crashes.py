"""Clients and workers who may die at any moment, and a recorder outside of them who holds what was promised."""

import json
import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable
from ctypes import CDLL
from dataclasses import dataclass, field, replace
from hashlib import sha256, shake_128
from itertools import count
from multiprocessing import get_context
from multiprocessing.process import BaseProcess
from pathlib import Path
from random import Random
from secrets import token_hex
from threading import Lock
from typing import TypeVar

from faults import Faulty, die
from sqlalchemy import event
from studios import MODEL, recipe
from webs import announced, hearing, serving, surfing, unheard

from limner.errors import LimnerError
from limner.recipe import Recipe, digest
from limner.studio import budgets
from limner.studio.budgets import Terms, Unit
from limner.studio.check import check
from limner.studio.database import Database, Moment, connect
from limner.studio.house import House
from limner.studio.leases import Leases
from limner.studio.rules import Rules
from limner.studio.schema import OPEN, Kind, State
from limner.studio.shift import Shift
from limner.studio.store import Store
from limner.studio.vault import Disk, Local, Vault
from limner.studio.web.user import LOCAL

T = TypeVar("T")
RULES = Rules(lease=0.3, pulse=0.1, lapses=1000, cap=12, patience=60.0)  # a thousand: none of these jobs is at fault
STEPS = 3
ZERO = ("lost", "changed", "doubled", "torn", "missing events", "unbalanced", "unheard")
FULL, BROKEN = 28, 5  # ENOSPC, EIO


@dataclass(frozen=True)
class Ground:
    """Where it happens.  With a `model` pictures are computed by it, else they are painted."""

    house: House
    record: Path
    identity: str = MODEL
    model: str = ""

    def note(self, line: dict[str, object]) -> None:
        """A line that nobody who dies can take back."""
        number = os.open(self.record, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.write(number, (json.dumps(line) + "\n").encode())
        os.close(number)

    def noted(self, word: str) -> list[dict[str, object]]:
        lines = self.record.read_text().splitlines() if self.record.exists() else []
        return [line for line in map(json.loads, lines) if word in line]

    def wish(self, seed: int) -> Recipe:
        return replace(recipe(model=self.identity, seed=seed, steps=STEPS), width=128, height=128)


def start(job: Callable[..., None], *arguments: object) -> BaseProcess:
    """A fork is there in milliseconds; but torch's threads do not outlive one."""
    way = "spawn" if job is computing else "fork"
    process = get_context(way).Process(target=_begun, args=(job, *arguments), daemon=True)
    process.start()
    return process


def _begun(job: Callable[..., None], *arguments: object) -> None:
    if sys.platform == "linux":  # nobody outlives the recorder
        CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
    job(*arguments)


def kill(process: BaseProcess) -> None:
    if process.pid and process.is_alive():
        os.kill(process.pid, signal.SIGKILL)
    process.join()


def painted(wanted: Recipe) -> bytes:
    """What a painter, who computes nothing, makes of a recipe: 20 kilobytes, always the same."""
    return shake_128(digest(wanted).encode()).digest(20_000)


def asking(ground: Ground, name: str) -> None:
    """A client writes down what it is about to ask and what it was promised; now and then it changes its mind."""
    store, chance = ground.house.store(patience=60.0), Random(name)
    for turn in count():
        jobs = ask(ground, store, name[:8], f"{name} {turn}", chance.randrange(10**6), chance.randint(1, 3))
        if jobs and chance.random() < 0.1:
            ground.note({"cancelled": jobs[0]})
            store.cancel(name[:8], jobs[0])
        time.sleep(chance.uniform(0.0, 0.05) if jobs else 0.1)


def terms(owner: str, waiting: int = RULES.cap) -> Terms | None:
    """A budget in pictures, or in seconds, but for who asks by the page of a studio without accounts."""
    if owner == LOCAL.name:
        return None
    unit = Unit.PICTURES if len(owner) % 2 else Unit.MILLISECONDS
    return Terms(1.0, waiting, "tries", unit, budget=10**9)


def ask(ground: Ground, store: Store, owner: str, key: str, seed: int, pictures: int) -> tuple[str, ...]:
    ground.note({"asked": key, "owner": owner, "seed": seed, "count": pictures})
    try:
        jobs = store.submit(owner, key, ground.wish(seed), pictures, terms(owner))
    except LimnerError as fault:
        ground.note({"refused": key, "why": str(fault)})
        return ()
    ground.note({"accepted": key, "jobs": jobs})
    return jobs


def painting(
    ground: Ground, database: "Database | Mortal | None" = None, disk: Disk | None = None, most: int = 3
) -> None:
    """A worker without an engine.  With `most` 1 it goes home after one job."""
    rules = ground.house.rules
    leases = Leases(database or connect(ground.house.url, patience=rules.patience), rules)
    shift = Shift(leases, Vault(ground.house.pictures, disk or Local()), token_hex(4), ground.identity, most)
    while (jobs := shift.pull(most, wait=True)) is not None:
        for name, wanted in jobs:
            for step in range(STEPS):
                time.sleep(0.003)
                shift.step(name, step + 1, STEPS, b"a look")
            shift.finish(name, painted(wanted), ())
        shift.gone()
        if most == 1:
            return


def computing(ground: Ground) -> None:
    from limner.studio.worker import serve

    serve(ground.house, ground.model, "cpu", backend="eager")


def rounds(ground: Ground, number: int, seed: int, restart: Callable[[], None] | None = None) -> Counter[str]:
    """At a random moment of each round somebody dies by SIGKILL, or all do, and others come in their place.

    A client, a worker, the web's process, a browser that asks it, or one that listens to it; and after each round the
    ledger of the budgets says what the jobs say.
    """
    chance, done, job = Random(seed), Counter[str](), computing if ground.model else painting
    listening = announced(ground)
    port = listening.getsockname()[1]
    kinds: dict[str, list[Callable[[str], BaseProcess]]] = {
        "client": [lambda life: start(asking, ground, life)] * 2,
        "worker": [lambda life: start(job, ground)] * (1 if ground.model else 2),
        "web": [lambda life: start(serving, ground, listening)],
        "browser": [lambda life: start(surfing, ground, life, port), lambda life: start(hearing, ground, life, port)],
    }
    living = {who: [begin(f"{who} {place} of {seed}") for place, begin in enumerate(kinds[who])] for who in kinds}
    for turn in range(number):
        time.sleep(chance.uniform(4.0, 15.0) if ground.model else chance.uniform(0.02, 0.4))
        who = chance.choice((*kinds, "all"))
        for each_ in kinds if who == "all" else (who,):
            place = chance.randrange(len(kinds[each_]))
            kill(living[each_][place])
            living[each_][place] = kinds[each_][place](f"{each_} {place} of {seed} and {turn}")
        done[f"kill -9 of {who}"] += 1
        if restart is not None and turn % 10 == 5:
            restart()
            done["restarts of the database"] += 1
        done["unbalanced"] += unbalanced(ground)
    for process in (process for processes in living.values() for process in processes):
        kill(process)
    listening.close()
    return done


def unbalanced(ground: Ground) -> int:
    """Jobs of which the ledger says otherwise than the jobs do, at this moment."""
    database = connect(ground.house.url, patience=60.0)
    found = database.snapshot(budgets.unbalanced)
    database.close()
    return len(found)


@dataclass
class Mortal:
    """A database whose client dies in its write number `at`: before the commit, or after it and before the answer."""

    database: Database
    at: int
    after: bool
    count: int = 0
    lock: Lock = field(default_factory=Lock)

    @property
    def clock(self) -> Callable[..., float]:
        return self.database.clock

    def write(self, act: Callable[[Moment], T]) -> T:
        with self.lock:  # heartbeats write too
            self.count += 1
            last = self.count == self.at
        if last and not self.after:
            event.listen(self.database.engine, "commit", lambda connection: die())
        out = self.database.write(act)
        if last:
            die()
        return out


def commits(ground: Ground) -> Counter[str]:
    """At each commit of a client's and of a worker's day somebody dies."""
    done = Counter[str]()
    for after in (False, True):
        moment = "after" if after else "before"
        done[f"died {moment} a commit, asking"] = each(lambda at: start(_ask_once, ground, at, after))  # noqa: B023
        again(ground)
        done[f"died {moment} a commit, drawing"] = each(lambda at: _painter(ground, _mortal, at, after))  # noqa: B023
    return done


def operations(ground: Ground) -> Counter[str]:
    """At each write, rename and sync of a picture somebody dies."""
    return Counter({"died at the disk": each(lambda at: _painter(ground, _dying, at, 0))})


def failures(ground: Ground, most: int) -> Counter[str]:
    """Each of so many operations of the disk fails once, as on a full disk and as on a broken one."""
    done = Counter[str]()
    for name, code in (("full", FULL), ("broken", BROKEN)):
        for at in range(1, most + 1):
            painter = _painter(ground, _failing, at, code)
            painter.join()
            done[f"disk {name}"] += painter.exitcode == 0
    return done


def each(begin: Callable[[int], BaseProcess]) -> int:
    """How many died, one at each point, until one came to its end without meeting any."""
    for at in count(1):
        process = begin(at)
        process.join()
        if process.exitcode == 0:
            return at - 1
        assert process.exitcode == -signal.SIGKILL, process.exitcode
    raise AssertionError


def _ask_once(ground: Ground, at: int, after: bool) -> None:
    mortal = Mortal(connect(ground.house.url, patience=60.0), at, after)
    ask(ground, Store(mortal, ground.house.rules), "mortal", f"{after} {at} {token_hex(4)}", at, 1)


def _painter(ground: Ground, job: Callable[[Ground, int, int], None], at: int, more: int) -> BaseProcess:
    """He has one job before him, and nothing that others left: its picture is not there yet."""
    drain(ground)
    store = ground.house.store(patience=60.0)
    ask(ground, store, "somebody", key := token_hex(8), int(key[:6], 16), 1)
    store.database.close()
    return start(job, ground, at, more)


def _mortal(ground: Ground, at: int, after: int) -> None:
    painting(ground, database=Mortal(connect(ground.house.url, patience=60.0), at, bool(after)), most=1)


def _dying(ground: Ground, at: int, _: int) -> None:
    painting(ground, disk=Faulty(at, end=die), most=1)


def _failing(ground: Ground, at: int, code: int) -> None:
    painting(ground, disk=Faulty(at, code), most=1)


def again(ground: Ground) -> int:
    """Whoever was not answered asks again, by the same key; how many promises turn out to be others than before."""
    store = Store(ground.house.store(patience=60.0).database, Rules(cap=10**6))
    promised = {line["accepted"]: line["jobs"] for line in ground.noted("accepted")}
    refused, changed = {line["refused"] for line in ground.noted("refused")}, 0
    for line in ground.noted("asked"):
        if (key := line["asked"]) not in refused:
            owner = line["owner"]
            wish = ground.wish(line["seed"])
            jobs = store.submit(owner, key, wish, line["count"], terms(owner, waiting=10**6))
            changed += list(jobs) != promised.get(key, list(jobs))
            if key not in promised:
                ground.note({"accepted": key, "jobs": jobs})
    store.database.close()
    return changed


def drain(ground: Ground, seconds: float = 300.0) -> None:
    """Let the living end what the dead began."""
    process = start(computing if ground.model else painting, ground)
    store, deadline = ground.house.store(patience=60.0), time.monotonic() + seconds
    while store.counts().keys() & set(OPEN) and time.monotonic() < deadline:
        time.sleep(0.02)
    store.database.close()
    kill(process)


def verdict(ground: Ground) -> dict[str, int]:
    """What the recorder holds against what there is: all of ZERO must be 0."""
    out = Counter[str](dict.fromkeys(ZERO, 0))
    out["changed"] = again(ground)
    drain(ground)
    out["unbalanced"] = unbalanced(ground)
    store, vault = ground.house.store(patience=60.0), ground.house.vault()
    regretted = {line["cancelled"] for line in ground.noted("cancelled")}
    asked, pictures = {line["asked"]: line for line in ground.noted("asked")}, set(vault.names())
    for line in ground.noted("accepted"):
        seed = asked[line["accepted"]]["seed"]
        for place, name in enumerate(line["jobs"]):
            job = store.job(name)
            well = job is not None and job.recipe == ground.wish(seed + place) and (
                (job.state == State.DONE and (ground.model or job.picture == sha256(painted(job.recipe)).hexdigest()))
                or (job.state == State.FAILED and job.what)
                or (job.state == State.CANCELLED and name in regretted)
            )  # fmt: skip
            out["accepted"] += 1
            out["lost"] += not well
            out[job.state.value if job else "gone"] += 1
            pictures |= {job.picture} if job and job.picture else set()
    events = store.events(0, most=10**9)
    ends = Counter(each.job for each in events if each.kind == Kind.DONE)
    out["doubled"] = sum(ends.values()) - len(ends) + max(0, sum(store.counts().values()) - out["accepted"])
    out["torn"] = sum(not readable(vault, name) for name in pictures)
    out["missing events"] = (events[-1].number if events else 0) - len(events)
    mine = {each.number for each in store.events(0, LOCAL.name, most=10**9)}
    out["unheard"], out["heard"] = unheard(ground, mine)
    out["leases that ran out"] = sum(each.kind == Kind.RETURNED for each in events)
    found = check(store.database, vault)
    out["files of nobody"], out["parts of files"] = len(found.strays), found.parts
    store.database.close()
    return dict(out)


def readable(vault: Vault, name: str) -> bool:
    try:
        vault.read(name)
    except LimnerError:
        return False
    return True
