"""A film is the heat maps of `explain`, step by step, and watching it changes no pixel."""

from dataclasses import replace

import numpy as np
import pytest
from plain import plain

from limner.bundle import Bundle
from limner.engine import run
from limner.engine.explain import explain
from limner.engine.film import FRAMES, WORDS, camera
from limner.engine.worker import Explained, Failed, Finished, Report, Wanted, work
from limner.errors import LimnerError
from limner.recipe import VERSION, Recipe


def recipe(bundle: Bundle, **fields: object) -> Recipe:
    wished = plain(
        VERSION, bundle.identity, "a red apple", "", 7, 3, "heun", "trailing", 1, 3.0, 0.0, 1e4, 0, 1, 64, 32
    )
    return replace(wished, **fields)


class Desk:
    """One job after the other, and what is said of them."""

    def __init__(self, *jobs: Wanted) -> None:
        self.jobs, self.reports = list(jobs), list[Report]()

    def pull(self, room: int, wait: bool) -> list[Wanted] | None:
        return [self.jobs.pop(0)] if self.jobs else None

    def cancelled(self) -> list[str]:
        return []

    def report(self, report: Report) -> None:
        self.reports.append(report)


def test_all_steps_together_are_what_explain_says_and_the_picture_stays(bundle: Bundle) -> None:
    wanted = recipe(bundle)
    seen = camera(wanted, bundle)
    ((_, watched),) = run([wanted], bundle, [seen.frames.control])
    ((_, plainly),) = run([wanted], bundle)
    np.testing.assert_array_equal(watched, plainly)
    film = seen.film()
    assert film.words == ("a", "red", "apple")
    assert [number for number, _ in film.steps] == [1, 2, 3, 4, 5]  # Heun looks twice in all steps but the last
    assert film.maps.shape == (1 + 5, 3, 24, 48)
    sized = replace(seen, size=(32, 64)).film()
    for (_, whole), mine in zip(explain(wanted, bundle)[1], sized.maps[0], strict=True):
        np.testing.assert_allclose(mine, whole, atol=1e-5)  # float32 sums in another order
    assert np.ptp(film.maps[1:].reshape(5, -1), axis=0).max() > 0.1  # steps are not all the same


def test_of_many_steps_and_words_some_are_kept(bundle: Bundle) -> None:
    long = camera(recipe(bundle, prompt="a red apple " * 30, steps=100, sampler="euler"), bundle)
    assert len(long.words) == WORDS
    assert len(long.frames.kept) == FRAMES
    assert {0, 99} < set(long.frames.kept)


def test_a_worker_explains_and_draws_side_by_side(bundle: Bundle) -> None:
    wanted = recipe(bundle)
    desk = Desk(
        Wanted("film", wanted, explained=True),
        Wanted("picture", wanted),
        Wanted("mute", replace(wanted, prompt=""), explained=True),
        Wanted("deaf", replace(wanted, guidance=0.0), explained=True),
    )
    work(desk, bundle)
    ended = {each.name: each for each in desk.reports if isinstance(each, Explained | Failed | Finished)}
    assert isinstance(ended["film"], Explained)
    assert isinstance(ended["picture"], Finished)
    assert ended["film"].film.words == ("a", "red", "apple")
    assert (ended["mute"].what, ended["deaf"].what) == ("the prompt is empty", "the prompt was never looked at")


def test_what_was_never_looked_at_has_no_film(bundle: Bundle) -> None:
    with pytest.raises(LimnerError, match="never looked at"):
        camera(recipe(bundle), bundle).film()
