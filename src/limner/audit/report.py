"""A finding as programs read it: every number that the sentence rests on, and some that it does not say."""

from collections.abc import Mapping, Sequence
from typing import TypeAlias

from limner.audit.agreement import words
from limner.audit.finding import Finding, simultaneous
from limner.audit.power import LEVEL, POWER, needed, noticed
from limner.audit.sentence import sentence

Json: TypeAlias = "bool | int | float | str | Sequence[Json] | Mapping[str, Json] | None"


def report(finding: Finding) -> dict[str, Json]:
    """One study's."""
    one, study = finding.counted, finding.counted.study
    return {
        "sentence": sentence(finding),
        "verdict": finding.verdict.value,
        "study": study.name,
        "question": study.question,
        "prompts": list(study.prompts),
        "seeds": [study.seed, study.seed + study.count - 1],
        "counted": study.counted,
        "reference": _reference(finding),
        "shares": [
            {
                "prompt": row.prompt, "category": row.category, "count": row.count, "of": row.of, "share": row.share,
                "wilson": [row.wilson.low, row.wilson.high], "clopper_pearson": [row.exact.low, row.exact.high],
                "if_unclear_are_not": row.least, "if_unclear_are": row.most,
            }
            for row in one.rows
        ],
        "together": _together(finding),
        "unclear": {"cannot_tell": len(one.labels.untold), "raters_differ": len(one.labels.disputed)},
        "waiting": len(one.labels.waiting),
        "raters": len(one.labels.raters),
        "alpha": one.alpha,
        "alpha_is": None if one.alpha is None else words(one.alpha),
        "p_of_those_told": one.told,
        "p": one.p,
        "p_holm": finding.adjusted,
        "family": finding.family,
        "effect": _effect(finding),
        "power": power_of(finding),
        "enough": finding.enough,
    }  # fmt: skip


def _reference(finding: Finding) -> Json:
    study = finding.counted.study
    if study.shares:
        return {"shares": dict(study.shares), "source": study.source}
    if study.reference is None:
        return None
    at = {f"{place:g}": p for place, p in finding.counted.at}
    return {
        "low": study.reference.low, "high": study.reference.high, "source": study.source, "p_at": at,
        "kindest": finding.counted.kindest,
    }  # fmt: skip


def _together(finding: Finding) -> Json:
    """Where a study has more than two categories: intervals that hold all at once."""
    one = finding.counted
    if len(one.study.categories) < 3 or not one.rows:
        return None
    out = dict[str, Json]()
    for arm, prompt in enumerate(one.study.prompts):
        if any(row.prompt == prompt and row.of for row in one.rows):
            intervals, method = simultaneous(one, arm)
            out[prompt] = {"method": method, "intervals": [[each.low, each.high] for each in intervals]}
    return out


def _effect(finding: Finding) -> Json:
    """How large it is, which p does not say."""
    one, reference = finding.counted, finding.counted.study.reference
    if one.pairs:
        within = one.pairs.interval
        return {
            "pairs": one.pairs.count, "only_first": one.pairs.first, "only_second": one.pairs.second,
            "difference": one.pairs.difference, "first_among_differing": [within.low, within.high] if within else None,
        }  # fmt: skip
    if one.distance is not None:
        return {"total_variation": one.distance}
    row = next((row for row in one.rows if row.category == one.study.counted), None)
    if reference is None or row is None or not row.of:
        return None
    ratios = {f"{place:g}": row.share / place for place in reference.places if place}
    return {
        "difference": {f"{place:g}": row.share - place for place in reference.places},
        "ratio": ratios,
    }


def power_of(finding: Finding) -> dict[str, Json]:
    """What so many pictures could have found, and how many it takes, by the exact test at the level of the family."""
    one, reference = finding.counted, finding.counted.study.reference
    level = LEVEL / max(finding.family, 1)
    out: dict[str, Json] = {"level": level, "power": POWER}
    row = next((row for row in one.rows if row.category == one.study.counted), None)
    if reference is None or row is None or not row.of:
        return out
    low, high = noticed(row.of, reference.middle, level)
    out["noticed_below"], out["noticed_above"] = low, high
    out["needed"] = {f"{place:g}": needed(place, row.share, level) for place in reference.places}
    return out
