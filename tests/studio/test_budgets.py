"""What is set aside is settled or given back, once, with the job; the ledger always says what the jobs say."""

from dataclasses import replace
from tempfile import TemporaryDirectory

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, multiple, rule
from sqlalchemy import delete, insert, select, update
from studios import Studio, Time, pulse, recipe

from limner.errors import LimnerError
from limner.studio.budgets import Account, Terms, Unit, accounts, reserve, settle, unbalanced
from limner.studio.database import connect
from limner.studio.leases import Leased
from limner.studio.schema import JOBS, LEDGER, OPEN, OWNERS, State

PICTURE = "b" * 64
TERMS = Terms(1.0, 10, "story", Unit.PICTURES, 5)
SECONDS = replace(TERMS, unit=Unit.MILLISECONDS, budget=10_000)


def ask(studio: Studio, terms: Terms = TERMS, count: int = 1, owner: str = "ada", key: str = "") -> tuple[str, ...]:
    studio.drawn += 1
    return studio.store.submit(owner, key or f"key {studio.drawn}", recipe(), count, terms)


def had(studio: Studio, owner: str = "ada") -> list[Account]:
    assert studio.database.read(unbalanced) == []
    return studio.database.read(lambda connection: accounts(connection, owner))


def test_a_budget_of_pictures_is_set_aside_settled_and_given_back(studio: Studio) -> None:
    jobs = ask(studio, count=4)
    assert had(studio) == [Account("story", Unit.PICTURES, 0, 4)]
    words = "your budget for story has 1 picture left of 5 pictures, and this takes 2 pictures"
    with pytest.raises(LimnerError, match=words):
        ask(studio, count=2)
    assert len(studio.store.jobs("ada")) == 4  # and none of the two was taken
    first, second, third = studio.lease(3)
    studio.leases.finish(pulse(first, spent=9.0), PICTURE)
    studio.leases.fail(pulse(second), "the prompt is odd", "say another")
    studio.store.cancel("ada", third.job)
    studio.store.cancel("ada", jobs[3])
    assert had(studio) == [Account("story", Unit.PICTURES, 1, 0)]
    ask(studio, count=4)
    ask(studio, replace(TERMS, assignment="poster"), count=5)  # another budget
    ask(studio, owner="bob", count=5)  # another's
    assert had(studio) == [Account("poster", Unit.PICTURES, 0, 5), Account("story", Unit.PICTURES, 1, 4)]


def test_a_budget_of_seconds_is_settled_by_what_it_took(studio: Studio) -> None:
    work = 10 * 64 * 64 / 1e6 * 2  # steps, pixels, two passes
    ask(studio, SECONDS, count=2)
    ((_, unit, spent, held),) = [(a.assignment, a.unit, a.spent, a.held) for a in had(studio)]
    assert (unit, spent, held) == (Unit.MILLISECONDS, 0, 2 * 82)  # ceil(1000 * work) at a pace nobody has seen
    assert round(1000 * work, 2) == 81.92
    (held_job,) = studio.lease()
    studio.time.passes(61)
    (again,) = studio.lease(worker="second")  # what a worker that died had spent is not the student's loss
    assert again.job == held_job.job
    studio.leases.beat([pulse(again, spent=3.0)])
    studio.leases.finish(pulse(again, spent=8.0), PICTURE)
    assert had(studio) == [Account("story", Unit.MILLISECONDS, 8000, 82)]
    with pytest.raises(LimnerError, match=r"has 1.9 device-seconds left of 10.0 device-seconds, and this takes 8.0"):
        ask(studio, SECONDS)  # the pace is known now


def test_a_budget_may_be_overdrawn_once_by_what_nobody_knew(studio: Studio) -> None:
    ask(studio, SECONDS)
    (held,) = studio.lease()
    studio.leases.finish(pulse(held, spent=60.0), PICTURE)
    with pytest.raises(LimnerError, match=r"has 0.0 device-seconds left"):
        ask(studio, replace(SECONDS))
    ask(studio, replace(SECONDS, budget=None))


