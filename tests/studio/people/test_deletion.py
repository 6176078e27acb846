"""One can take along all that is one's own, and have it deleted; what others rest on stays, as nobody's."""

import io
import json
import os
import time
from dataclasses import replace
from pathlib import Path
from zipfile import ZipFile

import pytest
from persons import COURSE, PASSWORD, invited, joined, session, token
from sqlalchemy import Connection, select, text
from studios import Studio, pulse, recipe

from limner.errors import LimnerError
from limner.studio.budgets import Terms, accounts, unbalanced
from limner.studio.check import check, sweep
from limner.studio.line import line
from limner.studio.people import log
from limner.studio.people.deletion import FRESH, Deleted, erase
from limner.studio.people.export import export
from limner.studio.people.gallery import Gallery
from limner.studio.people.invitations import Invitations
from limner.studio.people.person import OPERATOR, Person, everybody, find
from limner.studio.people.sessions import Sessions
from limner.studio.people.tokens import Scope, Tokens
from limner.studio.register import Role
from limner.studio.schema import EVENTS, JOBS, LEDGER, OWNERS, SUBMISSIONS
from limner.studio.vault import Vault

TERMS = Terms(1.0, 10, "story", budget=10)


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    return Vault(tmp_path / "pictures")


def drawn(studio: Studio, vault: Vault, who: Person, *pictures: bytes) -> list[str]:
    studio.drawn += 1
    jobs = studio.store.submit(who.id, f"key {studio.drawn}", recipe(), len(pictures), TERMS)
    for data in pictures:
        (held,) = studio.lease()
        assert studio.leases.finish(pulse(held, 10, 2.0), vault.keep(data))
    return list(jobs)


def aged(vault: Vault) -> None:
    """Nobody has touched a picture for longer than a worker waits."""
    for name in vault.names():
        os.utime(vault.path(name), (time.time() - FRESH - 1,) * 2)


def counted(studio: Studio, who: Person) -> list[int]:
    """In how many rows of which table they still are."""
    tables = (
        (SUBMISSIONS, SUBMISSIONS.c.owner),
        (JOBS, JOBS.c.owner),
        (OWNERS, OWNERS.c.name),
        (LEDGER, LEDGER.c.owner),
    )
    return [
        len(studio.database.read(lambda c, t=t, o=o: c.execute(select(t).where(o == who.id)).all())) for t, o in tables
    ]


def everywhere(studio: Studio) -> str:
    """All that is in the database."""
    tables = "people sessions tokens invitations tries log reports shared taken jobs submissions events ledger owners"
    return repr(
        [studio.database.read(lambda c, t=t: c.execute(text(f"SELECT * FROM {t}")).all()) for t in tables.split()]
    )


def test_one_takes_along_all_that_is_one_s_own(studio: Studio, vault: Vault) -> None:
    began, bob = session(studio, "ada"), joined(studio, "bob")
    ada, gallery = began.person, Gallery(studio.database, vault)
    secret = Tokens(studio.database).make(ada, "my notebook", [Scope.DRAW])
    first, second, third = drawn(studio, vault, ada, b"one", b"two", b"three")
    (other,) = drawn(studio, vault, bob, b"bob's")
    gallery.share(ada, first)
    gallery.share(bob, other)
    gallery.report(ada, other, "I know him")
    gallery.take_down(OPERATOR, second, "because")
    vault.path(studio.store.job(third).picture).write_bytes(b"broken")
    file = io.BytesIO()
    assert export(studio.database, vault, ada, file) == 2
    with ZipFile(file) as zipped:
        said = {name: zipped.read(name) for name in zipped.namelist()}
    assert said[f"pictures/{first}.png"] == b"one"
    assert third.encode() in said["missing.txt"]
    assert str(vault.folder).encode() not in said["missing.txt"]
    (account,) = json.loads(said["account.json"])
    assert (account["name"], account["mail"], account["role"]) == ("Ada", "ada@example.org", "student")
    assert [each["name"] for each in account["tokens"]] == ["my notebook"]
    jobs = json.loads(said["jobs.json"])
    assert [(job["id"], job["recipe"]["prompt"]) for job in jobs] == [
        (j, "a red apple") for j in (first, second, third)
    ]
    assert (jobs[0]["shared"], jobs[1]["shared"], jobs[1]["taken"]) == ("2001-09-09T01:46:40+00:00", None, "because")
    assert {event["kind"] for event in json.loads(said["events.json"])} == {"queued", "leased", "done"}
    assert len(json.loads(said["ledger.json"])) == 6
    assert [report["why"] for report in json.loads(said["reports.json"])] == ["I know him"]
    assert "token made" in [line["deed"] for line in json.loads(said["log.json"])]
    assert b"Ada" in said["README.txt"]
    whole = b"".join(said.values()).decode()
    for kept in (secret, began.token, "argon2", bob.id, "bob's"):
        assert kept not in whole


