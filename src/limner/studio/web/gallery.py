"""All that somebody ever asked for: searched, compared, and taken along."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import IO
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile

from fastapi import Request
from fastapi.responses import HTMLResponse, Response
from starlette.concurrency import run_in_threadpool

from limner.errors import LimnerError
from limner.recipe import FIELDS, NEUTRAL
from limner.studio.schema import State
from limner.studio.search import Sought, search
from limner.studio.staff import Card
from limner.studio.store import Job
from limner.studio.web import shown
from limner.studio.web.download import zipped
from limner.studio.web.form import NAMES, field
from limner.studio.web.front import Front
from limner.studio.web.page import render
from limner.studio.web.receipts import Receipts
from limner.studio.web.user import Asker, User

SHOWN = 60  # pictures on one page, of which all may be chosen
BESIDE = 4  # pictures side by side
WORDY = 200  # characters to search for


@dataclass(frozen=True, slots=True)
class Gallery:
    front: Front

    @property
    def receipts(self) -> Receipts:
        return Receipts(self.front)

    async def page(
        self, user: Asker, words: str = "", seed: str = "", model: str = "", state: str = "", before: str | None = None
    ) -> Response:
        """Your tries, the newest first: those that have these words in the prompt, this seed, model and state."""
        cards = await run_in_threadpool(self.front.cards)
        asked = {"words": words, "seed": seed, "model": model, "state": state}
        try:
            jobs = await run_in_threadpool(self._found, user, _sought(cards, words, seed, model, state), before)
            fault = None
        except LimnerError as wrong:
            jobs, fault = [], wrong
        after = await run_in_threadpool(self.front.store.last)
        values = {
            "asked": asked,
            "narrowed": any(asked.values()),
            "fault": fault,
            "cards": cards,
            "states": [each.value for each in State],
            "seeds": FIELDS["seed"],
            "tries": await shown.tries(self.front, jobs[:SHOWN]),
            "marks": await shown.marks(self.front, user, jobs[:SHOWN]),
            "older": jobs[SHOWN - 1].id if len(jobs) > SHOWN else None,
            "newer": before,
            "most": BESIDE,
            "pick": True,
            **shown.alive(after, jobs),
        }
        return HTMLResponse(render("gallery.html", values), fault.status if fault else 200)

    async def compare(self, request: Request, user: Asker) -> Response:
        """Two to four of your pictures side by side, with what differs between their recipes."""
        jobs = await run_in_threadpool(self._chosen, user, request, BESIDE)
        if len(jobs) < 2:
            raise LimnerError("there is nothing to compare", f"choose two to {BESIDE} pictures in the gallery")
        names = {card.identity: card.name for card in await run_in_threadpool(self.front.cards)}
        after = await run_in_threadpool(self.front.store.last)
        values = {
            "jobs": await shown.cards(self.front, jobs),
            "marks": await shown.marks(self.front, user, jobs),
            "rows": list(rows(jobs, names)),
            **shown.alive(after, jobs),
        }
        return HTMLResponse(render("compare.html", values))

    def pack(self, request: Request, user: Asker) -> Response:
        """Some of your pictures as a zip, with their recipes."""
        jobs = self._chosen(user, request, SHOWN)
        if not jobs:
            raise LimnerError("nothing was chosen", "choose pictures in the gallery")

        def write(file: IO[bytes]) -> None:
            with ZipFile(file, "w", ZIP_DEFLATED) as archive:
                told = [self._packed(archive, user, job) for job in jobs]
                archive.writestr("recipes.json", json.dumps(told, indent=2) + "\n")

        return zipped("limner.zip", write)

    def _packed(self, archive: ZipFile, user: User, job: Job) -> dict[str, object]:
        """What is said of it beside its file, which may be lost: that takes none of the others along."""
        said: dict[str, object] = {"job": job.id, "try": job.submission, "state": job.state, "file": None}
        if job.picture:
            name = f"limner-{job.recipe.seed}-{job.id}.png"
            try:
                archive.writestr(name, self.receipts.file(user, job, "png"), ZIP_STORED)  # it is packed already
                said["file"] = name
            except LimnerError as fault:
                said["missing"] = fault.what
        return {**said, "recipe": asdict(job.recipe)}

    def _found(self, user: User, sought: Sought, before: str | None) -> list[Job]:
        return search(self.front.store, user.name, sought, SHOWN + 1, before)

    def _chosen(self, user: User, request: Request, most: int) -> list[Job]:
        """The jobs that are named in the address, each once."""
        names = list(dict.fromkeys(request.query_params.getlist("job")))
        if len(names) > most:
            raise LimnerError(f"{len(names)} pictures are more than {most}", "choose fewer")
        return [self.front.job(user, name) for name in names]


def rows(jobs: Sequence[Job], models: dict[str, str]) -> Iterator[tuple[str, list[str], bool]]:
    """Each field of the recipes, what each of them says, and whether they differ: those that do come first."""
    said = [asdict(job.recipe) for job in jobs]
    for each in said:
        each["model"] = models.get(each["model"], each["model"][:10])
    found = [
        (NAMES.get(name, name.replace("_", " ").capitalize()), [str(each[name]) for each in said])
        for name in FIELDS
        if name != "version" and any(each[name] not in ("", NEUTRAL.get(name)) for each in said)
    ]
    for differ in (True, False):
        for name, values in found:
            if (len(set(values)) > 1) == differ:
                yield name, values, differ


def _sought(cards: Sequence[Card], words: str, seed: str, model: str, state: str) -> Sought:
    """What the form says; LimnerError where that is no seed or no state, or more words than anybody remembers."""
    if len(words) > WORDY:
        raise LimnerError(f"{len(words)} characters are more than {WORDY}", "search for fewer words")
    number = field("seed", seed.strip()) if seed.strip() else None
    if state and state not in list(State):
        raise LimnerError(f"{state[:20]!r} is no state", f"choose one of {', '.join(State)}")
    identity = next((card.identity for card in cards if card.name == model), model)
    return Sought(words, number if isinstance(number, int) else None, identity, State(state) if state else None)
