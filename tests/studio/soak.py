"""`make soak`: two hundred students at once, for ten minutes, on a studio with the real engine and the shipped model.

PYTHONPATH=tests python tests/studio/soak.py [--minutes 10] [--students 200] [--out FILE] [--plot FILE]
"""

import argparse
import asyncio
import json
import platform
import shlex
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from multiprocessing import get_context
from os import cpu_count
from pathlib import Path
from socket import create_server, socket
from statistics import linear_regression, mean
from tempfile import TemporaryDirectory

import httpx2 as httpx
from fastapi import Request
from persons import joined
from soaking import Record, Student
from sqlalchemy import select

from limner.errors import LimnerError
from limner.studio.house import House
from limner.studio.people.tokens import Scope, Tokens
from limner.studio.schema import JOBS, State

WISH = {"steps": 4, "width": 128, "height": 128}
ALWAYS = 0.6  # of the students always have something waiting
BAD = 5  # every fifth is on a bad connection
WARM = 0.2  # of the time, after which memory is measured
TENTH = 0.1  # by which, or by one picture, a share may differ from what is fair
INSIDE = 0.8  # of the waiting times lie in the range that was shown
FLAT = 0.05  # by so much of itself may memory grow, as a line through it says, while it is measured
ZERO = ("errors", "lost", "unheard", "doubled")
EVERY = 2.0  # seconds from one look at the memory to the next


@dataclass(frozen=True)
class Bearer:
    """Who asks, by an API token."""

    tokens: Tokens

    def __call__(self, request: Request) -> "User | None":
        from limner.studio.web.user import Role, User

        person = self.tokens.who(request.headers.get("authorization", "")[len("Bearer ") :], Scope.DRAW)
        return User(person.id, Role.STUDENT) if person else None


def serving(house: House, listening: socket) -> None:
    import uvicorn

    from limner.studio.web.app import application

    app = application(house, Bearer(Tokens(house.store().database)))
    config = uvicorn.Config(app, log_level="warning", access_log=False, ws="none", lifespan="on")
    uvicorn.Server(config).run(sockets=[listening])


def drawing(house: House, backend: str) -> None:
    from limner.studio.worker import serve

    serve(house, "limner-mini", "cpu", backend=backend)


@contextmanager
def living(house: House, backend: str) -> Iterator[tuple[int, Mapping[str, int]]]:
    """A port, and the numbers of the two processes."""
    context, listening = get_context("spawn"), create_server(("127.0.0.1", 0), backlog=512)
    web = context.Process(target=serving, args=(house, listening), daemon=True)
    worker = context.Process(target=drawing, args=(house, backend), daemon=True)
    port = listening.getsockname()[1]
    for process in (web, worker):
        process.start()
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=120) as client:
            while client.get("/readyz").status_code != 200:
                time.sleep(0.5)
        yield port, {"web": web.pid or 0, "worker": worker.pid or 0}
    finally:
        for process in (worker, web):
            process.terminate()
        for process in (worker, web):
            process.join(20)
            process.kill()
        listening.close()


def enrolled(house: House, number: int, record: Record, until: float) -> list[Student]:
    store = house.store()
    tokens, students = Tokens(store.database), list[Student]()
    for place in range(number):
        person = joined(store, f"student{place:03}")
        token = tokens.make(person, "a laptop", [Scope.DRAW])
        students.append(Student(person.id, token, place % 10 < 10 * ALWAYS, place % BAD == 0, record, WISH, until))
    store.database.close()
    return students


async def soaked(students: Sequence[Student], port: int, processes: Mapping[str, int], minutes: float) -> "Memory":
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=None)
    memory = Memory()
    url = f"http://127.0.0.1:{port}"
    async with httpx.AsyncClient(base_url=url, limits=limits, timeout=60.0, trust_env=False) as client:
        watching = asyncio.create_task(memory.watch(processes, 60 * minutes))
        await asyncio.gather(*(student.live(client) for student in students))
        await watching
    return memory