def test_what_is_deleted_is_nowhere(studio: Studio, vault: Vault) -> None:
    ada, bob = joined(studio, "ada"), joined(studio, "bob")
    began = Sessions(studio.database).sign_in("ada@example.org", PASSWORD, "10.0.0.1")
    secret = Tokens(studio.database).make(ada, "mine", [Scope.DRAW])
    mine = drawn(studio, vault, ada, b"mine", b"the same")
    (other,) = drawn(studio, vault, bob, b"the same")
    gallery = Gallery(studio.database, vault)
    gallery.share(bob, other)
    gallery.report(ada, other, "I know him")
    gallery.share(ada, mine[0])
    gallery.report(bob, mine[0], "I know her")
    waiting = studio.store.submit(ada.id, "waits", recipe(), 2, TERMS)
    (held,) = studio.lease()
    assert held.job in waiting
    aged(vault)
    assert erase(studio.database, vault, ada, ada) == Deleted(4, 1, 1)
    assert counted(studio, ada) == [0, 0, 0, 0]
    assert [vault.read(name) for name in vault.names()] == [b"the same"]
    assert gallery.see(bob, other) == b"the same"
    assert Sessions(studio.database).who(began.token) is Tokens(studio.database).who(secret, Scope.DRAW) is None
    assert "ada@" not in everywhere(studio).lower()
    assert "'Ada'" not in everywhere(studio)
    assert [each.name for each in everybody(studio.database)] == ["Bob"]
    (report,) = gallery.reports(OPERATOR)
    assert (report.job, report.reporter) == (other, "")
    assert check(studio.database, vault).damaged == check(studio.database, vault).strays == ()
    assert log.check(studio.database).fault == ""
    assert studio.leases.beat([pulse(held)]) == [pulse(held)]  # its worker learns of it, and brings nothing
    assert not studio.leases.finish(pulse(held, spent=3.0), "c" * 64)
    with pytest.raises(LimnerError, match=r"may draw nothing now"):
        studio.store.submit(ada.id, "again", recipe())  # a page that was still open
    with pytest.raises(LimnerError, match=r"there is no 'ada@example.org'"):
        find(studio.database, "ada@example.org")
    for who in (ada.id, "ada@example.org"):
        with pytest.raises(LimnerError, match=f"there is no '{who}' in this course"):
            Invitations(studio.database, COURSE).again(OPERATOR, who)


def test_the_ledger_stays_as_nobody_s(studio: Studio, vault: Vault) -> None:
    ada = joined(studio, "ada")
    drawn(studio, vault, ada, b"one", b"two")
    studio.store.submit(ada.id, "waits", recipe(), 3, TERMS)
    before = len(studio.database.read(lambda c: c.execute(select(LEDGER)).all()))
    erase(studio.database, vault, OPERATOR, ada)
    assert len(studio.database.read(lambda c: c.execute(select(LEDGER)).all())) == before + 3
    assert studio.database.read(unbalanced) == []
    (nobody,) = studio.database.read(lambda c: accounts(c, ""))
    assert (nobody.assignment, nobody.spent, nobody.held) == ("story", 2, 0)


