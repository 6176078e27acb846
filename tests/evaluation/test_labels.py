"""Two who look at the same pictures are compared by a rule that was there before they looked."""

import numpy as np
import pytest

from limner.evaluation.exercises import Vocabulary
from limner.evaluation.labels import BROKEN, alpha, asked_for, compared, meant
from limner.evaluation.oracle import Oracle, made
from limner.evaluation.reader import Reader
from limner.evaluation.seen import Found, Seen
from limner.evaluation.segmenter import Segmenter
from limner.pictures.nouns import nouns

KNOWN = Vocabulary(("cat", "mouse", "owl", "rat"), ("shape",))


@pytest.fixture
def oracle() -> Oracle:
    return made(Segmenter((8, 8, 8)), Reader(KNOWN, (8, 8, 8, 8)), KNOWN, [("mouse", "rat")], 0.0)


def seen(word: str, broken: bool = False) -> Seen:
    return Seen((Found(word, 1.0, "", "shape", np.ones((4, 4), bool)),), broken)


def test_alpha_by_hand() -> None:
    # labels a a, a a, b b, a b: coincidences a-a 4, b-b 2, a-b 1, b-a 1; n = 8, n_a = 5, n_b = 3
    # alpha = 1 - 7 * 2 / (5 * 3 + 3 * 5)
    assert alpha([("a", "a"), ("a", "a"), ("b", "b"), ("a", "b")]) == pytest.approx(1 - 7 * 2 / 30)
    assert alpha([("a", "a"), ("b", "b")]) == 1.0
    assert alpha([("a", "b"), ("b", "a")]) < 0


def test_agreement_counts_where_a_word_is_given(oracle: Oracle) -> None:
    looked = {"0": seen("cat"), "1": seen("mouse"), "2": seen("owl"), "3": seen("owl", broken=True), "4": seen("")}
    answers = {"0": ["cat"], "1": ["rat"], "2": [BROKEN], "3": ["owl"], "4": [BROKEN]}
    found = compared(oracle, looked, answers)
    assert (found.agreed, found.given, found.refused, found.both_refused) == (2, 3, 2, 1)
    assert (found.undecided, found.among) == (0, None)


def test_of_several_readers_more_than_half_decide(oracle: Oracle) -> None:
    looked = {"0": seen("cat"), "1": seen("mouse"), "2": seen("owl"), "3": seen("")}
    answers = {
        "0": ["owl", "cat", "Cats"], "1": ["rat", "mouse", BROKEN], "2": ["owl", "cat", BROKEN], "3": [BROKEN] * 3,
    }  # fmt: skip
    found = compared(oracle, looked, answers)
    assert (found.agreed, found.given, found.refused, found.both_refused, found.undecided) == (2, 2, 1, 1, 1)
    assert found.alpha == 1.0
    assert found.among is not None
    assert 0 < found.among < 1
    two = compared(oracle, {"0": seen("cat")}, {"0": ["cat", "owl"]})
    assert two.undecided == 1


def test_alpha_of_three_by_hand() -> None:
    # a a b, b b b: of the ordered pairs of the first 4 of 6 differ; n_a = 2, n_b = 4, n = 6
    # observed 4 / 2 / 6 = 1/3, expected (36 - 4 - 16) / 30 = 8/15
    assert alpha(["aab", "bbb"]) == pytest.approx(1 - (1 / 3) / (8 / 15))


def test_an_answer_is_read_as_it_is_meant(oracle: Oracle) -> None:
    assert [meant(oracle, said) for said in ("Cats", " rat ", "dog", BROKEN)] == ["cat", "rat", "dog", BROKEN]


def test_the_pictures_are_chosen_by_rule() -> None:
    cards = asked_for(list(nouns())[:300], ["3d render", "noto style"])
    assert len(cards) == 300
    assert len({card.file for card in cards}) == 300
    assert len({card.wish.seed for card in cards}) == 300
    assert asked_for(list(nouns())[:300], ["3d render", "noto style"]) == cards
