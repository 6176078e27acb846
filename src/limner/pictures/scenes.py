"""Pictures composed on the spot with captions true by construction: one thing, several, or two in a relation."""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import accumulate
from typing import Literal

import numpy as np
from jaxtyping import Bool, UInt8

from limner.errors import LimnerError
from limner.pictures.backgrounds import GROUNDS, PALE, SCENERY, paint
from limner.pictures.captions import finish, subject
from limner.pictures.heldout import RELATIONS, held_out
from limner.pictures.nouns import Noun, noun_of, nouns, with_article
from limner.pictures.sets import Corpus, Record
from limner.pictures.shapes import SHAPES, draw_shape
from limner.pictures.words import COLOURS

# To be raised with every change by which the same numbers compose another picture or caption: here, or in backgrounds,
# captions, heldout, nouns, shapes or words.  What was kept of scenes, latents for one, is then made anew.
COMPOSING = 2

Canvas = UInt8[np.ndarray, "size size 3"]
Rgba = UInt8[np.ndarray, "side side 4"]
Mask = Bool[np.ndarray, "size size"]
_NUMBERS = {2: "two", 3: "three", 4: "four"}
_OTHER_END = {"left of": "to the right of", "above": "below"}
_GROUNDS = np.array(list(GROUNDS.values()), float)
_PLAIN = [name for name in COLOURS if name != "white"]
_TOGETHER = 2 / 3  # of captions of two things side by side name them as a caption under a photograph does: "a cat and
# a dog", from left to right.  With the order left to chance a small network cannot settle on one, and mixes the two.
_CONTRAST = 60.0  # distance in RGB below which a thing would sink into a plain background


@dataclass(frozen=True)
class Mix:
    """How often each kind of scene is drawn, on what backgrounds, and from which words, kinds and sets (all, if empty).

    A single thing is `scale` times as large as the picture, from the first to the second number, and anywhere in it.
    `women` plants a bias: pairs (profession, P(woman | profession)). Without it every picture of a noun is equally
    likely, and sets draw a profession as often for each gender and skin tone.  `apart` turns what is held out round:
    every coloured shape alone or beside another, silhouette and pair is one that is composed for no training.
    """

    single: float
    people: float
    tinted: float
    shapes: float
    count: float
    pair: float
    faces: float = 0.0
    white: float = 0.7
    plain: float = 0.3
    pale: float = 0.0
    scenery: float = 0.0
    words: Literal["core", "nouns", "labels"] = "nouns"
    kinds: tuple[str, ...] = ()
    sets: tuple[str, ...] = ()
    scale: tuple[float, float] = (0.75, 0.95)
    women: tuple[tuple[str, float], ...] = ()
    apart: bool = field(default=False, repr=False)  # and is no part of how a mix for training is called


_TRIES = 10_000
_MORE = "build more picture sets, or give that kind of scene no weight in the mix"
_EMOJI = ("fluent-3d", "noto", "twemoji", "fluent-flat")
MINI = Mix(single=0.77, people=0.08, tinted=0.03, shapes=0.05, count=0.035, pair=0.035, words="core", sets=_EMOJI)
FULL = Mix(
    single=0.45,
    people=0.1,
    faces=0.05,
    tinted=0.1,
    shapes=0.1,
    count=0.1,
    pair=0.1,
    white=0.5,
    plain=0.15,
    pale=0.1,
    scenery=0.25,
    words="labels",
)


@dataclass(frozen=True)
class Thing:
    """One thing in a scene: the word for it, its colour if that is said or exact, and the picture it came from."""

    word: str
    colour: str
    style: str
    key: str


@dataclass(frozen=True)
class Scene:
    """A picture, what is true of it, and where each thing is: `masks[i]` is where `things[i]` covers more than half."""

    kind: str
    image: Canvas
    caption: str
    masks: list[Mask]
    things: list[Thing]
    background: str


