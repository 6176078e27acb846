"""What is older than the course says goes, and not before it was said for long enough."""

import os
import time
from dataclasses import replace
from pathlib import Path

import pytest
from persons import COURSE, joined
from sqlalchemy import select
from studios import Studio, pulse, recipe

from limner.studio.budgets import Terms, accounts, unbalanced
from limner.studio.course import Course, Retention
from limner.studio.people import log
from limner.studio.people.person import Person, everybody
from limner.studio.people.retention import DAY, ENDING, Leaving, Retired, announce, expires, leaving, retire
from limner.studio.register import SESSIONS, Role
from limner.studio.schema import SUBMISSIONS
from limner.studio.vault import Vault

TERMS = Terms(1.0, 10, "story", budget=10)
KEEP = replace(COURSE, retention=Retention(days=100, notice=10, accounts=30))
SHORT = replace(COURSE, retention=Retention(days=20, notice=10, accounts=30))


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    return Vault(tmp_path / "pictures")


def drawn(studio: Studio, vault: Vault, who: Person, data: bytes = b"a picture") -> str:
    studio.drawn += 1
    (job,) = studio.store.submit(who.id, f"key {studio.drawn}", recipe(), 1, TERMS)
    (held,) = studio.lease()
    picture = vault.keep(data)
    studio.leases.finish(pulse(held), picture)
    os.utime(vault.path(picture), (time.time() - 2 * DAY,) * 2)
    return job


def left(studio: Studio, who: Person) -> list[str]:
    return [job.id for job in studio.store.jobs(who.id)][::-1]


def test_what_is_too_old_goes_and_it_was_said_before(studio: Studio, vault: Vault) -> None:
    announce(studio.database, KEEP)
    ada = joined(studio, "ada")
    old = drawn(studio, vault, ada, b"old")
    goes = studio.time.now + 100 * DAY
    studio.time.passes(60 * DAY)
    new = drawn(studio, vault, ada, b"new")
    (open_one,) = studio.ask(ada.id)
    assert leaving(studio.database, KEEP, ada) == []
    studio.time.passes(30 * DAY)
    assert leaving(studio.database, KEEP, ada) == [Leaving(old, goes)]
    studio.time.passes(10 * DAY - 1)
    assert retire(studio.database, vault, KEEP) == Retired(0, 0, 0)
    studio.time.passes(1)
    assert retire(studio.database, vault, KEEP) == Retired(1, 1, 0)
    assert left(studio, ada) == [new, open_one]
    assert [vault.read(name) for name in vault.names()] == [b"new"]
    studio.time.passes(1000 * DAY)
    assert retire(studio.database, vault, KEEP).jobs == 1
    assert left(studio, ada) == [open_one]  # what waits is not taken from anybody
    assert len(studio.database.read(lambda c: c.execute(select(SUBMISSIONS)).all())) == 1


def test_a_budget_does_not_grow_when_what_it_was_spent_on_goes(studio: Studio, vault: Vault) -> None:
    announce(studio.database, KEEP)
    ada = joined(studio, "ada")
    drawn(studio, vault, ada)
    before = studio.database.read(lambda c: accounts(c, ada.id))
    studio.time.passes(200 * DAY)
    assert retire(studio.database, vault, KEEP).jobs == 1
    assert studio.database.read(lambda c: accounts(c, ada.id)) == before
    assert studio.database.read(unbalanced) == []


def test_a_shorter_time_comes_into_force_after_its_notice(studio: Studio, vault: Vault) -> None:
    announce(studio.database, KEEP)
    ada = joined(studio, "ada")
    studio.time.passes(10 * DAY)
    job = drawn(studio, vault, ada)
    studio.time.passes(50 * DAY)
    assert retire(studio.database, vault, SHORT) == Retired(0, 0, 0)
    assert leaving(studio.database, SHORT, ada) == [Leaving(job, studio.time.now)]
    studio.time.passes(10 * DAY - 1)
    assert retire(studio.database, vault, SHORT) == Retired(0, 0, 0)
    studio.time.passes(1)
    assert retire(studio.database, vault, SHORT) == Retired(1, 1, 0)
    deeds = [(line.deed, line.detail) for line in log.lines(studio.database, about="operator")]
    assert [detail["days"] for deed, detail in deeds if deed == "announced retention"] == [100, 20]
    assert deeds[-1] == ("retired", {"jobs": 1, "days": 20})


