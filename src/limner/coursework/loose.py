"""JSON read for what was meant: values with their places, and each mistake once, where it has to be mended."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from limner.coursework.text import Edit, Fault
from limner.coursework.tokens import CONSTANTS, Sort, Token, tokens

DEEPEST = 32
MANY = 60  # mistakes of a file that are told of
MEANT = {"True": "true", "TRUE": "true", "False": "false", "FALSE": "false", "None": "null", "NULL": "null",
         "Null": "null", "nil": "null", "undefined": "null"}  # fmt: skip
Value: TypeAlias = "str | int | float | bool | Array | Object | None"


@dataclass(frozen=True, slots=True)
class Node:
    """A value and where it stands, in characters."""

    value: Value
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Array:
    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Object:
    """Of a key that is there twice the last value, as programs have it."""

    members: Mapping[str, Node]
    keys: Mapping[str, Node]


@dataclass(frozen=True, slots=True)
class Loose:
    """`root` is None where there is no value at all."""

    root: Node | None
    faults: tuple[Fault, ...]


def loose(text: str) -> Loose:
    """What was meant, and what is wrong; nothing is wrong exactly where Python's own json reads the same value."""
    reader = _Reader(text, tokens(text))
    root = reader.document()
    return Loose(root, tuple(sorted(reader.faults[:MANY], key=lambda fault: fault.at)))


class _TooDeepError(Exception):
    pass


