"""A job is lent to one worker at a time, comes back when that is not heard of, and has one result."""

from concurrent.futures import ThreadPoolExecutor
from multiprocessing import get_context

import pytest
from studios import MODEL, Studio, pulse

from limner.studio.database import connect
from limner.studio.leases import Leases
from limner.studio.rules import Rules
from limner.studio.schema import State
from limner.studio.store import Store

PICTURE, OTHER = "b" * 64, "c" * 64


def test_a_heartbeat_keeps_a_lease_and_silence_loses_it(studio: Studio) -> None:
    (job,) = studio.ask()
    (held,) = studio.lease()
    for done in range(3):
        studio.time.passes(50)
        assert studio.leases.beat([pulse(held, done)]) == []
    assert studio.lease(worker="second") == []
    studio.time.passes(61)
    (again,) = studio.lease(worker="second")
    assert (again.job, again.recipe) == (job, held.recipe)
    assert studio.leases.beat([pulse(held)]) == [pulse(held)]
    assert studio.leases.beat([pulse(again)]) == []
    assert studio.kinds(job) == ["queued", "leased", "stepped", "stepped", "returned", "leased"]
    assert studio.store.job(job).lapses == 1


def test_a_late_heartbeat_counts_until_another_asks_for_work(studio: Studio) -> None:
    studio.ask()
    (held,) = studio.lease()
    studio.time.passes(3600)  # the machine slept
    assert studio.leases.beat([pulse(held)]) == []
    assert studio.lease(worker="second") == []


def test_a_late_result_is_refused_unless_it_is_the_result(studio: Studio) -> None:
    (job,) = studio.ask()
    (late,) = studio.lease()
    studio.time.passes(61)
    (held,) = studio.lease(worker="second")
    assert not studio.leases.finish(pulse(late), PICTURE)
    studio.leases.fail(pulse(late), "no", "no")
    studio.leases.release([pulse(late)], "no")
    assert studio.leases.finish(pulse(held), PICTURE)
    assert studio.leases.finish(pulse(held), PICTURE)  # the answer was lost, and it asks again
    assert studio.leases.finish(pulse(late), PICTURE)
    assert not studio.leases.finish(pulse(late), OTHER)
    assert studio.store.job(job).picture == PICTURE
    assert studio.kinds(job).count("done") == 1


def test_who_asks_again_with_the_same_token_gets_the_same_jobs(studio: Studio) -> None:
    studio.ask(count=5)
    first = studio.leases.lease("first", MODEL, 2, "token")
    assert studio.leases.lease("first", MODEL, 2, "token") == first
    assert len(studio.lease(5)) == 3


def test_a_job_that_ends_its_workers_is_ended(studio: Studio) -> None:
    poison, sound = studio.ask(count=2)
    for attempt in range(3):
        held = studio.lease(2)
        assert [leased.job for leased in held] == ([poison, sound] if attempt == 0 else [poison])
        studio.time.passes(61)
    (held,) = studio.lease(2)
    job = studio.store.job(poison)
    assert (held.job, job.state, job.lapses) == (sound, State.FAILED, 3)
    assert "3 workers in a row were not heard of" in job.what
    assert studio.leases.finish(pulse(held), PICTURE)


def test_a_suspect_is_tried_alone_and_does_not_starve(studio: Studio) -> None:
    (suspect,) = studio.ask("ada")
    studio.lease()
    studio.time.passes(61)
    others = studio.ask("bob", count=3)
    (held,) = studio.lease(4, worker="second")
    assert held.job == suspect
    assert studio.lease(4, worker="second") == []  # no company, while it runs
    (company,) = studio.lease(1, worker="third")
    assert company.job == others[0]
    studio.leases.release([pulse(held)], "went home")
    assert studio.lease(4, worker="third") == []  # it is its turn: whoever is at work ends that first
    studio.leases.finish(pulse(company), PICTURE)
    assert [leased.job for leased in studio.lease(4, worker="third")] == [suspect]


def test_those_before_a_suspect_come_first(studio: Studio) -> None:
    (suspect,) = studio.ask("ada")
    (held,) = studio.lease()
    studio.leases.beat([pulse(held, spent=1e4)])
    studio.time.passes(61)
    others = studio.ask("bob", count=2)
    assert [leased.job for leased in studio.lease(4)] == list(others)
    assert studio.store.job(suspect).state == State.QUEUED


