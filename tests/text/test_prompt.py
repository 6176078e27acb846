"""A span's tokens are its word's, no more and no less."""

from unicodedata import normalize

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from limner.errors import LimnerError
from limner.text.prompt import Span, find, spans

# Letters that lower-casing cuts in two, marks that compose, digits, signs and byte sequences of every length.
TRICKY = st.text(alphabet=st.sampled_from("aeRİAΣ\u0323\u0301\u0307 1½\u1100\u1161\u11a8각🐱',!<|>\t"), max_size=30)


def test_words_of_a_sentence(tokenizer):
    words = [(span.word, span.stop - span.start) for span in spans(tokenizer, "A red cat,the  dog's zebra; 42 Red")]
    whole = [("A", 1), ("red", 1), ("cat", 1), (",", 1), ("the", 1), ("dog", 1), ("'s", 1)]
    assert words[:7] == whole
    assert [word for word, _ in words[7:]] == ["zebra", ";", "4", "2", "Red"]
    assert words[7][1] > 1, "a word never seen is several tokens"


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(prompt=st.text(max_size=40) | TRICKY)
@example(prompt="İ")
@example(prompt="cafe\u0301 red")
@example(prompt="red <|reserved_1|>cat")
def test_a_span_decodes_to_its_word(tokenizer, prompt):
    ids = tokenizer.encode(prompt).ids
    for span in spans(tokenizer, prompt):
        seen = tokenizer.backend.normalizer.normalize_str(span.word)
        assert tokenizer.decode(ids[span.start : span.stop]).replace(" ", "") == seen


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(prompt=st.text(max_size=60) | TRICKY)
def test_spans_and_lost_words_are_the_whole_prompt(tokenizer, prompt):
    """Between BOS and EOS every token has one word, but for the pieces of a word that did not fit."""
    tokens, found = tokenizer.encode(prompt), spans(tokenizer, prompt)
    covered = [position for span in found for position in range(span.start, span.stop)]
    assert covered == list(range(1, len(covered) + 1))
    letters = "".join(span.word for span in found) + "".join(tokens.lost)
    # The pattern's idea of space is Unicode's; Python also counts four control characters.
    assert "".join(normalize("NFC", prompt).split()) == "".join(letters.split())


def test_repeated_words_have_a_span_each(tokenizer):
    assert [span.start for span in spans(tokenizer, "red, red, red") if span.word == "red"] == [1, 3, 5]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("cat", [Span("cat", 3, 4), Span("CAT", 7, 8)]),
        ("RED  cat", [Span("Red cat", 2, 4), Span("red CAT", 6, 8)]),
        ("a red", [Span("A Red", 1, 3)]),
        (",", [Span(",", 4, 5)]),
    ],
)
def test_find_gives_every_place(tokenizer, words, expected):
    assert find(tokenizer, "A Red cat, dog red CAT", words) == expected


def test_find_does_not_stop_inside_a_word(tokenizer):
    """Also not where lower-casing begins the longer word with the whole of the shorter one."""
    with pytest.raises(LimnerError, match=r"does not say 'cat'; choose among: catalogue cattle$"):
        find(tokenizer, "catalogue cattle", "cat")
    with pytest.raises(LimnerError, match="does not say 'i'"):
        find(tokenizer, "İ", "i")


def test_find_says_what_was_cut_away(tokenizer):
    with pytest.raises(LimnerError, match="only 22 tokens are read, so shorten it to regain: blue dog"):
        find(tokenizer, "red " * 22 + "blue dog", "dog")


@pytest.mark.parametrize("words", ["", "  ", "red " * 30])
def test_find_refuses_what_cannot_be_looked_for(tokenizer, words):
    with pytest.raises(LimnerError, match="is not a word to look for"):
        find(tokenizer, "a red cat", words)
