"""Where a model looked, in pictures whose things are known: composed ones under noise, and ones that it draws."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random

import numpy as np
from jaxtyping import Float
from PIL import Image
from safetensors.torch import load_file, save_file
from torch import Tensor

from limner.bundle import Bundle
from limner.control.heatmaps import Heatmaps
from limner.engine import run
from limner.engine.given import answered, latent_of
from limner.engine.run import Picture
from limner.errors import LimnerError
from limner.evaluation import drawn
from limner.evaluation.composition import Prompt, Vocabulary, prompts
from limner.evaluation.heat import Look, Seen
from limner.evaluation.seen import Eye, Mask
from limner.evaluation.seen import Seen as Found
from limner.home import beside
from limner.pictures.nouns import nouns
from limner.pictures.scenes import Mix, Scene, compose
from limner.pictures.sets import Corpus
from limner.process.noise import draw, key
from limner.recipe import Recipe
from limner.sampler import steer
from limner.sampler.inversion import noised
from limner.sampler.sampling import Asking, Query
from limner.score.guidance import Lane
from limner.text.prompt import Span, find
from limner.text.tokenizer import Tokenizer

LEVELS = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0)
"""Noise levels in sigma at which a composed picture is looked at,"""
DRAWS = 4  # times each, under noise of its own: one noise hides one part of the thing, another another
KINDS = ("pair", "single", "shapes", "tinted")  # of scenes, in turn
TASKS = ("two", "single", "binding", "colours")  # of prompts, in turn
PURPOSES = ("judged", "choice")
FIRST = 8_000_000  # seed of the first picture that is drawn
Every = Mapping[tuple[float, int], Float[Tensor, "h w l"]]
"""The sum of all columns' maps by noise level and by the maps' height."""


@dataclass(slots=True)
class Levels:
    """Heat maps of each noise level apart."""

    at: dict[float, Heatmaps] = field(default_factory=dict)

    def control(self, query: Query) -> Asking:
        return (yield from self.at.setdefault(query.sigma, Heatmaps()).control(query))

    def every(self) -> Every:
        """Of the last row, sites of one height together."""
        out = dict[tuple[float, int], Tensor]()
        for sigma, maps in self.at.items():
            for site, sums in maps.sums.items():
                place = sigma, site.height
                out[place] = out[place] + sums[-1] if place in out else sums[-1]
        return out


@dataclass(frozen=True, slots=True)
class Word:
    """A word of a sentence, the columns of it, and where what it speaks of is."""

    word: str
    start: int
    stop: int
    thing: int
    mask: Mask
    trait: bool = False

    def look(self, picture: int, kind: str, every: Every) -> Look:
        seen: Seen = {place: maps[..., self.start : self.stop].mean(-1) for place, maps in every.items()}
        noun = nouns().get(self.word)
        kin = noun.kind if noun else "shape"
        return Look(picture, kind, self.word, self.thing, seen, self.mask, self.trait, "" if self.trait else kin)


def words(tokenizer: Tokenizer, sentence: str, things: Sequence[tuple[str, str, Mask]]) -> list[Word]:
    """Of things (word, colour, mask) those that the sentence names, each with its colour where that is said of it."""
    out = list[Word]()
    for number, (word, colour, mask) in enumerate(things):
        whole = mask.all() or not mask.any()
        noun = spoken(tokenizer, sentence, word)
        if whole or noun is None:
            continue
        out.append(Word(word, noun.start, noun.stop, number, mask))
        told = spoken(tokenizer, sentence, f"{colour} {word}") if colour else None
        stop = noun.start
        if colour and told is None and f"{colour} silhouette" in sentence:
            told = spoken(tokenizer, sentence, colour)
            stop = told.stop if told else stop
        if told:
            out.append(Word(colour, told.start, stop, number, mask, trait=True))
    return out


def spoken(tokenizer: Tokenizer, sentence: str, said: str) -> Span | None:
    try:
        return find(tokenizer, sentence, said)[0]
    except LimnerError:
        return None


def scenes(corpus: Corpus, mix: Mix, side: int, count: int, purpose: str) -> Iterator[Scene]:
    """Composed scenes of one and two things, kinds in turn; those of another purpose are others."""
    nothing = replace(mix, **dict.fromkeys((*KINDS, "people", "count", "faces"), 0.0))  # type: ignore[arg-type]
    for number in range(count):
        alone = replace(nothing, **{KINDS[number % len(KINDS)]: 1.0})  # type: ignore[arg-type]
        yield compose(corpus, Random(key(0, f"heat {purpose}", number)), side, alone)


def composed(scene: Scene, number: int, bundle: Bundle) -> list[Look]:
    """Each word that names a thing of the scene, as the model looks at it under noise, told the caption."""
    height, width = scene.image.shape[:2]
    x0, seen = latent_of(scene.image, bundle), Levels()
    lane = Lane(bundle.context([scene.caption], (width, height)))
    for again in range(DRAWS):
        eps = draw(number, "heat", again, tuple(x0.shape)).to(x0.device)
        answered(steer(noised(x0, eps, LEVELS), seen.control), (lane,), bundle)
    things = [(each.word, each.colour, mask) for each, mask in zip(scene.things, scene.masks, strict=True)]
    kind, every = kind_of(len(scene.things)), seen.every()
    return [word.look(number, kind, every) for word in words(bundle.tokenizer, scene.caption, things)]


def kind_of(things: int) -> str:
    return "one thing" if things == 1 else "two things"


def asked(vocabulary: Vocabulary, count: int, purpose: str) -> list[tuple[Prompt, int]]:
    """Prompts and seeds, tasks in turn; those of another purpose are others."""
    per, odd = -(-count // len(TASKS)), PURPOSES.index(purpose)
    lists = [prompts(task, False, vocabulary, 2 * per)[odd::2] for task in TASKS]
    mixed = [each[k] for k in range(per) for each in lists if k < len(each)]
    return [(prompt, FIRST + 2 * k + odd) for k, prompt in enumerate(mixed[:count])]


def watched(recipes: Sequence[Recipe], bundle: Bundle, folder: Path) -> Iterator[tuple[Picture, Every]]:
    """Each recipe's picture and what was looked at on the way, drawn where it was not before."""
    folder.mkdir(parents=True, exist_ok=True)
    for recipe in recipes:
        file = drawn.place(folder, recipe)
        maps = file.with_suffix(".safetensors")
        if not (file.exists() and maps.exists()):
            seen = Levels()
            ((_, picture),) = run([recipe], bundle, [seen.control])
            kept = {f"{sigma!r} {side}": each.half().contiguous() for (sigma, side), each in seen.every().items()}
            with beside(maps) as part:
                save_file(kept, part)
            with beside(file) as part:
                Image.fromarray(picture).save(part, format="png")
        yield drawn.opened(file), {_place(name): each.float() for name, each in load_file(maps).items()}


def _place(name: str) -> tuple[float, int]:
    sigma, side = name.split()
    return float(sigma), int(side)


def generated(prompt: Prompt, found: Found, every: Every, number: int, bundle: Bundle, eye: Eye) -> list[Look]:
    """Each word of a thing that the eye finds in what was drawn for it; none in a picture that is broken."""
    if found.broken:
        return []
    things = list[tuple[str, str, np.ndarray]]()
    for wanted in prompt.wanted:
        named = [each for each in found.things if each.word and eye.alike(each.word, wanted.word)]
        if named:
            things.append((wanted.word, wanted.colour, named[0].mask))
    kind = kind_of(len(things))
    return [word.look(number, kind, every) for word in words(bundle.tokenizer, prompt.text, things)]