def test_what_is_handed_back_has_its_turn_again_and_no_lapse(studio: Studio) -> None:
    jobs = studio.ask(count=3)
    held = studio.lease(2)
    studio.leases.release([pulse(each) for each in held], "its worker went home")
    assert [leased.job for leased in studio.lease(3)] == list(jobs)
    assert studio.kinds(jobs[0]) == ["queued", "leased", "returned", "leased"]
    assert studio.store.job(jobs[0]).lapses == 0


def test_use_is_charged_once_and_forgotten(studio: Studio) -> None:
    studio.ask("ada", count=2)
    studio.ask("bob", count=2)
    (mine,) = studio.lease()
    for spent in (3.0, 5.0, 5.0):
        studio.leases.beat([pulse(mine, spent=spent)])
    assert studio.leases.finish(pulse(mine, spent=9.0), PICTURE)
    assert studio.leases.finish(pulse(mine, spent=9.0), PICTURE)
    assert used(studio, "ada") == pytest.approx(9.0)
    (other,) = studio.lease()  # bob's
    studio.store.cancel("bob", other.job)
    studio.leases.beat([pulse(other, spent=4.0)])  # who cancels at the last step has had the device
    assert used(studio, "bob") == pytest.approx(4.0)
    studio.time.passes(3600)
    (third,) = studio.lease()
    studio.leases.beat([pulse(third, spent=1.0)])
    assert used(studio, "bob") == pytest.approx(4.0 / 2 + 1.0)


def used(studio: Studio, owner: str) -> float:
    from sqlalchemy import select

    from limner.studio.schema import OWNERS

    return studio.database.read(lambda c: c.scalar(select(OWNERS.c.used).where(OWNERS.c.name == owner)))


def test_what_runs_counts_as_used(studio: Studio) -> None:
    """Two workers who come at once serve two owners, though neither has had anything yet."""
    mine, other = studio.ask("ada", count=2), studio.ask("bob", count=1)
    assert [studio.lease(worker=name)[0].job for name in ("first", "second")] == [mine[0], other[0]]


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
def test_all_who_always_wait_get_their_share(studio: Studio) -> None:
    """As `turns` promises, through the store: seconds that were reported, and a pace that is learnt."""
    seconds, weights = {"ada": 5.0, "bob": 20.0, "eve": 5.0}, {"ada": 1.0, "bob": 1.0, "eve": 2.0}
    had = dict.fromkeys(seconds, 0.0)
    for owner, weight in weights.items():
        studio.store.weigh(owner, weight)
        studio.ask(owner, count=2)
    for _ in range(60):
        (held,) = studio.lease()
        owner = studio.store.job(held.job).owner
        studio.time.passes(seconds[owner])
        studio.leases.finish(pulse(held, spent=seconds[owner]), PICTURE)
        had[owner] += seconds[owner]
        studio.ask(owner)
    for owner, weight in weights.items():
        fair = sum(had.values()) * weight / 4
        assert abs(had[owner] - fair) <= max(seconds[owner], 0.1 * fair), (owner, had)


def test_two_at_once_never_get_the_same_job(studio: Studio) -> None:
    studio.rules = Rules(cap=100)
    jobs = {job for owner in "abcd" for job in studio.ask(owner, count=10)}

    def drain(worker: str) -> list[str]:
        got, turn = list[str](), 0
        while held := studio.leases.lease(worker, MODEL, 3, f"{worker} {(turn := turn + 1)}"):
            got += [leased.job for leased in held]
        return got

    with ThreadPoolExecutor(4) as pool:
        got = [job for each in pool.map(drain, ["first", "second", "third", "fourth"]) for job in each]
    assert sorted(got) == sorted(jobs)


def _drain(url: str, worker: str) -> list[str]:
    """In a process of its own: submit, and finish whatever there is."""
    database = connect(url, patience=30.0)
    leases, got = Leases(database), list[str]()
    from studios import recipe

    Store(database).submit(worker, "key", recipe(), 5)
    Store(database).submit("all", "the same key", recipe(), 5)
    while held := leases.lease(worker, MODEL, 2, f"{worker} {len(got)}"):
        got += [leased.job for leased in held if leases.finish(pulse(leased, spent=0.1), PICTURE)]
    database.close()
    return got


def test_processes_too(url: str) -> None:
    """They make the tables together, ask for the same thing together, and draw each job once."""
    with get_context("spawn").Pool(2) as pool:
        got = [job for each in pool.starmap(_drain, [(url, name) for name in "ab"]) for job in each]
    database = connect(url)
    assert len(got) == len(set(got)) == 15
    assert Store(database).counts() == {State.DONE: 15}
    assert [event.number for event in Store(database).events(0)] == list(range(1, 46))
    database.close()
