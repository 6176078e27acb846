"""Studies of a class: whose they are, which job draws which picture, and every label that anybody gave."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256

from sqlalchemy import Select, delete, func, insert, select, update

from limner.audit.study import Study, read, written
from limner.audit.tally import UNDONE, Answer, Answers, last_of, standing
from limner.errors import LimnerError
from limner.recipe import Recipe, from_json, to_json
from limner.studio.database import Database, Moment, Record
from limner.studio.register import TAKEN
from limner.studio.schema import JOBS, LABELS, STUDIED, STUDIES, State
from limner.studio.store import explains

LONGEST, EACH = 2000, 40  # characters of whom it harms; studies of one person
DEAD = (State.FAILED, State.CANCELLED)


@dataclass(frozen=True, slots=True)
class Made:
    """A study as it stands; `first` is the recipe of its first picture."""

    id: str
    owner: str
    study: Study
    first: Recipe
    pooled: bool
    second: bool

    def recipes(self) -> dict[str, Recipe]:
        """All that it takes, by the pictures' names."""
        prompts = self.study.prompts
        return {
            each.name: replace(self.first, prompt=prompts[each.arm], seed=each.seed) for each in self.study.pictures
        }


@dataclass(frozen=True, slots=True)
class Drawn:
    """A picture of a study: its job, how that stands, and the file, once it may be looked at."""

    job: str
    state: State
    picture: str | None


