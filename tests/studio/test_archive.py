"""What is backed up under a studio that goes on is one moment of it, and comes back whole, or not at all."""

import json
import random
import re
import time
from collections.abc import Callable
from pathlib import Path
from threading import Thread
from zipfile import ZipFile

import pytest
from cluster import Cluster
from persons import COURSE, joined
from sqlalchemy import delete, select
from studios import MODEL, recipe

from limner.cli import main
from limner.errors import LimnerError
from limner.studio import budgets
from limner.studio.archive import TABLES, backup, opened, restore
from limner.studio.budgets import Terms
from limner.studio.check import Findings, check, handed
from limner.studio.database import Database, connect
from limner.studio.leases import Leases, Pulse
from limner.studio.people import log
from limner.studio.people.handing import Handing
from limner.studio.schema import JOBS, STUDIO, State
from limner.studio.sheets import Told
from limner.studio.store import Store
from limner.studio.vault import Vault

TERMS = Terms(1.0, 40, "story", budget=30)


def content(database: Database) -> dict[str, list[tuple[object, ...]]]:
    return database.snapshot(
        lambda connection: {
            table.name: [tuple(row) for row in connection.execute(select(table).order_by(*table.primary_key))]
            for table in TABLES
        }
    )


def drawn(database: Database, vault: Vault, job: str) -> str:
    leases = Leases(database)
    (held,) = leases.lease("painter", MODEL, 1, f"{job}")
    assert held.job == job
    picture = vault.keep(f"picture of {job}".encode())
    assert leases.finish(Pulse(job, held.lease, 2, 2, 0.5, None), picture)
    return picture


@pytest.fixture
def lived(url: str, tmp_path: Path) -> tuple[Database, Vault]:
    """A studio with somebody in it: one job is done, one runs, one failed, one waits."""
    database, vault = connect(url), Vault(tmp_path / "pictures")
    store, leases = Store(database), Leases(database)
    ada = joined(store, "ada")
    jobs = store.submit(ada.id, "a key", recipe(prompt="\u00e4 \U0001f34e"), 4, TERMS)
    drawn(database, vault, jobs[0])
    (failed,) = leases.lease("painter", MODEL, 1, "1")
    leases.fail(Pulse(failed.job, failed.lease), "it is odd", "say another")
    (runs,) = leases.lease("painter", MODEL, 1, "2")
    leases.beat([Pulse(runs.job, runs.lease, 1, 2, 0.1, b"\x89PNG\0 a look")])
    yield database, vault
    database.close()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.system)])
def elsewhere(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], Database]:
    def empty() -> Database:
        if request.param == "sqlite":
            return connect(f"sqlite:///{tmp_path / 'elsewhere.db'}")
        server: Cluster = request.getfixturevalue("postgres")
        server.clear()
        return connect(server.url)

    return empty


def test_all_of_it_comes_back_on_either_database(
    lived: tuple[Database, Vault], elsewhere: Callable[[], Database], tmp_path: Path
) -> None:
    database, vault = lived
    before = content(database)
    said = backup(database, vault, tmp_path / "b.zip")
    assert ((tmp_path / "b.zip").stat().st_mode & 0o777, said.lost, len(said.pictures)) == (0o600, (), 1)
    assert sorted(path.name for path in tmp_path.iterdir() if path.name.startswith(".")) == []
    database.close()  # its server may be the same
    there, other = elsewhere(), Vault(tmp_path / "other" / "pictures")
    assert restore(there, other, tmp_path / "b.zip") == said
    after = content(there)
    states = {job.id: job.state for job in Store(there).jobs(str(before["people"][0][0]))}
    assert sorted(states.values()) == [State.DONE, State.FAILED, State.QUEUED, State.QUEUED]
    events = len(before["events"])
    assert after["events"][:events] == before["events"]
    assert [row[2] for row in after["events"][events:]] == ["returned"]  # what ran waits again
    for name in before.keys() - {"events", "studio", "jobs"}:
        assert after[name] == before[name], name
    assert [row[-1] for row in after["jobs"]] == [row[-1] for row in before["jobs"]]
    assert (
        Store(there).job(next(job for job in states if states[job] == State.DONE)).recipe.prompt == "\u00e4 \U0001f34e"
    )
    assert (check(there, other), there.read(budgets.unbalanced)) == (Findings(1, (), (), 0), [])
    assert not log.check(there).fault
    Store(there).submit("ben", "new", recipe())
    assert Leases(there).lease("painter", MODEL, 1, "3")  # it goes on
    with pytest.raises(LimnerError, match="this studio is not empty"):
        restore(there, other, tmp_path / "b.zip")
    there.close()


