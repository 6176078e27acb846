"""What a tally shows, and how surprising that is: the least that can be said whichever way the unclear ones fall."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import ceil, comb, floor

from limner.audit.agreement import TENTATIVE, alpha
from limner.audit.categories import distance, multinomial, together
from limner.audit.family import holm
from limner.audit.pairs import Pairs, paired
from limner.audit.power import LEVEL, paired_needed, would_do
from limner.audit.shares import Interval, Reference, against, clopper_pearson, wilson
from limner.audit.study import Picture, Study
from limner.audit.tally import Answers, Labels, labels

SPLITS = 2000  # ways of the unclear ones to fall that are tried; where there are more, nothing is claimed


class Verdict(StrEnum):
    """All that can be said."""

    INCOMPLETE = "incomplete"  # not every picture was looked at
    DESCRIBED = "described"  # there is nothing to hold it against
    NOT_ENOUGH = "not enough"
    DIFFERS = "differs"


@dataclass(frozen=True, slots=True)
class Row:
    """One category among the pictures of one prompt that could be told; `least` and `most` if the unclear ones fell."""

    prompt: str
    category: str
    count: int
    of: int
    wilson: Interval
    exact: Interval
    least: float
    most: float

    @property
    def share(self) -> float:
        return self.count / self.of


@dataclass(frozen=True, slots=True)
class Counted:
    """What was counted and tested, before it is known what else was asked.

    `at` is p at each place of a reference, of those that could be told.  `p` is the one that counts: the largest over
    the reference and over every way the unclear ones may fall, at the place `kindest`.
    """

    study: Study
    labels: Labels
    alpha: float | None
    rows: tuple[Row, ...]
    at: tuple[tuple[float, float], ...] = ()
    told: float | None = None
    p: float | None = None
    kindest: float | None = None
    pairs: Pairs | None = None
    distance: float | None = None
    exact: bool = True

    @property
    def asks(self) -> bool:
        """Whether the study was made to test something, done or not: then it is of the family."""
        return self.study.reference is not None or bool(self.study.shares) or len(self.study.prompts) == 2


@dataclass(frozen=True, slots=True)
class Finding:
    """What was counted, and what may be said of it among `family` tests; `enough` pictures would do, if known."""

    counted: Counted
    family: int
    adjusted: float | None
    verdict: Verdict
    enough: int | None


def count(study: Study, answers: Answers) -> Counted:
    """The shares, the raters' agreement and the study's one test."""
    found = labels(study, answers)
    agreed = alpha([answers.get(picture.name, {}) for picture in study.pictures])
    rows = tuple(_rows(study, found))
    if found.waiting or not all(row.of for row in rows):
        return Counted(study, found, agreed, tuple(row for row in rows if row.of))
    if study.reference:
        return _beside(study, found, agreed, rows)
    if study.shares:
        return _among(study, found, agreed, rows)
    if len(study.prompts) == 2:
        return _twice(study, found, agreed, rows)
    return Counted(study, found, agreed, rows)


def judge(counted: Sequence[Counted]) -> list[Finding]:
    """All that were planned together; one that is not finished counts among them as one that found nothing."""
    tests = [each for each in counted if each.asks]
    adjusted = dict(zip(map(id, tests), holm([1.0 if each.p is None else each.p for each in tests]), strict=True))
    return [_judged(each, len(tests), adjusted.get(id(each))) for each in counted]


def _judged(one: Counted, family: int, adjusted: float | None) -> Finding:
    if one.labels.waiting:
        return Finding(one, family, None, Verdict.INCOMPLETE, None)
    if one.p is None or adjusted is None:
        verdict = Verdict.NOT_ENOUGH if one.asks else Verdict.DESCRIBED
        return Finding(one, family, None, verdict, None)
    if adjusted < LEVEL and not disagree(one):
        return Finding(one, family, adjusted, Verdict.DIFFERS, None)
    return Finding(one, family, adjusted, Verdict.NOT_ENOUGH, _enough(one, LEVEL / max(family, 1)))


def disagree(one: Counted) -> bool:
    """Whether those who looked agree too little for anything to be said."""
    return len(one.labels.raters) > 1 and one.alpha is not None and one.alpha < TENTATIVE


def _enough(one: Counted, level: float) -> int | None:
    """How many pictures of a prompt would do in all, if the share stays what it is."""
    row, reference = counted_row(one), one.study.reference
    if one.pairs:
        return paired_needed(one.pairs.first, one.pairs.second, one.pairs.count, level)
    if row and reference and not disagree(one):
        more = would_do(row.count, row.of, reference.low, reference.high, level)
        return more if more and more > row.of else None
    return None


def counted_row(one: Counted, arm: int = 0) -> Row | None:
    """The row of the category in question."""
    prompt = one.study.prompts[arm]
    return next((row for row in one.rows if (row.prompt, row.category) == (prompt, one.study.counted)), None)


def _rows(study: Study, found: Labels) -> Iterator[Row]:
    for arm, prompt in enumerate(study.prompts):
        counts, unclear = _counts(study, found, arm)
        n = sum(counts.values())
        for category, k in counts.items():
            if n:
                yield Row(
                    prompt, category, k, n, wilson(k, n), clopper_pearson(k, n),
                    k / (n + unclear), (k + unclear) / (n + unclear),
                )  # fmt: skip
            else:
                yield Row(prompt, category, 0, 0, Interval(0, 1), Interval(0, 1), 0.0, 1.0)


def _counts(study: Study, found: Labels, arm: int) -> tuple[Mapping[str, int], int]:
    """How often each category, and how many pictures were looked at and are not clear."""
    names = [Picture(arm, study.seed + k).name for k in range(study.count)]
    said = [found.said[name] for name in names if name in found.said]
    unclear = len({*found.untold, *found.disputed}.intersection(names))
    return {category: said.count(category) for category in study.categories}, unclear


def _beside(study: Study, found: Labels, agreed: float | None, rows: tuple[Row, ...]) -> Counted:
    """A share beside a reference."""
    assert study.reference
    counts, unclear = _counts(study, found, 0)
    k, n = counts[study.counted], sum(counts.values())
    first = against(k, n, study.reference)
    ways = (against(each, n + unclear, study.reference) for each in _nearest(k, unclear, n + unclear, study.reference))
    worst = max((first, *ways), key=lambda each: each.p)
    return Counted(study, found, agreed, rows, first.at, first.p, worst.p, worst.kindest)


def _nearest(k: int, unclear: int, n: int, reference: Reference) -> set[int]:
    """The counts from k to k + unclear that are next to the reference: no other has a larger p.

    For a fixed share the chances rise towards the likeliest count and fall beyond, and p rises and falls with them.
    """
    near = (edge(share * n) for share in (reference.low, reference.high) for edge in (floor, ceil))
    return {min(max(count, k), k + unclear) for count in near} if unclear else set()


def _among(study: Study, found: Labels, agreed: float | None, rows: tuple[Row, ...]) -> Counted:
    """All shares beside those of a reference."""
    counts, unclear = _counts(study, found, 0)
    had, shares = tuple(counts.values()), tuple(study.shares[name] for name in counts)
    told = multinomial(sum(had), shares)
    first = worst = told.p(had)
    if unclear:
        whole = multinomial(sum(had) + unclear, shares)
        ways = comb(unclear + len(had) - 1, len(had) - 1)
        worst = max((first, *(whole.p(each) for each in _fallen(had, unclear)))) if ways <= SPLITS else 1.0
    return Counted(
        study, found, agreed, rows, (), first, worst, distance=distance(had, shares), exact=told.exact
    )  # fmt: skip


def _fallen(had: tuple[int, ...], unclear: int) -> Iterator[tuple[int, ...]]:
    """Every way of that many more to be of one category or another."""
    if len(had) == 1:
        yield (had[0] + unclear,)
        return
    for more in range(unclear + 1):
        for rest in _fallen(had[1:], unclear - more):
            yield (had[0] + more, *rest)


def _twice(study: Study, found: Labels, agreed: float | None, rows: tuple[Row, ...]) -> Counted:
    """Two prompts on the same seeds: by the pairs of which both pictures could be told."""
    names = [[Picture(arm, study.seed + k).name for k in range(study.count)] for arm in (0, 1)]
    clear = [(a, b) for a, b in zip(*names, strict=True) if a in found.said and b in found.said]
    if not clear:
        return Counted(study, found, agreed, rows)
    are = [[found.said[name] == study.counted for name in side] for side in zip(*clear, strict=True)]
    pairs = paired(are[0], are[1])
    unclear = study.count - len(clear)
    ways = (
        Pairs(pairs.count + unclear, pairs.first + one, pairs.second + other).p
        for one in range(unclear + 1)
        for other in range(unclear - one + 1)
    )
    worst = max(ways) if (unclear + 1) * (unclear + 2) / 2 <= SPLITS else 1.0
    return Counted(study, found, agreed, rows, (), pairs.p, worst, pairs=pairs)


def simultaneous(one: Counted, arm: int = 0) -> tuple[tuple[Interval, ...], str]:
    """The intervals of a prompt's categories that hold all at once, and whose they are."""
    counts = [row.count for row in one.rows if row.prompt == one.study.prompts[arm]]
    found = together(counts)
    return found.intervals, found.method
