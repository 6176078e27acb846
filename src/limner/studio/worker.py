"""An engine that serves the studio's queue, a process for each device: the studio's one part that knows tensors."""

import io
import os
import platform
import signal
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from secrets import token_hex
from threading import Thread

from limner.bundle import Bundle
from limner.bundle.acceptance import licence
from limner.bundle.published import published
from limner.engine.backends import circumstances
from limner.engine.film import Film
from limner.engine.filter import Filter
from limner.engine.filter import opened as filter_opened
from limner.engine.preview import Thumbnail
from limner.engine.worker import HELD, Explained, Failed, Finished, Report, Stepped, Wanted, chosen, opened, work
from limner.errors import LimnerError
from limner.metadata import encode
from limner.pictures.heat import atlas
from limner.recipe import Recipe
from limner.studio.back import Employer, Roll
from limner.studio.explanation import CHUNK, Sheet
from limner.studio.leases import LACKING
from limner.studio.shift import Shift
from limner.studio.staff import CALL, Card

SOON = 0.25  # seconds in which it is seen that a shift is over
AHEAD = 2  # jobs that a CPU's worker holds: the one that is drawn, and the next


@dataclass(frozen=True, slots=True)
class Counter:
    """The studio as an engine sees it (`engine.worker.Desk`): reports become heartbeats, files and results."""

    shift: Shift
    extras: Mapping[str, str]  # what a picture's file says beside its recipe
    recipes: dict[str, Recipe]
    filter: Filter | None = None

    def pull(self, room: int, wait: bool) -> Sequence[Wanted] | None:
        jobs = self.shift.pull(room, wait)
        self.recipes.update(jobs or [])
        return None if jobs is None else [Wanted(name, recipe, name in self.shift.explaining) for name, recipe in jobs]

    def cancelled(self) -> Sequence[str]:
        gone = self.shift.gone()
        for name in gone:
            self.recipes.pop(name, None)
        return gone

    def report(self, report: Report) -> None:
        if isinstance(report, Stepped):
            self.shift.step(report.name, report.done, report.total, small(report.thumbnail))
            return
        recipe = self.recipes.pop(report.name, None)
        if recipe is None:
            return  # nobody waits for it any more
        if isinstance(report, Failed):
            self.shift.fail(report.name, report.what, report.remedy)
        elif isinstance(report, Explained):
            self.shift.finish(report.name, developed(report.film), report.notes)
        elif (score := self._withheld(report)) is not None:
            self.shift.withhold(report.name, score)
        else:
            self.shift.finish(report.name, self._file(report, recipe), report.notes)

    def _withheld(self, report: Finished) -> float | None:
        """What the filter says of a picture that nobody should see; LimnerError rather than one that is not looked at.

        Only a worker that has one is given jobs that are watched.
        """
        if report.name not in self.shift.watched:
            return None
        if self.filter is None:
            raise LimnerError(*LACKING)
        score = self.filter.score(report.picture)
        return score if score >= self.filter.threshold else None

    def _file(self, report: Finished, recipe: Recipe) -> bytes:
        said = {"Notes": "; ".join(report.notes)} if report.notes else {}
        return encode(report.picture, "png", recipe, {**self.extras, **said})


def small(thumbnail: Thumbnail) -> bytes:
    """A look at a picture on its way, as a PNG file."""
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(thumbnail).save(file, "PNG")
    return file.getvalue()


def developed(film: Film) -> bytes:
    """A film as one picture: a row for each word, and a column for all steps, then for each, as its text says."""
    about = Sheet(film.words, film.steps, film.maps.shape[3], film.maps.shape[2])
    return atlas(film.maps, {CHUNK: about.spelt()})


def card(model: str, bundle: Bundle) -> Card:
    """What must be known of a model to ask for its pictures, from the weights themselves."""
    terms = licence(model)
    text = terms.text() if terms and terms.asks else ""
    name = model if model in published() else bundle.name  # a class file may call it by its label
    return Card(bundle.identity, name, bundle.factor, bundle.defaults, terms.name if terms else "", text)


def present(staff: Roll, shift: Shift, device: str) -> None:
    """Say again and again that this worker is there, so that waiting times can be told; and at the end that it left."""
    try:
        while not shift.over:
            staff.here(shift.worker, shift.model, device)
            for _ in range(int(CALL / SOON)):
                if not shift.over:
                    time.sleep(SOON)
        staff.left(shift.worker)
    except LimnerError:
        return  # the database was away for long: the shift will find the same


def serve(
    employer: Employer, model: str, device: str | None = None, dtype: str | None = None, backend: str | None = None
) -> None:
    """Work until this process is asked to end (SIGTERM), which hands back what it holds.  For a process of its own."""
    back = employer.back()  # who may not work there need not read weights
    filter_ = filter_opened() if back.watches else None
    bundle = opened(model, device, dtype)
    worker = f"{platform.node()} {os.getpid()} {token_hex(4)}"
    most = AHEAD if bundle.device.type == "cpu" else HELD
    shift = Shift(back.leases, back.vault, worker, bundle.identity, most, back.idle, filters=filter_ is not None)
    signal.signal(signal.SIGTERM, lambda *_: shift.end())
    back.staff.announce(card(model, bundle))
    presence = Thread(target=present, args=(back.staff, shift, str(bundle.device)), name="presence", daemon=True)
    presence.start()
    fastest = chosen(bundle, backend)
    work(Counter(shift, {"Model": bundle.name, **circumstances(bundle, fastest)}, {}, filter_), bundle, backend=fastest)
    presence.join(2 * CALL)
