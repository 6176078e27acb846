"""The authority on jobs, as a worker sees it: a job is lent for a while, and whoever holds it says how it ended."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from json import dumps

from sqlalchemy import insert, select, update

from limner.recipe import Recipe, from_json
from limner.studio import budgets, turns
from limner.studio.database import Database, Moment, Record
from limner.studio.line import line
from limner.studio.notary import Notary
from limner.studio.rules import USUAL, Rules
from limner.studio.schema import EXPLAINED, JOBS, MODELS, OWNERS, Kind, State


@dataclass(frozen=True, slots=True)
class Leased:
    """A job that is this worker's for a while, under a token; one that `explains` is of what words looked at."""

    job: str
    lease: str
    recipe: Recipe
    explains: bool = False


@dataclass(frozen=True, slots=True)
class Pulse:
    """A worker's word on a job it holds: `done` of `total` forward passes, device-seconds so far, and a look at it."""

    job: str
    lease: str
    done: int = 0
    total: int = 0
    spent: float = 0.0
    preview: bytes | None = None


@dataclass(frozen=True, slots=True)
class Leases:
    """The queue's back.  Every call is one transaction, and may be made again where its answer was lost."""

    database: Database
    rules: Rules = USUAL
    notary: Notary | None = None  # who signs for what was drawn; nobody, where nothing is drawn

    def lease(self, worker: str, model: str, room: int, token: str) -> list[Leased]:
        """At most `room` jobs for this model, whose turn it is, under a token that the worker drew for this call.

        A job whose lease ran out before may have been its worker's end: it is tried again alone, so that it takes no
        neighbours with it.
        """
        return self.database.write(lambda moment: self._leased(moment, worker, model, room, token))

    def _leased(self, moment: Moment, worker: str, model: str, room: int, token: str) -> list[Leased]:
        self._lapse(moment)
        running = select(JOBS).where(JOBS.c.worker == worker, JOBS.c.state == State.RUNNING)
        held = moment.run(running.order_by(JOBS.c.number))
        if again := [row for row in held if row.lease == token]:  # the answer was lost on its way
            return _lent(moment, again, token)
        if moment.closed or any(row.lapses for row in held):
            return []
        turn = line(moment.connection, moment.now, self.rules, model, each=room)
        chosen = [row for waiting in islice(turn, room) if (row := _row(moment, waiting.job))]
        suspects = [place for place, row in enumerate(chosen) if row.lapses]
        if suspects:  # those before it come first; then it, when the worker holds nothing else
            chosen = chosen[: suspects[0] or (0 if held else 1)]
        until = moment.now + self.rules.lease
        for row in chosen:
            change = {"state": State.RUNNING, "lease": token, "worker": worker, "until": until, "spent": 0.0}
            moment.run(update(JOBS).where(JOBS.c.id == row.id).values(**change, done=0, total=0, preview=None))
            moment.tell(row.id, Kind.LEASED, {"attempt": row.lapses + 1})
        return _lent(moment, chosen, token)

    def beat(self, pulses: Sequence[Pulse]) -> list[Pulse]:
        """Those of the jobs that this worker holds no longer: cancelled, or lent to another after a lease ran out."""
        return self.database.write(lambda moment: [each for each in pulses if not self._beaten(moment, each)])

    def _beaten(self, moment: Moment, pulse: Pulse) -> bool:
        row = self._charged(moment, pulse)
        if row is None:
            return False
        change = {"until": moment.now + self.rules.lease, "done": pulse.done, "total": pulse.total}
        look = {} if pulse.preview is None else {"preview": pulse.preview}
        moment.run(update(JOBS).where(JOBS.c.id == row.id).values(**change, **look))
        if pulse.done != row.done:
            moment.tell(row.id, Kind.STEPPED, {"done": pulse.done, "total": pulse.total})
        return True

    def finish(self, pulse: Pulse, picture: str, notes: Sequence[str] = ()) -> bool:
        """Whether this picture, whose file is on the disk, is the job's one result.

        It is if the worker still holds the job, or comes with what another brought already; else it is refused.  Its
        receipt is written with it: neither is there without the other.
        """
        seen = self.notary.look(picture) if self.notary else None  # before anybody waits for us

        def act(moment: Moment) -> bool:
            if (row := self._charged(moment, pulse)) is None:
                now = _row(moment, pulse.job)
                return now is not None and now.state == State.DONE and now.picture == picture
            if not _explaining(moment, [row.id]):  # which tells nothing of how long a picture takes, and is none
                self._learn(moment, row.model, pulse.spent, row.work)
                if self.notary:
                    self.notary.sign(moment, row, seen)
            passes = {"done": pulse.total, "total": pulse.total}
            _end(moment, row.id, State.DONE, {"picture": picture, "notes": dumps(list(notes)), **passes})
            budgets.settle(moment, row.id, pulse.spent)
            moment.tell(row.id, Kind.DONE, {"picture": picture})
            return True

        return self.database.write(act)

    def fail(self, pulse: Pulse, what: str, remedy: str) -> None:
        """The job is over, and why; nothing, where the worker holds it no longer."""

        def act(moment: Moment) -> None:
            if (row := self._charged(moment, pulse)) is not None:
                _fail(moment, row.id, what, remedy)

        self.database.write(act)

    def release(self, pulses: Sequence[Pulse], why: str) -> None:
        """A worker hands back what it holds: to each its old turn, and no lapse is counted."""

        def act(moment: Moment) -> None:
            for pulse in pulses:
                if (row := self._charged(moment, pulse)) is not None:
                    _return(moment, row.id, why, row.lapses)

        self.database.write(act)

    def recall(self, why: str) -> None:
        """Nobody who held anything is there any more: to each job its old turn, and no lapse is counted."""

        def act(moment: Moment) -> None:
            running = select(JOBS).where(JOBS.c.state == State.RUNNING).order_by(JOBS.c.number)
            for row in moment.run(running):
                _return(moment, row.id, why, row.lapses)

        self.database.write(act)

    def _lapse(self, moment: Moment) -> None:
        """Take back what is held by those who were not heard of; and end what ended too many."""
        lost = select(JOBS).where(JOBS.c.state == State.RUNNING, JOBS.c.until < moment.now).order_by(JOBS.c.number)
        for row in moment.run(lost):
            if (lapses := row.lapses + 1) < self.rules.lapses:
                _return(moment, row.id, "its worker was not heard of", lapses)
            else:
                moment.run(update(JOBS).where(JOBS.c.id == row.id).values(lapses=lapses))
                what = f"{lapses} workers in a row were not heard of again while they drew it"
                _fail(moment, row.id, what, "ask for less, or have somebody look at the workers")

    def _charged(self, moment: Moment, pulse: Pulse) -> Record | None:
        """The job's row if this worker holds it; what it cost under this lease is on its owner's account either way."""
        row = _row(moment, pulse.job)
        if row is None or row.lease != pulse.lease:
            return None
        if (more := pulse.spent - row.spent) > 0:
            (owner,) = moment.run(select(OWNERS).where(OWNERS.c.name == row.owner))
            used = turns.decayed(owner.used, moment.now - owner.used_at, self.rules.halflife) + more
            moment.run(update(OWNERS).where(OWNERS.c.name == row.owner).values(used=used, used_at=moment.now))
            moment.run(update(JOBS).where(JOBS.c.id == row.id).values(spent=pulse.spent))
        return row if row.state == State.RUNNING else None

    def _learn(self, moment: Moment, model: str, spent: float, work: float) -> None:
        known = moment.run(select(MODELS.c.pace).where(MODELS.c.identity == model))
        pace = turns.learnt(known[0].pace if known else None, spent, work)
        if known:
            moment.run(update(MODELS).where(MODELS.c.identity == model).values(pace=pace))
        else:
            moment.run(insert(MODELS).values(identity=model, pace=pace))


