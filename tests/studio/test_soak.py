"""`make soak`'s recorder finds what is planted: a lost picture, an unfair share, a wait outside its range, a leak."""

from pathlib import Path

import pytest
from soak import Memory, judged, kept, shares, waits
from soaking import Record
from studios import MODEL, recipe

from limner.studio.house import House
from limner.studio.leases import Leases, Pulse


def test_what_is_lost_unheard_or_doubled_is_found(tmp_path: Path) -> None:
    house, record = House(f"sqlite:///{tmp_path / 'studio.db'}", tmp_path / "pictures"), Record(tmp_path / "record")
    store = house.store()
    jobs = store.submit("ada", "key", recipe(), 5)
    for held in Leases(store.database).lease("painter", MODEL, 4, "1"):
        Leases(store.database).finish(Pulse(held.job, held.lease), house.vault().keep(held.job.encode()))
    record.note({"accepted": "key", "student": "ada", "jobs": {job: [1, 4] for job in (*jobs, "0" * 16)}})
    for job in (jobs[0], jobs[0], jobs[1], jobs[4]):
        record.note({"done": job, "student": "ada", "stored": 1.0})
    house.vault().path(str(store.job(jobs[1]).picture)).write_bytes(b"torn")
    record.note({"error": "asking", "student": "ada", "why": "it broke"})
    record.note({"dropped": "listening", "student": "ada"})
    found = kept(house, record.lines())
    store.database.close()
    assert found == {
        "errors": 1, "lost": 3, "unheard": 3, "doubled": 1, "failed": 0, "accepted": 6, "dropped connections": 1,
    }  # fmt: skip


def test_shares_and_waits_are_counted() -> None:
    lines = [{"done": f"a{n}", "student": "ada", "stored": float(n)} for n in range(20)]
    lines += [{"done": f"b{n}", "student": "ben", "stored": float(n)} for n in range(0, 20, 2)]
    cost = {f"a{n}": 0.5 for n in range(20)} | {f"b{n}": 0.5 for n in range(20)}
    found = shares(lines, ["ada", "ben"], cost, 14.0)
    assert (found["fair"], found["least"], found["most"], found["within one picture or a tenth"]) == (5.25, 3.5, 7, 0)
    assert found["pictures"] == [7, 14]
    even = cost | {f"b{n}": 1.0 for n in range(20)}  # fewer pictures, each of which took longer
    assert shares(lines, ["ada", "ben"], even, 14.0)["within one picture or a tenth"] == 2
    asked = [{"accepted": "k", "at": 0.0, "jobs": {"a4": [2.0, 8.0], "a9": [2.0, 8.0], "b0": None, "x": [1, 2]}}]
    told = waits(asked + lines)
    assert (told["shown a range"], told["inside"]) == (2, 0.5)
    assert told["waited, as a share of what was expected"] == [1.0, 2.25]


@pytest.mark.parametrize(("growth", "flat"), [(0.0, True), (0.005, True), (0.2, False)])
def test_a_leak_is_seen(growth: float, flat: bool) -> None:
    points = [(float(x), 100 + growth * x + (x % 3)) for x in range(0, 600, 2)]
    found = Memory({"web": points}).found("web", 600.0)
    assert found["flat"] is flat
    assert found["MB per 10 minutes"] == pytest.approx(600 * growth, abs=0.5)


def test_what_was_not_kept_is_said() -> None:
    promises = {"errors": 0, "lost": 2, "unheard": 0, "doubled": 0}
    share, memory = {"within one picture or a tenth": 3, "of": 4}, {"web": {"flat": False}, "worker": {"flat": True}}
    found = {"promises": promises, "shares": share, "waiting": {"inside": 0.7}, "memory": memory}
    assert judged(found) == [
        "lost: 2", "shares: 1 are not fair", "waiting: 70% were inside the range", "memory: web grows",
    ]  # fmt: skip
    promises["lost"], share["of"], found["waiting"], memory["web"]["flat"] = 0, 3, {"inside": 0.9}, True
    assert judged(found) == []