def test_a_longer_time_comes_into_force_at_once(studio: Studio, vault: Vault) -> None:
    announce(studio.database, SHORT)
    ada = joined(studio, "ada")
    job = drawn(studio, vault, ada)
    studio.time.passes(50 * DAY)
    assert leaving(studio.database, KEEP, ada)  # as was said last
    announce(studio.database, KEEP)
    assert leaving(studio.database, KEEP, ada) == []
    assert retire(studio.database, vault, KEEP) == Retired(0, 0, 0)
    assert left(studio, ada) == [job]


def test_a_studio_that_never_said_anything_removes_nothing_at_first(studio: Studio, vault: Vault) -> None:
    ada = joined(studio, "ada")
    drawn(studio, vault, ada)
    studio.time.passes(500 * DAY)
    assert leaving(studio.database, KEEP, ada) == []
    assert retire(studio.database, vault, KEEP) == Retired(0, 0, 0)
    assert len(leaving(studio.database, KEEP, ada)) == 1
    studio.time.passes(10 * DAY)
    assert retire(studio.database, vault, KEEP) == Retired(1, 1, 0)


@pytest.mark.parametrize("change", range(0, 40, 8))
def test_nothing_goes_that_was_not_said_a_notice_before(studio: Studio, vault: Vault, change: int) -> None:
    """Whenever the class file says something else, and whatever it says."""
    announce(studio.database, KEEP)
    ada = joined(studio, "ada")
    told, days = dict[str, float](), [KEEP, SHORT, replace(KEEP, retention=Retention(days=5, notice=10)), SHORT]
    for day in range(60):
        course: Course = days[0 if day < change else 1 + (day - change) // 7 % 3]
        if day % 6 == 0:
            drawn(studio, vault, ada, str(day).encode())
        before = set(left(studio, ada))
        retire(studio.database, vault, course)
        for job in before - set(left(studio, ada)):
            assert studio.time.now - told[job] >= min(10, 5) * DAY
        for each in leaving(studio.database, course, ada):
            told.setdefault(each.job, studio.time.now)
        studio.time.passes(DAY)


def test_students_accounts_go_after_the_course(studio: Studio, vault: Vault) -> None:
    over = replace(KEEP, course=replace(KEEP.course, ends=studio.time.now + 10 * DAY))
    announce(studio.database, over)
    ada, eve = joined(studio, "ada"), joined(studio, "eve", Role.INSTRUCTOR)
    drawn(studio, vault, ada, b"hers")
    theirs = drawn(studio, vault, eve, b"the instructor's")
    studio.time.passes(40 * DAY - 1)
    assert retire(studio.database, vault, over).accounts == 0
    studio.time.passes(1)
    assert retire(studio.database, vault, over) == Retired(1, 1, 1)
    assert [each.name for each in everybody(studio.database)] == ["Eve"]
    assert left(studio, eve) == [theirs]
    assert studio.database.read(lambda c: c.execute(select(SESSIONS)).all()) == []


def test_accounts_go_a_notice_after_the_end_was_said_and_the_next_years_stay(studio: Studio, vault: Vault) -> None:
    ada, eve = joined(studio, "ada"), joined(studio, "eve", Role.INSTRUCTOR)
    studio.time.passes(DAY)
    over = replace(KEEP, course=replace(KEEP.course, ends=studio.time.now))
    studio.time.passes(300 * DAY)
    bob = joined(studio, "bob")
    goes = studio.time.now + 10 * DAY
    assert expires(studio.database, over, ada) == goes
    assert retire(studio.database, vault, over).accounts == 0
    studio.time.passes(10 * DAY - 1)
    assert [expires(studio.database, over, each) for each in (ada, bob, eve)] == [goes, None, None]
    assert retire(studio.database, vault, over).accounts == 0
    studio.time.passes(1)
    assert retire(studio.database, vault, over).accounts == 1
    assert [each.name for each in everybody(studio.database)] == ["Eve", "Bob"]
    said = [line for line in log.lines(studio.database, about="operator") if line.deed == ENDING]
    assert [line.at + 10 * DAY for line in said] == [goes]
    announce(studio.database, KEEP)  # another end is said anew, and none, too
    announce(studio.database, over)
    assert retire(studio.database, vault, over).accounts == 0
