"""Who drew how much for what."""

from dataclasses import replace

import pytest
from persons import COURSE, joined
from studios import Studio, pulse, recipe

from limner.studio.course import Assignment
from limner.studio.people.classroom import Classroom
from limner.studio.people.figures import Use, usage
from limner.studio.register import Role
from limner.studio.staff import PRESENT, Staff, Worker, workers

BOTH = replace(COURSE, assignments=(Assignment(name="story", pictures=9), Assignment(name="tries", seconds=60)))


def test_use_is_by_person_and_assignment_and_who_used_the_most_is_first(studio: Studio) -> None:
    room, ada, eve = Classroom(studio.store, BOTH), joined(studio, "ada"), joined(studio, "eve", Role.INSTRUCTOR)
    assert studio.database.read(usage) == []
    room.submit(ada, "one", recipe(), 2, "story")
    for held in studio.lease(2):
        studio.leases.finish(pulse(held, spent=2.0), "b" * 64)
    room.submit(ada, "two", recipe(), 1, "tries")
    (held,) = studio.lease()
    studio.leases.finish(pulse(held, spent=3.0), "c" * 64)
    room.submit(eve, "three", recipe(), 3)
    studio.store.submit(eve.id, "before the course", recipe(), 1)
    told = studio.database.read(usage)
    assert told[:2] == [Use(ada.id, "story", 2, pytest.approx(4.0), 0), Use(ada.id, "tries", 1, pytest.approx(3.0), 0)]
    assert told[2] == Use(eve.id, "", 0, 0.0, 4)


def test_who_was_not_heard_of_is_no_worker_here(studio: Studio) -> None:
    staff = Staff(studio.database)
    staff.here("one", "a" * 64, "cpu")
    studio.time.passes(PRESENT - 1)
    staff.here("two", "b" * 64, "cuda:0")
    assert studio.database.read(lambda connection: workers(connection, studio.time.now)) == [
        Worker("one", "a" * 64, "cpu"),
        Worker("two", "b" * 64, "cuda:0"),
    ]
    studio.time.passes(2)
    here = studio.database.read(lambda connection: workers(connection, studio.time.now))
    assert [each.name for each in here] == ["two"]
