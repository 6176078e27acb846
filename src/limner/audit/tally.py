"""Who looks does not know at what: pictures come one by one, mixed, without their words, and an answer stays."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256

from limner.audit.study import UNTOLD, Picture, Study
from limner.errors import LimnerError

UNDONE = ""  # the answer that takes the last one back


@dataclass(frozen=True, slots=True)
class Answer:
    """What a rater called a picture, by the names of all three; lines of these are only ever added."""

    rater: str
    picture: str
    answer: str


Answers = Mapping[str, Mapping[str, str]]
"""By picture, what each rater says in the end."""


def order(study: Study, rater: str) -> list[Picture]:
    """The pictures as this rater sees them: shuffled for each anew, and the same at every visit."""
    return sorted(study.pictures, key=lambda each: sha256(f"{study.name} {rater} {each.name}".encode()).digest())


def standing(study: Study, lines: Iterable[Answer]) -> Answers:
    """What holds after all the lines; one that is of no picture or no category of the study is passed over."""
    known, may = {each.name for each in study.pictures}, {*study.categories, UNTOLD, UNDONE}
    out = dict[str, dict[str, str]]()
    for line in lines:
        if line.picture in known and line.answer in may:
            said = out.setdefault(line.picture, {})
            said.pop(line.rater, None)
            if line.answer != UNDONE:
                said[line.rater] = line.answer
    return out


def next_for(study: Study, rater: str, answers: Answers, there: Iterable[str]) -> tuple[int, Picture] | None:
    """The first picture that is there and that this rater has not named, and its place in their order, from 0."""
    drawn = set(there)
    for place, picture in enumerate(order(study, rater)):
        if picture.name in drawn and rater not in answers.get(picture.name, {}):
            return place, picture
    return None


def last_of(lines: Sequence[Answer], rater: str) -> Answer | None:
    """The line that an undo takes back: the rater's latest that was not taken back yet."""
    undone = 0
    for line in reversed(lines):
        if line.rater != rater:
            continue
        if line.answer == UNDONE:
            undone += 1
        elif undone:
            undone -= 1
        else:
            return line
    return None


def named(study: Study, key: int) -> str:
    """The answer of a key: 1 to 9 are the categories, 0 is for what cannot be told.  LimnerError."""
    if not 0 <= key <= len(study.categories):
        raise LimnerError(f"key {key} has no answer", f"press 1 to {len(study.categories)}, or 0 for {UNTOLD!r}")
    return study.categories[key - 1] if key else UNTOLD


@dataclass(frozen=True, slots=True)
class Labels:
    """What each picture is taken for; `untold` nobody could say, of `disputed` ones they differ.

    Where no rater has seen all, `waiting` are those that the one who is farthest has not: then nothing is concluded.
    """

    said: Mapping[str, str]
    untold: tuple[str, ...]
    disputed: tuple[str, ...]
    waiting: tuple[str, ...]
    raters: tuple[str, ...]

    @property
    def unclear(self) -> int:
        return len(self.untold) + len(self.disputed)


def labels(study: Study, answers: Answers) -> Labels:
    """By those raters who have looked at every picture; where they do not all say the same, it is not clear."""
    names = [each.name for each in study.pictures]
    raters = dict.fromkeys(rater for said in answers.values() for rater in said)
    done = tuple(rater for rater in raters if all(rater in answers.get(name, {}) for name in names))
    if not done:
        left = {rater: tuple(name for name in names if rater not in answers.get(name, {})) for rater in raters}
        return Labels({}, (), (), min(left.values(), key=len, default=tuple(names)), ())
    said, untold, disputed = dict[str, str](), list[str](), list[str]()
    for name in names:
        heard = {answers[name][rater] for rater in done}
        if len(heard) > 1:
            disputed.append(name)
        elif heard == {UNTOLD}:
            untold.append(name)
        else:
            said[name] = heard.pop()
    return Labels(said, tuple(untold), tuple(disputed), (), done)
