"""An examination that a perfect oracle passes whole, and a planted fault fails."""

from dataclasses import replace

import numpy as np
import pytest

from limner.evaluation.certificate import Answer, lookalikes, matched, mistaken, refused, shares, threshold
from limner.evaluation.exercises import Vocabulary
from limner.evaluation.oracle import Oracle, Thing, made
from limner.evaluation.reader import Reader
from limner.evaluation.seen import iou
from limner.evaluation.segmenter import Segmenter

KNOWN = Vocabulary(("cat", "dog", "owl", "rat"), ("shape", "silhouette"))
BROKEN = 4


@pytest.fixture
def oracle() -> Oracle:
    return made(Segmenter((8, 8, 8)), Reader(KNOWN, (8, 8, 8, 8)), KNOWN, [], 0.0)


def thing(word: int, sure: float = 1.0, box: tuple[int, int, int, int] = (0, 0, 8, 8)) -> Thing:
    mask = np.zeros((16, 16), bool)
    mask[box[0] : box[2], box[1] : box[3]] = True
    words = np.full(5, (1 - sure) / 4)
    words[word] = sure
    return Thing(mask, words, 0, 3, np.array([0.0, 1.0, 0.0]), np.eye(6)[2])


def answer(scene: int, true: int, said: int | None, sure: float = 1.0) -> Answer:
    return Answer(
        scene, (true, 0, 3, -1, 2), None if said is None else thing(said, sure), 0.9 if said is not None else 0
    )


def test_each_true_thing_gets_one_found_thing_and_the_best_fit_wins() -> None:
    one, other = thing(0, box=(0, 0, 8, 8)), thing(1, box=(0, 0, 8, 10))
    true = [one.mask, other.mask]
    assert [found for found, _ in matched(true, [other, one])] == [one, other]
    assert matched(true, [one])[1][0] is None
    assert matched(true, []) == [(None, 0.0), (None, 0.0)]
    assert iou(one.mask, other.mask) == pytest.approx(0.8)


def test_a_perfect_oracle_has_full_marks_and_faults_cost(oracle: Oracle) -> None:
    perfect, overlap = shares(oracle, [answer(n, n % 4, n % 4) for n in range(8)], [1] * 8)
    assert {name: each.right / max(1, each.count) for name, each in perfect.items() if each.count} == dict.fromkeys(
        (name for name, each in perfect.items() if each.count), 1.0
    )
    assert overlap == pytest.approx(0.9)
    faulty = [answer(0, 0, 0), answer(1, 1, 2), answer(2, 2, None), answer(3, 3, BROKEN)]
    marks, _ = shares(oracle, faulty, [1, 2, 0, 1])
    assert (marks["found"].right, marks["found"].count) == (3, 4)
    assert marks["counted"].right == 2
    assert (marks["word"].right, marks["word"].count) == (1, 3)
    assert marks["not called broken"].right == 2
    assert marks["gender"].count == 0
    assert (marks["named rightly"].right, marks["named rightly"].count) == (1, 4)


def test_sensitivity_is_of_pictures_of_one_thing(oracle: Oracle) -> None:
    """As those are whose share is corrected by it: no second thing in the scene, and no silhouette."""
    silhouette = oracle.known.styles.index("silhouette")
    plain, other = answer(0, 0, 0), answer(1, 1, 2)
    outline = replace(plain, scene=2, true=(2, silhouette, 3, -1, 2))
    two = [replace(other, scene=3), replace(plain, scene=3)]
    marks, _ = shares(oracle, [plain, other, outline, *two], [1, 1, 1, 2])
    assert (marks["named rightly"].right, marks["named rightly"].count) == (1, 2)


def test_a_style_that_is_taken_for_another_is_told(oracle: Oracle) -> None:
    right, wrong = answer(0, 0, 0), replace(answer(1, 1, 1), true=(1, 1, 3, -1, 2))
    untold, lost = replace(right, true=(0, -1, 3, -1, 2)), replace(wrong, thing=None)
    assert mistaken(oracle, [right, wrong, wrong, untold, lost]) == {"silhouette called shape": 2}


def test_words_that_are_taken_for_each_other_are_merged_and_others_are_not(oracle: Oracle) -> None:
    answers = [answer(n, 1, 3 if n < 3 else 1) for n in range(6)] + [answer(n, 0, 2 if n == 0 else 0) for n in range(6)]
    assert lookalikes(oracle, answers) == [("dog", "rat")]
    assert lookalikes(oracle, [answer(0, 0, BROKEN), answer(1, 0, BROKEN)]) == []


def test_the_threshold_is_the_least_that_is_precise_enough(oracle: Oracle) -> None:
    answers = [answer(0, 0, 0, 0.9), answer(1, 0, 0, 0.8), answer(2, 0, 1, 0.6), answer(3, 0, 0, 0.5)]
    assert threshold(oracle, answers, [], 1.0) == pytest.approx(0.8)
    assert threshold(oracle, answers, [], 0.75) == pytest.approx(0.5)
    assert threshold(oracle, answers[:2], [thing(0, 0.95)], 1.0) == 1.0


def test_spoilt_things_are_refused_by_being_called_broken_or_by_no_word(oracle: Oracle) -> None:
    strict = made(oracle.segmenter, oracle.reader, KNOWN, [], 0.7)
    found = refused(strict, [thing(BROKEN), thing(0, 0.6), thing(0, 0.9)])
    assert (found.right, found.count) == (2, 3)
