"""Words said louder or softer: ComfyUI's and InvokeAI's ways to weight a prompt, put into AUTOMATIC1111's.

The weights come over exactly.  What a program does with a weight is its own affair: AUTOMATIC1111 restores the mean of
the whole text's states, ComfyUI moves states away from those of an empty text, InvokeAI mixes in the text without it.
"""

import re
from collections.abc import Iterator
from itertools import groupby
from typing import TypeAlias

Run: TypeAlias = tuple[str, float]

DEEPEST, LONGEST = 50, 20_000
_OPEN, _SHUT = "\x0e", "\x0f"  # stand for escaped parentheses while the others are looked at
_MORE = re.compile(r"\.(?:blend|and|add|swap|attend)\s*\(|\b(?:with|use)Lora\s*\(")
_QUOTED = re.compile(r'(?<!\\)"([^"]*)(?<!\\)"')
_FACTOR = re.compile(r"\++|-?\d+(?:\.\d+)?|-?\.\d+|-+")
_LOUD = re.compile(r'(?<![^\s()",.])((?:[^\s()",.+-]|[+-](?![\s()",.+-]|$))+)(\++|-+)(?=[\s(),.]|$)')


def from_comfy(prompt: str) -> str | None:
    """`(word)` is 1.1 times as loud, `(word:1.2)` 1.2 whatever stands around it, `[` nothing; None if unbalanced.

    ComfyUI, comfy/sd1_clip.py, `token_weights`.
    """
    text = _veiled(prompt)
    return _written(_comfy(text, 1.0)) if _balanced(text) else None


def from_compel(prompt: str) -> str | None:
    """`word+` is 1.1 times as loud, `word-` 0.9, `(several words)1.2` or `"several words"1.2` 1.2, and they multiply.

    None where it is unbalanced or says more than weights: `.blend`, `.and`, `.swap`.  Compel, doc/syntax.md.
    """
    text = _QUOTED.sub(r"(\1)", _veiled(prompt)).replace('\\"', '"')
    return _written(_compel(text, 1.0)) if _balanced(text) and not _MORE.search(text) else None


def dividers(prompt: str) -> tuple[str, ...]:
    """The words that divide a prompt for limner, and are words like any other for ComfyUI and InvokeAI."""
    return tuple(dict.fromkeys(re.findall(r"\b(?:AND|BREAK)\b", prompt)))


def _comfy(text: str, weight: float) -> Iterator[Run]:
    at = 0
    while (begin := text.find("(", at)) >= 0:
        yield text[at:begin], weight
        at = _closing(text, begin)
        body, _, tail = (inside := text[begin + 1 : at - 1]).rpartition(":")
        own = _number(tail) if body else None
        yield from _comfy(inside, weight * 1.1) if own is None else _comfy(body, own)
    yield text[at:], weight


def _compel(text: str, weight: float) -> Iterator[Run]:
    at = 0
    while (begin := text.find("(", at)) >= 0:
        yield from _words(text[at:begin], weight)
        at = _closing(text, begin)
        inside, factor = text[begin + 1 : at - 1], _FACTOR.match(text, at)
        yield from _compel(inside, weight * _factor(factor[0] if factor else ""))
        at = factor.end() if factor else at
    yield from _words(text[at:], weight)


def _words(text: str, weight: float) -> Iterator[Run]:
    at = 0
    for match in _LOUD.finditer(text):
        yield text[at : match.start()], weight
        yield match[1], weight * _factor(match[2])
        at = match.end()
    yield text[at:], weight


def _factor(signs: str) -> float:
    if not signs.strip("+"):
        return 1.1 ** len(signs)
    return float(signs) if signs.strip("-") else 0.9 ** len(signs)


def _number(text: str) -> float | None:
    return float(text) if re.fullmatch(r"\s*[+-]?(?:\d{1,9}\.?\d{0,9}|\.\d{1,9})\s*", text) else None


def _closing(text: str, begin: int) -> int:
    """The place behind the parenthesis that closes the one at `begin`."""
    depth = 0
    for match in re.compile(r"[()]").finditer(text, begin):
        depth += 1 if match[0] == "(" else -1
        if depth == 0:
            return match.end()
    return len(text)


def _balanced(text: str) -> bool:
    """Whether each parenthesis has its other, and none lies deeper than anybody means."""
    depth = 0
    for sign in re.findall(r"[()]", text if len(text) <= LONGEST else ")"):
        depth += 1 if sign == "(" else -1
        if not 0 <= depth <= DEEPEST:
            return False
    return depth == 0


def _veiled(prompt: str) -> str:
    return prompt.replace("\\(", _OPEN).replace("\\)", _SHUT)


def _written(runs: Iterator[Run]) -> str:
    """AUTOMATIC1111's spelling: `(louder:1.2)`, and a backslash before what would be syntax."""
    merged = (
        ("".join(text for text, _ in group), weight)
        for weight, group in groupby(
            ((text, round(weight, 6)) for text, weight in runs if text), key=lambda run: run[1]
        )
    )
    return "".join(
        _escaped(text) if weight == 1 else f"({_escaped(text)}:{f'{weight:.6f}'.rstrip('0').rstrip('.')})"
        for text, weight in merged
    )


def _escaped(text: str) -> str:
    plain = text.replace(_OPEN, "(").replace(_SHUT, ")")
    return re.sub(r"[\\()\[\]]", r"\\\g<0>", plain)
