"""An honest waiting time: what is ahead, by the pace that was seen, shared by the workers that are there."""

import pytest
from studios import MODEL, Studio, pulse

from limner.studio.staff import Staff
from limner.studio.waiting import LATER, SOONER, Place, words


def drawn(studio: Studio, seconds: float) -> None:
    """A picture that took so long: the pace that is known from here on."""
    studio.ask("eve")
    (held,) = studio.lease()
    studio.leases.finish(pulse(held, 10, seconds), "b" * 64)


def test_what_is_ahead_is_added_up_and_shared(studio: Studio) -> None:
    drawn(studio, 10.0)
    staff = Staff(studio.database)
    first, second, third = studio.ask(count=3)
    assert studio.store.places()[first] == Place("ada", 0, 0)  # nobody works: no time is told
    staff.here("first", MODEL, "cpu")
    for ahead, job in enumerate((first, second, third)):
        place = studio.store.places()[job]
        assert place.ahead == ahead
        assert place.soon == pytest.approx(SOONER * 10 * (ahead + 1))
        assert place.late == pytest.approx(LATER * 10 * (ahead + 1))
    staff.here("second", MODEL, "cpu")
    assert studio.store.places()[third].late == pytest.approx(LATER * (2 * 10 / 2 + 10))


def test_what_runs_counts_for_what_is_left_of_it(studio: Studio) -> None:
    drawn(studio, 10.0)
    Staff(studio.database).here("first", MODEL, "cpu")
    running, waiting = studio.ask(count=2)
    (held,) = studio.lease()
    studio.leases.beat([pulse(held, 6, 6.0)])
    places = studio.store.places()
    assert places[running].running
    assert places[running].late == pytest.approx(LATER * 4)
    assert places[waiting].late == pytest.approx(LATER * 14)


def test_another_models_line_is_another(studio: Studio) -> None:
    studio.ask("bob", count=3, model="c" * 64)
    (job,) = studio.ask()
    assert studio.store.places()[job].ahead == 0


@pytest.mark.parametrize(
    ("place", "said"),
    [
        (Place("ada", 0, 0), "next in line; no worker is here for this model at the moment"),
        (Place("ada", 1, 1), "1 picture before yours; how long this model takes here is not known yet"),
        (Place("ada", 0, 1, 0.4, 1.6, running=True), "being drawn; a few seconds"),
        (Place("ada", 3, 1, 1.0, 12.0), "3 pictures before yours; up to 10 seconds"),
        (Place("ada", 3, 1, 20.0, 80.0), "3 pictures before yours; 20 to 80 seconds"),
        (Place("ada", 30, 1, 100.0, 400.0), "30 pictures before yours; 1 to 7 minutes"),
        (Place("ada", 30, 1, 20.0, 130.0), "30 pictures before yours; up to 2 minutes"),
    ],
)
def test_it_is_said_in_round_numbers(place: Place, said: str) -> None:
    assert words(place) == said