@dataclass
class Memory:
    """Megabytes that each process has, by the second."""

    seen: dict[str, list[tuple[float, float]]] = field(default_factory=dict)

    async def watch(self, processes: Mapping[str, int], seconds: float) -> None:
        began = time.monotonic()
        while (now := time.monotonic() - began) < seconds:
            for name, number in processes.items():
                pages = int(Path(f"/proc/{number}/statm").read_text().split()[1])
                self.seen.setdefault(name, []).append((round(now, 1), round(pages * 4096 / 1e6, 2)))
            await asyncio.sleep(EVERY)

    def found(self, name: str, seconds: float) -> dict[str, object]:
        """The line through what was measured after the beginning."""
        late = [point for point in self.seen[name] if point[0] >= WARM * seconds]
        slope, _ = linear_regression([x for x, _ in late], [y for _, y in late])
        middle, span = mean(y for _, y in late), late[-1][0] - late[0][0]
        return {
            "MB": round(middle, 1),
            "MB per 10 minutes": round(600 * slope, 2),
            "grown, of itself": round(slope * span / middle, 4),
            "flat": slope * span / middle <= FLAT,
        }


def kept(house: House, lines: Sequence[Mapping[str, object]]) -> dict[str, int]:
    """What the recorder holds against what the studio has: nothing may be lost, wrong or doubled."""
    store, out = house.store(), Counter[str](dict.fromkeys((*ZERO, "failed"), 0))
    heard = {line.get("done") or line.get("failed") for line in lines}
    accepted = {job for line in lines if "accepted" in line for job in line["jobs"]}
    for name in accepted:
        job = store.job(name)
        whole = job is not None and job.state == State.DONE and readable(house, str(job.picture))
        out["lost"] += not (whole or (job is not None and job.state == State.FAILED and bool(job.what)))
        out["failed"] += job is not None and job.state == State.FAILED
        out["unheard"] += name not in heard
    ends = Counter(str(line["done"]) for line in lines if "done" in line)
    out["doubled"] = sum(ends.values()) - len(ends) + max(0, sum(store.counts().values()) - len(accepted))
    out["errors"] = sum("error" in line for line in lines)
    out["accepted"], out["dropped connections"] = len(accepted), sum("dropped" in line for line in lines)
    store.database.close()
    return dict(out)


def readable(house: House, picture: str) -> bool:
    try:
        house.vault().read(picture)
    except LimnerError:
        return False
    return True


def costs(house: House) -> dict[str, float]:
    """Device-seconds that each picture took."""
    store = house.store()
    with store.database.engine.connect() as connection:
        found = {row.id: row.spent for row in connection.execute(select(JOBS.c.id, JOBS.c.spent))}
    store.database.close()
    return found


def shares(
    lines: Sequence[Mapping[str, object]], always: Sequence[str], cost: Mapping[str, float], until: float
) -> dict[str, object]:
    """Device-seconds that each of those who always waited got, from the first on, while all of them did."""
    seconds, pictures = dict.fromkeys(always, 0.0), Counter(dict.fromkeys(always, 0))
    for line in lines:
        if "done" in line and line["student"] in seconds and line["stored"] < until:
            seconds[str(line["student"])] += cost[str(line["done"])]
            pictures[str(line["student"])] += 1
    fair, one = mean(seconds.values()), mean(cost.values())
    bound = max(one, TENTH * fair)
    return {
        "fair": round(fair, 2),
        "least": round(min(seconds.values()), 2),
        "most": round(max(seconds.values()), 2),
        "one picture, on the average": round(one, 2),
        "within one picture or a tenth": sum(abs(each - fair) <= bound for each in seconds.values()),
        "of": len(seconds),
        "each": [round(each, 2) for each in sorted(seconds.values())],
        "pictures": sorted(pictures.values()),
    }


