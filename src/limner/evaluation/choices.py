"""A picture, and sentences of the same words of which only one is true: who reads a bag of words can but guess."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random

import numpy as np
import torch
from PIL import Image

from limner.bundle.clip import Clip
from limner.engine.run import Picture
from limner.errors import LimnerError
from limner.evaluation.alignment import UNSEEN, Count, counted, floats
from limner.pictures.backgrounds import background_phrase
from limner.pictures.heldout import RELATIONS, held_out
from limner.pictures.nouns import nouns, with_article
from limner.pictures.scenes import Mix, Rgba, index
from limner.pictures.sets import Corpus
from limner.pictures.shapes import SHAPES, draw_shape
from limner.pictures.words import COLOURS
from limner.process.noise import key

PHRASES = {"left of": ("to the left of", "to the right of"), "above": ("above", "below")}
CONTRAST = 60.0  # distance in RGB that a thing keeps from the ground, as in training
TRIES = 100_000
Shape = tuple[str, str]
"""A colour and a shape."""
Fits = Callable[[Shape, Shape, str], bool]
Told = Callable[[Shape, Shape, str, Random], tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Choice:
    """A picture and the sentences to choose from; the first one is true."""

    picture: Picture
    sentences: tuple[str, ...]


def chosen(clip: Clip, choices: Sequence[Choice]) -> Count:
    """How many pictures are nearer to their true sentence than to any other; a tie is wrong.

    For two sentences this is the text score's half of Winoground (Thrush et al. 2022, arXiv:2204.03162, Eq. 1) and
    the test of order in ARO (Yuksekgonul et al. 2022, arXiv:2210.01936).  LimnerError where there is no choice.
    """
    said = sorted({sentence for each in choices for sentence in each.sentences})
    place = {sentence: k for k, sentence in enumerate(said)}
    if not choices:
        raise LimnerError("nothing was asked", "ask at least one question")
    pictures, captions = clip.pictures(floats([each.picture for each in choices])), clip.captions(said)
    right = list[bool]()
    for picture, each in zip(pictures, choices, strict=True):
        true, *others = (captions[torch.tensor([place[one] for one in each.sentences])] @ picture).tolist()
        right.append(true > max(others))
    return counted(right, sum(1 / len(each.sentences) for each in choices) / len(choices))


def shape_colours(count: int, side: int, apart: bool, seed: int = UNSEEN) -> list[Choice]:
    """A shape, and which of the colours it has; `apart` asks for pairs that training never composes."""
    possible = [(colour, shape) for colour in COLOURS for shape in SHAPES if held_out(colour, shape) == apart]
    made = list[Choice]()
    for k in range(count):
        rng = stream(seed, "shape", apart, k)
        colour, shape = rng.choice(possible)
        picture = draw_shape(shape, COLOURS[colour], round(side * rng.uniform(0.5, 0.9)))
        made.append(coloured(picture, colour, shape, rng, side))
    return made


def tinted_colours(corpus: Corpus, mix: Mix, count: int, side: int, apart: bool, seed: int = UNSEEN) -> list[Choice]:
    """The same of the silhouettes of a corpus's drawings."""
    outlines, made = index(corpus, mix).outlines, list[Choice]()
    for k in range(count):
        rng = stream(seed, "tinted", apart, k)
        for _ in range(TRIES):
            colour, (word, i) = rng.choice(list(COLOURS)), outlines.draw(rng)
            if held_out(colour, word) == apart:
                break
        else:
            raise LimnerError("the corpus has no outline of such a pair", "build more picture sets")
        picture = corpus.image(i, round(side * rng.uniform(*mix.scale))).copy()
        picture[..., :3] = COLOURS[colour]
        made.append(coloured(picture, colour, f"silhouette of {with_article(word, nouns()[word].number)}", rng, side))
    return made


def coloured(picture: Rgba, colour: str, of: str, rng: Random, side: int) -> Choice:
    """The picture somewhere on a ground, and a sentence for each colour that `of` may have."""
    ground = clear_of([colour], rng)
    names = [colour, *(each for each in COLOURS if each != colour)]
    return Choice(
        posed([picture], "", ground, rng, side), tuple(f"{called(name, of)}{where(ground)}" for name in names)
    )


