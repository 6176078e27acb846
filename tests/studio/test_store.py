"""What was accepted is finished or says why not; asking twice is asking once; what is over stays over."""

from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import text, update
from studios import MODEL, Studio, pulse, recipe

from limner.errors import LimnerError
from limner.studio.database import connect
from limner.studio.rules import Rules
from limner.studio.schema import STUDIO, State

PICTURE = "b" * 64


def test_a_submission_is_a_job_for_each_picture(studio: Studio) -> None:
    jobs = studio.ask(count=3, seed=7)
    assert len(set(jobs)) == 3
    told = [studio.store.job(job) for job in jobs]
    assert [job.recipe for job in told] == [recipe(seed=seed) for seed in (7, 8, 9)]
    assert {job.submission for job in told} == {told[0].submission}
    assert [(job.state, job.owner, job.picture) for job in told] == [(State.QUEUED, "ada", None)] * 3
    assert studio.store.jobs("ada") == told[::-1]
    assert studio.store.counts() == studio.store.counts("ada") == {State.QUEUED: 3}
    assert studio.store.jobs("bob") == []


def test_asking_twice_is_asking_once(studio: Studio) -> None:
    first = studio.store.submit("ada", "key", recipe(), 2)
    assert studio.store.submit("ada", "key", recipe(), 2) == first
    assert studio.store.submit("bob", "key", recipe(), 2) != first  # keys are each owner's own
    assert studio.store.counts() == {State.QUEUED: 4}
    for other, count in ((recipe(seed=43), 2), (recipe(), 3)):
        with pytest.raises(LimnerError, match="'key' was used for another wish; choose a new key"):
            studio.store.submit("ada", "key", other, count)


@pytest.mark.parametrize(("owner", "key"), [("", "key"), ("ada", ""), ("ada", "k" * 201), ("a\0da", "key")])
def test_what_is_no_name_is_refused(studio: Studio, owner: str, key: str) -> None:
    with pytest.raises(LimnerError, match="is not a name"):
        studio.store.submit(owner, key, recipe())


def test_one_owner_cannot_fill_the_queue(studio: Studio) -> None:
    studio.rules = Rules(cap=3)
    studio.ask(count=2)
    with pytest.raises(LimnerError, match="1000000000 pictures are more than 3"):
        studio.ask(count=10**9)
    with pytest.raises(LimnerError, match="2 of your pictures are waiting, and 2 more would be above 3"):
        studio.ask(count=2)
    studio.ask("bob", count=3)
    studio.lease(1)
    studio.ask(count=2)  # what is begun no longer waits


def test_only_its_owner_cancels_a_job(studio: Studio) -> None:
    waiting, running = studio.ask(count=2, seed=1)
    (held,) = studio.lease()
    assert held.job == waiting
    for stranger, job in (("bob", waiting), ("ada", "no such")):
        with pytest.raises(LimnerError, match=f"no job '{job}' of yours"):
            studio.store.cancel(stranger, job)
    assert studio.store.cancel("ada", running) == State.CANCELLED
    assert studio.store.cancel("ada", waiting) == State.CANCELLED
    assert studio.leases.beat([pulse(held, 3, spent=2.0)]) == [pulse(held, 3, spent=2.0)]
    assert not studio.leases.finish(pulse(held, 10), PICTURE)
    assert studio.kinds(waiting) == ["queued", "leased", "cancelled"]
    assert studio.kinds(running) == ["queued", "cancelled"]
    assert studio.lease() == []


def test_what_cannot_be_a_name_is_nobody_s(studio: Studio) -> None:
    for word in ("", "a\0b", "\ud800", "' OR 1=1 --"):
        assert studio.store.job(word) is studio.store.preview(word) is studio.store.ahead(word) is None
        assert studio.store.events(0, job=word) == []
        with pytest.raises(LimnerError, match="of yours"):
            studio.store.cancel("ada", word)


def test_what_is_over_stays_over(studio: Studio) -> None:
    done, failed = studio.ask(count=2)
    first, second = studio.lease(2)
    assert studio.leases.finish(pulse(first, 10), PICTURE, ["a note"])
    studio.leases.fail(pulse(second), "the prompt is odd", "say another")
    assert studio.store.cancel("ada", done) == State.DONE
    assert studio.store.cancel("ada", failed) == State.FAILED
    studio.leases.fail(pulse(first), "no", "no")
    assert not studio.leases.finish(pulse(second), PICTURE)
    job = studio.store.job(done)
    assert (job.state, job.picture, job.notes) == (State.DONE, PICTURE, ("a note",))
    why = studio.store.job(failed)
    assert (why.state, why.what, why.remedy, why.picture) == (State.FAILED, "the prompt is odd", "say another", None)
    assert studio.kinds(done)[-1:] + studio.kinds(failed)[-1:] == ["done", "failed"]


