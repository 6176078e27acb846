"""An explanation is a job like others, but no picture: asked for once, in its turn, paid for, gone with the picture."""

import pytest
from sqlalchemy import delete, select
from studios import Studio, pulse

from limner.errors import LimnerError
from limner.studio import budgets
from limner.studio.budgets import Terms, Unit
from limner.studio.explanation import Sheet, explain, explanation, read
from limner.studio.schema import JOBS, OWNERS, SUBMISSIONS, State


def drawn(studio: Studio) -> str:
    (job,) = studio.ask()
    (held,) = studio.lease()
    assert not held.explains
    assert studio.leases.finish(pulse(held, 10, 2.0), "b" * 64)
    return job


def test_it_is_asked_for_once_and_is_in_no_list_of_pictures(studio: Studio) -> None:
    job = drawn(studio)
    (maps,) = {explain(studio.store, "ada", job) for _ in range(3)}
    assert [each.id for each in studio.store.jobs("ada")] == [job]
    assert [each.id for each in studio.store.submission("ada", studio.store.job(job).submission)] == [job]
    assert explanation(studio.store, job).id == maps
    assert explanation(studio.store, maps) is None
    assert studio.store.job(maps).recipe == studio.store.job(job).recipe
    assert studio.kinds(maps) == ["queued"]
    assert studio.store.submit("ada", "key 1", studio.store.job(job).recipe) == (job,)  # asked again by its key


def test_who_leases_it_is_told_and_it_teaches_nobody_how_long_a_picture_takes(studio: Studio) -> None:
    job = drawn(studio)
    pace = studio.store.places
    maps = explain(studio.store, "ada", job)
    before = studio.store.places()[maps].late
    (held,) = studio.leases.lease("first", "a" * 64, 1, "t" * 16)
    assert (held.job, held.explains) == (maps, True)
    assert studio.leases.lease("first", "a" * 64, 1, "t" * 16) == [held]  # the answer was lost
    assert studio.leases.finish(pulse(held, 10, 50.0), "c" * 64)
    again = explain(studio.store, "ada", drawn(studio))
    assert pace()[again].late in (before, None)
    used = studio.database.read(lambda connection: connection.scalar(select(OWNERS.c.used)))
    assert used == pytest.approx(54.0)  # which is fair: its seconds count like a picture's


def test_only_ones_own_finished_pictures_are_explained(studio: Studio) -> None:
    job = drawn(studio)
    (waiting,) = studio.ask()
    maps = explain(studio.store, "ada", job)
    for owner, name in (("bob", job), ("ada", waiting), ("ada", maps), ("ada", "nothing")):
        with pytest.raises(LimnerError, match="no picture") as fault:
            explain(studio.store, owner, name)
        assert fault.value.status == 404


def test_one_that_came_to_nothing_may_be_asked_for_again(studio: Studio) -> None:
    job = drawn(studio)
    first = explain(studio.store, "ada", job)
    studio.store.cancel("ada", first)
    second = explain(studio.store, "ada", job)
    assert second != first
    (held,) = studio.lease()
    studio.leases.fail(pulse(held), "the prompt is empty", "")
    assert explanation(studio.store, job).state == State.FAILED
    assert explain(studio.store, "ada", job) not in (first, second)


def test_it_waits_under_the_cap_and_while_the_studio_is_open(studio: Studio) -> None:
    job = drawn(studio)
    studio.ask(count=40)
    with pytest.raises(LimnerError, match="above 40"):
        explain(studio.store, "ada", job)
    studio.store.maintain("a new disk")
    with pytest.raises(LimnerError, match="a new disk"):
        explain(studio.store, "ada", job)


def test_seconds_pay_for_it_and_pictures_do_not(studio: Studio) -> None:
    job, other = drawn(studio), drawn(studio)
    few = Terms(1.0, 20, "story", Unit.MILLISECONDS, budget=10)
    with pytest.raises(LimnerError, match="device-seconds"):
        explain(studio.store, "ada", job, few)
    explain(studio.store, "ada", job, Terms(1.0, 20, "story", Unit.PICTURES, budget=0))
    maps = explain(studio.store, "ada", other, Terms(1.0, 20, "story", Unit.MILLISECONDS, budget=10**6))
    while (held := studio.lease()) and held[0].job != maps:
        pass
    assert studio.leases.finish(pulse(held[0], 10, 3.0), "c" * 64)
    (account,) = studio.database.read(lambda connection: budgets.accounts(connection, "ada"))
    assert (account.spent, account.held) == (3000, 0)
    assert studio.database.read(budgets.unbalanced) == []


def test_it_goes_with_the_picture(studio: Studio) -> None:
    job = drawn(studio)
    explain(studio.store, "ada", job)
    studio.database.write(lambda moment: moment.run(delete(SUBMISSIONS)))
    assert studio.database.read(lambda connection: connection.execute(select(JOBS)).all()) == []


def test_a_sheet_says_how_to_read_it() -> None:
    sheet = Sheet(["a", "b\u00e9"], [(1, 14.6), (3, 0.3)], 48, 32)
    assert read(sheet.spelt()) == sheet
