"""What a summary draws is a share of the target, or says on which side of it the figure is."""

from typing import Literal

import pytest

from limner.evaluation.charts import reach
from limner.evaluation.figures import Figure


@pytest.mark.parametrize(
    ("value", "target", "bound", "share"),
    [
        (0.6, 0.6, "at least", 1.0),
        (0.9, 0.6, "at least", 1.5),
        (3.0, 1.5, "at most", 0.5),
        (0.0, 0.5, "at least", 0.0),
        (-1.0, 0.5, "at least", 0.0),
        (-0.2, 0.25, "at most", 1.5),
        (0.0, 0.0, "at most", 1.5),
        (2.0, 0.0, "at most", 0.5),
    ],
)
def test_the_share_of_a_target(
    value: float, target: float, bound: Literal["at least", "at most"], share: float
) -> None:
    assert reach(Figure("name", value, target, bound)) == pytest.approx(share)
