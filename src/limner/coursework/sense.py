"""What a task's words have to say: each aspect once, and a share that its own pictures can bear."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import comb

from limner.coursework.finding import Finding, Place, shown
from limner.coursework.spec import Aspect, Spec
from limner.coursework.works import Entry, Said, Work

WORD = re.compile(r"[^\W_]+(?:-[^\W_]+)*")
SHARES = {  # words that give a share without a digit
    "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve", "thirteen",
    "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen", "twenty", "all", "both", "each", "every",
    "everyone", "half", "majority", "minority", "most", "never", "no", "nobody", "none", "not", "only", "quarter",
    "third", "thirds", "always", "zero", "without",
}  # fmt: skip
DASH = r"\s*(?:-|\u2013|\u2014|to)\s*"
PERCENT = r"(?:%|per\s?cent\b)"
RANGE = re.compile(rf"(?<![\w.])(\d{{1,3}}(?:\.\d+)?)\s*%?{DASH}(\d{{1,3}}(?:\.\d+)?)\s*{PERCENT}", re.IGNORECASE)
SHARE = re.compile(rf"(?<![\w.])(\d{{1,3}}(?:\.\d{{1,4}})?)\s*{PERCENT}", re.IGNORECASE)
OUT_OF = re.compile(
    r"(?<![\w.])(\d{1,4})\s*(?:/|out\s+of(?:\s+the)?|of(?:\s+the)?|in)\s*(\d{1,4})(?![\w.%])", re.IGNORECASE
)
EXTREME = re.compile(r"\ball\s+(?:of\s+)?(?:the\s+)?(\d{1,4})\b|\bnone\s+of\s+(?:the\s+)?(\d{1,4})\b", re.IGNORECASE)
UNSAID = {"all", "every", "none", "nobody", "half", "never", "always"}  # a share in words: which one is not guessed
LEVEL = 0.05


def sense(spec: Spec, work: Work) -> Iterator[Finding]:
    """Nothing is asked of words that are nobody's own, as a finding at their place says already."""
    bad = {finding.place for finding in work.findings}
    entries = [replace(entry, fields=_own(entry.fields, bad)) for entry in work.entries]
    for name in work.task.entries.once:
        yield from _once(spec.aspects[name], work.file.name, entries)
    if key := work.task.entries.statistic:
        for entry in entries:
            if (said := entry.fields.get(key)) and said.text.strip():
                yield from _statistic(work.file.name, key, said, len(entry.shots))


def _own(fields: Mapping[str, Said], bad: set[Place]) -> Mapping[str, Said]:
    return {name: said for name, said in fields.items() if said.place not in bad}


def _once(aspect: Aspect, file: str, entries: Sequence[Entry]) -> Iterator[Finding]:
    """An error where two entries surely share it, a warning where their words leave it open."""
    before = list[tuple[Entry, frozenset[str]]]()
    for entry in entries:
        used, place = _used(aspect, entry), entry.fields.get(aspect.name) or entry.fields.get(aspect.words_of)
        if not used or place is None:
            continue
        for other, theirs in before:
            what = f"{aspect.says} of number {other.number}"
            if used == theirs and (len(used) == 1 or not aspect.groups):
                sentence = f"number {entry.number} has {what}, too ({_listed(used)})"
                fix = f"choose another; {aspect.says} may be used once"
                yield Finding(file, place.place, "aspect.twice", sentence, fix)
                break
            if used & theirs and aspect.groups:
                sentence = f"number {entry.number} may have {what}, too ({_listed(used & theirs)})"
                fix = f'say which it is about: add "{aspect.name}"'
                yield Finding(file, place.place, "aspect.unclear", sentence, fix)
                break
        before.append((entry, used))


def _listed(words: frozenset[str]) -> str:
    return shown(" ".join(sorted(words)))[:60]