def test_asking_twice_sets_aside_once(studio: Studio) -> None:
    first = ask(studio, count=3, key="k")
    assert ask(studio, count=3, key="k") == first
    assert had(studio)[0].held == 3
    with pytest.raises(LimnerError, match="'k' was used for another wish"):
        ask(studio, replace(TERMS, assignment="poster"), count=3, key="k")
    studio.store.maintain("a new disk")
    assert ask(studio, count=3, key="k") == first


def test_results_that_come_twice_or_late_are_settled_once(studio: Studio) -> None:
    ask(studio, count=2)
    (late,) = studio.lease()
    studio.time.passes(61)
    (held,) = studio.lease(worker="second")
    assert not studio.leases.finish(pulse(late), PICTURE)
    for _ in range(2):
        studio.leases.finish(pulse(held), PICTURE)
        studio.leases.finish(pulse(late), PICTURE)
        studio.store.cancel("ada", held.job)
        studio.leases.fail(pulse(held), "no", "no")
    assert had(studio) == [Account("story", Unit.PICTURES, 1, 1)]


def test_a_poison_job_costs_nothing(studio: Studio) -> None:
    ask(studio)
    for _ in range(4):
        studio.lease()
        studio.time.passes(61)
    assert had(studio) == [Account("story", Unit.PICTURES, 0, 0)]


def test_terms_say_how_many_wait_and_whose_turn_it_is(studio: Studio) -> None:
    with pytest.raises(LimnerError, match="11 pictures are more than 10"):
        ask(studio, replace(TERMS, budget=None), count=11)
    ask(studio, replace(TERMS, share=8.0, budget=None), count=10, owner="eve")
    with pytest.raises(LimnerError, match="10 of your pictures are waiting, and 1 more would be above 10"):
        ask(studio, replace(TERMS, budget=None), owner="eve")
    weight = studio.database.read(lambda c: c.scalar(select(OWNERS.c.weight).where(OWNERS.c.name == "eve")))
    assert weight == 8.0


def test_without_terms_there_is_no_ledger(studio: Studio) -> None:
    studio.ask(count=2)
    studio.leases.finish(pulse(*studio.lease()), PICTURE)
    assert studio.database.read(lambda c: c.execute(select(LEDGER)).all()) == []
    assert had(studio) == []


LINE = {"owner": "ada", "assignment": "story", "unit": "pictures", "at": 0.0}
PLANTED = {
    "closed, but nothing": delete(LEDGER).where(~LEDGER.c.closes),
    "is done, but something is set aside": delete(LEDGER).where(LEDGER.c.closes),
    "is failed, but cost 1": update(JOBS).values(state="failed", picture=None, what="no"),
    "is running, but closed": update(JOBS).values(state="running", until=1.0, picture=None),
    "cost -4": update(LEDGER).where(LEDGER.c.closes).values(amount=-5),
    "is gone, but something": insert(LEDGER).values(**LINE, job="x", closes=False, amount=1),
}


@pytest.mark.parametrize("fault", PLANTED)
def test_a_planted_error_shows(studio: Studio, fault: str) -> None:
    ask(studio)
    studio.leases.finish(pulse(*studio.lease()), PICTURE)
    assert studio.database.read(unbalanced) == []
    studio.database.write(lambda moment: moment.run(PLANTED[fault]))
    (said,) = studio.database.read(unbalanced)
    assert fault in said


class Death(Exception):
    """A process that is killed: what it had not committed was never there."""


