"""What the tower is given to read: a prompt in chunks as long as it reads at once, each token with weight and word."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

from limner.errors import LimnerError
from limner.text.editing import stretches
from limner.text.grammar import sentences, weighed
from limner.text.tokenizer import WORD_END, Tokenizer, Word

BACKTRACK = 20  # tokens after the last comma that move to the next chunk rather than be parted from each other


@dataclass(frozen=True, slots=True)
class Token:
    """One of a prompt's tokens, its weight, and which of the prompt's words it belongs to, counted from 0.

    `many` tokens from here on stay together: those of a word that was taught as several.
    """

    id: int
    weight: float
    word: int
    many: int = 1


@dataclass(frozen=True, slots=True)
class Chunk:
    """What the tower reads at once: BOS, some of the prompt's tokens, EOS, padding; `weights` run in parallel.

    `tokens` are the prompt's own, of which the first stands at 1.
    """

    ids: tuple[int, ...]
    weights: tuple[float, ...]
    tokens: tuple[Token, ...]


@dataclass(frozen=True, slots=True)
class Span:
    """A word as typed and the columns [start, stop) of its states; BOS is 0, the second chunk's is `length`."""

    word: str
    start: int
    stop: int


def chunks(tokenizer: Tokenizer, sentence: str) -> tuple[Chunk, ...]:
    """A sentence with weights and BREAK as the tower reads it: at least one chunk.  LimnerError as `Tokenizer.words`.

    A chunk that is full ends after its last comma, if that is at most 20 tokens back, and else where it is full, be it
    within a word, but for learned ones: AUTOMATIC1111's rule (modules/sd_hijack_clip.py).
    """
    groups, _ = _read(tokenizer, sentence)
    comma = tokenizer.backend.token_to_id("," + WORD_END)
    return tuple(_chunk(tokenizer, part) for part in _packed(groups, tokenizer.room, comma))


def most_chunks(tokenizer: Tokenizer, prompt: str, steps: int) -> int:
    """How many chunks the longest of a prompt's sentences takes in any of its steps."""
    texts = [told.text for each in sentences(prompt) for told in stretches(each.text, steps)]
    return max(len(chunks(tokenizer, text)) for text in dict.fromkeys(texts))


def empty(tokenizer: Tokenizer) -> Chunk:
    """The chunk that says nothing, which a shorter prompt is lengthened by."""
    return _chunk(tokenizer, [])


def spans(tokenizer: Tokenizer, sentence: str) -> list[Span]:
    """The words of a sentence in order, without its syntax, each with all its tokens.

    A word is what CLIP's tokenizer never joins with its neighbours: a run of letters, an English contraction such as
    "'s", one digit, a run of other signs, or a token of its own such as `<|reserved_0|>`.  So "the dog's, 42" has the
    words "the", "dog", "'s", ",", "4" and "2".  A repeated word has one span for each time it is said, and a word that
    two chunks share has one in each.
    """
    _, words = _read(tokenizer, sentence)
    return [Span(words[word].text, start, stop) for word, start, stop in _places(tokenizer, sentence)]


def find(tokenizer: Tokenizer, sentence: str, words: str) -> list[Span]:
    """Every place where the sentence says `words` (one word or several in a row, in any case), each as one span.

    A place that two chunks share is a span in each.  Raises LimnerError if `words` is blank or is not in the sentence.
    """
    _, said = _read(tokenizer, sentence)
    sought = tokenizer.words(words)
    if not sought:
        raise LimnerError(f"{words!r} is not a word to look for", "name one that the prompt says")
    pattern, places = [word.ids for word in sought], _places(tokenizer, sentence)
    starts = [n for n in range(len(said)) if [word.ids for word in said[n : n + len(pattern)]] == pattern]
    if not starts:
        choose = "choose among: " + " ".join(dict.fromkeys(word.text for word in said))
        raise LimnerError(f"the prompt does not say {words!r}", choose)
    return [span for start in starts for span in _across(tokenizer, said, places, range(start, start + len(pattern)))]


def _read(tokenizer: Tokenizer, sentence: str) -> tuple[list[list[Token]], list[Word]]:
    """The tokens of each group that BREAK parts, and the words of them all."""
    groups, words = list[list[Token]](), list[Word]()
    for group in weighed(sentence):
        groups.append([])
        for piece in group:
            for word in tokenizer.words(piece.text):
                kept = tokenizer.learned  # which a chunk does not part
                groups[-1] += [Token(each, piece.weight, len(words), kept.get(each, 1)) for each in word.ids]
                words.append(word)
    return groups, words


def _packed(groups: Sequence[Sequence[Token]], room: int, comma: int | None) -> list[list[Token]]:
    """What each chunk holds.  A BREAK ends a chunk, even an empty one, unless nothing follows."""
    done = list[list[Token]]()
    for group in groups:
        here, last = list[Token](), -1  # where this chunk's last comma stands
        for token in group:
            if token.id == comma:
                last = len(here)
            elif len(here) == room and last >= 0 and room - last <= BACKTRACK:
                done.append(here[: last + 1])
                here, last = here[last + 1 :], -1
            if here and len(here) + token.many > room:
                done.append(here)
                here, last = [], -1
            here.append(token)
        done.append(here)
    return done if done[-1] or len(done) == 1 else done[:-1]


def _chunk(tokenizer: Tokenizer, tokens: Sequence[Token]) -> Chunk:
    ids = tokenizer.framed([token.id for token in tokens])
    weights = (1.0, *(token.weight for token in tokens), *[1.0] * (len(ids) - len(tokens) - 1))
    return Chunk(ids, weights, tuple(tokens))


def _places(tokenizer: Tokenizer, sentence: str) -> list[tuple[int, int, int]]:
    """Which word has which columns, [start, stop), in order."""
    columns = (
        (token.word, number, number * tokenizer.length + place)
        for number, chunk in enumerate(chunks(tokenizer, sentence))
        for place, token in enumerate(chunk.tokens, start=1)
    )
    groups = (list(group) for _, group in groupby(columns, key=lambda column: column[:2]))
    return [(group[0][0], group[0][2], group[-1][2] + 1) for group in groups]


def _across(
    tokenizer: Tokenizer, said: Sequence[Word], places: Iterable[tuple[int, int, int]], words: range
) -> list[Span]:
    """The words in a row as one span in each chunk that says some of them."""
    inside = [place for place in places if place[0] in words]
    groups = (list(group) for _, group in groupby(inside, key=lambda place: place[1] // tokenizer.length))
    return [Span(" ".join(said[word].text for word, _, _ in group), group[0][1], group[-1][2]) for group in groups]
