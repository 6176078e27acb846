"""Who asks, asks on the terms of the class file: a student within a budget, between two days; an instructor before."""

from dataclasses import replace

import pytest
from persons import COURSE, joined
from sqlalchemy import select
from studios import Studio, pulse, recipe

from limner.errors import LimnerError
from limner.studio.budgets import Unit
from limner.studio.course import Assignment
from limner.studio.people import log
from limner.studio.people.classroom import Balance, Classroom
from limner.studio.people.person import OPERATOR, suspend
from limner.studio.register import Role
from limner.studio.schema import OWNERS

STORY = Assignment(name="story", pictures=3, opens=1e9, closes=1e9 + 100)
TRIES = Assignment(name="tries", seconds=20)
BOTH = replace(COURSE, assignments=(STORY, TRIES))


def test_a_student_asks_within_the_budget_of_an_assignment(studio: Studio) -> None:
    room, ada = Classroom(studio.store, BOTH), joined(studio, "ada")
    with pytest.raises(LimnerError, match="no assignment ''; choose from story, tries"):
        room.submit(ada, "key", recipe())
    jobs = room.submit(ada, "key", recipe(), 2, "story")
    assert {studio.store.job(job).owner for job in jobs} == {ada.id}
    with pytest.raises(LimnerError, match="has 1 picture left"):
        room.submit(ada, "more", recipe(), 2, "story")
    room.submit(ada, "tries", recipe(), 1, "tries")
    (held,) = studio.lease()
    studio.leases.finish(pulse(held, spent=2.0), "b" * 64)
    story, tries = room.balances(ada)
    assert story == Balance("story", Unit.PICTURES, 3, 1, 1)
    assert (tries.unit, tries.budget, tries.spent, tries.held) == (Unit.MILLISECONDS, 20_000, 0, 82)
    assert (story.left, tries.left) == (1, 19_918)


def test_an_assignment_is_open_between_its_days(studio: Studio) -> None:
    room, ada, eve = Classroom(studio.store, BOTH), joined(studio, "ada"), joined(studio, "eve", Role.INSTRUCTOR)
    studio.time.passes(-1)
    with pytest.raises(LimnerError, match="story is not open yet"):
        room.submit(ada, "key", recipe(), 1, "story")
    studio.time.passes(1)
    jobs = room.submit(ada, "key", recipe(), 1, "story")
    studio.time.passes(100)
    with pytest.raises(LimnerError, match="story is closed"):
        room.submit(ada, "later", recipe(), 1, "story")
    assert room.submit(ada, "key", recipe(), 1, "story") == jobs  # that was accepted
    room.submit(eve, "key", recipe(), 4, "story")  # who teaches has no budget, and no days
    assert room.balances(eve)[0] == Balance("story", Unit.PICTURES, None, 0, 4)
    assert room.balances(eve)[0].left is None


def test_the_only_assignment_need_not_be_named(studio: Studio) -> None:
    ada, eve = joined(studio, "ada"), joined(studio, "eve", Role.INSTRUCTOR)
    one, none = Classroom(studio.store, replace(COURSE, assignments=(STORY,))), Classroom(studio.store, COURSE)
    one.submit(ada, "key", recipe())
    one.submit(eve, "key", recipe())
    none.submit(ada, "free", recipe())
    assert one.balances(ada)[0].held == 1
    assert one.balances(eve)[0].held == 0
    with pytest.raises(LimnerError, match="no assignment 'story'; leave it out"):
        none.submit(ada, "other", recipe(), 1, "story")


def test_an_instructor_has_priority_and_a_role_its_cap(studio: Studio) -> None:
    room, ada, eve = Classroom(studio.store, COURSE), joined(studio, "ada"), joined(studio, "eve", Role.INSTRUCTOR)
    with pytest.raises(LimnerError, match="21 pictures are more than 20"):
        room.submit(ada, "key", recipe(), 21)
    room.submit(ada, "key", recipe(), 20)
    room.submit(eve, "key", recipe(), 30)
    weights = studio.database.read(lambda c: {row.name: row.weight for row in c.execute(select(OWNERS))})
    assert weights == {ada.id: 1.0, eve.id: 8.0}
    turn = [studio.store.job(leased.job).owner for leased in studio.lease(9)]
    assert turn.count(eve.id) == 8


def test_who_is_suspended_asks_for_nothing(studio: Studio) -> None:
    room, ada = Classroom(studio.store, COURSE), joined(studio, "ada")
    suspend(studio.database, OPERATOR, ada.id)
    with pytest.raises(LimnerError, match="this account may draw nothing now"):
        room.submit(ada, "key", recipe())


def test_a_student_is_given_more_of_a_budget(studio: Studio) -> None:
    room, ada, bob = Classroom(studio.store, BOTH), joined(studio, "ada"), joined(studio, "bob")
    with pytest.raises(LimnerError, match="4 pictures"):
        room.submit(ada, "key", recipe(), 4, "story")
    room.grant(OPERATOR, ada.id, "story", 2)
    room.grant(OPERATOR, ada.mail, "story", -1)
    room.grant(OPERATOR, ada.id, "tries", 5)
    room.submit(ada, "key", recipe(), 4, "story")
    assert [(each.budget, each.left) for each in room.balances(ada)] == [(4, 0), (25_000, 25_000)]
    assert [each.budget for each in room.balances(bob)] == [3, 20_000]
    room.grant(OPERATOR, bob.id, "story", -9)
    assert room.balances(bob)[0].budget == 0
    assert [line.detail for line in log.lines(studio.database, about=bob.id)][-1] == {
        "assignment": "story",
        "pictures": -9,
    }
    for by, who, assignment, more, fault in (
        (ada, ada.id, "story", 1, "only an instructor"),
        (OPERATOR, "nobody", "story", 1, "there is no 'nobody'"),
        (OPERATOR, ada.id, "poster", 1, "there is no assignment 'poster'"),
        (OPERATOR, ada.id, "story", 0, "0 is out of range"),
        (OPERATOR, ada.id, "story", 10**9, "1000000000 is out of range"),
    ):
        with pytest.raises(LimnerError, match=fault):
            room.grant(by, who, assignment, more)


def test_maintenance_is_an_instructor_s_and_in_the_log(studio: Studio) -> None:
    room, ada, eve = Classroom(studio.store, COURSE), joined(studio, "ada"), joined(studio, "eve", Role.INSTRUCTOR)
    with pytest.raises(LimnerError, match="only an instructor"):
        room.maintain(ada, "because")
    for reason in ("a new disk", "a new disk", ""):
        room.maintain(eve, reason)
        assert studio.store.closed() == reason
    deeds = [(line.deed, line.detail) for line in log.lines(studio.database, about=eve.id)][-2:]
    assert deeds == [("closed the queue", {"why": "a new disk"}), ("opened the queue", {"why": ""})]
