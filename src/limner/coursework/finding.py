"""A finding is a place, a rule, and two sentences: what is wrong, and what to do about it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """An error would be misread or breaks a rule; a warning is for the student to weigh; unreadable ends it."""

    ERROR = "error"
    WARNING = "warning"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Line and column, both from 1, columns in characters; what concerns a file as a whole is at its beginning."""

    line: int = 1
    column: int = 1


WHOLE = Place()
LONGEST = 200  # characters of a name


@dataclass(frozen=True, slots=True)
class Finding:
    """`file` is its name in the hand-in; `fix` says what to do; `mends` whether --fix does it."""

    file: str
    place: Place
    rule: str
    sentence: str
    fix: str
    mends: bool = False

    @property
    def severity(self) -> Severity:
        return RULES[self.rule]


_E, _W, _U = Severity.ERROR, Severity.WARNING, Severity.UNREADABLE
RULES: Mapping[str, Severity] = {  # docs/coursework.md says of each what it means
    # the hand-in as a zip, a folder or files
    "zip.damaged": _U, "zip.encrypted": _U, "zip.large": _U, "zip.method": _U, "zip.nothing": _U,
    "zip.outside": _E, "zip.folder": _E, "zip.link": _E, "zip.nested": _E, "zip.duplicate": _E, "zip.case": _E,
    "zip.entry": _E, "zip.mac": _W,
    "file.name": _E, "file.missing": _E, "file.unnamed": _W,
    # a JSON file as text
    "json.encoding": _E, "json.large": _E, "json.empty": _E, "json.deep": _E,
    "json.comma-missing": _E, "json.comma-extra": _E, "json.colon": _E, "json.quotes": _E, "json.key-quotes": _E,
    "json.inner-quote": _E, "json.unended": _E, "json.line-break": _E, "json.escape": _E, "json.comment": _E,
    "json.word": _E, "json.number": _E, "json.unclosed": _E, "json.unexpected": _E, "json.after": _E,
    "json.duplicate": _E,
    # what it says
    "key.missing": _E, "key.spelling": _E, "value.kind": _E, "value.empty": _E, "count.few": _E, "count.many": _E,
    "model.label": _E, "seed.range": _E, "template.text": _E, "aspect.twice": _E, "aspect.unclear": _W,
    "statistic.missing": _E, "statistic.pictures": _W, "statistic.thin": _W,
    # its pictures
    "path.folder": _E, "path.missing": _E, "path.case": _E, "picture.unreadable": _E, "picture.format": _E,
    "picture.large": _E, "picture.twice": _E, "picture.near": _W, "picture.suffix": _W, "picture.recipe": _W,
    "picture.receipt": _W,
}  # fmt: skip
CODES: Mapping[Severity, int] = {Severity.WARNING: 0, Severity.ERROR: 1, Severity.UNREADABLE: 2}


def code(findings: Iterable[Finding]) -> int:
    """The exit code: 0 valid, warnings allowed; 1 errors; 2 unreadable."""
    return max((CODES[finding.severity] for finding in findings), default=0)


def shown(name: str) -> str:
    """A name as it may stand before anybody: in one line, and not too long."""
    return "".join(each if each.isprintable() else "\ufffd" for each in name[:LONGEST])
