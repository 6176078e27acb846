"""A grid over two or three fields of a recipe: asked for at once, and seen as it fills."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

from fastapi import Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette.concurrency import run_in_threadpool

from limner.errors import LimnerError
from limner.recipe import FIELDS, Recipe, Value
from limner.studio.grid import axes
from limner.studio.rules import USUAL
from limner.studio.web import form, shown
from limner.studio.web.asked import WISHED
from limner.studio.web.front import Front
from limner.studio.web.page import render
from limner.studio.web.user import Asker, User

AXES = {"x": "Columns", "y": "Rows", "z": "Sheets"}
CHOICE = ("", *form.DESK, *form.DRAWER, "model", *form.RARE)
SPAN = re.compile(r"(\d{1,10})\s*\.\.\s*(\d{1,10})")


@dataclass(frozen=True, slots=True)
class Grids:
    front: Front

    async def form(self, request: Request, user: Asker, again: str | None = None) -> Response:
        """Where a grid is asked for, with the fields that stand in the address, or those of a picture of yours."""
        said: dict[str, object] = {
            name: text
            for name, text in request.query_params.items()
            if name in ("model", *WISHED) or name.rstrip("s") in AXES
        }
        if again is not None:
            said = {**form.again((await run_in_threadpool(self.front.job, user, again)).recipe), **said}
        return await self._form(user, {"x": "steps", "y": "seed", **said})

    async def ask(self, request: Request, user: Asker) -> Response:
        """The form was sent: to the grid; or back, where something is wrong with what it says."""
        said = await form.said(request)
        try:
            submission = await run_in_threadpool(self._asked, user, said)
        except LimnerError as fault:
            return await self._form(user, said, fault)
        return RedirectResponse(f"/tries/{submission}/grid", 303)

    async def page(self, submission: str, user: Asker) -> Response:
        """What was asked for at once, by what differs."""
        jobs = await run_in_threadpool(self.front.submission, user, submission)
        after = await run_in_threadpool(self.front.store.last)
        models = {card.identity: card.name for card in await run_in_threadpool(self.front.cards)}
        found = axes([job.recipe for job in jobs])[: len(AXES)]
        said = {each["id"]: each for each in await shown.cards(self.front, jobs)}
        values = [each.values for each in found] + [("",)] * (len(AXES) - len(found))
        names = [form.NAMES.get(each.field, each.field.replace("_", " ").capitalize()) for each in found]
        cells = {tuple(getattr(job.recipe, each.field) for each in found): said[job.id] for job in jobs}
        return HTMLResponse(
            render(
                "grid.html",
                {
                    "id": submission,
                    "recipe": jobs[0].recipe,
                    "first": jobs[0].id,
                    "names": names + [""] * (len(AXES) - len(found)),
                    "axes": [[(value, models.get(str(value), value)) for value in each] for each in values],
                    "cells": {_key(key): job for key, job in cells.items()},
                    "prompted": any(each.field == "prompt" for each in found),
                    "marks": await shown.marks(self.front, user, jobs),
                    **shown.alive(after, jobs),
                },
            )
        )

    async def _form(self, user: User, said: Mapping[str, object], fault: LimnerError | None = None) -> Response:
        values = await run_in_threadpool(form.values, self.front, user, said, fault)
        about = {name: form.NAMES.get(name, name.replace("_", " ").capitalize()) for name in CHOICE}
        page = render("gridform.html", {**values, "axes": AXES, "choice": {**about, "": "nothing"}})
        return HTMLResponse(page, fault.status if fault else 200)

    def _asked(self, user: User, said: Mapping[str, str]) -> str:
        recipes = [self._recipe(said, point) for point in points(said)]
        names = self.front.order(user, recipes, said.get("key", ""), said.get("assignment", ""))
        return self.front.job(user, names[0]).submission

    def _recipe(self, said: Mapping[str, str], point: Mapping[str, str]) -> Recipe:
        full = {**said, **point}
        return self.front.card(full.get("model", "")).recipe(form.wish(full))


def points(said: Mapping[str, str]) -> Iterator[dict[str, str]]:
    """What each picture of the grid says of the fields that differ: columns change first, then rows, then sheets."""
    chosen = {axis: name for axis in AXES if (name := said.get(axis, ""))}
    if not {"x", "y"} <= chosen.keys():
        raise LimnerError("a grid has columns and rows", "choose a field for each")
    if len(set(chosen.values())) < len(chosen):
        raise LimnerError("a field can be on one side of a grid alone", "choose different ones")
    lines = {name: spread(name, said.get(f"{axis}s", "")) for axis, name in reversed(chosen.items())}
    count = 1
    for each in lines.values():
        count *= len(each)
    if count > USUAL.cap:
        sides = " x ".join(str(len(each)) for each in reversed(lines.values()))
        raise LimnerError(f"{sides} are {count} pictures, more than {USUAL.cap}", "take some values away")
    return (dict(zip(lines, values, strict=True)) for values in product(*lines.values()))


def spread(name: str, text: str) -> list[str]:
    """The values of one side: a line for each; numbers may be divided by commas, and whole ones be said as 1..4."""
    if name not in CHOICE:
        raise LimnerError(f"there is no field {name[:64]!r}", "choose one that is listed")
    kind = FIELDS[name].kind if name != "model" else str
    parts = text.splitlines() if kind is str else re.split(r"[,;\n]", text)
    values = [value for part in parts for value in _spanned(part.strip(), kind is int) if value]
    if len(set(values)) < 2:
        raise LimnerError(f"{form.NAMES.get(name, name)} needs two values or more", "write each on a line of its own")
    return list(dict.fromkeys(values))


def _spanned(part: str, whole: bool) -> Sequence[str]:
    found = SPAN.fullmatch(part) if whole else None
    if not found:
        return [part]
    first, last = int(found[1]), int(found[2])
    if last - first >= USUAL.cap:
        raise LimnerError(f"{part} are more than {USUAL.cap} values", "take some away")
    return [str(number) for number in range(first, last + 1)]


def _key(values: Sequence[Value]) -> tuple[Value, ...]:
    """A cell's place, of all three sides."""
    return tuple(values) + ("",) * (len(AXES) - len(values))