def test_a_backup_under_a_studio_that_goes_on_is_one_moment(url: str, tmp_path: Path) -> None:
    database, vault, over = connect(url), Vault(tmp_path / "pictures"), False

    def live() -> None:
        store = Store(database)
        for number in range(10_000):
            (job,) = store.submit(f"owner {number % 3}", f"{number}", recipe(), 1, Terms(1.0, 40, "story"))
            drawn(database, vault, job)
            if over:
                return

    thread = Thread(target=live)
    thread.start()
    try:
        while not Store(database).counts().get(State.DONE):
            time.sleep(0.05)
        for number in range(2):
            time.sleep(0.1)
            backup(database, vault, tmp_path / f"{number}.zip")
    finally:
        over = True
        thread.join()
        database.close()
    for number in range(2):
        there, other = connect(f"sqlite:///{tmp_path / f'{number}.db'}"), Vault(tmp_path / str(number) / "pictures")
        restore(there, other, tmp_path / f"{number}.zip")
        counts = Store(there).counts()
        assert there.read(budgets.unbalanced) == []
        assert counts[State.DONE] == check(there, other).pictures
        ((last,),) = there.read(lambda connection: connection.execute(select(STUDIO.c.events)).all())
        assert [event.number for event in Store(there).events(0, most=10**6)] == list(range(1, last + 1))
        there.close()


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
def test_a_damaged_archive_is_refused_or_is_nevertheless_whole(lived: tuple[Database, Vault], tmp_path: Path) -> None:
    database, vault = lived
    backup(database, vault, tmp_path / "b.zip")
    good, chance, refused, whole = (tmp_path / "b.zip").read_bytes(), random.Random(0), 0, 0
    bad, there, other = tmp_path / "bad.zip", connect(f"sqlite:///{tmp_path / 'there.db'}"), Vault(tmp_path / "there")
    cuts = [good[: chance.randrange(len(good))] for _ in range(5)]
    flips = [good[:at] + bytes([good[at] ^ 255]) + good[at + 1 :] for at in chance.sample(range(len(good)), 50)]
    for data in (*cuts, *flips, b"", b"PK"):
        bad.write_bytes(data)
        try:
            with opened(bad) as archive:
                archive.verify()
                whole += 1  # a date in the ZIP's own list, say
        except LimnerError as fault:
            with pytest.raises(LimnerError, match=re.escape(str(fault))):
                restore(there, other, bad)
            refused += str(bad) in str(fault)
    assert (refused + whole, Store(there).counts()) == (57, {})
    assert refused > 40
    there.close()


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
def test_what_was_put_in_or_left_out_is_seen(lived: tuple[Database, Vault], tmp_path: Path) -> None:
    database, vault = lived
    backup(database, vault, tmp_path / "b.zip")
    with ZipFile(tmp_path / "b.zip") as zip_:
        parts = {name: zip_.read(name) for name in zip_.namelist()}
    there = connect(f"sqlite:///{tmp_path / 'there.db'}")
    (picture,) = (name for name in parts if name.startswith("pictures/"))
    for name, data, why in (
        ("pictures/x.png", b"more", "what it lists is not what it holds"),
        (picture, b"another", "is not what it is called by"),
        ("tables/people.jsonl", parts["tables/people.jsonl"].replace(b"student", b"instructor"), "the rows of people"),
        (
            "limner-studio.json",
            parts["limner-studio.json"].replace(b'"layout": 1', b'"layout": 2'),
            "restore it with that",
        ),
    ):
        with ZipFile(tmp_path / "forged.zip", "w") as zip_:
            for part, was in (parts | {name: data}).items():
                zip_.writestr(part, was)
        with pytest.raises(LimnerError, match=why):
            restore(there, Vault(tmp_path / "there"), tmp_path / "forged.zip")


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
def test_a_backup_of_a_limner_that_knew_fewer_tables_is_restored(lived: tuple[Database, Vault], tmp_path: Path) -> None:
    database, vault = lived
    backup(database, vault, tmp_path / "b.zip")
    with ZipFile(tmp_path / "b.zip") as zip_:
        parts = {name: zip_.read(name) for name in zip_.namelist() if name != "tables/receipts.jsonl"}
    said = json.loads(parts["limner-studio.json"])
    for told in (said["rows"], said["hashes"]):
        del told["receipts"]
    with ZipFile(tmp_path / "older.zip", "w") as zip_:
        for name, data in (parts | {"limner-studio.json": json.dumps(said).encode()}).items():
            zip_.writestr(name, data)
    there = connect(f"sqlite:///{tmp_path / 'there.db'}")
    restore(there, Vault(tmp_path / "there"), tmp_path / "older.zip")
    assert content(there)["people"] == content(database)["people"]
    there.close()


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
def test_a_picture_that_is_deleted_meanwhile_begins_it_anew_and_one_that_is_damaged_is_named(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database, vault = connect(url), Vault(tmp_path / "pictures")
    jobs = Store(database).submit("ada", "key", recipe(), 2)
    gone, damaged = (drawn(database, vault, job) for job in jobs)
    vault.path(damaged).write_bytes(b"torn")

    def read(self: Vault, name: str) -> bytes:
        if name == gone and vault.path(gone).exists():
            database.write(lambda moment: moment.run(delete(JOBS).where(JOBS.c.id == jobs[0])))
            vault.path(gone).unlink()
        return genuine(self, name)

    genuine = Vault.read
    monkeypatch.setattr(Vault, "read", read)
    said = backup(database, vault, tmp_path / "b.zip")
    assert (said.pictures, said.lost, said.rows["jobs"]) == ((), (damaged,), 1)
    database.close()


def test_the_commands(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    here, file = tmp_path / "here", tmp_path / "b.zip"
    here.mkdir()
    database, vault = connect(f"sqlite:///{here / 'studio.db'}"), Vault(here / "pictures")
    (job,) = Store(database).submit("ada", "key", recipe())
    drawn(database, vault, job)
    database.close()
    assert main(["studio", "backup", str(file), "--folder", str(here)]) == 0
    assert "1 pictures" in capsys.readouterr().out
    assert main(["studio", "backup", str(file), "--folder", str(here)]) == 2
    assert "there is a file" in capsys.readouterr().err
    assert main(["studio", "restore", str(file), "--folder", str(tmp_path / "there")]) == 0
    assert "and 1 pictures of" in capsys.readouterr().out
    assert main(["studio", "restore", str(file), "--folder", str(here)]) == 2
    assert "this studio is not empty" in capsys.readouterr().err
    assert main(["studio", "restore", str(tmp_path / "nothing"), "--folder", str(tmp_path / "new")]) == 2
    assert main(["studio", "backup", str(file), "--folder", str(tmp_path / "nowhere")]) == 2
    vault.path(vault.keep(b"x")).unlink()
    next((here / "pictures").glob("??/*.png")).write_bytes(b"torn")
    capsys.readouterr()
    assert main(["studio", "backup", str(tmp_path / "c.zip"), "--folder", str(here)]) == 1
    assert "is lost or damaged, and is not in it" in capsys.readouterr().err
    assert main(["studio", "restore", str(tmp_path / "c.zip"), "--folder", str(tmp_path / "torn")]) == 1


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
def test_a_hand_in_that_is_replaced_meanwhile_begins_it_anew_and_one_that_is_gone_is_named(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database, vault = connect(url), Vault(tmp_path / "pictures")
    handing, (ada, ben) = Handing(database, vault, COURSE), (joined(Store(database), name) for name in ("ada", "ben"))
    (story,), told = handing.assignments, Told("complete", 0, 0, 0, (), (), (), True)
    first, gone = (
        handing.hand_in(who, story, name, "a.zip", name.encode(), told, 1.0).file
        for who, name in ((ada, "AAAA"), (ben, "BBBB"))
    )
    vault.handins.path(gone).unlink()

    def read(self: Vault, name: str) -> bytes:
        if name == first and vault.handins.path(first).exists():
            handing.hand_in(ada, story, "AAAA", "b.zip", b"another", told, 2.0)
            vault.handins.path(first).unlink()
        return genuine(self, name)

    genuine = Vault.read
    monkeypatch.setattr(Vault, "read", read)
    said = backup(database, vault, tmp_path / "b.zip")
    monkeypatch.undo()
    (another,) = (each.file for each in handing.mine(ada))
    assert (said.handins, said.lost) == ((another,), (f"handins/{gone}.zip",))
    there, other = connect(f"sqlite:///{tmp_path / 'there.db'}"), Vault(tmp_path / "there" / "pictures")
    restore(there, other, tmp_path / "b.zip")
    assert other.handins.read(another) == b"another"
    assert handed(there, other) == (f"cannot read {other.handins.path(gone)}: No such file or directory",)
    for each in (database, there):
        each.close()
