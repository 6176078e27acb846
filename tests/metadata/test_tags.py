"""Tags leave the text that the model reads and come back in the text that A1111 reads, with the same scales."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from limner.errors import LimnerError
from limner.metadata.tags import pairs, setting, tagged, untagged

pytestmark = pytest.mark.tiny
NAMES = st.text(st.characters(exclude_characters=",:<>", exclude_categories=("C", "Z")), min_size=1)
SCALES = st.floats(-10, 10)


@pytest.mark.parametrize(
    ("prompt", "clean", "loras"),
    [
        ("a red apple", "a red apple", []),
        ("a red apple <lora:ink:0.8>", "a red apple", [("ink", 0.8)]),
        ("<lora:ink>a cat", "a cat", [("ink", 1.0)]),
        ("a, <lora:ink:.5>, b <LORA:two words:-1>", "a, , b", [("ink", 0.5), ("two words", -1.0)]),
        ("<lora:ink:>", "", [("ink", 1.0)]),
        ("<lyco:ink:0.5> a cat", "a cat", [("ink", 0.5)]),
        ("a <b> c <lora>", "a <b> c <lora>", []),
    ],
)
def test_tags_are_taken_out(prompt: str, clean: str, loras: list[tuple[str, float]]) -> None:
    """And nothing else is: A1111 leaves the commas on both sides, which are two tokens then."""
    assert untagged(prompt) == (clean, loras)


@given(st.lists(st.tuples(NAMES, SCALES), max_size=4))
def test_there_and_back_exactly(loras: list[tuple[str, float]]) -> None:
    said = setting(loras)
    assert [(name, float(amount)) for name, amount in pairs(said)] == loras
    assert untagged(tagged("a red apple", said)) == ("a red apple", loras)
    assert untagged(tagged("", said)) == ("", loras)


def test_a_hypernetwork_is_refused() -> None:
    with pytest.raises(LimnerError, match="old is a hypernetwork, which limner does not apply"):
        untagged("a cat <hypernet:old:1>")


@pytest.mark.parametrize("prompt", ["<lora::1>", "<lora: :1>", "<lora:a:b>", "<lora:a:1:2>", "<lora:a:inf>"])
def test_what_is_no_tag_is_refused(prompt: str) -> None:
    with pytest.raises(LimnerError, match=r"<lora:name:0\.8>"):
        untagged(prompt)