@dataclass(slots=True)
class _Reader:
    text: str
    source: Iterator[Token]
    faults: list[Fault] = field(default_factory=list)
    token: Token = field(default=Token(Sort.END, 0, 0, ""))
    ahead: Token = field(default=Token(Sort.END, 0, 0, ""))
    last: int = 0  # the end of the token before
    open: list[str] = field(default_factory=list)  # the brackets that end what is begun
    lent: bool = False  # a comma was read inside of what should have ended before it

    def document(self) -> Node | None:
        self.ahead = next(self.source)
        self._next()
        while self._at("}],:"):
            self._stray()
        if self._over():
            self._fault(0, "json.empty", "there is nothing in this file", "write the JSON object of the task")
            return None
        try:
            root = self._value()
        except _TooDeepError:
            return None
        if not self._over():
            at, mark = self.token.start, self.token.value
            edits = (
                (Edit(at, self.token.end, ""),) if mark in ("}", "]", ",") and not self._rest(self.token.end) else ()
            )
            self._fault(at, "json.after", "something stands after the end of the JSON", "take it out", edits)
        return root

    def _over(self) -> bool:
        return self.token.sort == Sort.END

    def _rest(self, at: int) -> str:
        return self.text[at : at + 1000].strip()

    def _next(self) -> Token:
        before = self.token
        self.last = before.end
        self.token, self.ahead = self.ahead, next(self.source, self.ahead)
        for fault in self.token.faults:
            self._keep(fault)
        return before

    def _keep(self, fault: Fault) -> None:
        if len(self.faults) < MANY:
            self.faults.append(fault)

    def _fault(self, at: int, rule: str, sentence: str, fix: str, edits: tuple[Edit, ...] = ()) -> None:
        self._keep(Fault(at, rule, sentence, fix, edits))

    def _keyed(self) -> bool:
        """Whether a key stands here, with its colon."""
        colon = self.ahead.sort == Sort.MARK and self.ahead.value == ":"
        return colon and self.token.sort in (Sort.STRING, Sort.WORD)

    def _at(self, marks: str) -> bool:
        return self.token.sort == Sort.MARK and str(self.token.value) in marks

    def _value(self) -> Node:
        token = self.token
        if self._at("{["):
            return self._inside(token)
        if token.sort == Sort.WORD:
            return self._word()
        if token.sort in (Sort.STRING, Sort.NUMBER):
            self._next()
            return Node(token.value, token.start, token.end)
        raise AssertionError(token)  # nobody asks for a value where none begins

    def _inside(self, token: Token) -> Node:
        """What a bracket opens, with that and its own end."""
        if len(self.open) >= DEEPEST:
            self._fault(token.start, "json.deep", f"brackets are nested {DEEPEST} deep", "the tasks need four")
            raise _TooDeepError
        closing = "}" if token.value == "{" else "]"
        self._next()
        self.open.append(closing)
        value = self._object() if closing == "}" else self._array()
        self.open.pop()
        if self._at(closing):
            self._next()
        else:
            what = "at the end" if self._over() else f"before {str(self.token.value)[:20]}"
            self._fault(self.last, "json.unclosed", f"a {token.value} is not closed", f"write {closing} {what}")
        return Node(value, token.start, self.last)

    def _word(self) -> Node:
        """A word without quotes: one of three that JSON has, one of Python's, or a text."""
        token = self._next()
        word = str(token.value)
        if word in CONSTANTS:
            return Node(CONSTANTS[word], token.start, token.end)
        if meant := MEANT.get(word):
            edits = (Edit(token.start, token.end, meant),)
            self._fault(token.start, "json.word", f"JSON has no {word}", f"write {meant}", edits)
            return Node(CONSTANTS[meant], token.start, token.end)
        if word in ("NaN", "Infinity"):
            self._fault(token.start, "json.word", f"JSON has no {word}", "write a number")
            return Node(math.nan, token.start, token.end)
        while self.token.sort in (Sort.WORD, Sort.NUMBER) and "\n" not in self.text[self.last : self.token.start]:
            self._next()
        said = self.text[token.start : self.last]
        self._fault(token.start, "json.word", f"{said[:40]!r} stands without quotes", "write it in double quotes")
        return Node(said, token.start, self.last)

    def _array(self) -> Array:
        items, comma, need = list[Node](), -1, False
        while not self._over() and not self._at("]"):
            if self._at(","):
                self._comma(comma, need or bool(items))
                comma, need = self.last - 1, False
            elif (self._at("}") and self._ends()) or (self._keyed() and "}" in self.open):
                break
            elif self._at("}:"):
                self._stray()
            else:
                if need:
                    self._missing()
                items.append(self._value())
                comma, need = self._behind()
        self._trailing(comma)
        return Array(tuple(items))

    def _behind(self) -> tuple[int, bool]:
        """After a value: no comma yet, and one is needed; but if the value had taken ours, it is here."""
        at, lent, self.lent = self.last - 1, self.lent, False
        return (at, False) if lent else (-1, True)

    def _object(self) -> Object:
        members, keys, comma, need = dict[str, Node](), dict[str, Node](), -1, False
        while not self._over() and not self._at("}"):
            if self._at(","):
                self._comma(comma, need or bool(members))
                comma, need = self.last - 1, False
            elif (self._at("]") and self._ends()) or (self._at("{") and "]" in self.open and comma >= 0):
                break
            elif self._at("]:{["):
                self._stray()
            else:
                if need:
                    self._missing()
                key = self._key()
                if str(key.value) in members:
                    self._fault(
                        key.start, "json.duplicate", f"the key {key.value!r} is there twice", "keep one of them"
                    )
                value = self._after_key(key)
                members[str(key.value)], keys[str(key.value)] = value, key
                comma, need = self._behind()
        self._trailing(comma)
        return Object(members, keys)

    def _key(self) -> Node:
        token = self._next()
        if token.sort == Sort.STRING:
            return Node(token.value, token.start, token.end)
        said = self.text[token.start : token.end]
        edits = (Edit(token.start, token.end, f'"{said}"'),)
        self._fault(token.start, "json.key-quotes", f"the key {said[:40]} has no quotes", f'write "{said[:40]}"', edits)
        return Node(said, token.start, token.end)

    def _after_key(self, key: Node) -> Node:
        if self._at(":"):
            self._next()
        else:
            edits, other = (Edit(key.end, key.end, ":"),), self.token.sort == Sort.WORD and self.token.value == "="
            if other:
                edits = (Edit(self.token.start, self.token.end, ":"),)
            at = self.token.start if other else key.end
            nothing = self._over() or self._at(",}]")
            self._fault(at, "json.colon", "a colon is missing after the key", "write : between key and value",
                        () if nothing else edits)  # fmt: skip
            if other:
                self._next()
            elif nothing:
                return Node(None, key.end, key.end)
        absent = self._keyed() and "\n" in self.text[self.last : self.token.start]
        if absent:
            self.lent = True
        if absent or self._over() or self._at(",}]:"):
            self._fault(
                self.last, "json.unexpected", f"the key {key.value!r:.60} has no value", "write one after the colon"
            )
            return Node(None, self.last, self.last)
        return self._value()

    def _comma(self, before: int, any_yet: bool) -> None:
        """A comma, which is one too many after another one or where nothing came before it."""
        token = self._next()
        if before >= 0 or not any_yet:
            edits = (Edit(token.start, token.end, ""),)
            self._fault(token.start, "json.comma-extra", "here is a comma too many", "take it out", edits)

    def _trailing(self, comma: int) -> None:
        """A comma before the end: one too many; but if the end itself is missing, it belongs to what follows."""
        if comma < 0 or self._over():
            return
        if not self._at("]}"):
            self.lent, self.last = True, comma
        elif not any(fault.at == comma and fault.rule == "json.comma-extra" for fault in self.faults[-3:]):
            edits = (Edit(comma, comma + 1, ""),)
            self._fault(comma, "json.comma-extra", "a comma stands after the last one", "take it out", edits)

    def _missing(self) -> None:
        """Two values without a comma between them: it belongs behind the first."""
        edits = (Edit(self.last, self.last, ","),)
        self._fault(self.last, "json.comma-missing", "a comma is missing here", "write a comma", edits)

    def _ends(self) -> bool:
        """Whether this closing bracket is one that something around is waiting for."""
        return str(self.token.value) in self.open[:-1]

    def _stray(self) -> None:
        """A token that can be nothing here; what a bracket opens is read, so that what follows it is."""
        token = self.token
        self._fault(
            token.start,
            "json.unexpected",
            f"{token.value} does not belong here",
            "take it out, or write what is missing",
        )
        if self._at("{["):
            self._value()
        else:
            self._next()
