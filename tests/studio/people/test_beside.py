"""What pages have beside pictures obeys the course too: grids and explanations on its terms, all of it exported,
deleted and retired."""

import io
import json
from dataclasses import replace
from pathlib import Path
from zipfile import ZipFile

import pytest
from persons import COURSE, joined
from sqlalchemy import select
from studios import Studio, pulse, recipe

from limner.coursework.specfile import published
from limner.errors import LimnerError
from limner.studio.course import Assignment, Retention
from limner.studio.drafting import Drafting, Written
from limner.studio.explanation import explanation
from limner.studio.hall import Hall
from limner.studio.people.classroom import Classroom
from limner.studio.people.deletion import erase
from limner.studio.people.export import export
from limner.studio.people.person import Person
from limner.studio.people.retention import DAY, announce, leaving, retire
from limner.studio.schema import DRAFTS, EXPLAINED, HALL, JOBS
from limner.studio.vault import Vault

ASSIGNMENTS = (Assignment(name="story", pictures=3), Assignment(name="tries", seconds=20))
KEEP = replace(COURSE, assignments=ASSIGNMENTS, retention=Retention(days=100, notice=10))


def finished(studio: Studio, vault: Vault, job: str) -> None:
    (held,) = studio.lease()
    assert held.job == job
    assert studio.leases.finish(pulse(held, 10, 1.5), vault.keep(job.encode()))


def explained(studio: Studio, vault: Vault, who: Person, assignment: str) -> tuple[str, str]:
    """A picture and its explanation, both drawn."""
    room = Classroom(studio.store, KEEP)
    (job,) = room.submit(who, f"for {assignment}", recipe(), 1, assignment)
    finished(studio, vault, job)
    maps = room.explain(who, job)
    finished(studio, vault, maps)
    return job, maps


def test_a_grid_is_asked_for_on_the_terms_of_an_assignment(studio: Studio) -> None:
    room, ada = Classroom(studio.store, KEEP), joined(studio, "ada")
    recipes = [recipe(steps=steps) for steps in (5, 10, 15)]
    with pytest.raises(LimnerError, match="this takes 4 pictures"):
        room.order(ada, "more", [*recipes, recipe(steps=20)], "story")
    jobs = room.order(ada, "key", recipes, "story")
    assert [studio.store.job(job).recipe.steps for job in jobs] == [5, 10, 15]
    assert room.order(ada, "key", recipes, "story") == jobs
    with pytest.raises(LimnerError, match="another wish"):
        room.order(ada, "key", recipes[::-1], "story")


def test_an_explanation_costs_seconds_and_no_pictures(studio: Studio, tmp_path: Path) -> None:
    ada, vault = joined(studio, "ada"), Vault(tmp_path / "pictures")
    explained(studio, vault, ada, "story")
    explained(studio, vault, ada, "tries")
    story, tries = Classroom(studio.store, KEEP).balances(ada)
    assert (story.spent, story.held) == (1, 0)
    assert (tries.spent, tries.held) == (3000, 0)


def test_all_of_it_is_taken_along_and_deleted(studio: Studio, tmp_path: Path) -> None:
    ada, bob, vault = joined(studio, "ada"), joined(studio, "bob"), Vault(tmp_path / "pictures")
    job, maps = explained(studio, vault, ada, "story")
    for who in (ada, bob):
        Hall(studio.database).send(who.id, f"a cat of {who.id}", "key")
        desk = Drafting(studio.database, published())
        desk.write(who.id, "story", [Written(desk.desk(who.id, "story").own.id, 0, {"story": [f"of {who.id}"]})])
    file = io.BytesIO()
    assert export(studio.database, vault, ada, file) == 2
    with ZipFile(file) as zipped:
        assert [(each["id"], each["explains"]) for each in json.loads(zipped.read("jobs.json"))] == [
            (job, None),
            (maps, job),
        ]
        (sentence,) = json.loads(zipped.read("hall.json"))
        (draft,) = json.loads(zipped.read("drafts.json"))
    assert sentence["prompt"] == f"a cat of {ada.id}"
    assert draft["said"] == {"story": f"of {ada.id}"}
    erase(studio.database, vault, ada, ada)
    assert [row.owner for row in studio.database.read(lambda c: c.execute(select(DRAFTS)).all())] == [bob.id]
    assert studio.database.read(lambda c: c.execute(select(EXPLAINED)).all()) == []
    assert [row.owner for row in studio.database.read(lambda c: c.execute(select(HALL)).all())] == [bob.id]


def test_all_of_it_goes_when_it_is_too_old(studio: Studio, tmp_path: Path) -> None:
    announce(studio.database, KEEP)
    ada, vault = joined(studio, "ada"), Vault(tmp_path / "pictures")
    Hall(studio.database).send(ada.id, "a cat", "key")
    job, _ = explained(studio, vault, ada, "story")
    studio.time.passes(95 * DAY)
    assert [each.job for each in leaving(studio.database, KEEP, ada)] == [job]
    retire(studio.database, vault, KEEP)
    assert explanation(studio.store, job)
    studio.time.passes(6 * DAY)
    retire(studio.database, vault, KEEP)
    for table in (JOBS, EXPLAINED, HALL):
        assert studio.database.read(lambda c, table=table: c.execute(select(table)).all()) == []
