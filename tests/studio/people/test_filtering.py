"""What a filter withholds is kept nowhere and costs nothing; who finds it wrong asks, and an instructor decides."""

import json
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

import pytest
from persons import joined
from sqlalchemy import select
from studios import MODEL, Studio, pulse, recipe

from limner.errors import LimnerError
from limner.studio.budgets import Account, Terms, Unit, accounts, unbalanced
from limner.studio.explanation import explain
from limner.studio.leases import Leased
from limner.studio.people import log
from limner.studio.people.appeals import Appeals, Held, Tally
from limner.studio.people.deletion import erase
from limner.studio.people.export import export
from limner.studio.people.filtering import ACTOR, LET, OFF, REFUSED, WHAT, Demand, announce, demanded
from limner.studio.register import WITHHELD, Role
from limner.studio.schema import State
from limner.studio.vault import Vault

ON, PICTURE, TERMS = Demand(True, False), "b" * 64, Terms(1.0, 10, "story", Unit.PICTURES, 5)


def lease(studio: Studio, room: int = 1) -> list[Leased]:
    studio.drawn += 1
    return studio.leases.lease("first", MODEL, room, f"{studio.drawn:016}", True)


def withheld(studio: Studio, owner: str = "ada", **fields: object) -> str:
    """A job whose picture did not pass."""
    (job,) = studio.ask(owner, **fields)
    (held,) = lease(studio)
    assert (held.job, held.watched) == (job, True)
    studio.leases.withhold(pulse(held, 10, 0.5), 0.93)
    return job


def deeds(studio: Studio) -> list[tuple[str, str]]:
    return [(line.actor, line.deed) for line in log.everything(studio.database)]


def test_a_worker_without_a_filter_is_given_nothing(studio: Studio) -> None:
    assert studio.database.read(demanded) == OFF
    studio.ask(count=2)
    (unwatched,) = studio.lease()
    assert not unwatched.watched
    for _ in range(2):  # each start says it, and the log says what changed
        announce(studio.database, ON)
    with pytest.raises(LimnerError, match=r"this worker has none; pip install 'limner\[filter\]'") as refused:
        studio.lease()
    assert refused.value.status == 403
    (held,) = lease(studio)
    assert held.watched
    announce(studio.database, OFF)
    assert deeds(studio) == [("operator", "turned the filter on"), ("operator", "turned the filter off")]


def test_what_is_withheld_says_why_and_costs_nothing(studio: Studio) -> None:
    announce(studio.database, ON)
    (job,) = studio.store.submit("ada", "key", recipe(), 1, TERMS)
    (held,) = lease(studio)
    for _ in range(2):  # the answer may be lost on its way
        studio.leases.withhold(pulse(held, 10, 0.5), 0.93)
    found = studio.store.job(job)
    assert (found.state, found.what, found.picture) == (State.FAILED, WHAT, None)
    assert "change the prompt or the seed" in found.remedy
    assert studio.kinds(job)[-1] == "failed"
    assert studio.database.read(unbalanced) == []
    assert studio.database.read(lambda c: accounts(c, "ada")) == [Account("story", Unit.PICTURES, 0, 0)]
    assert deeds(studio)[1:] == [(ACTOR, "withheld")]
    assert Appeals(studio.database).tally() == Tally(1, 1, 0, 0)


def test_an_unfinished_picture_is_seen_where_the_class_says_so(studio: Studio) -> None:
    (job,) = studio.ask()
    for demand, seen in ((ON, None), (Demand(True, True), b"look"), (OFF, b"look")):
        announce(studio.database, demand)
        (held,) = lease(studio)
        assert studio.leases.beat([replace(pulse(held, 2), preview=b"look")]) == []
        assert (studio.store.preview(job), studio.store.job(job).looked) == (seen, seen is not None)
        studio.leases.release([pulse(held)], "another demand")


def test_maps_of_words_are_no_picture(studio: Studio) -> None:
    announce(studio.database, ON)
    (job,) = studio.ask()
    (held,) = lease(studio)
    assert studio.leases.finish(pulse(held), PICTURE)
    explain(studio.store, "ada", job)
    (maps,) = lease(studio)
    assert (maps.explains, maps.watched) == (True, False)


def test_an_owner_asks_and_an_instructor_lets_the_recipe_through_for_all(studio: Studio) -> None:
    announce(studio.database, ON)
    ada, tom, eve = joined(studio, "ada"), joined(studio, "tom", Role.ASSISTANT), joined(studio, "eve", Role.INSTRUCTOR)
    job, appeals = withheld(studio, ada.id), Appeals(studio.database)
    assert appeals.held(ada, [job]) == {job: Held(False, "")}
    assert appeals.held(eve, [job]) == {}
    assert appeals.waiting(tom) == []  # nobody reads what was asked for before its owner asks
    for act in (lambda: appeals.decide(eve, job, True), lambda: appeals.ask(eve, job, "mine"),
                lambda: appeals.ask(ada, "nothing", "why")):  # fmt: skip
        with pytest.raises(LimnerError, match="was withheld") as absent:
            act()
        assert absent.value.status == 404
    with pytest.raises(LimnerError, match="a reason is needed"):
        appeals.ask(ada, job, " ")
    for _ in range(2):
        appeals.ask(ada, job, "it is an apple")
    (appeal,) = appeals.waiting(tom)
    assert (appeal.job, appeal.owner, appeal.why, appeal.recipe, appeal.score) == (
        job, ada.id, "it is an apple", recipe(), pytest.approx(0.93),
    )  # fmt: skip
    with pytest.raises(LimnerError, match="only an instructor may do that"):
        appeals.decide(tom, job, True)
    with pytest.raises(LimnerError, match="only an assistant may do that"):
        appeals.waiting(ada)
    appeals.decide(eve, job, True)
    assert (appeals.waiting(tom), [each.job for each in appeals.through(tom)]) == ([], [job])
    assert appeals.held(ada, [job]) == {job: Held(True, LET)}
    assert appeals.tally() == Tally(1, 1, 1, 1)
    studio.ask("bob")
    (again,) = lease(studio)
    assert not again.watched  # the same pixels, whoever asks for them
    studio.ask("bob", seed=43)
    (other,) = lease(studio)
    assert other.watched
    studio.leases.release([pulse(again), pulse(other)], "later")
    appeals.decide(eve, job, False)
    assert [held.watched for held in lease(studio, 2)] == [True, True]
    assert appeals.held(ada, [job]) == {job: Held(True, REFUSED)}
    assert [deed for _, deed in deeds(studio)][-4:] == ["withheld", "asked to be let through", LET, REFUSED]


def test_it_is_exported_and_deleted_with_its_owner(studio: Studio, tmp_path: Path) -> None:
    announce(studio.database, ON)
    ada = joined(studio, "ada")
    job, file = withheld(studio, ada.id), BytesIO()
    Appeals(studio.database).ask(ada, job, "it is an apple")
    export(studio.database, Vault(tmp_path), ada, file)
    (row,) = json.loads(ZipFile(file).read("withheld.json"))
    assert (row["job"], row["why"], row["decided"]) == (job, "it is an apple", None)
    erase(studio.database, Vault(tmp_path), ada, ada)
    assert studio.database.read(lambda c: c.execute(select(WITHHELD)).all()) == []
