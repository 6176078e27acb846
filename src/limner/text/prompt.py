"""Which tokens a word of the prompt became: the columns of an attention map that belong to it."""

from dataclasses import dataclass
from itertools import groupby
from unicodedata import normalize

from limner.errors import LimnerError
from limner.text.tokenizer import Tokenizer, Tokens


@dataclass(frozen=True, slots=True)
class Span:
    """A word as typed and the positions [start, stop) of its tokens in the tower's input, where BOS stands at 0."""

    word: str
    start: int
    stop: int


def spans(tokenizer: Tokenizer, prompt: str) -> list[Span]:
    """The words of a prompt in order, each with all its tokens.

    A word is what CLIP's tokenizer never joins with its neighbours: a run of letters, an English contraction such as
    "'s", one digit, a run of other signs, or a token of its own such as `<|reserved_0|>`.  So "the dog's, 42" has the
    words "the", "dog", "'s", ",", "4" and "2".  A repeated word has one span for each time it is said.  Words that the
    tower does not read whole have no span; `Tokenizer.encode` lists them as `lost`.
    """
    return _spans(tokenizer.encode(prompt), prompt)


def find(tokenizer: Tokenizer, prompt: str, words: str) -> list[Span]:
    """Every place where the prompt says `words` (one word or several in a row, in any case), each as one span.

    Raises LimnerError if `words` is blank, is not in the prompt, or was cut away because the prompt is too long.
    """
    said, wanted = tokenizer.encode(prompt), tokenizer.encode(words)
    here, pattern = _spans(said, prompt), _spans(wanted, words)
    if not pattern or wanted.lost:
        raise LimnerError(f"{words!r} is not a word to look for", "name one that the prompt says")
    sought = wanted.ids[pattern[0].start : pattern[-1].stop]
    starts = {span.start for span in here}
    stops = {span.stop for span in here}
    found = [
        _between(said, prompt, start, start + len(sought))
        for start in sorted(starts)
        if said.ids[start : start + len(sought)] == sought and start + len(sought) in stops
    ]
    if not found:
        raise LimnerError(f"the prompt does not say {words!r}", _remedy(tokenizer, here, said))
    return found


def _spans(tokens: Tokens, prompt: str) -> list[Span]:
    places = [position for position, word in enumerate(tokens.words) if word is not None]
    groups = (list(group) for _, group in groupby(places, key=lambda position: tokens.words[position]))
    return [_between(tokens, prompt, group[0], group[-1] + 1) for group in groups]


def _between(tokens: Tokens, prompt: str, start: int, stop: int) -> Span:
    return Span(normalize("NFC", prompt)[tokens.spans[start][0] : tokens.spans[stop - 1][1]], start, stop)


def _remedy(tokenizer: Tokenizer, here: list[Span], said: Tokens) -> str:
    choose = "choose among: " + " ".join(dict.fromkeys(span.word for span in here))
    cut = f"; only {tokenizer.length - 2} tokens are read, so shorten it to regain: {' '.join(said.lost)}"
    return choose + (cut if said.lost else "")
