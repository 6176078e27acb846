"""Which word takes whose place, worked out by hand."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.testing import assert_close

from limner.text.alignment import align, partners
from limner.text.prompt import spans
from limner.text.tokenizer import Tokenizer


@pytest.mark.parametrize(
    ("source", "edit", "expected"),
    [
        ("a red apple", "a blue apple", [0, 1, 2]),  # word swap
        ("a cat on a mat", "a dog on a mat", [0, 1, 2, 3, 4]),
        ("a cat", "a big fluffy cat", [0, None, None, 1]),  # refinement
        ("a cat", "a cat on a table", [0, 1, None, None, None]),
        ("a big cat", "a cat", [0, 2]),  # left out
        ("a cat and a dog", "a dog and a cat", [0, 1, 2, 3, 4]),  # a swap at two places
        ("a cat on a mat", "a big dog on a mat", [0, None, None, 2, 3, 4]),  # one word for two: nobody's heir
        ("", "a cat", [None, None]),
        ("a cat", "", []),
    ],
)
def test_partners(source: str, edit: str, expected: list[int | None]) -> None:
    assert partners(source.split(), edit.split()) == expected


@given(st.lists(st.sampled_from("abcd"), max_size=7), st.lists(st.sampled_from("abcd"), max_size=7))
def test_the_matches_are_a_longest_common_subsequence(source: list[str], edit: list[str]) -> None:
    """With gaps that cost nothing Needleman and Wunsch's best score counts the words that stay."""
    pairs = [(i, j) for j, i in enumerate(partners(source, edit)) if i is not None]
    assert [i for i, _ in pairs] == sorted({i for i, _ in pairs})

    def longest(i: int, j: int) -> int:
        if i == len(source) or j == len(edit):
            return 0
        if source[i] == edit[j]:
            return 1 + longest(i + 1, j + 1)
        return max(longest(i + 1, j), longest(i, j + 1))

    assert sum(source[i] == edit[j] for i, j in pairs) >= longest(0, 0)


def test_every_column_of_the_edit_has_a_source_or_is_its_own(tokenizer: Tokenizer) -> None:
    source, edit = "a red apple", "a red and blue apple"
    found = align(tokenizer, source, edit, 2 * tokenizer.length)
    assert_close(found.mapping.sum(0) + found.own, torch.ones(2 * tokenizer.length))
    new = [column for each in spans(tokenizer, edit)[2:4] for column in range(each.start, each.stop)]
    assert found.own.nonzero().flatten().tolist() == new
    was, is_ = spans(tokenizer, source)[-1], spans(tokenizer, edit)[-1]
    assert found.mapping[was.start, is_.start] == 1
    assert found.mapping[was.stop, is_.stop] == 1, "EOS is EOS's"
    assert found.mapping[0, 0] == found.mapping[tokenizer.length, tokenizer.length] == 1, "and BOS is BOS's"


def test_a_swapped_word_of_other_tokens_shares_evenly(tokenizer: Tokenizer) -> None:
    source, edit = "a red apple", "a zyx apple"
    was, is_ = spans(tokenizer, source)[1], spans(tokenizer, edit)[1]
    many = is_.stop - is_.start
    assert many > was.stop - was.start == 1
    found = align(tokenizer, source, edit, tokenizer.length)
    assert_close(found.mapping[was.start, is_.start : is_.stop], torch.full((many,), 1 / many))