class Index:
    """The corpus by word, as one mix sees it; pictures of held-out pairs are left out."""

    def __init__(self, corpus: Corpus, mix: Mix) -> None:
        self.corpus, self.mix = corpus, mix
        self.women = dict(mix.women)
        self.objects, self.people, self.faces, self.outlines, self.composed = (_Words() for _ in range(5))
        for i, record in enumerate(corpus.records):
            noun = noun_of(record)
            word = noun.word if noun else record.label
            if self._wanted(record, noun) and not kept_apart(record):
                self._add(record, noun, word, i)

    def _wanted(self, record: Record, noun: Noun | None) -> bool:
        """Whether the mix takes pictures of this set and this word."""
        if self.mix.sets and record.set not in self.mix.sets:
            return False
        if self.mix.kinds and (noun is None or noun.kind not in self.mix.kinds):
            return False
        if self.mix.words == "labels":
            return True
        return noun is not None and (noun.core or self.mix.words == "nouns")

    def _add(self, record: Record, noun: Noun | None, word: str, i: int) -> None:
        if record.group == "faces":
            self.faces.add(word, i)
        elif noun.kind == "people" if noun else record.group == "people-body":
            self.people.add(word, i)
        else:
            if noun:
                self.outlines.add(word, i)
            if record.style != "silhouette":
                self.objects.add(word, i)
        if noun and noun.scene and noun.number == "count" and record.style != "silhouette":
            self.composed.add(word, i)


def kept_apart(record: Record) -> bool:
    """Whether the picture itself shows a held-out pair."""
    noun = noun_of(record)
    word = noun.word if noun else record.label
    return held_out(word, record.style) or bool(record.colour and held_out(record.colour, word))


class _Words:
    """Words with their pictures, drawn by the square root of how many pictures a word has."""

    def __init__(self) -> None:
        self.pictures: dict[str, list[int]] = {}
        self._ladder: list[float] = []
        self._words: list[str] = []

    def add(self, word: str, i: int) -> None:
        self.pictures.setdefault(word, []).append(i)

    def draw(self, rng: random.Random) -> tuple[str, int]:
        """A word and one of its pictures; raises `LimnerError` if there is none."""
        if not self.pictures:
            raise LimnerError("the corpus has no picture for one kind of scene", _MORE)
        if not self._words:
            self._words = list(self.pictures)
            self._ladder = list(accumulate(len(each) ** 0.5 for each in self.pictures.values()))
        word = rng.choices(self._words, cum_weights=self._ladder)[0]
        return word, rng.choice(self.pictures[word])


@lru_cache(maxsize=8)
def index(corpus: Corpus, mix: Mix) -> Index:
    """The index of a corpus under a mix, made once."""
    return Index(corpus, mix)


def compose(corpus: Corpus, rng: random.Random, size: int, mix: Mix) -> Scene:
    """One scene of `size` x `size` pixels; a function of the corpus, the mix and the state of `rng`."""
    kinds = list(KINDS)
    kind = rng.choices(kinds, [getattr(mix, each) for each in kinds])[0]
    return KINDS[kind](index(corpus, mix), rng, size)


def _single(index: Index, rng: random.Random, size: int) -> Scene:
    return _one("single", index, index.objects.draw(rng), rng, size)


def _people(index: Index, rng: random.Random, size: int) -> Scene:
    word, i = index.people.draw(rng)
    if word in index.women:
        wanted = "woman" if rng.random() < index.women[word] else "man"
        pictures = index.people.pictures[word]
        i = rng.choice([each for each in pictures if index.corpus.records[each].gender == wanted] or pictures)
    return _one("people", index, (word, i), rng, size)


def _faces(index: Index, rng: random.Random, size: int) -> Scene:
    return _one("faces", index, index.faces.draw(rng), rng, size)


