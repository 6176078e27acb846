"""Things and traits in short prompts."""

import pytest

from limner.errors import LimnerError
from limner.text.prompt import Span
from limner.text.subjects import chosen, numbered, subjects
from limner.text.tokenizer import Tokenizer


def said(tokenizer: Tokenizer, sentence: str) -> list[tuple[str, list[str]]]:
    return [(each.thing.word, [trait.word for trait in each.traits]) for each in subjects(tokenizer, sentence)]


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("a cat and a dog", [("cat", []), ("dog", [])]),
        ("a big red apple on a table", [("apple", ["big", "red"]), ("table", [])]),
        ("a blue boat, a watercolour", [("boat", ["blue"])]),
        ("two cats to the left of a tree", [("cats", []), ("tree", [])]),
        ("(a red boat:1.3) next to it", [("boat", ["red"])]),
        ("", []),
    ],
)
def test_the_last_word_of_a_run_is_the_thing(sentence: str, expected: list[object], tokenizer: Tokenizer) -> None:
    assert said(tokenizer, sentence) == expected


def test_things_by_name_keep_their_traits(tokenizer: Tokenizer) -> None:
    sentence = "a red apple and a blue boat"
    (only,) = chosen(tokenizer, sentence, "boat")
    assert (only.thing.word, [each.word for each in only.traits]) == ("boat", ["blue"])
    assert chosen(tokenizer, sentence, "auto") == subjects(tokenizer, sentence)


def test_numbers_for_words(tokenizer: Tokenizer) -> None:
    found = numbered(tokenizer, "a red apple", "red:2, apple: .5")
    assert [(span.word, number) for span, number in found] == [("red", 2.0), ("apple", 0.5)]
    assert all(isinstance(span, Span) for span, _ in found)
    assert numbered(tokenizer, "a red apple", "") == []
    assert [number for _, number in numbered(tokenizer, "a red apple", "red:-100,apple:100")] == [-100, 100]


@pytest.mark.parametrize(
    ("said", "says"),
    [
        (",", "',' gives no word a number; such as red:2"),
        (" ", "' ' gives no word a number"),
        ("red:100.1", "red:100.1 is out of range; choose -100 to 100"),
        ("red:" + 190 * "9", "red:1e.190 is out of range"),
    ],
)
def test_what_is_no_number_for_a_word(said: str, says: str, tokenizer: Tokenizer) -> None:
    with pytest.raises(LimnerError, match=says):
        numbered(tokenizer, "a red apple", said)


@pytest.mark.parametrize("words", ["cat", " , "])
def test_a_thing_that_is_not_said_is_one_line(words: str, tokenizer: Tokenizer) -> None:
    with pytest.raises(LimnerError):
        chosen(tokenizer, "a red apple", words)


def test_nothing_to_find(tokenizer: Tokenizer) -> None:
    with pytest.raises(LimnerError, match="no thing is found in 'on the'; name its things: cat, dog"):
        chosen(tokenizer, "on the", "auto")
