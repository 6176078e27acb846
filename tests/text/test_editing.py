"""What a sentence says at each step: the examples of AUTOMATIC1111's parser, and no text that is an error."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from limner.text.editing import stretches


def told(sentence: str, steps: int = 10) -> list[tuple[int, str]]:
    """The step after which each text ends, and the text."""
    return [(each.stop, each.text) for each in stretches(sentence, steps)]


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        # (its schedule's last step + 1, the text): there the first step is 0 where it is compared
        ("test", [(10, "test")]),
        ("a [b:3]", [(4, "a "), (10, "a b")]),
        ("a [b: 3 ]", [(4, "a "), (10, "a b")]),
        ("a [[[b]]:2]", [(3, "a "), (10, "a [[b]]")]),
        ("[(a:2):3]", [(4, ""), (10, "(a:2)")]),
        ("a [b : c : 1] d", [(2, "a b  d"), (10, "a  c  d")]),
        ("a[b:[c:d:2]:1]e", [(2, "abe"), (3, "ace"), (10, "ade")]),
        ("a [unbalanced", [(10, "a [unbalanced")]),
        ("a [b:.5] c", [(6, "a  c"), (10, "a b c")]),
        ("a [b:c:1.0] d", [(10, "a b d")]),
        ("a [b:c:0] d", [(10, "a c d")]),
        ("a [b::0.25] c", [(3, "a b c"), (10, "a  c")]),
        ("((a][:b:c [d:3]", [(4, "((a][:b:c "), (10, "((a][:b:c d")]),
        ("(a [b:c:4]:1.2) [less]", [(5, "(a b:1.2) [less]"), (10, "(a c:1.2) [less]")]),
        (r"a \[b:c:3\] [d:e:3]", [(4, r"a \[b:c:3\] d"), (10, r"a \[b:c:3\] e")]),
        ("[a:b:c:3]", [(10, "[a:b:c:3]")]),
        ("a | b [c:d:5]", [(10, "a | b [c:d:5]")]),
    ],
)
def test_editing(sentence: str, expected: list[tuple[int, str]]) -> None:
    assert told(sentence) == expected


def test_alternation() -> None:
    assert [text for _, text in told("[a|b|(c:1.1)] d", 7)] == ["a d", "b d", "(c:1.1) d", "a d", "b d", "(c:1.1) d"]
    assert told("[a|b] d", 3) == [(2, "a d"), (3, "b d")], (
        "the first stands for two steps, as a change does for one more"
    )
    assert told("[fe|]male", 3) == [(2, "female"), (3, "male")]


@given(st.text(max_size=40) | st.text(alphabet=st.sampled_from("ab:.1()[]|\\ "), max_size=60), st.integers(1, 30))
@example("[" * 3000, 2)
@example("[a:" * 600 + "b" + ":1]" * 600, 3)
@example("[a:1e999] [b:-1e999]", 5)
def test_any_text_says_something_at_every_step(sentence: str, steps: int) -> None:
    found = stretches(sentence, steps)
    assert [each.start for each in found] == [0, *(each.stop for each in found[:-1])]
    assert found[-1].stop == steps
    assert all(each.start < each.stop for each in found)
    if "[" not in sentence:
        assert told(sentence, steps) == [(steps, sentence)]
