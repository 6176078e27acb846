"""The rule by which a free answer counts as right."""

import json

import pytest

from limner.errors import LimnerError
from limner.evaluation.reading import Card, cards, other_names, plain, right, score
from limner.pictures.nouns import nouns

CORE = [word for word, noun in nouns().items() if noun.core and noun.codes]


@pytest.mark.parametrize(
    ("answer", "noun"),
    [
        ("an apple", "apple"), ("Red apple.", "apple"), ("a bunch of grapes", "grapes"), ("grape", "grapes"),
        ("sofa", "couch"), ("cell phone", "mobile phone"), ("a burger", "hamburger"), ("mice", "mouse"),
        ("a cat on a mat", "cat"), ("donut, pink", "doughnut"), ("two cherries", "cherries"), ("UFO", "flying saucer"),
        ("strawberries", "strawberry"), ("pair of glasses", "glasses"), ("t-shirt", "t-shirt"),
    ],
)  # fmt: skip
def test_right(answer: str, noun: str) -> None:
    assert right(answer, noun)


@pytest.mark.parametrize(
    ("answer", "noun"),
    [
        ("apple tree", "apple"), ("orange", "apple"), ("unknown", "dog"), ("", "dog"), ("catfish", "cat"),
        ("hot", "hot dog"),
        ("a dog or a cat", "cat"), ("animal", "dog"), ("ball", "basketball"), ("horse with a cow", "cow"),
        ("ant", "elephant"),
    ],
)  # fmt: skip
def test_wrong(answer: str, noun: str) -> None:
    assert not right(answer, noun)


def test_every_other_name_is_of_a_noun_and_of_few() -> None:
    """A name that counts for many nouns would be no name: "ball", "animal", "face"."""
    assert set(other_names()) <= set(nouns())
    uses = [name for names in other_names().values() for name in names]
    assert max(map(uses.count, uses)) <= 5
    assert all(right(word, word) for word in CORE)


def test_cards_are_a_hundred_nouns_once_each_and_the_files_do_not_tell() -> None:
    made = cards(CORE, ["3d render", "noto style"])
    assert len({card.noun for card in made}) == len({card.file for card in made}) == 100
    assert [card.seed for card in made] == list(range(100))
    assert [card.file for card in made] != sorted(card.file for card in made)
    assert made == cards(list(reversed(CORE)), ["3d render", "noto style"])
    with pytest.raises(LimnerError, match="too few"):
        cards(CORE[:99], ["3d render"])


def test_an_unanswered_file_is_an_error_not_a_mistake() -> None:
    asked = [Card("000.png", "cat", "a cat", 0), Card("001.png", "dog", "a dog", 1)]
    assert score({"000.png": "cat", "001.png": "wolf"}, asked) == {"000.png": True, "001.png": False}
    with pytest.raises(LimnerError, match=r"001\.png"):
        score({"000.png": "cat"}, asked)


def test_plain() -> None:
    assert plain("Some slices of Pizza") == "pizza"
    assert json.dumps(plain("The  Knives!")) == '"knife"'
