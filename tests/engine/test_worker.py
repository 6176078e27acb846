"""A worker in its own process gives every job its picture, or says why not, and stops when the day is over."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from multiprocessing import get_context
from multiprocessing.queues import Queue
from queue import Empty

import numpy as np
import pytest
from plain import plain

from limner.bundle import Bundle
from limner.engine import Engine, run, worker
from limner.engine.worker import PATIENT, Failed, Finished, Report, Stepped, Wanted, hire, work
from limner.recipe import VERSION, Recipe


def recipe(bundle: Bundle, seed: int, steps: int = 3) -> Recipe:
    return plain(
        VERSION,
        bundle.identity,
        "a red apple",
        "",
        seed,
        steps,
        "ancestral",
        "trailing",
        1,
        3.0,
        0.0,
        1e4,
        0,
        1,
        32,
        32,
    )


@dataclass
class List:
    """A desk within the process: jobs come two at a time, some are cancelled when they first report."""

    jobs: list[Wanted]
    gone: set[str] = field(default_factory=set)
    reports: list[Report] = field(default_factory=list)

    def pull(self, room: int, wait: bool) -> Sequence[Wanted] | None:
        if not self.jobs:
            return None
        take = min(room, 2)
        pulled, self.jobs = self.jobs[:take], self.jobs[take:]
        return pulled

    def cancelled(self) -> Sequence[str]:
        return [each.name for each in self.reports if isinstance(each, Stepped) and each.name in self.gone]

    def report(self, report: Report) -> None:
        self.reports.append(report)


@pytest.mark.tiny
def test_every_job_is_reported_to_its_end(bundle: Bundle) -> None:
    jobs = [Wanted(str(seed), recipe(bundle, seed)) for seed in range(5)]
    foreign = Wanted("foreign", replace(recipe(bundle, 9), model="0" * 64))
    unknown = Wanted("unknown", replace(recipe(bundle, 9), sampler="eulre"))
    uneven = Wanted("uneven", replace(recipe(bundle, 9), width=33))
    desk = List([*jobs[:2], foreign, unknown, uneven, *jobs[2:]], gone={"3"})
    work(desk, bundle)
    finished = {each.name: each.picture for each in desk.reports if isinstance(each, Finished)}
    failed = {each.name: each for each in desk.reports if isinstance(each, Failed)}
    assert finished.keys() == {"0", "1", "2", "4"}
    assert failed.keys() == {"foreign", "unknown", "uneven"}
    assert "euler" in failed["unknown"].remedy
    assert "does not divide" in failed["uneven"].what
    assert "send the job" in failed["foreign"].remedy
    for name, picture in finished.items():
        ((_, alone),) = run([recipe(bundle, int(name))], bundle)
        np.testing.assert_array_equal(picture, alone)
    steps = [each for each in desk.reports if isinstance(each, Stepped) and each.name == "0"]
    assert [(each.done, each.total) for each in steps] == [(1, 3), (2, 3), (3, 3)]
    assert steps[0].thumbnail.shape == (4, 4, 3)


def test_whatever_goes_wrong_with_a_job_the_worker_goes_on(bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    admit = worker.admit

    def stumbling(engine: Engine, name: str, *more: object) -> None:
        if name == "0":
            raise IndexError("nobody thought of this")
        admit(engine, name, *more)  # type: ignore[arg-type]

    monkeypatch.setattr(worker, "admit", stumbling)
    desk = List([Wanted(str(seed), recipe(bundle, seed)) for seed in range(2)])
    work(desk, bundle)
    assert [each.what for each in desk.reports if isinstance(each, Failed)] == ["IndexError: nobody thought of this"]
    assert [each.name for each in desk.reports if isinstance(each, Finished)] == ["1"]


@dataclass
class Post:
    """A desk between processes."""

    jobs: "Queue[Wanted | None]"
    reports: "Queue[Report | str]"
    over: bool = False

    def pull(self, room: int, wait: bool) -> Sequence[Wanted] | None:
        try:
            job = self.jobs.get(timeout=30) if wait else self.jobs.get_nowait()
        except Empty:
            return []
        return None if job is None else [job]

    def cancelled(self) -> Sequence[str]:
        return []

    def report(self, report: Report) -> None:
        self.reports.put(report)
        if isinstance(report, Finished):
            self.reports.put(os.environ.get("OMP_WAIT_POLICY", "unset"))


def test_a_worker_in_its_own_process_draws_the_same_pixels_and_its_idle_threads_sleep(bundle: Bundle) -> None:
    context = get_context("spawn")
    desk = Post(context.Queue(), context.Queue())
    before = os.environ.get("OMP_WAIT_POLICY")
    process = hire(desk, str(bundle.folder), backend="eager")
    assert os.environ.get("OMP_WAIT_POLICY") == before
    desk.jobs.put(Wanted("job", recipe(bundle, 7)))
    desk.jobs.put(None)
    told = list[Report | str]()
    while not any(isinstance(each, str) for each in told):
        told.append(desk.reports.get(timeout=120))
    process.join(timeout=30)
    assert process.exitcode == 0
    (finished,) = (each for each in told if isinstance(each, Finished))
    ((_, alone),) = run([recipe(bundle, 7)], bundle)
    np.testing.assert_array_equal(finished.picture, alone)
    assert told[-1] == PATIENT["OMP_WAIT_POLICY"]
    assert [each.done for each in told if isinstance(each, Stepped)] == [1, 2, 3]
