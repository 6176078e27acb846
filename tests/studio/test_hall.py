"""Sentences from the hall wait in order, few of each, and are shown once, by whoever teaches."""

import pytest
from studios import Studio

from limner.errors import LimnerError
from limner.studio.hall import EACH, Hall, Stand


@pytest.fixture
def hall(studio: Studio) -> Hall:
    return Hall(studio.database)


def test_a_sentence_waits_is_shown_and_can_be_gone_back_to(hall: Hall) -> None:
    first, second = hall.send("ada", "a  red\napple", "1"), hall.send("bob", "a boat", "1")
    assert hall.send("ada", "said again", "1") == first  # asked twice by the same key
    assert (first.prompt, first.stand) == ("a red apple", Stand.WAITING)
    assert hall.waiting() == [first, second]
    hall.show(second.id, "f" * 16)
    hall.show(first.id, "e" * 16)
    hall.show(first.id, "d" * 16)  # the answer was lost
    assert [(each.id, each.job) for each in hall.shown()] == [(second.id, "f" * 16), (first.id, "e" * 16)]
    assert [each.id for each in hall.shown(1)] == [first.id]
    assert hall.waiting() == []


def test_what_is_left_out_is_not_shown_and_ones_own_may_be_taken_back(hall: Hall) -> None:
    mine, other, shown = (hall.send(owner, "a cat", owner) for owner in ("ada", "bob", "eve"))
    hall.leave(mine.id, "bob")  # who may not
    hall.leave(other.id)
    hall.show(shown.id, "f" * 16)
    hall.leave(shown.id)
    assert [hall.one(each.id).stand for each in (mine, other, shown)] == [Stand.WAITING, Stand.LEFT, Stand.SHOWN]
    hall.leave(mine.id, "ada")
    assert hall.waiting() == []
    assert [each.id for each in hall.of("ada")] == [mine.id]


def test_few_of_each_may_wait(hall: Hall) -> None:
    for number in range(EACH):
        hall.send("ada", "a cat", f"{number}")
    with pytest.raises(LimnerError, match="wait already") as fault:
        hall.send("ada", "a cat", "more")
    assert fault.value.status == 429
    hall.send("bob", "a cat", "more")
    hall.leave(hall.waiting()[0].id)
    hall.send("ada", "a cat", "more")


@pytest.mark.parametrize("prompt", ["", "  \n", "x" * 301, "a\0b"])
def test_what_is_no_sentence_is_refused(hall: Hall, prompt: str) -> None:
    with pytest.raises(LimnerError, match="no sentence"):
        hall.send("ada", prompt, "key")
    with pytest.raises(LimnerError, match="no such sentence"):
        hall.one("nothing")