@dataclass(frozen=True, slots=True)
class Studies:
    """Every call is one transaction, and may be made again where its answer was lost."""

    database: Database

    def make(self, owner: str, key: str, study: Study, first: Recipe, pooled: bool) -> str:
        """Its name: one for each key.  LimnerError where one person has too many."""
        name = sha256(f"study {owner} {key}".encode("utf-8", "replace")).hexdigest()[:16]
        row = {"id": name, "owner": owner, "question": written(study), "recipe": to_json(first), "pooled": pooled}

        def act(moment: Moment) -> None:
            if moment.run(select(STUDIES.c.id).where(STUDIES.c.id == name)):
                return
            if len(moment.run(select(STUDIES.c.id).where(STUDIES.c.owner == owner))) >= EACH:
                raise LimnerError(f"{EACH} studies are yours already", "take one back that nobody has labelled", 429)
            last = moment.connection.scalar(select(func.max(STUDIES.c.number))) or 0
            moment.run(insert(STUDIES).values(**row, number=last + 1, second=False, at=moment.now))

        self.database.write(act)
        return name

    def one(self, name: str) -> Made:
        """LimnerError where there is none of that name."""
        for found in self._found(select(STUDIES).where(STUDIES.c.id == name)):
            return found
        raise LimnerError("no such study of yours", "see the list of your studies", 404)

    def of(self, owner: str) -> list[Made]:
        """Somebody's own, the latest first."""
        return self._found(select(STUDIES).where(STUDIES.c.owner == owner).order_by(STUDIES.c.number.desc()))

    def wanting(self, who: str, last: int = 30) -> list[Made]:
        """Others' for which a second rater is sought."""
        others = select(STUDIES).where(STUDIES.c.second, STUDIES.c.owner != who)
        return self._found(others.order_by(STUDIES.c.number.desc()).limit(last))

    def seek(self, name: str, owner: str, second: bool) -> None:
        """Whether others may label it, too."""
        self._set(name, owner, {"second": second})

    def say(self, name: str, owner: str, harm: str) -> None:
        """Whom it harms, and how."""
        words = " ".join(harm.split())
        if len(words) > LONGEST or "\0" in words:
            raise LimnerError("that is too long", f"say it in {LONGEST} characters")
        made = self.one(name)
        told = written(replace(made.study, harm=words.encode("utf-8", "replace").decode()))
        self._set(name, owner, {"question": told})

    def leave(self, name: str, owner: str) -> None:
        """It is taken back.  LimnerError where somebody has labelled it: what was looked at stays in the family."""

        def act(moment: Moment) -> None:
            if moment.run(select(LABELS.c.number).where(LABELS.c.study == name).limit(1)):
                raise LimnerError("somebody has labelled it", "it stays: a study that was looked at is of the family")
            moment.run(delete(STUDIES).where(STUDIES.c.id == name, STUDIES.c.owner == owner))

        self.database.write(act)

    def drawn(self, made: Made) -> dict[str, Drawn]:
        """Those of its pictures that a job draws or has drawn; one that was taken down is nobody's to look at."""
        rows = select(STUDIED.c.picture.label("name"), JOBS.c.id, JOBS.c.state, JOBS.c.picture, TAKEN.c.why)
        rows = rows.join(JOBS, JOBS.c.id == STUDIED.c.job).outerjoin(TAKEN, TAKEN.c.picture == JOBS.c.picture)
        return {
            row.name: Drawn(row.id, State(row.state), None if row.why else row.picture)
            for row in self._rows(rows.where(STUDIED.c.study == made.id))
            if row.state not in DEAD
        }

    def pooled(self, owner: str, recipes: Iterable[Recipe], whole: bool) -> dict[str, str]:
        """Jobs that draw these very recipes, by its JSON: one's own; if `whole`, those of pooled studies, too."""
        said = [to_json(each) for each in recipes]
        mine = select(JOBS.c.recipe, JOBS.c.id).where(JOBS.c.owner == owner, ~explains())
        shared = select(JOBS.c.recipe, JOBS.c.id).join(STUDIED, STUDIED.c.job == JOBS.c.id)
        shared = shared.join(STUDIES, STUDIES.c.id == STUDIED.c.study).where(STUDIES.c.pooled)
        found = dict[str, str]()
        for statement in (shared, mine) if whole else (mine,):
            alive = statement.where(JOBS.c.recipe.in_(said), JOBS.c.state.not_in(DEAD))
            found |= {row.recipe: row.id for row in self._rows(alive)}
        return found

    def bound(self, made: Made) -> dict[str, str]:
        """Which job was the last to draw each picture, whatever became of it."""
        rows = select(STUDIED).where(STUDIED.c.study == made.id)
        return {row.picture: row.job for row in self._rows(rows)}

    def bind(self, name: str, jobs: Mapping[str, str]) -> None:
        """From here on these jobs draw these pictures."""

        def act(moment: Moment) -> None:
            for picture, job in jobs.items():
                moment.run(delete(STUDIED).where(STUDIED.c.study == name, STUDIED.c.picture == picture))
                moment.run(insert(STUDIED).values(study=name, picture=picture, job=job))

        self.database.write(act)

    def lines(self, name: str) -> list[Answer]:
        """Every label that was ever given, in their order."""
        rows = select(LABELS).where(LABELS.c.study == name).order_by(LABELS.c.number)
        return [Answer(row.rater, row.picture, row.answer) for row in self._rows(rows)]

    def answers(self, made: Made) -> Answers:
        return standing(made.study, self.lines(made.id))

    def label(self, made: Made, answer: Answer) -> None:
        """A label; the same again, where the answer was lost on its way, changes nothing."""

        def act(moment: Moment) -> None:
            rows = moment.run(select(LABELS).where(LABELS.c.study == made.id).order_by(LABELS.c.number))
            lines = [Answer(row.rater, row.picture, row.answer) for row in rows]
            if standing(made.study, lines).get(answer.picture, {}).get(answer.rater) is None:
                _add(moment, made.id, rows, answer)

        self.database.write(act)

    def undo(self, made: Made, rater: str, picture: str) -> None:
        """That picture's label is taken back, if it is the rater's last."""

        def act(moment: Moment) -> None:
            rows = moment.run(select(LABELS).where(LABELS.c.study == made.id).order_by(LABELS.c.number))
            last = last_of([Answer(row.rater, row.picture, row.answer) for row in rows], rater)
            if last and last.picture == picture:
                _add(moment, made.id, rows, Answer(rater, picture, UNDONE))

        self.database.write(act)

    def _set(self, name: str, owner: str, values: Mapping[str, object]) -> None:
        which = STUDIES.c.id == name, STUDIES.c.owner == owner
        self.database.write(lambda moment: moment.run(update(STUDIES).where(*which).values(**values)))

    def _found(self, statement: Select[*tuple[object, ...]]) -> list[Made]:
        return [
            Made(row.id, row.owner, read(row.question, "the study"), from_json(row.recipe), row.pooled, row.second)
            for row in self._rows(statement)
        ]

    def _rows(self, statement: Select[*tuple[object, ...]]) -> Sequence[Record]:
        return self.database.read(lambda connection: connection.execute(statement).all())


def _add(moment: Moment, study: str, rows: Sequence[Record], answer: Answer) -> None:
    told = {"rater": answer.rater, "picture": answer.picture, "answer": answer.answer}
    moment.run(insert(LABELS).values(study=study, number=len(rows) + 1, at=moment.now, **told))