def test_who_comes_again_begins_anew(studio: Studio, vault: Vault) -> None:
    ada = joined(studio, "ada")
    drawn(studio, vault, ada, b"one")
    erase(studio.database, vault, OPERATOR, ada)
    again = Invitations(studio.database, COURSE).accept(token(invited(studio, "ada")), PASSWORD).person
    assert again.id != ada.id
    assert studio.store.jobs(again.id) == []
    assert log.lines(studio.database, about=ada.id)[-1].deed == "deleted"


def test_only_oneself_or_an_instructor_deletes_and_never_the_last_one(studio: Studio, vault: Vault) -> None:
    ada, tom, eve = (
        joined(studio, n, r) for n, r in (("ada", Role.STUDENT), ("tom", Role.ASSISTANT), ("eve", Role.INSTRUCTOR))
    )
    with pytest.raises(LimnerError, match=r"only an instructor"):
        erase(studio.database, vault, tom, ada)
    with pytest.raises(LimnerError, match=r"left without an instructor"):
        erase(studio.database, vault, eve, eve)
    erase(studio.database, vault, eve, ada)
    with pytest.raises(LimnerError, match=r"there is no"):
        erase(studio.database, vault, eve, ada)


def test_a_deletion_whose_answer_was_lost_is_done_once(studio: Studio, vault: Vault) -> None:
    ada = joined(studio, "ada")
    drawn(studio, vault, ada, b"one")
    aged(vault)

    def twice(act: object) -> object:
        studio.database.write(act)
        return studio.database.write(act)

    database = type("Twice", (), {"write": staticmethod(twice), "read": studio.database.read})
    assert erase(database, vault, OPERATOR, ada) == Deleted(1, 1, 0)


def test_a_picture_that_was_just_kept_waits_for_the_next_sweep(studio: Studio, vault: Vault) -> None:
    """Another worker has the same picture on the disk, and its row comes in a moment."""
    ada, bob = joined(studio, "ada"), joined(studio, "bob")
    drawn(studio, vault, ada, b"the same")
    aged(vault)
    (job,) = studio.store.submit(bob.id, "key", recipe(), 1, TERMS)
    (held,) = studio.lease()
    picture = vault.keep(b"the same")
    assert erase(studio.database, vault, ada, ada) == Deleted(1, 0, 1)
    assert studio.leases.finish(pulse(held), picture)
    assert Gallery(studio.database, vault).see(bob, job) == b"the same"
    erase(studio.database, vault, bob, bob)
    assert list(vault.names()) == [picture]
    assert sweep(studio.database, vault, age=FRESH) == 0
    aged(vault)
    assert sweep(studio.database, vault, age=FRESH) == 1


@pytest.mark.system
@pytest.mark.parametrize("url", ["postgresql"], indirect=True)
def test_somebody_goes_while_a_page_asks_for_a_place_in_the_queue(studio: Studio, vault: Vault) -> None:
    """PostgreSQL shows each statement what is there by then."""
    ada, bob = joined(studio, "ada"), joined(studio, "bob")
    studio.ask(ada.id, count=2)
    studio.lease()
    (job,) = studio.ask(bob.id)

    class Meanwhile:
        def __init__(self, connection: Connection) -> None:
            self.connection, self.calls = connection, 0

        def execute(self, statement: object) -> object:
            self.calls += 1
            if self.calls == 4:  # who waits, who runs and the paces have been read
                erase(studio.database, vault, OPERATOR, ada)
            return self.connection.execute(statement)

    turns = studio.database.read(lambda c: list(line(Meanwhile(c), studio.time.now, studio.store.rules)))
    assert [each.job for each in turns] == [job]


def test_events_of_the_others_stay(studio: Studio, vault: Vault) -> None:
    ada, bob = joined(studio, "ada"), joined(studio, "bob")
    drawn(studio, vault, ada, b"one")
    drawn(studio, vault, bob, b"two")
    before = studio.store.events(0, owner=bob.id)
    erase(studio.database, vault, ada, replace(ada, name="whoever"))
    assert studio.store.events(0) == before
    studio.ask(bob.id)
    assert studio.store.events(0)[-1].number == before[-1].number + 1
    orphans = studio.database.read(
        lambda c: c.execute(select(EVENTS).where(~EVENTS.c.job.in_(select(JOBS.c.id)))).all()
    )
    assert orphans == []
