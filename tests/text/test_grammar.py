"""What brackets, BREAK and AND mean: AUTOMATIC1111's own examples, cases worked by hand, and no text is an error."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from limner.text.grammar import Sentence, sentences, weighed

PROMPTS = st.text(max_size=40) | st.text(alphabet=st.sampled_from("a ,b:.12()[]\\|é"), max_size=40)


def pieces(sentence: str) -> list[list[tuple[str, float]]]:
    return [[(piece.text, piece.weight) for piece in group] for group in weighed(sentence)]


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("normal text", [("normal text", 1)]),
        ("", []),
        ("an (important) word", [("an ", 1), ("important", 1.1), (" word", 1)]),
        ("((very)) [un]important", [("very", 1.1 * 1.1), (" ", 1), ("un", 1 / 1.1), ("important", 1)]),
        ("(red:1.4) apple", [("red", 1.4), (" apple", 1)]),
        ("(red: +.5 ) (blue:-1)(not:2.)", [("red", 0.5), (" ", 1), ("blue", -1), ("not", 2)]),
        ("(nothing:0)", [("nothing", 0)]),
        ("a (((house:1.3)) [on] a (hill:0.5), sun, (((sky))).", [
            ("a ", 1), ("house", 1.3 * 1.1 * 1.1), (" ", 1.1), ("on", 1.1 / 1.1), (" a ", 1.1), ("hill", 0.5 * 1.1),
            (", sun, ", 1.1), ("sky", 1.1**4), (".", 1.1),
        ]),
        (r"\(literal\] \\ a\b", [(r"(literal] \ ab", 1)]),
        ("(unbalanced", [("unbalanced", 1.1)]),
        ("un)balanced] :1.2)", [("un)balanced] :1.2)", 1)]),
        ("(unnecessary)(parens)", [("unnecessaryparens", 1.1)]),
        ("(one:1.2.3) at 10:30", [("one:1.2.3", 1.1), (" at 10:30", 1)]),
    ],
)  # fmt: skip
def test_weights(sentence: str, expected: list[tuple[str, float]]) -> None:
    (group,) = pieces(sentence)
    assert [text for text, _ in group] == [text for text, _ in expected]
    assert [weight for _, weight in group] == pytest.approx([weight for _, weight in expected])


def test_break_parts_groups_and_takes_the_space_around_it() -> None:
    assert pieces("a BREAK\nb  BREAK BREAK c") == [[("a", 1)], [("b", 1)], [("", 1)], [("c", 1)]]
    assert pieces("BREAKFAST and breaks") == [[("BREAKFAST and breaks", 1)]]


def test_break_within_brackets_breaks_too() -> None:
    """AUTOMATIC1111 multiplies the sign's own weight as well, and then reads it as a word."""
    assert pieces("(a BREAK b:1.5)") == [[("a", 1.5)], [("b", 1.5)]]


@given(PROMPTS)
@example("(" * 3000 + ")" * 3000)
@example("BREAK" + "\\")
def test_any_text_is_a_prompt_and_its_pieces_say_it_without_syntax(prompt: str) -> None:
    groups = pieces(prompt)
    assert groups
    said = "".join(text for group in groups for text, _ in group)
    letters = iter(prompt)
    assert all(letter in letters for letter in said), "its letters in their order, and none that was not written"
    if not set(prompt) & set("()[]\\") and "BREAK" not in prompt:
        assert groups == [[(prompt, 1)] if prompt else []]


@given(st.lists(st.tuples(st.text(alphabet="ab ,é", min_size=1), st.sampled_from([0.5, 1.25, 2, -1])), min_size=1))
def test_what_is_written_is_what_is_read(parts: list[tuple[str, float]]) -> None:
    (group,) = pieces("".join(f"({text}:{weight})" for text, weight in parts))
    read = [(letter, weight) for text, weight in group for letter in text]
    assert read == [(letter, weight) for text, weight in parts for letter in text]


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("a cat :1.2 AND a dog", [("a cat", 1.2), (" a dog", 1)]),
        ("a cat:1.2 AND a dog : -0.8 AND red\nfog:2", [("a cat", 1.2), (" a dog", -0.8), (" red\nfog", 2)]),
        ("a AND", [("a", 1), ("", 1)]),
        ("(a:1.2) AND b", [("(a:1.2)", 1), (" b", 1)]),
        ("SAND AND", [("SAND", 1), ("", 1)]),
        ("a cat and a dog", [("a cat and a dog", 1)]),
        ("a clock at 10:30", [("a clock at 10:30", 1)]),
    ],
)
def test_and(prompt: str, expected: list[tuple[str, float]]) -> None:
    assert sentences(prompt) == tuple(Sentence(text, float(weight)) for text, weight in expected)


@given(PROMPTS)
@example(" " * 2000 + "x AND " + ":" * 1000)
def test_any_text_is_at_least_one_sentence(prompt: str) -> None:
    assert len(sentences(prompt)) == 1 + prompt.count("AND")
