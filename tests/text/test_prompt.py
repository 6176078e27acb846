"""A span's tokens are its word's, no more and no less."""

from unicodedata import normalize

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from limner.errors import LimnerError
from limner.text.grammar import weighed
from limner.text.prompt import Span, chunks, find, spans
from limner.text.tokenizer import Tokenizer

# Letters that lower-casing cuts in two, marks that compose, digits, signs and byte sequences of every length.
TRICKY = st.text(alphabet=st.sampled_from("aeRİAΣ\u0323\u0301\u0307 1½\u1100\u1161\u11a8각🐱',!<|>\t"), max_size=30)


def test_words_of_a_sentence(tokenizer):
    words = [(span.word, span.stop - span.start) for span in spans(tokenizer, "A red cat,the  dog's zebra; 42 Red")]
    whole = [("A", 1), ("red", 1), ("cat", 1), (",", 1), ("the", 1), ("dog", 1), ("'s", 1)]
    assert words[:7] == whole
    assert [word for word, _ in words[7:]] == ["zebra", ";", "4", "2", "Red"]
    assert words[7][1] > 1, "a word never seen is several tokens"


def reds(tokenizer: Tokenizer, sentence: str) -> list[list[str]]:
    """The words of each chunk."""
    found = [list[str]() for _ in chunks(tokenizer, sentence)]
    for span in spans(tokenizer, sentence):
        found[span.start // tokenizer.length].append(span.word)
    return found


def test_syntax_is_no_word(tokenizer):
    found = spans(tokenizer, r"A (red:1.3) [[cat]], \(the (dog")
    assert [span.word for span in found] == ["A", "red", "cat", ",", "(", "the", "dog"]
    assert [span.start for span in found] == list(range(1, 8))


def test_weights_stand_where_their_tokens_do(tokenizer):
    (chunk,) = chunks(tokenizer, "a (red:1.5) [zebra] cat")
    zebra = len(tokenizer.words("zebra")[0].ids)
    assert chunk.weights == (1, 1, 1.5, *[1 / 1.1] * zebra, 1, *[1] * (24 - 4 - zebra))
    assert chunk.ids == tokenizer.encode("a red zebra cat")


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(prompt=st.text(max_size=40) | TRICKY)
@example(prompt="red " * 22)
def test_a_prompt_without_syntax_is_read_as_it_always_was(tokenizer, prompt):
    if set(prompt) & set("()[]\\") or "BREAK" in prompt or len(chunks(tokenizer, prompt)) > 1:
        return
    (chunk,) = chunks(tokenizer, prompt)
    assert chunk.ids == tokenizer.encode(prompt)
    assert set(chunk.weights) == {1.0}


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(prompt=st.text(max_size=80) | TRICKY | st.text(alphabet=st.sampled_from("red, cat()[]:12 "), max_size=200))
@example(prompt="İ")
@example(prompt="cafe\u0301 red")
@example(prompt="red <|reserved_1|>cat")
@example(prompt="catalogue " * 20)
def test_spans_hold_every_token_of_the_prompt_in_order(tokenizer, prompt):
    """And only those: all that stands elsewhere is BOS, EOS or padding."""
    ids = [number for chunk in chunks(tokenizer, prompt) for number in chunk.ids]
    found = spans(tokenizer, prompt)
    covered = [column for span in found for column in range(span.start, span.stop)]
    words = [word for group in weighed(prompt) for piece in group for word in tokenizer.words(piece.text)]
    assert [ids[column] for column in covered] == [number for word in words for number in word.ids]
    rest = {ids[column] for column in set(range(len(ids))) - set(covered)}
    assert rest <= {tokenizer.id_of(token) for token in (tokenizer.bos, tokenizer.eos, tokenizer.pad)}


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(prompt=st.text(max_size=20) | TRICKY)
def test_the_words_are_the_whole_text(tokenizer, prompt):
    letters = "".join(word.text for word in tokenizer.words(prompt))
    # The pattern's idea of space is Unicode's; Python also counts four control characters.
    assert "".join(normalize("NFC", prompt).split()) == "".join(letters.split())


@pytest.mark.parametrize(
    ("sentence", "sizes"),
    [
        ("", [0]),
        ("red " * 22, [22]),
        ("red " * 30, [22, 8]),
        # The 23rd token moves all that follows the last comma, which is at most 20 back, to the next chunk.
        ("red " * 15 + ", " + "red " * 10, [16, 10]),
        ("red red, " + "red " * 20, [3, 20]),
        ("red, " + "red " * 21, [22, 1]),
        # A comma itself is not kept from the next chunk, and is not one to go back to when it stands in it.
        ("red " * 22 + ", red", [22, 2]),
        ("red, red BREAK " + "red " * 23, [3, 22, 1]),
        ("BREAK red", [0, 1]),
        ("red BREAK BREAK red", [1, 0, 1]),
        ("red " * 22 + "BREAK red BREAK", [22, 1]),
    ],
)
def test_chunks(tokenizer, sentence, sizes):
    """AUTOMATIC1111's rule worked by hand, for a tower that reads 22 tokens at once, of which each word here is one."""
    found = chunks(tokenizer, sentence)
    assert [len(chunk.tokens) for chunk in found] == sizes
    assert {len(chunk.ids) for chunk in found} == {24}
    assert [len(words) for words in reds(tokenizer, sentence)] == sizes


def test_a_word_that_two_chunks_share_has_a_span_in_each(tokenizer):
    zebra = len(tokenizer.words("zebra")[0].ids)
    first, second = spans(tokenizer, "red " * 21 + "zebra")[21:]
    assert (first, second) == (Span("zebra", 22, 23), Span("zebra", 25, 25 + zebra - 1))


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


def test_find_across_chunks_and_weights(tokenizer):
    sentence = "red " * 21 + "(blue:1.2) dog, a [blue] dog"
    assert find(tokenizer, sentence, "blue dog") == [
        Span("blue", 22, 23),
        Span("dog", 25, 26),
        Span("blue dog", 28, 30),
    ]


@pytest.mark.parametrize("words", ["", "  "])
def test_find_refuses_what_cannot_be_looked_for(tokenizer, words):
    with pytest.raises(LimnerError, match="is not a word to look for"):
        find(tokenizer, "a red cat", words)
