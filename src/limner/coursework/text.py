"""A text and its places: every character has a line and a column, and every mistake in it a way to be undone."""

import codecs
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field
from re import compile

from limner.coursework.finding import Place

_BREAK = compile(r"\r\n|\r|\n")
_MARKS = (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_CODES = ("utf-32", "utf-32", "utf-16", "utf-16")
OTHER = "another encoding than UTF-8"  # by which its words are guessed


@dataclass(frozen=True, slots=True)
class Edit:
    """What stands from `start` to `end` (in characters) becomes `text`."""

    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Fault:
    """A mistake at a character; `edits` undo it where that is safe: where no word of anybody's is guessed."""

    at: int
    rule: str
    sentence: str
    fix: str
    edits: tuple[Edit, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class Text:
    """`encoding` is what was wrong with how it was written as bytes, "" where that was UTF-8 and nothing else."""

    text: str
    encoding: str
    _lines: list[int]

    def place(self, at: int) -> Place:
        line = bisect_right(self._lines, at)
        return Place(line, at - self._lines[line - 1] + 1)


def text(data: bytes) -> Text:
    """The text of a file, whatever program saved it; bytes that are none become U+FFFD."""
    for mark, name in zip(_MARKS, _CODES, strict=True):
        if data.startswith(mark):
            return _placed(data.decode(name, "replace"), name.upper())
    if data.startswith(codecs.BOM_UTF8):
        return _placed(data[len(codecs.BOM_UTF8) :].decode("utf-8", "replace"), "UTF-8 with a byte order mark")
    if 4 * data[:200].count(0) > len(data[:200]):
        return _placed(data.decode("utf-16-le" if data[1:2] == b"\0" else "utf-16-be", "replace"), "UTF-16")
    try:
        return _placed(data.decode("utf-8"), "")
    except UnicodeDecodeError:
        return _placed(data.decode("cp1252", "replace"), OTHER)


def mended(text: str, edits: Iterable[Edit]) -> str:
    """The text after all edits; of two that meet, the first."""
    pieces, at = list[str](), 0
    for edit in sorted(edits, key=lambda each: (each.start, each.end)):
        if edit.start >= at:
            pieces += [text[at : edit.start], edit.text]
            at = edit.end
    return "".join([*pieces, text[at:]])


def _placed(text: str, encoding: str) -> Text:
    return Text(text, encoding, [0, *(match.end() for match in _BREAK.finditer(text))])
