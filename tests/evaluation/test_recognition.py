"""What was asked for is right, and nothing else is; whoever abstains is not counted as wrong, nor as right."""

import numpy as np
import pytest
from eyes import KnownEye

from limner.evaluation.recognition import answers, in_style, judged, questions, shares, spread, worst
from limner.evaluation.seen import Found, Seen
from limner.pictures.heldout import held_out
from limner.pictures.nouns import nouns

WORDS, STYLES = ["cat", "apple", "jeans"], ["3d render", "noto style"]
EYE = KnownEye(same=frozenset({frozenset(("cat", "tiger"))}))


def thing(word: str, style: str = "3d render") -> Found:
    return Found(word, 0.9, "", style, np.ones((8, 8), bool))


def test_every_noun_is_asked_in_every_style_and_the_place_is_the_seed() -> None:
    asked = questions(WORDS, STYLES)
    assert [each.prompt for each in asked[:3]] == ["an apple, 3d render", "an apple, noto style", "a cat, 3d render"]
    assert asked[4].prompt == "jeans, 3d render"
    assert [each.seed - asked[0].seed for each in asked] == [0, 1, 2, 3, 4, 5]
    assert asked == questions(WORDS[::-1], STYLES)
    assert sum(each.held for each in questions(list(nouns()), STYLES)) == sum(
        held_out(noun, style) for noun in nouns() for style in STYLES
    )


@pytest.mark.parametrize(
    ("seen", "answer"),
    [
        (Seen((thing("cat"),), False), "right"),
        (Seen((thing("tiger"),), False), "right"),  # which nobody can tell from a cat, says the eye
        (Seen((thing(""), thing("cat")), False), "right"),  # something unknown lies beside it
        (Seen((thing("apple"), thing("cat")), False), "wrong"),  # the largest counts
        (Seen((thing("cat"),), True), "broken"),
        (Seen((thing(""),), False), "abstained"),
        (Seen((), False), "abstained"),
    ],
)
def test_the_largest_thing_with_a_name_counts(seen: Seen, answer: str) -> None:
    (cat,) = questions(["cat"], STYLES[:1])
    assert judged(cat, seen, EYE).answer == answer


def test_what_went_wrong_is_told_apart() -> None:
    said = [thing("apple"), thing("apple", "flat"), thing("apple"), thing("cat", "noto style"), thing(""), thing("cat")]
    found = [
        judged(*pair, EYE)
        for pair in zip(questions(WORDS, STYLES), (Seen((each,), False) for each in said), strict=True)
    ]
    assert dict(answers(found)) == {"right": 3, "wrong": 2, "abstained": 1}
    style = in_style(found)
    assert style is not None
    assert (style.right, style.of) == (2, 3)
    assert {name: count.share for name, (count, _) in shares(found, lambda asked: asked.noun).items()} == {
        "apple": 1.0, "cat": 0.5, "jeans": 0.0,
    }  # fmt: skip
    assert worst(found, 5) == [("jeans", 0, 2, "abstained"), ("cat", 1, 2, "apple")]
    assert in_style(found[4:]) is None


def test_nobody_picks() -> None:
    assert spread(3, 100) == [0, 1, 2]
    assert spread(1000, 4) == [0, 250, 500, 750]
