"""Edits that are asked for before anybody looks: what the words change has to change, and nothing else."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random

import numpy as np
from jaxtyping import Float

from limner.engine.run import Picture
from limner.evaluation.composition import Prompt, Vocabulary, Wanted, binding, right, two
from limner.evaluation.outlines import TINTS
from limner.evaluation.seen import Eye, Found, Mask, Seen, iou
from limner.pictures.heldout import held_out
from limner.pictures.nouns import nouns, with_article
from limner.pictures.words import COLOURS
from limner.process.noise import key
from limner.recipe import Wish

FIRST = 9_000_000  # seed of the first candidate
ROOM = 10_000  # seeds of each kind and purpose
SAME = 0.8  # IoU from which on a thing is where it was
DOSES = (0.0, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0)  # how much the colour's word counts


Rgb = Float[np.ndarray, "3"]


@dataclass(frozen=True, slots=True)
class Edit:
    """From what to what: `before` becomes `after`, of that `style` if one is added; `kept` is what else is there.

    `where` are the words whose places may change.
    """

    kind: str
    source: Prompt
    text: str
    before: Wanted
    after: Wanted
    kept: Wanted | None
    where: str
    style: str = ""
    seed: int = 0

    def wish(self) -> Wish:
        """Of the picture that is edited."""
        return Wish(prompt=self.source.text, seed=self.seed)


def shape_colour(words: Vocabulary, rng: Random, turn: int) -> Edit:
    shape = rng.choice(words.shapes)
    one, other = rng.sample([each for each in TINTS if not held_out(each, shape)], 2)
    texts = [with_article(f"{colour} {shape}", "count") for colour in (one, other)]
    return _alone("colour of a shape", texts, Wanted(shape, one), Wanted(shape, other), shape)


def silhouette_colour(words: Vocabulary, rng: Random, turn: int) -> Edit:
    word = rng.choice(words.outlines)
    one, other = rng.sample([each for each in TINTS if not held_out(each, word)], 2)
    thing = with_article(word, nouns()[word].number)
    texts = [f"{with_article(colour, 'count')} silhouette of {thing}" for colour in (one, other)]
    return _alone("colour of a silhouette", texts, Wanted(word, one), Wanted(word, other), word)


def swapped(words: Vocabulary, rng: Random, turn: int) -> Edit:
    one, other = words.different(rng, [word for word in words.words if nouns()[word].number == "count"])
    style = rng.choice(words.styles)
    texts = [f"{with_article(word, 'count')}, {style}" for word in (one, other)]
    return _alone("another thing", texts, Wanted(one), Wanted(other), one)


def styled(words: Vocabulary, rng: Random, turn: int) -> Edit:
    """A style is said where none was."""
    word, style = rng.choice(words.words), words.styles[turn % len(words.styles)]
    thing = with_article(word, nouns()[word].number)
    return replace(_alone("style added", [thing, f"{thing}, {style}"], Wanted(word), Wanted(word), word), style=style)


def pair_colour(words: Vocabulary, rng: Random, turn: int) -> Edit:
    """Of two shapes the first is to have another colour."""
    source = binding(words, rng, turn)
    one, other = source.wanted
    free = [each for each in TINTS if each not in (one.colour, other.colour) and not held_out(each, one.word)]
    colour = rng.choice(free)
    old, new = (with_article(f"{each} {one.word}", "count") for each in (one.colour, colour))
    text = source.text.replace(old, new, 1)
    return Edit("colour beside a shape", source, text, one, replace(one, colour=colour), other, one.word)


def pair_swapped(words: Vocabulary, rng: Random, turn: int) -> Edit:
    """Of two things the first is to be another."""
    source = two(words, rng, turn)
    one, other = source.wanted
    names = [word for word in words.composed if not any(words.alike(word, each.word) for each in source.wanted)]
    word = rng.choice(names or list(words.composed))
    text = source.text.replace(with_article(one.word, "count"), with_article(word, "count"), 1)
    return Edit("another thing beside one", source, text, one, Wanted(word), other, one.word)


def _alone(kind: str, texts: Sequence[str], before: Wanted, after: Wanted, where: str) -> Edit:
    source, text = texts
    return Edit(kind, Prompt(kind, False, source, (before,)), text, before, after, None, where)


KINDS: Mapping[str, tuple[Callable[[Vocabulary, Random, int], Edit], int]] = {  # each with its share of a hundred
    "colour of a shape": (shape_colour, 20),
    "colour of a silhouette": (silhouette_colour, 15),
    "another thing": (swapped, 20),
    "style added": (styled, 15),
    "colour beside a shape": (pair_colour, 15),
    "another thing beside one": (pair_swapped, 15),
}
PURPOSES = ("judged", "choice")


def candidates(kind: str, words: Vocabulary, count: int, purpose: str = "judged") -> list[Edit]:
    """Edits of a kind in the order in which they are tried; those of another purpose are others, and of other seeds."""
    make, _ = KINDS[kind]
    rng, made = Random(key(0, f"edits {kind} {purpose}", 0)), list[Edit]()
    begin = FIRST + ROOM * (len(KINDS) * PURPOSES.index(purpose) + list(KINDS).index(kind))
    while len(made) < count:
        edit = make(words, rng, len(made))
        if not (edit.source.held or unseen(edit, words.styles)):
            made.append(replace(edit, seed=begin + len(made)))
    return made


def unseen(edit: Edit, styles: Sequence[str]) -> bool:
    """Whether one of the two sentences asks for a thing in a style that is held out."""
    return any(
        style in edit.text and held_out(word, style) for style in styles for word in (edit.before.word, edit.after.word)
    )


def quota(kind: str, count: int) -> int:
    """How many of so many edits are of that kind."""
    return max(1, round(KINDS[kind][1] * count / 100))


def begun(edit: Edit, seen: Seen, eye: Eye) -> bool:
    """Whether the picture that is to be edited shows what it was asked for, and not yet what it is to become."""
    styled = bool(edit.style) and any(thing.style == edit.style for thing in named(edit.before, seen, eye))
    return right(edit.source, seen, eye) and not styled


def succeeded(edit: Edit, seen: Seen, eye: Eye) -> bool:
    """Whether the thing is there, as it is to be: its name, its colour if one is said, its style if one is."""
    wanted = right(Prompt(edit.kind, False, edit.text, (edit.after,)), seen, eye)
    return wanted and (not edit.style or named(edit.after, seen, eye)[0].style == edit.style)


def stayed(edit: Edit, before: Seen, after: Seen, eye: Eye) -> bool:
    """Whether the other thing has its name, its colour and its place still."""
    thing = other(edit, before, eye)
    return thing is not None and any(
        eye.alike(each.word, thing.word) and each.colour == thing.colour and iou(each.mask, thing.mask) >= SAME
        for each in after.things
        if each.word
    )


def other(edit: Edit, seen: Seen, eye: Eye) -> Found | None:
    """The thing that is not edited, as it was found."""
    return next(iter(named(edit.kept, seen, eye)), None) if edit.kept else None


def named(wanted: Wanted, seen: Seen, eye: Eye) -> list[Found]:
    """The things of that name, and of that colour if one is said, the largest first."""
    return [
        thing
        for thing in seen.things
        if thing.word and eye.alike(thing.word, wanted.word) and wanted.colour in ("", thing.colour)
    ]


def hue(colour: str) -> Rgb:
    """What sets a colour apart from the grey of its brightness."""
    rgb: Rgb = np.array(COLOURS[colour], float)
    own: Rgb = rgb - rgb.mean()
    return own


def tint(picture: Picture, mask: Mask, colour: str) -> float:
    """How much of a colour lies within a mask, along its hue: 0 as of grey, 1 as of the colour itself."""
    own, inside = hue(colour), picture[mask].astype(float).mean(0)
    return float(inside @ own / (np.array(COLOURS[colour], float) @ own))


def coloured(edit: Edit) -> bool:
    """Whether the source says a colour that is no grey."""
    return bool(edit.before.colour) and float(np.abs(hue(edit.before.colour)).max()) > 1
