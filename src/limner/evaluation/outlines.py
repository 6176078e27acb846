"""Which nouns does their outline alone tell?  A ball's and a coin's are both a circle: nobody could say which."""

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib.resources import files
from random import Random

from limner.engine.run import Picture
from limner.evaluation.choices import posed
from limner.evaluation.seen import Eye, Seen
from limner.pictures.heldout import held_out
from limner.pictures.scenes import Mix, index
from limner.pictures.sets import Corpus
from limner.pictures.words import COLOURS
from limner.process.noise import key

FILE = "outlines.json"
TINTS = [colour for colour in COLOURS if colour != "white"]  # which on white would have to be asked for with its ground


def silhouettes(corpus: Corpus, mix: Mix, side: int, turn: int) -> Iterator[tuple[str, Picture]]:
    """Each noun with each of its drawings as a silhouette on white.

    Another `turn` has other colours, sizes and places of the same drawings.
    """
    for word, drawings in sorted(index(corpus, mix).outlines.pictures.items()):
        for number in drawings:
            rng = Random(key(turn, f"outline of {word}", number))
            picture = corpus.image(number, round(side * rng.uniform(*mix.scale))).copy()
            picture[..., :3] = COLOURS[rng.choice([each for each in TINTS if not held_out(each, word)])]
            yield word, posed([picture], "", "white", rng, side)


def named(word: str, seen: Seen, eye: Eye) -> bool:
    """Whether the largest thing has this name, or one that looks the same."""
    return bool(seen.things) and bool(seen.things[0].word) and eye.alike(seen.things[0].word, word)


def telling(looks: Sequence[Mapping[str, Sequence[bool]]]) -> list[str]:
    """The nouns of which every outline was named rightly, at each look."""
    return sorted(word for word in looks[0] if all(all(look[word]) for look in looks))


@cache
def told() -> frozenset[str]:
    """The nouns that the shipped oracle knows by their outline, as `limner measure outlines` found them."""
    return frozenset(json.loads(files("limner.evaluation").joinpath(FILE).read_text(encoding="utf-8"))["words"])
