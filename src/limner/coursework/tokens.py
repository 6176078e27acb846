"""JSON as people write it, cut into tokens: whatever quotes they use, and wherever they forget to close them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum

from limner.coursework.text import Edit, Fault


class Sort(Enum):
    MARK = 1  # one of { } [ ] , :
    STRING = 2
    NUMBER = 3
    WORD = 4
    END = 5


@dataclass(frozen=True, slots=True)
class Token:
    """`value` is what a string or a number means; of other tokens, what stands there."""

    sort: Sort
    start: int
    end: int
    value: str | int | float
    faults: tuple[Fault, ...] = field(default=())


BLANK = re.compile(r"[ \t\r\n]+")
STRANGE_BLANK = re.compile(r"[\s\ufeff\u200b\u2060]")  # what a word processor puts between words
NUMBER = re.compile(r"[-+]?(?:[0-9][\w.]*(?:(?<=[eE])[-+][0-9]+)?|\.[0-9]+)")
EXACT = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?")
WORD = re.compile(r"[^\W\d][\w-]*|\$[\w-]*", re.UNICODE)
COMMENT = re.compile(r"//[^\r\n]*|#[^\r\n]*|/\*.*?(?:\*/|\Z)", re.DOTALL)
OPENS = {  # quotes that are not JSON's, and what ends a text that begins so
    "'": "'", "`": "`'", "\u00b4": "\u00b4'", "\u2018": "\u2019\u2018'", "\u2019": "\u2019'", "\u201a": "\u2018\u2019",
    "\u201c": '\u201d\u201c"', "\u201d": '\u201d"', "\u201e": '\u201c\u201d"', "\u00ab": "\u00bb", "\u00bb": "\u00ab",
}  # fmt: skip
SMART = "\u201c\u201d\u201e"
MARKS = "{}[],:"
AFTER = re.compile(r"[ \t]*(?:[,:}\]]|//|/\*|#|[\r\n]|\Z)")  # what may follow a string's last quote
LAST = re.compile(r"[ \t]*,?[ \t]*(?:[}\]][ \t}\],]*)?(?:[\r\n]|\Z)")  # so does a line end
CLOSES = re.compile(r"\s*(?:[,:}\]]|\Z)")
ESCAPES = {'"': '"', "\\": "\\", "/": "/", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
HEX = re.compile(r"[0-9a-fA-F]{4}")
PIECE = re.compile(r'[^"\\\r\n\x00-\x1f]+')
DIGITS = 40  # of a whole number; longer ones are no seed, and slow to read
CONSTANTS = {"true": True, "false": False, "null": None}


def tokens(text: str) -> Iterator[Token]:
    """All of them, with what is wrong with each; the last is the end."""
    at, faults = 0, list[Fault]()
    while at < len(text):
        character = text[at]
        if blank := BLANK.match(text, at):
            at = blank.end()
        elif comment := COMMENT.match(text, at):
            at = comment.end()
            faults.append(_comment(comment))
        elif STRANGE_BLANK.match(text, at):
            faults.append(Fault(at, "json.unexpected", "a blank of another kind than JSON's stands here",
                                "put an ordinary blank there", (Edit(at, at + 1, " "),)))  # fmt: skip
            at += 1
        else:
            token = _token(text, at, character)
            yield Token(token.sort, token.start, token.end, token.value, (*faults, *token.faults))
            at, faults = token.end, []
    yield Token(Sort.END, len(text), len(text), "", tuple(faults))


def _token(text: str, at: int, character: str) -> Token:
    if character in MARKS:
        return Token(Sort.MARK, at, at + 1, character)
    if character == '"':
        return _string(text, at)
    if character in OPENS:
        return _quoted(text, at, OPENS[character])
    if number := NUMBER.match(text, at):
        return _number(number)
    if word := WORD.match(text, at):
        return Token(Sort.WORD, at, word.end(), word[0])
    return Token(Sort.WORD, at, at + 1, character)


def _comment(comment: re.Match[str]) -> Fault:
    edits = (Edit(comment.start(), comment.end(), ""),)
    return Fault(comment.start(), "json.comment", "JSON has no comments", "take it out", edits)


def _number(match: re.Match[str]) -> Token:
    said, start, end = match[0], match.start(), match.end()
    if EXACT.fullmatch(said):
        if said.lstrip("-").isdigit():
            return Token(Sort.NUMBER, start, end, int(said) if len(said) <= DIGITS else float("inf"))
        return Token(Sort.NUMBER, start, end, float(said))
    bare = said.lstrip("+-")
    if bare.isdecimal():  # 007 and +7
        number = int(bare) if len(bare) <= DIGITS else float("inf")
        plain = f"{'-' if said[0] == '-' else ''}{bare.lstrip('0') or '0'}"
        fault = Fault(start, "json.number", f"{said[:40]} is no number in JSON", f"write {plain[:40]}")
        return Token(Sort.NUMBER, start, end, -number if said[0] == "-" else number, (fault,))
    return Token(Sort.WORD, start, end, said)


def _string(text: str, start: int) -> Token:
    """One in straight double quotes; where it ends is guessed from what follows, if its own end is missing."""
    pieces, faults, at, inner = list[str](), list[Fault](), start + 1, False
    across = -1  # the quote that ends it, where it runs over lines
    while at < len(text):
        if piece := PIECE.match(text, at):
            pieces.append(piece[0])
            at = piece.end()
            continue
        character = text[at]
        if character == '"':
            if at == across or _ends(text, at, inner):
                return Token(Sort.STRING, start, at + 1, "".join(pieces), tuple(faults))
            inner = not inner
            faults.append(Fault(at, "json.inner-quote", "a double quote inside a text ends it", 'write \\" instead',
                                (Edit(at, at, "\\"),)))  # fmt: skip
            pieces.append(character)
            at += 1
        elif character == "\\":
            at = _escaped(text, at, pieces, faults)
        else:
            if character in "\r\n" and across < 0:
                across = text.find('"', at)
                if across < 0 or not CLOSES.match(text, across + 1):
                    return _unended(text, start, at, pieces, faults)
            at = _control(text, at, pieces, faults)
    return _unended(text, start, at, pieces, faults)


def _ends(text: str, at: int, inner: bool) -> bool:
    """Whether the quote there ends the text that it stands in, rather than being one of its characters."""
    if inner:
        return LAST.match(text, at + 1) is not None
    after = text[at + 1 : at + 2]
    return AFTER.match(text, at + 1) is not None or not (after.isalnum() or after in ("!", "?", "."))


def _unended(text: str, start: int, at: int, pieces: list[str], faults: list[Fault]) -> Token:
    """A text without its last quote: it ends with its line, before a comma or bracket that stands there."""
    said = "".join(pieces)
    kept = said.rstrip(" \t")
    for smart in SMART:  # opened straight, ended by a word processor
        head, found, rest = kept.rpartition(smart)
        if found and not rest.strip(" \t,}]"):
            end = at - (len(said) - len(head) - 1)
            edits = (Edit(end - 1, end, '"'),)
            fault = Fault(end - 1, "json.quotes", "this text ends with a curly quote", 'write "', edits)
            return Token(Sort.STRING, start, end, head, (*faults, fault))
    words = kept.rstrip(",}] \t")
    end = at - (len(said) - len(words))
    fault = Fault(start, "json.unended", "this text has no last quote", 'write " at its end', (Edit(end, end, '"'),))
    return Token(Sort.STRING, start, max(end, start + 1), words, (*faults, fault))


def _quoted(text: str, start: int, ends: str) -> Token:
    """A text in quotes that JSON does not have: it ends where a comma, a bracket or the line's end follows."""
    pattern = re.compile(f"[{re.escape(ends)}](?=\\s*(?:[,:}}\\]]|\\Z|//|#)|[ \\t]*[\\r\\n])|[\\r\\n]")
    found = pattern.search(text, start + 1)
    closed = found is not None and found[0] not in "\r\n"
    end = found.start() if found else len(text)
    said = text[start + 1 : end]
    plain = said.replace("\\'", "'")
    if not closed:
        plain = plain.rstrip(",}] \t")
        end = start + 1 + len(plain)
    stop = end + 1 if closed else end
    written = re.sub(r'(?<!\\)"', r"\"", plain)
    edits = (Edit(start, stop, f'"{written}"'),)
    fault = Fault(start, "json.quotes", f"JSON's quotes are straight and double, not {text[start]}", 'write "', edits)
    return Token(Sort.STRING, start, stop, plain, (fault,))


