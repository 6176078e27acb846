"""Which pairs of words the model never sees together, so that it can be asked whether it composes or remembers."""

import hashlib
from functools import cache
from itertools import product

from limner.pictures.catalogue import SETS
from limner.pictures.nouns import nouns
from limner.pictures.shapes import SHAPES
from limner.pictures.words import COLOURS

RELATIONS = ("left of", "above")
_PAIRS, _STYLES = 15, 3  # percent


def held_out(*words: str) -> bool:
    """Whether these words must not be composed: (colour, object), (object, relation, object) or (object, style).

    A function of the words alone. "right of" and "below" are the two relations read from the other end.
    """
    styles = {each.style for each in SETS.values()}
    share = _STYLES if words[-1] in styles else _PAIRS
    return int.from_bytes(hashlib.blake2b("|".join(words).encode(), digest_size=4).digest()) % 100 < share


@cache
def all_held_out() -> tuple[tuple[str, ...], ...]:
    """Every held-out pair of the vocabulary, for the manifest."""
    things = [*nouns(), *SHAPES]
    composed = [*(word for word, noun in nouns().items() if noun.scene), *SHAPES]
    styles = sorted({each.style for each in SETS.values()})
    pairs: list[tuple[str, ...]] = [*product(COLOURS, things), *product(things, styles)]
    triples = product(composed, RELATIONS, composed)
    return tuple(words for words in (*pairs, *triples) if held_out(*words))
