"""Who marks does not read whose work it is: names, addresses and numbers are taken out of what students wrote."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from limner.coursework.grading.roll import Student

HIDDEN = "[student]"
SHORT = 3  # letters: what is shorter is a part of too many words
_BETWEEN = r"[\W_]*"


@dataclass(frozen=True, slots=True)
class Blind:
    """Takes a student's own words out of a text; without any, it changes nothing."""

    prose: re.Pattern[str] | None = None
    names: re.Pattern[str] | None = None

    def text(self, text: str) -> str:
        """What somebody wrote.  A part of a name goes only as it is spelt: Rose is a person, and a rose may stay."""
        return self.prose.sub(HIDDEN, text) if self.prose else text

    def name(self, name: str) -> str:
        """What a file is called: there every part goes, in whatever case."""
        return self.names.sub(HIDDEN, self.text(name)) if self.names else name


def blind(student: Student, also: Sequence[str] = ()) -> Blind:
    """`also` are other names of theirs, such as their file's."""
    whole = sorted({*_joined(student, also)}, key=len, reverse=True)
    parts = [part for part in re.split(r"[\W_]+", student.name) if len(part) >= SHORT]
    if not whole and not parts:
        return Blind()
    spelt = [rf"(?<![^\W_]){re.escape(part)}(?![^\W_])" for part in parts]
    anyhow = re.compile("|".join([f"(?i:{each})" for each in whole] + spelt))
    return Blind(anyhow, re.compile("|".join(map(re.escape, parts)), re.IGNORECASE) if parts else None)


def _joined(student: Student, also: Sequence[str]) -> Iterator[str]:
    """Patterns of each name with its parts joined by whatever signs, and the other way round."""
    for word in (*student.words, *also):
        parts = [re.escape(part) for part in re.split(r"[\W_]+", word) if part]
        if sum(map(len, parts)) >= SHORT:
            yield rf"(?<![^\W_]){_BETWEEN.join(parts)}(?![^\W_])"
            if len(parts) > 1:
                yield rf"(?<![^\W_]){_BETWEEN.join([parts[-1], *parts[:-1]])}(?![^\W_])"
