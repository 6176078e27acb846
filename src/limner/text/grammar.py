"""How a prompt is written: AND composes sentences, brackets weigh their words, BREAK begins anew.

The grammar is AUTOMATIC1111's (stable-diffusion-webui 1.10, modules/prompt_parser.py), whose users' prompts mean the
same here.  No text is an error: what cannot be syntax is read as it stands.
"""

import re
from dataclasses import dataclass

WEIGHTS = {"(": 1.1, "[": 1 / 1.1}
"""What brackets that say no number multiply by."""
CLOSING = {")": "(", "]": "["}

_AND = re.compile(r"\bAND\b")
_SHARE = re.compile(r"(.*?)(?:\s*:\s*([-+]?(?:\d+\.?|\d*\.\d+)))?\s*", re.S)
_BREAK = re.compile(r"\s*\bBREAK\b\s*")
_WEIGHING = re.compile(r"\\[()\[\]\\]|\\|[(\[)\]]|:\s*([+-]?(?:\d+\.?\d*|\.\d+))\s*\)|[^\\()\[\]:]+|:")


@dataclass(frozen=True, slots=True)
class Sentence:
    """One of the texts that AND composes, and its weight."""

    text: str
    weight: float


@dataclass(frozen=True, slots=True)
class Piece:
    """A text without syntax, and the weight of its words."""

    text: str
    weight: float


def sentences(prompt: str) -> tuple[Sentence, ...]:
    """`a cat :1.2 AND a dog` are two, of weights 1.2 and 1.

    A number counts as a weight only where there is an AND: a lone "a clock at 10:30" is not thirty times a clock at 10,
    which AUTOMATIC1111 makes of it.
    """
    texts = _AND.split(prompt)
    if len(texts) == 1:
        return (Sentence(prompt, 1.0),)
    matches = [match for text in texts if (match := _SHARE.fullmatch(text))]
    return tuple(Sentence(match[1], float(match[2] or 1)) for match in matches)


def weighed(sentence: str) -> tuple[tuple[Piece, ...], ...]:
    r"""The pieces of a sentence, in one group, or several where BREAK parts them; together they say it without syntax.

    (a) and [a] multiply the weight of a by 1.1 and 1 / 1.1, (a:1.3) by 1.3, nested ones by all of theirs; a bracket
    that nobody closes weighs all that follows, one that nobody opened is text.  A backslash before a bracket or a
    backslash makes that a letter; any other backslash is dropped.
    """
    found = list[Piece | None]()  # None is a BREAK
    opened: dict[str, list[int]] = {bracket: [] for bracket in WEIGHTS}
    for match in _WEIGHING.finditer(sentence):
        sign, number = match[0], match[1]
        bracket = "(" if number else CLOSING.get(sign, "")
        if sign in opened:
            opened[sign].append(len(found))
        elif opened.get(bracket):
            _weigh(found, opened[bracket].pop(), float(number or WEIGHTS[bracket]))
        else:
            found += _literal(sign)
    for bracket, starts in opened.items():
        for start in starts:
            _weigh(found, start, WEIGHTS[bracket])
    return _grouped(found)


def _weigh(found: list[Piece | None], start: int, factor: float) -> None:
    for place in range(start, len(found)):
        if piece := found[place]:
            found[place] = Piece(piece.text, piece.weight * factor)


def _literal(sign: str) -> list[Piece | None]:
    if sign.startswith("\\"):
        return [Piece(sign[1:], 1.0)]
    first, *rest = _BREAK.split(sign)
    return [Piece(first, 1.0), *(each for text in rest for each in (None, Piece(text, 1.0)))]


def _grouped(found: list[Piece | None]) -> tuple[tuple[Piece, ...], ...]:
    groups = list[list[Piece]]([[]])
    for piece in found:
        if piece is None:
            groups.append([])
        elif groups[-1] and groups[-1][-1].weight == piece.weight:
            groups[-1][-1] = Piece(groups[-1][-1].text + piece.text, piece.weight)
        else:
            groups[-1].append(piece)
    return tuple(tuple(group) for group in groups)