def _escaped(text: str, at: int, pieces: list[str], faults: list[Fault]) -> int:
    """The place after a backslash and what it stands for."""
    kind = text[at + 1 : at + 2]
    if kind in ESCAPES and kind:
        pieces.append(ESCAPES[kind])
        return at + 2
    if kind == "u" and (code := HEX.match(text, at + 2)):
        return _unicode(text, code, pieces, faults)
    faults.append(Fault(at, "json.escape", f"\\{kind.strip()} means nothing in JSON", "write \\\\ for a backslash",
                        (Edit(at, at, "\\"),)))  # fmt: skip
    pieces.append("\\")
    return at + 1


def _unicode(text: str, code: re.Match[str], pieces: list[str], faults: list[Fault]) -> int:
    """A character by its number; one above 65,535 is two of them (RFC 8259, 7), and half of one is none."""
    high, at = int(code[0], 16), code.end()
    second = HEX.match(text, at + 2) if text[at : at + 2] == "\\u" else None
    if 0xD800 <= high < 0xDC00 and second and 0xDC00 <= (low := int(second[0], 16)) < 0xE000:
        pieces.append(chr(0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00)))
        return second.end()
    half = 0xD800 <= high < 0xE000
    if half:
        faults.append(
            Fault(code.start() - 2, "json.escape", f"\\u{code[0]} is half a character", "write the character")
        )
    pieces.append("\ufffd" if half else chr(high))
    return at


def _control(text: str, at: int, pieces: list[str], faults: list[Fault]) -> int:
    """A line break or another control character that stands in a text as it is."""
    broken = text[at] in "\r\n"
    length = 2 if text[at : at + 2] == "\r\n" else 1
    kind = {"\t": "\\t"}.get(text[at], "\\n" if broken else f"\\u{ord(text[at]):04x}")
    what = "a line break" if broken else "a control character" if text[at] != "\t" else "a tab"
    faults.append(Fault(at, "json.line-break", f"{what} stands in a text", f"write {kind} there",
                        (Edit(at, at + length, kind),)))  # fmt: skip
    pieces.append("\n" if broken else text[at])
    return at + length