def waits(lines: Sequence[Mapping[str, object]]) -> dict[str, object]:
    """How many waiting times lay in the range that was shown when the picture was asked for."""
    ended = {line["done"]: line["stored"] for line in lines if "done" in line}
    shown = [
        (line["at"], ended[job], seconds)
        for line in lines
        if "accepted" in line
        for job, seconds in line["jobs"].items()
        if seconds and job in ended
    ]
    inside = sum(low <= end - at <= high for at, end, (low, high) in shown)
    ratios = [(end - at) / max(low + (high - low) / 3, 1e-9) for at, end, (low, high) in shown]  # expected: low is half
    return {
        "shown a range": len(shown),
        "inside": round(inside / len(shown), 4) if shown else 0.0,
        "waited, as a share of what was expected": [
            round(ratio, 3) for ratio in sorted(ratios)[:: max(1, len(ratios) // 200)]
        ],
    }


def judged(found: Mapping[str, object]) -> list[str]:
    """What was promised and not kept."""
    promises, share, wait = found["promises"], found["shares"], found["waiting"]
    bad = [f"{name}: {promises[name]}" for name in ZERO if promises[name]]
    if share["within one picture or a tenth"] != share["of"]:
        bad.append(f"shares: {share['of'] - share['within one picture or a tenth']} are not fair")
    if wait["inside"] < INSIDE:
        bad.append(f"waiting: {wait['inside']:.0%} were inside the range")
    return bad + [f"memory: {name} grows" for name, each in found["memory"].items() if not each["flat"]]


def plotted(found: Mapping[str, object], memory: Memory, file: Path) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 3.4), layout="constrained")
    share, wait, grown = figure.subplots(1, 3)
    each, fair = found["shares"]["each"], found["shares"]["fair"]
    share.bar(range(len(each)), each, width=1.0, color="#4c78a8")
    bound = max(found["shares"]["one picture, on the average"], TENTH * fair)
    share.axhspan(fair - bound, fair + bound, color="#f58518", alpha=0.3, label="fair, within a picture or a tenth")
    share.set(xlabel="students who always wait", ylabel="device-seconds", title="What each got")
    share.legend(fontsize=7, loc="lower right")
    ratios = found["waiting"]["waited, as a share of what was expected"]
    wait.hist([min(ratio, 4.0) for ratio in ratios], bins=40, range=(0, 4), color="#4c78a8")
    wait.axvspan(0.5, 2.0, color="#f58518", alpha=0.3, label="the range that was shown")
    wait.set(xlabel="waited, as a share of what was expected", ylabel="pictures (a sample)", title="Waiting")
    wait.legend(fontsize=7)
    for name, points in memory.seen.items():
        grown.plot([x / 60 for x, _ in points], [y for _, y in points], label=name)
    grown.set(xlabel="minutes", ylabel="MB", title="Memory", ylim=(0, None))
    grown.legend(fontsize=7)
    figure.savefig(file, dpi=110)


def say(*words: str) -> None:
    sys.stdout.write(" ".join(words) + "\n")
    sys.stdout.flush()


def processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    return next((line.partition(": ")[2] for line in lines if line.startswith("model name")), platform.processor())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--students", type=int, default=200)
    parser.add_argument("--backend", default="eager")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--plot", type=Path)
    args = parser.parse_args()
    with TemporaryDirectory(prefix="limner-") as folder:
        house = House(f"sqlite:///{Path(folder) / 'studio.db'}", Path(folder) / "pictures")
        record = Record(Path(folder) / "record.jsonl")
        with living(house, args.backend) as (port, processes):
            students = enrolled(house, args.students, record, 0.0)
            began, seconds = time.time(), 60 * args.minutes
            for student in students:
                student.until = time.monotonic() + seconds
            say(f"{len(students)} students for {args.minutes:g} minutes")
            memory = asyncio.run(soaked(students, port, processes, args.minutes))
            drained = time.time() - began - seconds
            lines = record.lines()
            always = [student.name for student in students if student.always]
            found: dict[str, object] = {
                "promises": kept(house, lines),
                "shares": shares(lines, always, costs(house), began + seconds),
                "waiting": waits(lines),
                "memory": {name: memory.found(name, seconds) for name in processes},
            }
    bad = judged(found)
    report = {
        "command": shlex.join(["tests/studio/soak.py", *sys.argv[1:]]),
        "date": date.today().isoformat(),
        "system": f"{platform.system()}, Python {platform.python_version()}, {cpu_count()} cores of {processor()}",
        "students": {
            "all": len(students),
            "always waiting": len(always),
            "on bad connections": sum(s.bad for s in students),
        },
        "minutes": args.minutes,
        "wish": WISH,
        "seconds until the last picture was there": round(drained, 1),
        "kept": not bad,
        "not kept": bad,
        **found,
    }
    if args.out:
        args.out.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    if args.plot:
        plotted(found, memory, args.plot)
    say(json.dumps({name: value for name, value in report.items() if name not in ("shares", "waiting")}))
    say("kept" if not bad else f"not kept: {'; '.join(bad)}")
    return int(bool(bad))


if __name__ == "__main__":
    sys.exit(main())