def test_events_have_growing_numbers_without_a_gap(studio: Studio) -> None:
    mine, other = studio.ask("ada"), studio.ask("bob")
    (held,) = studio.lease()
    for done in (1, 1, 4):
        studio.leases.beat([pulse(held, done)])
    with pytest.raises(LimnerError):
        studio.store.submit("ada", "key 1", recipe(seed=1))  # what is taken back leaves no gap
    studio.leases.finish(pulse(held, 10), PICTURE)
    events = studio.store.events(0)
    assert [event.number for event in events] == list(range(1, 7))
    assert [event.kind for event in events] == ["queued", "queued", "leased", "stepped", "stepped", "done"]
    assert [dict(event.detail) for event in events[3:]] == [
        {"done": 1, "total": 10}, {"done": 4, "total": 10}, {"picture": PICTURE},
    ]  # fmt: skip
    assert studio.store.events(4) == events[4:]
    assert [event.job for event in studio.store.events(0, owner="bob")] == list(other)
    assert studio.store.events(2, job=mine[0], most=1) == events[2:3]


def test_maintenance_gives_nothing_out(studio: Studio) -> None:
    studio.ask(count=2)
    (held,) = studio.lease()
    studio.store.maintain("a new disk until three")
    assert studio.store.closed() == "a new disk until three"
    assert studio.lease() == []
    with pytest.raises(LimnerError, match="takes no jobs now: a new disk until three"):
        studio.ask()
    assert studio.store.submit("ada", "key 1", recipe(), 2)  # what was accepted stays so
    assert studio.leases.finish(pulse(held), PICTURE)  # and what runs comes to its end
    studio.store.maintain("")
    assert len(studio.lease(5)) == 1


def test_a_place_in_the_queue_is_how_many_are_begun_before(studio: Studio) -> None:
    mine = studio.ask("ada", count=3)
    other = studio.ask("bob", count=2)
    assert [studio.store.ahead(job) for job in mine] == [0, 2, 4]
    assert [studio.store.ahead(job) for job in other] == [1, 3]
    turn = [leased.job for leased in studio.lease(5)]
    assert turn == [mine[0], other[0], mine[1], other[1], mine[2]]
    assert studio.store.ahead(mine[0]) is None
    assert studio.store.ahead("no such") is None


def test_priority_is_a_weight(studio: Studio) -> None:
    studio.store.weigh("lecturer", 4.0)
    student, lecturer = studio.ask("ada", count=4), studio.ask("lecturer", count=4)
    turn = [leased.job for leased in studio.lease(8)]
    assert turn == [student[0], lecturer[0], *lecturer[1:], *student[1:]]
    with pytest.raises(LimnerError, match="weight 0 is out of range"):
        studio.store.weigh("ada", 0)


def test_a_worker_gets_jobs_for_its_own_model(studio: Studio) -> None:
    studio.ask()
    assert studio.lease(model="c" * 64) == []
    assert len(studio.lease(model=MODEL)) == 1


def test_what_stands_in_a_database_outlives_its_processes(studio: Studio) -> None:
    jobs = studio.ask(count=2)
    studio.database.close()
    again = connect(studio.url, studio.time)
    assert [leased.job for leased in replace(studio, database=again).lease(2)] == list(jobs)
    again.close()


@pytest.mark.system
@pytest.mark.parametrize("url", ["postgresql"], indirect=True)
def test_a_writer_that_falls_asleep_stops_nobody_for_long(studio: Studio) -> None:
    for setting, seconds in (("idle_in_transaction_session_timeout", "10s"), ("lock_timeout", "30s")):
        assert studio.database.read(lambda c, name=setting: c.scalar(text(f"SHOW {name}"))) == seconds


@pytest.mark.tiny
def test_a_database_needs_a_folder_and_a_file(tmp_path: Path) -> None:
    with pytest.raises(LimnerError, match=r"there is no folder .*nowhere for the database"):
        connect(f"sqlite:///{tmp_path / 'nowhere' / 'studio.db'}")
    for url in ("sqlite://", "sqlite:///:memory:"):
        with pytest.raises(LimnerError, match="in memory loses everything"):
            connect(url)


def test_a_database_of_a_later_limner_is_left_alone(studio: Studio) -> None:
    studio.database.write(lambda moment: moment.run(update(STUDIO).values(version=2)))
    with pytest.raises(LimnerError, match="the database is of version 2; this limner has 1; update limner"):
        connect(studio.url)


@pytest.mark.tiny
@pytest.mark.parametrize("url", ["oracle://x", "nothing", "mysql://x/y"])
def test_a_database_that_limner_does_not_know(url: str) -> None:
    with pytest.raises(LimnerError, match="no database limner knows; say sqlite:///FILE or postgresql://"):
        connect(url)


def test_a_database_that_is_not_there_is_said_in_time_and_tells_no_password() -> None:
    with pytest.raises(LimnerError, match="does not answer") as caught:
        connect("postgresql://limner:secret@127.0.0.1:1/x", patience=0.1)
    assert "secret" not in str(caught.value)
