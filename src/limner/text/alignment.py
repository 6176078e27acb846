"""Which of one sentence's columns become which of another's: how an edit inherits what its source looked at."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from limner.text.prompt import Span, chunks, spans
from limner.text.tokenizer import Tokenizer

GAP, MATCH, MISMATCH = 0, 1, -1


@dataclass(frozen=True, slots=True)
class Alignment:
    """M* = own M + (1 - own) M_source mapping: Hertz et al. 2022 (arXiv:2208.01626), section 3.2, one column a token.

    `mapping` says how much of a source's column each of the edit's takes; `own` is 1 where a word is new.
    """

    mapping: Float[Tensor, "source edit"]
    own: Float[Tensor, " edit"]


def partners(source: Sequence[str], edit: Sequence[str]) -> list[int | None]:
    """For each word of the edit the source's word whose place it takes, or None where it is new.

    Needleman & Wunsch 1970, "A general method applicable to the search for similarities in the amino acid sequence of
    two proteins", with Prompt-to-Prompt's scores.  Between words that stay, as many words as stood there before
    replace them one by one; any other number is new: so word swap and refinement are one rule.
    """
    found = [*same(source, edit), (len(source), len(edit))]
    out, i, j = [None] * len(edit), 0, 0  # type: list[int | None], int, int
    for kept, stays in found:
        if kept - i == stays - j:
            out[j:stays] = range(i, kept)
        if stays < len(edit):
            out[stays] = kept
        i, j = kept + 1, stays + 1
    return out


def same(source: Sequence[str], edit: Sequence[str]) -> list[tuple[int, int]]:
    """The words that stay, in order: the diagonal steps of a best global alignment that are matches."""
    best = [[GAP * (i + j) for j in range(len(edit) + 1)] for i in range(len(source) + 1)]
    for i, was in enumerate(source, 1):
        for j, is_ in enumerate(edit, 1):
            diagonal = best[i - 1][j - 1] + (MATCH if was == is_ else MISMATCH)
            best[i][j] = max(diagonal, best[i - 1][j] + GAP, best[i][j - 1] + GAP)
    i, j, found = len(source), len(edit), list[tuple[int, int]]()
    while i and j:
        if source[i - 1] == edit[j - 1] and best[i][j] == best[i - 1][j - 1] + MATCH:
            i, j = i - 1, j - 1
            found.append((i, j))
        elif best[i][j] == best[i - 1][j] + GAP:
            i -= 1
        else:
            j -= 1
    return found[::-1]


def align(tokenizer: Tokenizer, source: str, edit: str, columns: int) -> Alignment:
    """The alignment of two sentences, each lengthened to so many columns.  LimnerError as `Tokenizer.words`.

    A word that takes another's place and has other sub-words shares their columns evenly.  What frames a chunk, BOS,
    EOS and padding, stays with its like.
    """
    were, are = spans(tokenizer, source), spans(tokenizer, edit)
    mapping, own = torch.zeros(columns, columns), torch.ones(columns)
    pairs = partners([each.word.casefold() for each in were], [each.word.casefold() for each in are])
    for word, partner in zip(are, pairs, strict=True):
        if partner is not None:
            _give(mapping, were[partner], word)
            own[word.start : word.stop] = 0
    for place, from_ in _frame(tokenizer, source, edit, columns):
        mapping[from_, place], own[place] = 1, 0
    return Alignment(mapping, own)


def _give(mapping: Tensor, was: Span, is_: Span) -> None:
    many = is_.stop - is_.start
    if was.stop - was.start == many:
        mapping[range(was.start, was.stop), range(is_.start, is_.stop)] = 1
    else:
        mapping[was.start : was.stop, is_.start : is_.stop] = 1 / many


def _frame(tokenizer: Tokenizer, source: str, edit: str, columns: int) -> list[tuple[int, int]]:
    """The edit's columns that are no word's, each with the source's that stands for the same."""
    length, out = tokenizer.length, list[tuple[int, int]]()
    before, after = ([len(each.tokens) for each in chunks(tokenizer, text)] for text in (source, edit))
    for chunk in range(columns // length):
        was, is_ = (counts[chunk] if chunk < len(counts) else 0 for counts in (before, after))
        out.append((chunk * length, chunk * length))
        for place in range(is_ + 1, length):  # EOS is the first of them
            out.append((chunk * length + place, chunk * length + min(place - is_ + was, length - 1)))
    return out
