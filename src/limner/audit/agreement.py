"""Two people look at the same pictures: how far they agree beyond what their habits alone would bring."""

from collections import Counter
from collections.abc import Mapping, Sequence
from math import fsum

FIRM, TENTATIVE = 0.800, 0.667  # Krippendorff 2004 (Content Analysis, ch. 11): conclusions to build on, to suggest


def alpha(answers: Sequence[Mapping[str, str]]) -> float | None:
    """Krippendorff's alpha for names, of any number of raters who may have left some out: 1 - (n - 1) D_o / D_e.

    One mapping for each picture, from a rater to what they said.  D_o counts pairs within a picture that differ, D_e
    those among all answers: Krippendorff 2011 ("Computing Krippendorff's Alpha-Reliability", section C).
    1 is full agreement, 0 is chance.  None where nobody answered twice, or everybody said one and the same throughout:
    then there is nothing to agree about.
    """
    units = [Counter(unit.values()) for unit in answers if len(unit) > 1]
    whole = Counter[str]()
    for unit in units:
        whole.update(unit)
    n = whole.total()
    expected = n * n - sum(count * count for count in whole.values())
    if not expected:
        return None
    observed = fsum(
        (unit.total() ** 2 - sum(count**2 for count in unit.values())) / (unit.total() - 1) for unit in units
    )
    return 1 - (n - 1) * observed / expected


def words(value: float) -> str:
    """What may be built on it."""
    if value >= FIRM:
        return "firm"
    return "tentative" if value >= TENTATIVE else "too little to build on"
