"""An engine in a process of its own: it pulls jobs while it has room for them, and says what becomes of each."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.process import BaseProcess
from typing import Protocol, TypeAlias, runtime_checkable

import torch

from limner.bundle import Bundle, open_bundle
from limner.engine import backends
from limner.engine.backends import Backend
from limner.engine.capacity import profile
from limner.engine.device import choose
from limner.engine.engine import Engine, Order, blamed, shortest_first
from limner.engine.film import Camera, Film, camera
from limner.engine.preview import Looker, Thumbnail, looker
from limner.engine.run import Picture, Reader, admit, passes, pixels
from limner.errors import LimnerError
from limner.recipe import Recipe
from limner.score.denoiser import Denoiser

HELD = 16  # jobs among which the shortest is found; the others wait where they came from
PATIENT = {"OMP_WAIT_POLICY": "PASSIVE"}  # an idle thread that spins takes the core of whoever is beside us


@dataclass(frozen=True, slots=True)
class Wanted:
    """A picture somebody waits for; or, where it is to be `explained`, what its words look at as it is drawn again."""

    name: str
    recipe: Recipe
    explained: bool = False


@dataclass(frozen=True, slots=True)
class Stepped:
    """How far a job is, in forward passes, and what it looks like, small (`preview.Looker` says how small)."""

    name: str
    done: int
    total: int
    thumbnail: Thumbnail


@dataclass(frozen=True, slots=True)
class Finished:
    """The picture, and what was done otherwise than usual, a line each."""

    name: str
    picture: Picture
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Explained:
    """What the words of a picture looked at."""

    name: str
    film: Film
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Failed:
    """The job is over, and why: one line, and what to do about it."""

    name: str
    what: str
    remedy: str


Report: TypeAlias = Stepped | Finished | Explained | Failed


@runtime_checkable
class Desk(Protocol):
    """Where jobs come from and reports go to: the only thing a worker knows of the world."""

    def pull(self, room: int, wait: bool) -> Sequence[Wanted] | None:
        """At most `room` jobs; `wait` until there is one; None when the day is over."""
        ...

    def cancelled(self) -> Sequence[str]:
        """Names that nobody waits for any more."""
        ...

    def report(self, report: Report) -> None: ...


@torch.no_grad()
def work(desk: Desk, bundle: Bundle, order: Order = shortest_first, backend: Backend | None = None) -> None:
    """Serve the desk until its day is over and every job that was pulled has been reported."""
    backend = backends.eager(bundle) if backend is None else backend
    engine, read, look = Engine(backend.denoiser, room(bundle, backend.denoiser), order), Reader(bundle), looker(bundle)
    totals, cameras, open_ = dict[str, int](), dict[str, Camera](), True
    while open_ or engine.busy:
        pulled = desk.pull(HELD - len(totals), wait=not engine.busy) if open_ and len(totals) < HELD else []
        open_ = open_ and pulled is not None
        for wanted in pulled or []:
            try:
                cameras |= taken(engine, wanted, read, backend)
                totals[wanted.name] = passes(wanted.recipe)
            except Exception as fault:
                reason = blamed(fault)
                desk.report(Failed(wanted.name, reason.what, reason.remedy))
        for name in desk.cancelled():
            engine.cancel(name)
            totals.pop(name, None)
            cameras.pop(name, None)
        tell(desk, engine, totals, cameras, look)


def taken(engine: Engine, wanted: Wanted, read: Reader, backend: Backend) -> dict[str, Camera]:
    """What is wanted is a job of the engine now, under a camera if it is to be explained; LimnerError if it cannot."""
    bundle = read.bundle
    if wanted.recipe.model != bundle.identity:
        raise LimnerError(f"this worker holds {bundle.name}", "send the job to one that holds its model")
    cameras = {wanted.name: camera(wanted.recipe, bundle)} if wanted.explained else {}
    watchers = [each.frames.control for each in cameras.values()]
    admit(engine, wanted.name, wanted.recipe, read, watchers, backend)
    return cameras


def tell(desk: Desk, engine: Engine, totals: dict[str, int], cameras: dict[str, Camera], look: Looker) -> None:
    """One tick, and what there is to report of it."""
    for job in engine.tick():
        if job.denoised is not None and job.name not in engine.failed:
            total = totals[job.name]
            done = min(total, total - job.left)
            desk.report(Stepped(job.name, done, total, look(job.denoised, done, total)))
    for name in list(engine.finished):
        notes = tuple(engine.said.pop(name, ()))
        picture = pixels(engine.finished.pop(name))
        desk.report(developed(name, cameras.pop(name), notes) if name in cameras else Finished(name, picture, notes))
        totals.pop(name)
    for name in list(engine.failed):
        fault = engine.failed.pop(name)
        engine.said.pop(name, None)
        desk.report(Failed(name, fault.what, fault.remedy))
        totals.pop(name)
        cameras.pop(name, None)


def developed(name: str, seen: Camera, notes: tuple[str, ...]) -> Report:
    try:
        return Explained(name, seen.film(), notes)
    except LimnerError as fault:
        return Failed(name, fault.what, fault.remedy)


def room(bundle: Bundle, denoiser: Denoiser) -> tuple[int, ...]:
    """The sizes of a pass: one job at a time on a CPU, which more rows make no faster; measured elsewhere."""
    if bundle.device.type == "cpu":
        return ()
    shape = bundle.latent_shape(int(bundle.defaults["width"]), int(bundle.defaults["height"]))
    return profile(denoiser, shape, bundle.context([""]), bundle.device).sizes


def hire(
    desk: Desk, model: str, device: str | None = None, dtype: str | None = None, backend: str | None = None
) -> BaseProcess:
    """A worker in a fresh process, one for each device, whose idle threads sleep; the desk must survive the journey.

    Without a `backend` it takes the one that the canary chooses, which it asks now if it was never asked here.
    """
    process = get_context("spawn").Process(target=_serve, args=(desk, model, device, dtype, backend), daemon=True)
    with environment(PATIENT):
        process.start()
    return process


def _serve(desk: Desk, model: str, device: str | None, dtype: str | None, backend: str | None) -> None:
    bundle = opened(model, device, dtype)
    work(desk, bundle, backend=chosen(bundle, backend))


def opened(model: str, device: str | None, dtype: str | None) -> Bundle:
    """A model where it will work."""
    place = choose(device, dtype)
    return open_bundle(model, place.device, place.dtype)


def chosen(bundle: Bundle, backend: str | None) -> Backend:
    """The backend of that name; unnamed the canary's choice, who is asked now, for a minute, if never before."""
    if backend is None and backends.verdict(bundle) is None:
        backends.prepare(bundle)
    return backends.choose(bundle, backend)


@contextmanager
def environment(names: dict[str, str]) -> Iterator[None]:
    """These variables for whoever is born meanwhile."""
    before = {name: os.environ.get(name) for name in names}
    os.environ.update(names)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name)
            else:
                os.environ[name] = value
