"""A picture of anybody's gives its recipe back, as far as there is one: read, and thrown away."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import BinaryIO
from urllib.parse import urlencode

from fastapi import Request
from fastapi.responses import HTMLResponse, Response
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile

from limner.errors import LimnerError
from limner.metadata import Reading, read_from
from limner.recipe import Recipe, Value, said
from limner.studio.staff import Card
from limner.studio.web.asked import WISHED
from limner.studio.web.form import NAMES, again
from limner.studio.web.front import Front
from limner.studio.web.page import render
from limner.studio.web.user import Asker

LONGEST = 20_000  # characters of what a picture says that a page shows


@dataclass(frozen=True, slots=True)
class Usable:
    """What of a reading can be asked for here, and a line for each thing that cannot."""

    fields: Mapping[str, Value]
    unmet: Sequence[str]
    link: str


@dataclass(frozen=True, slots=True)
class Pictures:
    front: Front

    def page(self, user: Asker) -> Response:
        """Where a picture is dropped or chosen."""
        return self._page()

    async def read(self, request: Request, user: Asker) -> Response:
        """What a picture says of how it was made, of any of several programs.  It is not kept."""
        async with request.form(max_files=1, max_fields=4) as form:
            sent = form.get("picture")
            if not isinstance(sent, UploadFile) or not sent.size:
                return self._page(fault=LimnerError("no picture came along", "choose a PNG, JPEG or WebP file"))
            return await run_in_threadpool(self._read, sent.file, sent.filename or "the picture")

    def _read(self, file: BinaryIO, name: str) -> Response:
        try:
            found = read_from(file, "the picture")
        except LimnerError as fault:
            return self._page(name, fault=fault)
        return self._page(name, found, usable(found, self.front.cards()))

    def _page(
        self, name: str = "", found: Reading | None = None, use: Usable | None = None, fault: LimnerError | None = None
    ) -> Response:
        values = {
            "name": name[:200], "found": found, "use": use, "fault": fault, "names": NAMES, "longest": LONGEST,
        }  # fmt: skip
        return HTMLResponse(render("read.html", values), fault.status if fault else 200)


def usable(found: Reading, cards: Sequence[Card]) -> Usable:
    """A recipe of limner's whole, where its model is here; of others' what limner understands."""
    fields = again(found.recipe) if found.recipe else said(found.wish)
    unmet, card = list(found.unmet), _model(found, cards)
    if fields.pop("model", None) and card is None:
        unmet.append(f"its model, {found.model or 'which it does not name'}: not here, so the picture will be another")
    elif card is None and found.model:
        unmet.append(f"its model, {found.model[:100]}: not here, so the picture will be another")
    for name in [each for each in fields if each not in WISHED]:
        if fields.pop(name) and name.startswith("edit"):
            unmet.append("the picture that it edits: limner edit does that, from the command line")
    for name in ("width", "height"):
        if (factor := _factor(card, cards)) and int(fields.get(name, 0)) % factor:
            unmet.append(f"{name} {fields.pop(name)}: it does not divide by {factor}")
    asked = {**({"model": card.name} if card else {}), **fields}
    return Usable(fields, list(dict.fromkeys(unmet)), f"/?{urlencode(asked)}" if fields else "")


def _model(found: Reading, cards: Sequence[Card]) -> Card | None:
    """The very weights that a recipe names; for a name, whatever is called so here."""
    recipe: Recipe | None = found.recipe
    if recipe:
        return next((card for card in cards if card.identity == recipe.model), None)
    return next((card for card in cards if card.name == found.model), None)


def _factor(card: Card | None, cards: Sequence[Card]) -> int:
    first = card or next(iter(cards), None)
    return first.factor if first else 0