def bindings(count: int, side: int, apart: bool, related: bool, seed: int = UNSEEN) -> list[Choice]:
    """Two coloured shapes, and the same with their colours exchanged: "a yellow circle and a blue square".

    Of the trained ones (`apart` false) all four pairs of colour and shape are composed in training, those of the
    exchanged sentence too, so that neither is the more familiar; of the others neither true pair ever is.  `related`
    says how the two stand, as half of training's captions of two do; the others say "and"; the pictures are the same.
    """

    def fits(first: Shape, second: Shape, relation: str) -> bool:
        true, exchanged = (first, second), ((second[0], first[1]), (first[0], second[1]))
        if apart:
            return all(held_out(*each) for each in true)
        return not any(held_out(*each) for each in (*true, *exchanged)) and not held_out(first[1], relation, second[1])

    def told(first: Shape, second: Shape, relation: str, rng: Random) -> tuple[str, str]:
        between = PHRASES[relation][0] if related else "and"
        right = f"{called(*first)} {between} {called(*second)}"
        return right, f"{called(second[0], first[1])} {between} {called(first[0], second[1])}"

    return [paired(stream(seed, "binding", apart, k), side, fits, told) for k in range(count)]


def relations(count: int, side: int, apart: bool, seed: int = UNSEEN) -> list[Choice]:
    """Two coloured shapes in a relation, and the same with their places exchanged.

    `apart` asks for (shape, relation, shape) that training never composes; their colours are always trained ones.
    """

    def fits(first: Shape, second: Shape, relation: str) -> bool:
        if held_out(*first) or held_out(*second):
            return False
        true, exchanged = (held_out(one[1], relation, other[1]) for one, other in ((first, second), (second, first)))
        return true if apart else not (true or exchanged)

    def told(first: Shape, second: Shape, relation: str, rng: Random) -> tuple[str, str]:
        forward, backward = PHRASES[relation]
        one, other = called(*first), called(*second)
        if rng.random() < 0.5:
            return f"{one} {forward} {other}", f"{other} {forward} {one}"
        return f"{other} {backward} {one}", f"{one} {backward} {other}"

    return [paired(stream(seed, "relation", apart, k), side, fits, told) for k in range(count)]


def paired(rng: Random, side: int, fits: Fits, told: Told) -> Choice:
    """Two shapes of different colours that fit, the first left of the second or above it, and what is told of them."""
    for _ in range(TRIES):
        (one, other), (this, that) = rng.sample(list(COLOURS), 2), rng.sample(list(SHAPES), 2)
        first, second, relation = (one, this), (other, that), rng.choice(RELATIONS)
        if fits(first, second, relation):
            break
    else:
        raise LimnerError("no two shapes fit", "ask for trained ones")
    ground = clear_of([one, other], rng)
    pictures = [
        draw_shape(shape, COLOURS[colour], round(side * rng.uniform(0.36, 0.48))) for colour, shape in (first, second)
    ]
    right, wrong = told(first, second, relation, rng)
    picture = posed(pictures, relation, ground, rng, side)
    return Choice(picture, (f"{right}{where(ground)}", f"{wrong}{where(ground)}"))


def stream(seed: int, purpose: str, apart: bool, number: int) -> Random:
    return Random(key(seed, f"{purpose} {'apart' if apart else 'trained'}", number))


def called(colour: str, thing: str) -> str:
    return with_article(f"{colour} {thing}", "count")


def where(ground: str) -> str:
    """A ground that is not white is told, as training tells it."""
    return "" if ground == "white" else f" {background_phrase(ground)}"


def clear_of(colours: Sequence[str], rng: Random) -> str:
    """A plain ground that none of the colours sinks into: white as often as not, where it may be."""
    far = [
        ground
        for ground, value in COLOURS.items()
        if all(np.linalg.norm(np.subtract(COLOURS[colour], value)) > CONTRAST for colour in colours)
    ]
    return "white" if "white" in far and rng.random() < 0.5 else rng.choice(far)


def posed(pictures: Sequence[Rgba], relation: str, ground: str, rng: Random, side: int) -> Picture:
    """One picture anywhere on the ground, or the first of two left of the second or above it, a half for each."""
    canvas = Image.new("RGB", (side, side), COLOURS[ground])
    for place, rgba in enumerate(pictures):
        size, half = rgba.shape[0], side // 2
        left, top = rng.randint(0, side - size), rng.randint(0, side - size)
        if len(pictures) == 2:
            along = place * half + rng.randint(0, half - size)
            across = (side - size) // 2 + rng.randint(-side // 10, side // 10)
            left, top = (along, across) if relation == "left of" else (across, along)
        image = Image.fromarray(rgba)
        canvas.paste(image, (left, top), image)
    return np.asarray(canvas)
