"""The real engine at the studio's counter: each picture is that of its recipe, in a file that says how it was made."""

import time
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path
from threading import Thread

import numpy as np
from PIL import Image
from studios import recipe

from limner.bundle import Bundle
from limner.engine import backends, run
from limner.engine.filter import Filter
from limner.engine.worker import Desk, work
from limner.metadata import read
from limner.recipe import Recipe
from limner.studio.house import House
from limner.studio.people.filtering import WHAT, Demand, announce
from limner.studio.rules import Rules
from limner.studio.schema import OPEN, State
from limner.studio.shift import Shift
from limner.studio.store import Store
from limner.studio.worker import Counter, serve


def wanted(bundle: Bundle, steps: int = 3) -> Recipe:
    return replace(recipe(), model=bundle.identity, steps=steps, width=32, height=32)


def house(tmp_path: Path) -> House:
    return House(f"sqlite:///{tmp_path / 'studio.db'}", tmp_path / "pictures", Rules(pulse=0.02))


def close_when_done(store: Store, shift: Shift) -> None:
    while store.counts().keys() & set(OPEN):
        time.sleep(0.05)
    shift.end()


def test_every_job_becomes_its_picture(bundle: Bundle, tmp_path: Path) -> None:
    here = house(tmp_path)
    store, eager = here.store(), backends.eager(bundle)
    jobs = store.submit("ada", "key", wanted(bundle), 3)
    (odd,) = store.submit("bob", "key", replace(wanted(bundle), sampler="eulre"))
    (gone,) = store.submit("eve", "key", wanted(bundle, steps=500))
    shift = Shift(here.leases(), here.vault(), "worker", bundle.identity, 16)
    counter = Counter(shift, {"Model": bundle.name, **backends.circumstances(bundle, eager)}, {})
    assert isinstance(counter, Desk)
    watch = Thread(target=close_when_done, args=(store, shift))
    cancel = Thread(target=cancel_when_it_runs, args=(store, gone))
    for thread in (watch, cancel):
        thread.start()
    work(counter, bundle, backend=eager)
    for thread in (watch, cancel):
        thread.join()
    for seed, job in zip((42, 43, 44), map(store.job, jobs), strict=True):
        path = here.vault().path(job.picture)
        assert read(path).recipe == job.recipe == replace(wanted(bundle), seed=seed)
        assert read(path).settings["Backend"] == "eager"
        ((_, alone),) = run([job.recipe], bundle)
        np.testing.assert_array_equal(np.asarray(Image.open(path)), alone)
        assert (job.done, job.total) == (3, 3)
    failed = store.job(odd)
    assert failed.state == State.FAILED
    assert "euler" in failed.remedy
    assert store.job(gone).state == State.CANCELLED
    assert counter.recipes == {}


def cancel_when_it_runs(store: Store, job: str) -> None:
    while not store.job(job).done:
        time.sleep(0.02)
    assert store.preview(job).startswith(b"\x89PNG")
    store.cancel("eve", job)


def test_a_picture_that_the_filter_stops_is_filed_nowhere(bundle: Bundle, tmp_path: Path) -> None:
    here = house(tmp_path)
    store, eager, seen = here.store(), backends.eager(bundle), list[np.ndarray]()
    announce(store.database, Demand(True, False))

    def second(picture: np.ndarray) -> float:
        """An opinion that nobody can foresee: every second picture is stopped."""
        seen.append(picture)
        return 0.8 if len(seen) % 2 == 0 else 0.79

    jobs = store.submit("ada", "key", wanted(bundle), 2)
    back = here.back()
    assert back.watches
    shift = Shift(back.leases, back.vault, "worker", bundle.identity, 16, filters=True)
    counter = Counter(shift, {"Model": bundle.name, **backends.circumstances(bundle, eager)}, {}, Filter(second))
    watch = Thread(target=close_when_done, args=(store, shift))
    watch.start()
    work(counter, bundle, backend=eager)
    watch.join()
    passed, stopped = sorted(map(store.job, jobs), key=lambda job: job.state)
    assert (passed.state, stopped.state, stopped.what) == (State.DONE, State.FAILED, WHAT)
    kept = here.vault().path(passed.picture)
    assert [path for path in here.pictures.rglob("*") if path.is_file()] == [kept]
    np.testing.assert_array_equal(np.asarray(Image.open(kept)), seen[0])
    assert store.preview(passed.id) is store.preview(stopped.id) is None
    assert shift.watched == set()


def test_a_worker_that_is_asked_to_end_hands_back_what_it_holds(bundle: Bundle, tmp_path: Path) -> None:
    here = house(tmp_path)
    store = here.store()
    jobs = store.submit("ada", "key", wanted(bundle, steps=1000), 2)
    arguments = here, str(bundle.folder), "cpu", None, "eager"
    process = get_context("spawn").Process(target=serve, args=arguments)
    process.start()
    while not any(store.job(job).done for job in jobs):
        time.sleep(0.1)
        assert process.is_alive()
    process.terminate()
    process.join(timeout=30)
    assert process.exitcode == 0
    assert [(store.job(job).state, store.job(job).lapses) for job in jobs] == [(State.QUEUED, 0)] * 2
