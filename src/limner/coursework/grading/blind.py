"""Who marks does not read whose work it is: names, addresses and numbers are taken out of what students wrote."""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from limner.coursework.grading.roll import Student

HIDDEN = "[student]"
SHORT, WHOLE = 3, 2  # letters: a part that is shorter is one of too many words; a whole name may have two
_BETWEEN = r"[\W_]*"
_CLOSE = (  # letters of scripts whose words stand without blanks, or with endings: Thai to Khmer, kana, Han, Hangul
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff"
    "\U00020000-\U0003ffff"
)


@dataclass(frozen=True, slots=True)
class Blind:
    """Takes a student's own words out of a text; without any, it changes nothing."""

    prose: re.Pattern[str] | None = None
    names: re.Pattern[str] | None = None

    def text(self, text: str) -> str:
        """What somebody wrote.  A part of a name goes only as it is spelt: Rose is a person, and a rose may stay."""
        return _without(self.prose, text)

    def name(self, name: str) -> str:
        """What a file is called: there every part goes, in whatever case."""
        return _without(self.names, self.text(name))


def blind(student: Student, also: Sequence[str] = ()) -> Blind:
    """`also` are other names of theirs, such as their file's."""
    whole = sorted({*_joined(student, also)}, key=len, reverse=True)
    parts = [part for part in _parts(student.name) if len(part) >= SHORT]
    if not whole and not parts:
        return Blind()
    spelt = [_alone(part, part, re.escape(part)) for part in parts]
    anyhow = re.compile("|".join([f"(?i:{each})" for each in whole] + spelt))
    return Blind(anyhow, re.compile("|".join(map(re.escape, parts)), re.IGNORECASE) if parts else None)


def _joined(student: Student, also: Sequence[str]) -> Iterator[str]:
    """Patterns of each name with its parts joined by whatever signs, and the other way round."""
    for word in (*student.words, *also):
        parts = _parts(word)
        least = WHOLE if word == student.name or re.search(f"[{_CLOSE}]", word) else SHORT
        if sum(map(len, parts)) >= least:
            for order in dict.fromkeys((tuple(parts), (parts[-1], *parts[:-1]))):
                yield _alone(order[0], order[-1], _BETWEEN.join(map(re.escape, order)))


def _parts(name: str) -> list[str]:
    return [part for part in re.split(r"[\W_]+", unicodedata.normalize("NFC", name)) if part]


def _alone(first: str, last: str, pattern: str) -> str:
    """The pattern as a word of its own, which begins and ends so, where its script divides words."""
    before = "" if re.match(f"[{_CLOSE}]", first) else rf"(?<![^\W_{_CLOSE}])"
    return before + pattern + ("" if re.search(f"[{_CLOSE}]$", last) else rf"(?![^\W_{_CLOSE}])")


def _without(pattern: re.Pattern[str] | None, text: str) -> str:
    """Whether its letters are composed or not, as a Mac writes file names (Unicode Standard Annex 15)."""
    if pattern is None:
        return text
    plain = unicodedata.normalize("NFC", text)
    told = pattern.sub(HIDDEN, plain)
    return text if told == plain else told