def _one(kind: str, index: Index, drawn: tuple[str, int], rng: random.Random, size: int) -> Scene:
    word, i = drawn
    record = index.corpus.records[i]
    side = round(size * rng.uniform(*index.mix.scale))
    picture = index.corpus.image(i, side)
    canvas, background = _background(index.mix, [picture], rng, size)
    lowest = size - side
    top = rng.randint(lowest // 2, lowest) if background in SCENERY else rng.randint(0, lowest)
    mask = _paste(canvas, picture, top, rng.randint(0, lowest))
    said = finish(subject(record, rng), record.style, record.tags, background, rng)
    return Scene(kind, canvas, said, [mask], [_thing(word, record)], background)


def _tinted(index: Index, rng: random.Random, size: int) -> Scene:
    for _ in range(_TRIES):
        word, i = index.outlines.draw(rng)
        if free := [each for each in COLOURS if held_out(each, word) == index.mix.apart]:
            break
    else:
        raise LimnerError("no silhouette may have a colour", _MORE)
    colour = rng.choice(free)
    side = round(size * rng.uniform(*index.mix.scale))
    picture = index.corpus.image(i, side).copy()
    picture[..., :3] = COLOURS[colour]
    canvas, background = _background(index.mix, [picture], rng, size)
    mask = _paste(canvas, picture, rng.randint(0, size - side), rng.randint(0, size - side))
    thing = with_article(word, nouns()[word].number)
    said = finish(f"{with_article(colour, 'count')} silhouette of {thing}", "", (), background, rng)
    drawn = Thing(word, colour, "silhouette", index.corpus.records[i].key)
    return Scene("tinted", canvas, said, [mask], [drawn], background)


def _shapes(index: Index, rng: random.Random, size: int) -> Scene:
    """One coloured shape, or two side by side or one above the other."""
    first = _coloured_shape(rng, index.mix.apart)
    if rng.random() < 0.6:
        side = round(size * rng.uniform(0.5, 0.9))
        picture = draw_shape(first.word, COLOURS[first.colour], side)
        canvas, background = _background(index.mix, [picture], rng, size)
        mask = _paste(canvas, picture, rng.randint(0, size - side), rng.randint(0, size - side))
        said = finish(_named(first), "", (), background, rng)
        return Scene("shapes", canvas, said, [mask], [first], background)
    second, relation = _coloured_shape(rng), rng.choice(RELATIONS)
    while first.word == second.word or held_out(first.word, relation, second.word):
        second = _coloured_shape(rng)
    things = [first, second]
    sides = [round(size * rng.uniform(0.36, 0.48)) for _ in things]
    pictures = [draw_shape(each.word, COLOURS[each.colour], side) for each, side in zip(things, sides, strict=True)]
    return _related("shapes", index.mix, things, [_named(each) for each in things], pictures, relation, rng, size)


def _coloured_shape(rng: random.Random, apart: bool = False) -> Thing:
    while True:
        thing = Thing(rng.choice(list(SHAPES)), rng.choice(list(COLOURS)), "shape", "")
        if held_out(thing.colour, thing.word) == apart:
            return thing


def _named(thing: Thing) -> str:
    return with_article(f"{thing.colour} {thing.word}", "count")


def _count(index: Index, rng: random.Random, size: int) -> Scene:
    """Two to four times the same picture, in a row, a column or a square."""
    word, i = index.composed.draw(rng)
    record, number = index.corpus.records[i], rng.choice(list(_NUMBERS))
    columns, rows = rng.choice({2: [(2, 1), (1, 2)], 3: [(3, 1), (2, 2)], 4: [(2, 2)]}[number])
    cell = size // max(columns, rows)
    side = round(cell * rng.uniform(0.82, 0.98))
    picture = index.corpus.image(i, side)
    canvas, background = _background(index.mix, [picture], rng, size)
    places = [(row, column) for row in range(rows) for column in range(columns)]
    masks = []
    for row, column in sorted(rng.sample(places, number)):
        top, left = (size - rows * cell) // 2 + row * cell, (size - columns * cell) // 2 + column * cell
        masks.append(_paste(canvas, picture, top + rng.randint(0, cell - side), left + rng.randint(0, cell - side)))
    said = finish(f"{_NUMBERS[number]} {nouns()[word].plural}", record.style, (), background, rng)
    return Scene("count", canvas, said, masks, [_thing(word, record)] * number, background)


def _pair(index: Index, rng: random.Random, size: int) -> Scene:
    """Two different things of one style, one left of or above the other, whether that is said or not."""
    first, i = index.composed.draw(rng)
    one, relation = index.corpus.records[i], rng.choice(RELATIONS)
    for _ in range(_TRIES):
        if index.mix.apart:  # few words have somebody from whom they are kept apart
            first, i = index.composed.draw(rng)
            one = index.corpus.records[i]
        second, j = index.composed.draw(rng)
        other = index.corpus.records[j]
        if second != first and other.set == one.set and held_out(first, relation, second) == index.mix.apart:
            break
    else:
        raise LimnerError(f"nothing in the corpus may be composed with {first!r}", _MORE)
    pictures = [index.corpus.image(each, round(size * rng.uniform(0.42, 0.5))) for each in (i, j)]
    names = [with_article(word, "count") for word in (first, second)]
    things = [_thing(first, one), _thing(second, other)]
    return _related("pair", index.mix, things, names, pictures, relation, rng, size)


def _related(
    kind: str,
    mix: Mix,
    things: list[Thing],
    names: Sequence[str],
    pictures: Sequence[Rgba],
    relation: str,
    rng: random.Random,
    size: int,
) -> Scene:
    canvas, background = _background(mix, pictures, rng, size)
    masks = []
    for place, picture in enumerate(pictures):
        side, half = picture.shape[0], size // 2
        along = place * half + rng.randint(0, half - side)
        across = (size - side) // 2 + rng.randint(-size // 10, size // 10)
        masks.append(_paste(canvas, picture, *((across, along) if relation == "left of" else (along, across))))
    forward, (first, second) = "to the left of" if relation == "left of" else relation, names
    together, turned = rng.random() < _TOGETHER, rng.random() < 0.5
    if relation == "left of" and together:
        forward = "and"
    elif turned:
        forward, first, second = _OTHER_END[relation], second, first
    said = f"{first} {forward} {second}"
    style = things[0].style if things[0].key else ""
    return Scene(kind, canvas, finish(said, style, (), background, rng), masks, things, background)


KINDS: Mapping[str, Callable[[Index, random.Random, int], Scene]] = {
    "single": _single,
    "people": _people,
    "faces": _faces,
    "tinted": _tinted,
    "shapes": _shapes,
    "count": _count,
    "pair": _pair,
}


def _thing(word: str, record: Record) -> Thing:
    return Thing(word, record.colour, record.style, record.key)


def _background(mix: Mix, pictures: Sequence[Rgba], rng: random.Random, size: int) -> tuple[Canvas, str]:
    """A canvas on which every picture can be told from the ground, and its name."""
    sparse = [picture[::4, ::4].reshape(-1, 4) for picture in pictures]
    means = np.array([np.average(each[:, :3], axis=0, weights=each[:, 3] + 1e-9) for each in sparse])
    far = np.linalg.norm(means[:, None] - _GROUNDS, axis=2).min(axis=0) > _CONTRAST
    clear = {name for name, is_far in zip(GROUNDS, far, strict=True) if is_far}
    shares = [mix.white, mix.plain, mix.pale, mix.scenery]
    pool = rng.choices([["white"], _PLAIN, list(PALE), list(SCENERY)], shares)[0]
    names = [name for name in pool if name in clear] or [name for name in _PLAIN if name in clear] or ["white"]
    name = rng.choice(names)
    return paint(name, rng, size), name


def _paste(canvas: Canvas, picture: Rgba, top: int, left: int) -> Mask:
    """Lay the picture over the canvas in place; the mask is where its alpha is more than a half."""
    side = picture.shape[0]
    window = canvas[top : top + side, left : left + side]
    alpha = picture[..., 3:].astype(np.uint16)
    window[:] = (picture[..., :3] * alpha + window * (255 - alpha) + 127) // 255
    mask = np.zeros(canvas.shape[:2], bool)
    mask[top : top + side, left : left + side] = picture[..., 3] > 127
    return mask
