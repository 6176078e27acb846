"""What is asked of a model follows from what it was taught; what counts as named was fixed beforehand."""

from collections import Counter

import pytest

from limner.errors import LimnerError
from limner.evaluation.reading import Card
from limner.evaluation.unpicked import cards, parted, person, rightly
from limner.pictures.lecture import lecture
from limner.pictures.nouns import nouns

CORE = [word for word, noun in nouns().items() if noun.core and noun.codes]
STYLES = ["3d render", "noto style"]


def test_a_hundred_by_a_rule() -> None:
    made = cards(CORE, STYLES)
    assert Counter(card.kind for card in made) == {"thing": 60, "person": 20, "shape": 7, "count": 7, "pair": 6}
    assert [card.seed for card in made] == list(range(100))
    assert len({card.file for card in made}) == len({card.prompt for card in made}) == 100
    assert [card.file for card in made] != sorted(card.file for card in made)
    assert made == cards(CORE[::-1], STYLES)
    things = [card.noun for card in made if card.kind == "thing"]
    assert things == sorted(set(things))
    assert not any(map(person, things))
    people = [card for card in made if card.kind == "person"]
    assert all(person(card.noun) for card in people)
    assert sum("skin" in card.prompt for card in people) == 10


def test_people_are_asked_for_whether_or_not_they_were_taught() -> None:
    made = cards([word for word in CORE if not person(word)], STYLES)
    assert sum(card.kind == "person" for card in made) == 20
    with pytest.raises(LimnerError, match="too few"):
        cards(CORE[:20], STYLES)


def test_things_with_no_emoji_are_nobody() -> None:
    assert person("pilot")
    assert not person("desk")


@pytest.mark.parametrize(
    ("kind", "wanted", "answer"),
    [
        ("thing", "cat", "a cat"), ("person", "pilot", "a woman pilot with dark skin"),
        ("shape", "red circle", "a red disc"), ("shape", "grey star", "Gray star"),
        ("count", "two cats", "2 cats"), ("count", "two cats", "a pair of cats"), ("count", "three mice", "three mice"),
        ("pair", "a cat to the left of a dog", "a cat left of a dog"),
        ("pair", "a cat to the left of a dog", "cat and dog"),
        ("pair", "a cat to the left of a dog", "a dog to the right of a cat"),
        ("pair", "a cat above a dog", "a dog below a cat"),
        ("pair", "a cat above a dog", "a cat on top of a dog"),
    ],
)  # fmt: skip
def test_named(kind: str, wanted: str, answer: str) -> None:
    assert rightly(answer, Card("", wanted, "", 0, kind))


@pytest.mark.parametrize(
    ("kind", "wanted", "answer"),
    [
        ("thing", "cat", "a dog"), ("person", "pilot", "a woman"), ("shape", "red circle", "a blue circle"),
        ("shape", "red circle", "a red square"), ("shape", "red circle", "a coloured redcircle"),
        ("count", "two cats", "cats"), ("count", "two cats", "three cats"), ("count", "two cats", "two or three cats"),
        ("count", "two cats", "two dogs"), ("pair", "a cat to the left of a dog", "a dog and a cat"),
        ("pair", "a cat to the left of a dog", "a cat above a dog"), ("pair", "a cat above a dog", "a cat"),
        ("pair", "a cat above a dog", "a cat below a dog"),
    ],
)  # fmt: skip
def test_not_named(kind: str, wanted: str, answer: str) -> None:
    assert not rightly(answer, Card("", wanted, "", 0, kind))


def test_every_card_is_named_by_its_own_words() -> None:
    """The rule is no harder than to say what was asked for."""
    assert [card for card in cards(CORE, STYLES) if not rightly(card.noun, card)] == []
    assert parted("a cat") is None


def test_the_lecture_is_complete() -> None:
    shown = lecture()
    assert len(shown) == len({each.prompt for each in shown}) == 13
    assert {"lawyer", "nurse", "monkey with hat walking", "A yellow bow and a brown bench"} <= {
        each.prompt for each in shown
    }
    assert all(each.shows for each in shown)
