"""Which words of a sentence are things, and which say how they are: a rule of thumb for short English prompts."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from limner.errors import LimnerError
from limner.text.prompt import Span, find, spans
from limner.text.tokenizer import Tokenizer

_SMALL = """
a an the this that some any one two three four five six and or with without in on under above below over left right of
to next beside between behind front at by near from into onto off is are was sitting standing wearing holding riding it
its his her their there very
"""
SMALL = frozenset(_SMALL.split())
"""Words that are no thing and say nothing of one."""
MOST = 100.0  # that a number for a word may be, or as far below 0


@dataclass(frozen=True, slots=True)
class Subject:
    """A thing and the words that say how it is: in "a big red cat", `thing` is cat and `traits` are big and red."""

    thing: Span
    traits: tuple[Span, ...] = ()


def subjects(tokenizer: Tokenizer, sentence: str) -> list[Subject]:
    """The last word of each run of words that are not small, with those before it; what follows a comma is style."""
    found, run = list[Subject](), list[Span]()
    for word in [*spans(tokenizer, sentence), None]:
        plain = word is not None and bool(re.fullmatch(r"[\w-]+", word.word))
        if word is not None and plain and word.word.casefold() not in SMALL:
            run.append(word)
            continue
        if run:
            found.append(Subject(run[-1], tuple(run[:-1])))
            run = []
        if word is not None and not plain:
            break
    return found


def chosen(tokenizer: Tokenizer, sentence: str, words: str) -> list[Subject]:
    """The things named in `words` ("cat, dog"), wherever they are said, or all that are found where it says "auto".

    LimnerError if one is not in the sentence, or nothing is found.
    """
    parsed = subjects(tokenizer, sentence)
    if words.strip().casefold() == "auto":
        if not parsed:
            raise LimnerError(f"no thing is found in {sentence!r}", "name its things: cat, dog")
        return parsed
    said = dict.fromkeys(word.strip().casefold() for word in words.split(",") if word.strip())
    named = list(dict.fromkeys(span for word in said for span in find(tokenizer, sentence, word)))
    if not named:
        raise LimnerError(f"{words!r} names no thing", "such as cat, dog")
    return [Subject(each, _traits(parsed, each)) for each in named]


def _traits(parsed: Sequence[Subject], thing: Span) -> tuple[Span, ...]:
    return next((each.traits for each in parsed if each.thing.stop == thing.stop and each.thing != thing), ()) or next(
        (each.traits for each in parsed if each.thing == thing), ()
    )


def numbered(tokenizer: Tokenizer, sentence: str, said: str) -> list[tuple[Span, float]]:
    """ "red:2, cat:0.5" as the columns of these words, each with its number; LimnerError for anything else."""
    out, parts = list[tuple[Span, float]](), [each.strip() for each in said.split(",") if each.strip()]
    if said and not parts:
        raise LimnerError(f"{said!r} gives no word a number", "such as red:2")
    for part in parts:
        match = re.fullmatch(r"(.+?)\s*:\s*(-?(?:\d+\.?\d*|\.\d+))", part)
        if not match:
            raise LimnerError(f"{part!r} is not WORD:NUMBER", "such as red:2")
        number = float(match[2])
        if abs(number) > MOST:
            raise LimnerError(f"{match[1]}:{number:g} is out of range", f"choose {-MOST:g} to {MOST:g}")
        out += [(span, number) for span in find(tokenizer, sentence, match[1])]
    return out
