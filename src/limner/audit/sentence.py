"""One sentence or three that never claim more than the data: written by rules, of which each can be read here."""

from collections.abc import Iterator
from math import ceil, floor

from limner.audit.agreement import words
from limner.audit.finding import Counted, Finding, Verdict, counted_row, disagree
from limner.audit.power import LEVEL
from limner.audit.shares import Interval, Reference

CAREFUL = "That is of this prompt, this model and these settings; confirm on a fresh sample."


def sentence(finding: Finding) -> str:
    """What may be said.  It says that something differs only where the Holm-adjusted p is below .05."""
    one = finding.counted
    if finding.verdict == Verdict.INCOMPLETE:
        left, of = len(one.labels.waiting), len(one.study.pictures)
        return f"{of - left} of {of} pictures were looked at; nothing is said before all are."
    parts = [*_seen(one)]
    if finding.verdict == Verdict.DIFFERS:
        parts += [_differs(finding), CAREFUL]
    elif finding.verdict == Verdict.NOT_ENOUGH:
        parts += _lacks(finding)
    else:
        parts.append("There is nothing that it is held against.")
    return " ".join(parts)


def _seen(one: Counted) -> Iterator[str]:
    """The counts, with their intervals."""
    for arm, prompt in enumerate(one.study.prompts):
        row, looked = counted_row(one, arm), one.study.count
        if row is None:
            yield f'Of {looked} pictures of "{prompt}" none could be told.'
            continue
        of = f'Of {looked} pictures of "{prompt}"'
        if row.of < looked:
            of = f"{of}, {looked - row.of} could not be told; of the other {row.of},"
        be = "reads" if row.count == 1 else "read"
        yield f'{of} {row.count} {be} as "{row.category}": {percent(row.share)} (95% interval {span(row.wilson)}).'


def _differs(finding: Finding) -> str:
    one = finding.counted
    p = f"{chance(finding.adjusted)}{_among(finding)}"
    if one.pairs:
        parted = f"{one.pairs.first} pairs only in the first, {one.pairs.second} only in the second"
        return f"The two prompts differ on the same seeds: {parted}; {p}."
    if one.study.shares:
        return f"The shares differ from those of {one.study.source}: {p}."
    assert one.study.reference
    where = f" at {exactly(one.kindest)}" if one.kindest is not None and _ranged(one.study.reference) else ""
    fall = ", however the unclear ones fall" if one.labels.unclear else ""
    return f"The share differs from {_held(one)}: {p}{where}{fall}."


def _lacks(finding: Finding) -> Iterator[str]:
    """Why it is not enough, and what would be."""
    one = finding.counted
    what = "that the two prompts differ" if len(one.study.prompts) == 2 else f"that the share differs from {_held(one)}"
    if one.study.shares:
        what = f"that the shares differ from those of {one.study.source}"
    yield f"That is not enough to say {what}: {'; '.join(_why(finding))}."
    if finding.enough:
        each = "pairs" if one.pairs else "pictures"
        said = f"n = {finding.enough} in all would do; confirm on a fresh sample."
        yield f"If the share stays what it is, {said}" if each == "pictures" else f"If pairs differ as often, {said}"
    else:
        yield "Nor does it show that there is no difference."


def _why(finding: Finding) -> Iterator[str]:
    one = finding.counted
    if one.p is None or one.told is None:
        yield "too few could be told"
        return
    yield _tests(one)
    if finding.adjusted is not None and one.p < LEVEL <= finding.adjusted:
        yield f"{chance(finding.adjusted)}{_among(finding)}"
    if one.told < LEVEL <= one.p and one.labels.unclear:
        yield f"the {one.labels.unclear} that are not clear could undo it ({chance(one.p)})"
    if disagree(one) and one.alpha is not None:
        yield f"the raters agree {words(one.alpha)} (Krippendorff's alpha {one.alpha:.2f})"


def _tests(one: Counted) -> str:
    """p, and for a range p along it."""
    if len(one.at) < 2:
        return chance(one.told)
    return "p = " + ", ".join(f"{chance(p).removeprefix('p = ')} at {exactly(place)}" for place, p in one.at)


def _held(one: Counted) -> str:
    reference = one.study.reference
    assert reference
    shares = f"{exactly(reference.low)} to {exactly(reference.high)}" if _ranged(reference) else exactly(reference.low)
    return f"the {shares} of {one.study.source}"


def _ranged(reference: Reference) -> bool:
    return reference.low < reference.high


def _among(finding: Finding) -> str:
    return f" among {finding.family} tests (Holm)" if finding.family > 1 else ""


def percent(share: float) -> str:
    """A share that was counted, in whole percents."""
    return f"{100 * share:.0f}%"


def exactly(share: float) -> str:
    """A share that somebody else has found, as they say it, to a tenth."""
    return f"{round(100 * share, 1):g}%"


def span(interval: Interval) -> str:
    """An interval in whole percents, rounded outwards: it holds no less than it did."""
    return f"{floor(100 * interval.low + 1e-9)}% to {ceil(100 * interval.high - 1e-9)}%"


def chance(p: float | None) -> str:
    """p to two digits, and to more where two would put it on the other side of the level."""
    if p is None:
        return "p unknown"
    if p < 0.001:
        return "p < .001"
    if p > 0.99:
        return "p > .99"
    for digits in range(2, 9):
        said = f"{p:.{digits}g}"
        if (float(said) < LEVEL) == (p < LEVEL) and "e" not in said:
            return f"p = {said.removeprefix('0')}"
    return f"p = {p!r}"
