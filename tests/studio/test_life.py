"""The life of jobs, whatever is done to them and in whatever order, against a model of it that fits on a page."""

from dataclasses import dataclass
from tempfile import TemporaryDirectory

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, multiple, rule
from studios import Studio, Time, pulse

from limner.studio.database import connect
from limner.studio.leases import Leased
from limner.studio.schema import OPEN, State

WORKERS = st.sampled_from(["first", "second"])
PICTURES = st.sampled_from(["b" * 64, "c" * 64])


@dataclass
class Life:
    owner: str
    state: State = State.QUEUED
    lease: str = ""
    until: float = 0.0
    lapses: int = 0
    picture: str | None = None

    def held(self, leased: Leased) -> bool:
        return self.state == State.RUNNING and self.lease == leased.lease


class Lives(RuleBasedStateMachine):
    asked = Bundle("asked")
    leased = Bundle("leased")

    def __init__(self) -> None:
        super().__init__()
        self.folder = TemporaryDirectory()
        time = Time()
        self.studio = Studio("", time, connect(f"sqlite:///{self.folder.name}/studio.db", time))
        self.lives = dict[str, Life]()

    @rule(target=asked, owner=st.sampled_from(["ada", "bob"]), count=st.integers(1, 3))
    def submit(self, owner: str, count: int) -> object:
        jobs = self.studio.ask(owner, count)
        self.lives |= {job: Life(owner) for job in jobs}
        return multiple(*jobs)

    @rule(target=leased, worker=WORKERS, room=st.integers(1, 3))
    def lease(self, worker: str, room: int) -> object:
        for life in self.lives.values():
            if life.state == State.RUNNING and life.until < self.studio.time.now:
                life.lapses += 1
                life.state = State.FAILED if life.lapses == 3 else State.QUEUED
        got = self.studio.lease(room, worker)
        assert len(got) <= room
        for each in got:
            life = self.lives[each.job]
            assert life.state == State.QUEUED
            assert not life.lapses or len(got) == 1
            life.state, life.lease, life.until = State.RUNNING, each.lease, self.studio.time.now + 60
        return multiple(*got)

    @rule(leased=leased, done=st.integers(0, 10))
    def beat(self, leased: Leased, done: int) -> None:
        life = self.lives[leased.job]
        lost = self.studio.leases.beat([pulse(leased, done)])
        assert (lost == []) == life.held(leased)
        if life.held(leased):
            life.until = self.studio.time.now + 60

    @rule(leased=leased, picture=PICTURES)
    def finish(self, leased: Leased, picture: str) -> None:
        life = self.lives[leased.job]
        same = life.state == State.DONE and life.picture == picture
        assert self.studio.leases.finish(pulse(leased), picture) == (life.held(leased) or same)
        if life.held(leased):
            life.state, life.picture = State.DONE, picture

    @rule(leased=consumes(leased))
    def fail(self, leased: Leased) -> None:
        self.studio.leases.fail(pulse(leased), "why", "what to do")
        if self.lives[leased.job].held(leased):
            self.lives[leased.job].state = State.FAILED

    @rule(leased=leased)
    def release(self, leased: Leased) -> None:
        self.studio.leases.release([pulse(leased)], "why")
        if self.lives[leased.job].held(leased):
            self.lives[leased.job].state = State.QUEUED

    @rule(job=asked)
    def cancel(self, job: str) -> None:
        life = self.lives[job]
        life.state = State.CANCELLED if life.state in OPEN else life.state
        assert self.studio.store.cancel(life.owner, job) == life.state

    @rule(seconds=st.sampled_from([1, 40, 61]))
    def wait(self, seconds: int) -> None:
        self.studio.time.passes(seconds)

    @invariant()
    def agrees(self) -> None:
        jobs = {job.id: job for owner in ("ada", "bob") for job in self.studio.store.jobs(owner)}
        told = {job: (each.state, each.lapses, each.picture) for job, each in jobs.items()}
        assert told == {job: (life.state, life.lapses, life.picture) for job, life in self.lives.items()}

    def teardown(self) -> None:
        events = self.studio.store.events(0)
        assert [event.number for event in events] == list(range(1, len(events) + 1))
        for job, life in self.lives.items():
            kinds = [event.kind.value for event in events if event.job == job]
            assert kinds[0] == "queued"
            assert sum(kind in ("done", "failed", "cancelled") for kind in kinds) == (life.state not in OPEN)
            if life.state not in OPEN:
                assert kinds[-1] == life.state
        self.studio.database.close()
        self.folder.cleanup()


TestLives = Lives.TestCase
TestLives.settings = settings(max_examples=15, stateful_step_count=25)