def _lent(moment: Moment, rows: Sequence[Record], token: str) -> list[Leased]:
    explaining = _explaining(moment, [row.id for row in rows])
    return [Leased(row.id, token, from_json(row.recipe), row.id in explaining) for row in rows]


def _explaining(moment: Moment, jobs: Sequence[str]) -> set[str]:
    """Those of these jobs that explain a picture."""
    return {str(row.job) for row in moment.run(select(EXPLAINED.c.job).where(EXPLAINED.c.job.in_(jobs)))}


def _row(moment: Moment, job: str) -> Record | None:
    return next(iter(moment.run(select(JOBS).where(JOBS.c.id == job))), None)


def _return(moment: Moment, job: str, why: str, lapses: int) -> None:
    waits = {"state": State.QUEUED, "until": None, "done": 0, "total": 0, "preview": None, "lapses": lapses}
    moment.run(update(JOBS).where(JOBS.c.id == job).values(**waits))
    moment.tell(job, Kind.RETURNED, {"why": why, "lapses": lapses})


def _fail(moment: Moment, job: str, what: str, remedy: str) -> None:
    _end(moment, job, State.FAILED, {"what": what or "no reason was given", "remedy": remedy})
    budgets.refund(moment, job)
    moment.tell(job, Kind.FAILED, {"what": what, "remedy": remedy})


def _end(moment: Moment, job: str, state: State, values: Mapping[str, object]) -> None:
    over = {"state": state, "until": None, "preview": None}
    moment.run(update(JOBS).where(JOBS.c.id == job).values(**over, **values))
