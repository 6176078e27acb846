"""A slice of `make statistics`: Clopper and Pearson's holds everywhere, Wilson's on the average, Wald's never."""

import pytest

from limner.audit.coverage import coverage, wald
from limner.audit.shares import clopper_pearson, wilson


@pytest.mark.parametrize("n", [1, 7, 20, 41])
def test_intervals_keep_their_word(n: int) -> None:
    certain, usual, book = (coverage(method, n) for method in (clopper_pearson, wilson, wald))
    assert certain.least >= 0.95
    assert 0.94 <= usual.mean <= 0.96
    assert 0.79 < usual.least < 0.95  # which is why the other one is shown, too
    assert book.mean < 0.92
