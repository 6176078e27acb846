"""Somebody's jobs, found by what they asked for and what became of it."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from sqlalchemy import ColumnElement, func

from limner.studio.schema import JOBS, State
from limner.studio.store import Job, Store

BATCH = 500  # rows that are looked at in one go


@dataclass(frozen=True, slots=True)
class Sought:
    """What is left out may be anything; each of the words is somewhere in the prompt, in letters of either size."""

    words: str = ""
    seed: int | None = None
    model: str = ""  # its identity
    state: State | None = None

    def fits(self, job: Job) -> bool:
        """What the database could only guess: it sees a recipe as a text."""
        prompt = job.recipe.prompt.lower()
        return all(word in prompt for word in self.words.lower().split())


def search(store: Store, owner: str, sought: Sought, last: int, before: str | None = None) -> list[Job]:
    """An owner's latest of these, the newest first; only those older than the job `before`, where there is one."""
    return list(islice(_found(store, owner, sought, before), last))


def _found(store: Store, owner: str, sought: Sought, before: str | None) -> Iterator[Job]:
    while jobs := store.jobs(owner, BATCH, before, _narrowed(sought)):
        yield from filter(sought.fits, jobs)
        before = jobs[-1].id


def _narrowed(sought: Sought) -> list[ColumnElement[bool]]:
    """Conditions that hold for whatever fits, and for little else."""
    found = [
        func.lower(JOBS.c.recipe).contains(json.dumps(word)[1:-1], autoescape=True)
        for word in sought.words.lower().split()
        if word.isascii()  # the recipe spells other letters by their numbers
    ]
    if sought.seed is not None:
        found.append(JOBS.c.recipe.contains(f'"seed":{sought.seed},', autoescape=True))
    if sought.model:
        found.append(JOBS.c.model == sought.model)
    if sought.state is not None:
        found.append(JOBS.c.state == sought.state)
    return found
