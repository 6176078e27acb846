"""What arrived in time is in time, however long the check of it took; and what came last is marked."""

from dataclasses import replace
from pathlib import Path

import pytest
from persons import COURSE, joined
from studios import Studio

from limner.errors import LimnerError
from limner.studio.course import Assignment
from limner.studio.people.handing import Handing
from limner.studio.people.prizes import Prizes
from limner.studio.register import Role
from limner.studio.sheets import Told
from limner.studio.vault import Vault

TOLD = Told("complete", 0, 0, 2, (), (), ("a.jpg", "b.jpg"), True)


@pytest.fixture
def handing(studio: Studio, tmp_path: Path) -> Handing:
    course = replace(COURSE, assignments=(Assignment(name="story", closes=studio.time.now + 60),))
    return Handing(studio.database, Vault(tmp_path / "pictures"), course)


def test_what_arrived_in_time_is_in_time_however_long_its_check_took(studio: Studio, handing: Handing) -> None:
    ada, (story,) = joined(studio, "ada"), handing.assignments
    at = handing.now()
    studio.time.passes(100)
    assert handing.hand_in(ada, story, "AAAA", "a.zip", b"in time", TOLD, at).at == at
    with pytest.raises(LimnerError, match="story closed on"):
        handing.hand_in(ada, story, "AAAA", "a.zip", b"late", TOLD, handing.now())
    assert handing.read(handing.mine(ada)[0]) == b"in time"


def test_what_arrived_last_stays_though_an_older_one_was_checked_after_it(studio: Studio, handing: Handing) -> None:
    ada, (story,) = joined(studio, "ada"), handing.assignments
    older = handing.now()
    studio.time.passes(1)
    newer = handing.hand_in(ada, story, "AAAA", "b.zip", b"newer", TOLD, handing.now())
    assert handing.hand_in(ada, story, "AAAA", "a.zip", b"older", TOLD, older) == newer


def test_votes_are_for_pictures_that_are_still_there(studio: Studio, handing: Handing) -> None:
    ada, tom, (story,) = joined(studio, "ada"), joined(studio, "tom", Role.ASSISTANT), handing.assignments
    prizes = Prizes(studio.database)
    handing.hand_in(ada, story, "AAAA", "a.zip", b"two pictures", TOLD, handing.now())
    prizes.vote(tom, "AAAA", 2)
    handing.hand_in(ada, story, "AAAA", "a.zip", b"two pictures", TOLD, handing.now())
    assert prizes.votes(tom) == {("AAAA", 2): 1}  # the same file again
    handing.hand_in(ada, story, "AAAA", "a.zip", b"one picture", replace(TOLD, pictures=1), handing.now())
    assert prizes.votes(tom) == {}