def _used(aspect: Aspect, entry: Entry) -> frozenset[str]:
    """By an entry's own key, the group that it names or its very words; else the groups, or the words, of its text.

    A plural is its singular.
    """
    own = entry.fields.get(aspect.name)
    text = own.text if own else entry.fields[aspect.words_of].text if aspect.words_of in entry.fields else ""
    words = frozenset(WORD.findall(text.casefold()))
    if aspect.groups:
        groups = frozenset(name for name, of in aspect.groups.items() if words & of)
        return groups if groups or not own else frozenset({" ".join(sorted(words))})
    rest = words - aspect.leave_out
    return frozenset(word.rstrip("s") if len(word) > 3 else word for word in rest)


@dataclass(frozen=True, slots=True)
class Shares:
    """The shares that a text speaks of: counts, the first share that stands alone, and what it is compared with."""

    counts: Sequence[tuple[int, int]]
    alone: tuple[float, float] | None  # and half of its last digit
    reference: tuple[float, float] | None


def shares(text: str) -> Shares:
    """A range is what is so in reality; of two shares that stand alone, the second is."""
    ranges = [(float(low) / 100, float(high) / 100) for low, high in RANGE.findall(text)]
    rest = RANGE.sub(" ", text)
    alone = [(float(said) / 100, 0.5 * 10.0 ** -(len(said.partition(".")[2]) + 2)) for said in SHARE.findall(rest)]
    plain = SHARE.sub(" ", rest)
    counts = [(int(all_of) if all_of else 0, int(all_of or none_of)) for all_of, none_of in EXTREME.findall(plain)]
    counts += [(int(part), int(whole)) for part, whole in OUT_OF.findall(plain) if int(part) <= int(whole)]
    if counts:  # a share beside a count only says it again
        part, whole = counts[0]
        alone = [(share, half) for share, half in alone if not whole or abs(share - part / whole) > half + 1e-9]
    others = alone if counts else alone[1:]
    said = [(share, share) for share, _ in others]
    reference = ranges or said
    sure = len(reference) == 1 and not (ranges and others)
    return Shares(counts, alone[0] if alone and not counts else None, reference[0] if sure else None)


def _statistic(file: str, key: str, said: Said, pictures: int) -> Iterator[Finding]:
    """Whether the text gives a share, the pictures can make it up, and tell it from what is so in reality."""
    words = set(WORD.findall(said.text.casefold()))
    if not re.search(r"\d", said.text) and not words & SHARES:
        yield Finding(
            file, said.place, "statistic.missing", f"{key} gives no number", "say how many of how many pictures"
        )
        return
    found = shares(said.text)
    seen = None if words & UNSAID and not found.counts else _seen(found, pictures)
    if isinstance(seen, str):
        yield Finding(file, said.place, "statistic.pictures", seen, "hand in every picture that was counted")
    elif seen is not None and found.reference and (chance := _chance(seen, pictures, *found.reference)) > LEVEL:
        low, high = (round(100 * edge) for edge in found.reference)
        real = f"{low}%" if low == high else f"{low}-{high}%"
        thin = f"{seen} of {pictures} cannot be told from {real}: chance goes so far in {100 * chance:.0f} of 100 draws"
        fix = "draw more pictures, or say that it is not enough"
        yield Finding(file, said.place, "statistic.thin", f"{thin} (exact binomial test)", fix)


def _seen(found: Shares, pictures: int) -> int | str | None:
    """How many of the pictures the text says; a sentence where they cannot be so many; None where it says none."""
    if not pictures:
        return None
    if found.counts:
        part, whole = found.counts[0]
        return part if whole == pictures else f"it speaks of {part} of {whole}, and {pictures} pictures are handed in"
    if found.alone is None:
        return None
    share, half = found.alone
    part = round(share * pictures)
    if abs(part / pictures - share) <= half + 1e-9:
        return part
    return f"no number of {pictures} pictures is {100 * share:g}% of them"


def _chance(part: int, whole: int, low: float, high: float) -> float:
    """The two-sided p of the exact binomial test against the range's nearest share, as scipy's binomtest has it."""
    share = min(max(part / whole, low), high)
    if low <= part / whole <= high:
        return 1.0
    odds = [comb(whole, k) * share**k * (1 - share) ** (whole - k) for k in range(whole + 1)]
    return min(1.0, sum(each for each in odds if each <= odds[part] * (1 + 1e-7)))