@pytest.mark.parametrize("step", ["submit", "finish", "cancel", "fail"])
def test_a_death_between_the_job_and_the_ledger_leaves_neither(
    studio: Studio, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed just before and just after the ledger's line, in the transaction that moves the job."""
    ask(studio, count=3)
    (held,) = studio.lease()
    steps = {
        "submit": lambda: ask(studio, key="again"),
        "finish": lambda: studio.leases.finish(pulse(held), PICTURE),
        "fail": lambda: studio.leases.fail(pulse(held), "no", "no"),
        "cancel": lambda: studio.store.cancel("ada", held.job),
    }
    before = studio.store.counts(), had(studio)
    for name in ("before", "after"):
        for function in ("reserve", "settle", "refund"):
            monkeypatch.setattr(f"limner.studio.budgets.{function}", dying(function, name == "after"))
        with pytest.raises(Death):
            steps[step]()
        monkeypatch.undo()
        assert (studio.store.counts(), had(studio)) == before
    steps[step]()
    assert (studio.store.counts(), had(studio)) != before


def dying(name: str, after: bool) -> object:
    from limner.studio import budgets

    real = getattr(budgets, name)

    def act(*arguments: object) -> None:
        if after:
            real(*arguments)
        raise Death

    return act


def test_the_ledger_s_key_lets_no_line_be_written_twice(studio: Studio) -> None:
    from sqlalchemy.exc import IntegrityError

    (job,) = ask(studio)
    with pytest.raises(IntegrityError):
        studio.database.write(lambda moment: reserve(moment, "ada", TERMS, {job: 1.0}))
    studio.database.write(lambda moment: (settle(moment, job, 1.0), settle(moment, job, 5.0)))
    assert len(studio.database.read(lambda c: c.execute(select(LEDGER)).all())) == 2


class Ledgers(RuleBasedStateMachine):
    """Whatever happens to jobs, in whatever order: what one had is what was done, and what is held is what is open."""

    asked = Bundle("asked")
    leased = Bundle("leased")

    def __init__(self) -> None:
        super().__init__()
        self.folder = TemporaryDirectory()
        time = Time()
        self.studio = Studio("", time, connect(f"sqlite:///{self.folder.name}/studio.db", time))

    @rule(target=asked, owner=st.sampled_from(["ada", "bob"]), count=st.integers(1, 4), twice=st.booleans())
    def submit(self, owner: str, count: int, twice: bool) -> object:
        key = f"unique {self.studio.drawn}"
        open_or_done = len([job for job in self.studio.store.jobs(owner) if job.state in (*OPEN, State.DONE)])
        if open_or_done + count > TERMS.budget:
            with pytest.raises(LimnerError, match="your budget for story"):
                ask(self.studio, TERMS, count, owner, key)
            return multiple()
        jobs = ask(self.studio, TERMS, count, owner, key)
        if twice:
            assert ask(self.studio, TERMS, count, owner, key) == jobs
        return multiple(*jobs)

    @rule(target=leased, worker=st.sampled_from(["first", "second"]), room=st.integers(1, 3))
    def lease(self, worker: str, room: int) -> object:
        return multiple(*self.studio.lease(room, worker))

    @rule(held=leased, twice=st.booleans())
    def finish(self, held: Leased, twice: bool) -> None:
        for _ in range(1 + twice):
            self.studio.leases.finish(pulse(held, spent=2.5), PICTURE)

    @rule(held=leased)
    def fail(self, held: Leased) -> None:
        self.studio.leases.fail(pulse(held), "no", "no")

    @rule(held=consumes(leased))
    def release(self, held: Leased) -> None:
        self.studio.leases.release([pulse(held)], "went home")

    @rule(job=asked, owner=st.sampled_from(["ada", "bob"]))
    def cancel(self, job: str, owner: str) -> None:
        if self.studio.store.job(job).owner == owner:
            self.studio.store.cancel(owner, job)

    @rule(seconds=st.sampled_from([10, 61]))
    def wait(self, seconds: int) -> None:
        self.studio.time.passes(seconds)

    @invariant()
    def balanced(self) -> None:
        for owner in ("ada", "bob"):
            counts = self.studio.store.counts(owner)
            held, spent = sum(counts.get(state, 0) for state in OPEN), counts.get(State.DONE, 0)
            assert had(self.studio, owner) == ([Account("story", Unit.PICTURES, spent, held)] if counts else [])
            assert held + spent <= TERMS.budget

    def teardown(self) -> None:
        self.studio.database.close()
        self.folder.cleanup()


TestLedgers = Ledgers.TestCase
TestLedgers.settings = settings(max_examples=12, stateful_step_count=30, deadline=None)
