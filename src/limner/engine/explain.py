"""Whoever wants to know what words looked at has somebody watch: while a picture is drawn, or one that is given is
looked at."""

from collections.abc import Mapping, Sequence
from math import ceil

import numpy as np
import torch
from jaxtyping import Float

from limner.bundle import Bundle
from limner.control.heatmaps import Heatmaps, stretched
from limner.control.record import Columns, worded
from limner.engine.backends import eager
from limner.engine.controls import side, watched
from limner.engine.given import answered, latent_of
from limner.engine.run import Picture, Reader, run
from limner.errors import LimnerError
from limner.process.ladder import LADDERS
from limner.process.noise import draw
from limner.recipe import Recipe
from limner.sampler import SAMPLERS, Control, Sampling, steer
from limner.sampler.inversion import inverted, noised
from limner.score.guidance import Lane
from limner.text.prompt import Span, chunks, find, spans
from limner.text.tokenizer import WORD_END
from limner.types import Latent

NOISES = (0.2, 0.4, 0.6)  # shares of the schedule's times at which a picture that is given is looked at
START, END, PADDING = "‹start›", "‹end›", "‹padding›"
Heat = Float[np.ndarray, "h w"]


def explain(recipe: Recipe, bundle: Bundle) -> tuple[Picture, list[tuple[str, Heat]]]:
    """The recipe's picture, and for each word of its prompt where the word was looked for, in [0, 1] per pixel.

    Tang et al. 2022 (arXiv:2210.04885).  Watching changes nothing: the picture is the one `run` makes.  The words are
    those of the sentence that is `watched`.
    """
    seen = Heatmaps()
    picture = drawn(recipe, bundle, seen.control)
    if not seen.sums:
        return picture, []
    spoken = words_of(recipe, bundle)
    maps = heat(worded(seen, columns(spoken)), (recipe.height, recipe.width))
    return picture, [(span.word, each) for span, each in zip(spoken, maps, strict=True)]


def drawn(recipe: Recipe, bundle: Bundle, watcher: Control, original: Picture | None = None) -> Picture:
    """The recipe's picture, watched as it is drawn; of `original`, where it edits a picture that was given."""
    ((_, picture),) = run([recipe], bundle, [watcher], picture=original)
    return picture


def looks(recipe: Recipe) -> int:
    """How often the model is looked at as the recipe is drawn: as often as its sampler asks, whoever steers."""
    return SAMPLERS[recipe.sampler].passes(recipe.steps)


def noises(bundle: Bundle, recipe: Recipe) -> list[float]:
    """The noise levels at which a given picture is looked at, the lowest first."""
    last = len(bundle.schedule.abar) - 1
    return [bundle.schedule.sigma_of(share * last) for share in NOISES]


def climb(bundle: Bundle, recipe: Recipe) -> list[float]:
    """The noise levels of the recipe's ladder, which an inversion climbs from its lower end."""
    sigmas = LADDERS[recipe.ladder](bundle.schedule, recipe.steps)[::-1]
    return [sigma or sigmas[1] for sigma in sigmas[:-1]]


LEVELS = {"noise": noises, "inversion": climb}
"""Two ways to look at a picture that was given, and the noise levels of their looks."""


def looked_at(picture: Picture, recipe: Recipe, bundle: Bundle, way: str, watcher: Control) -> Picture:
    """The picture itself (of the recipe's size), watched as the model looks at it, told the prompt and nothing else.

    By "noise", x = x0 + sigma eps, at several levels, one look each; or by DDIM "inversion", up the recipe's ladder.
    """
    with torch.no_grad():
        x0 = latent_of(picture, bundle)
        size = recipe.width, recipe.height
        said = Reader(bundle)(sentence(recipe), eager(bundle), size, recipe.clip_skip)
        answered(steer(_sampling(x0, recipe, bundle, way), watcher), (Lane(said),), bundle)
    return picture


def _sampling(x0: Latent, recipe: Recipe, bundle: Bundle, way: str) -> Sampling:
    if way == "inversion":
        return inverted(x0, LADDERS[recipe.ladder](bundle.schedule, recipe.steps))
    eps = draw(recipe.seed, "explain", 0, tuple(x0.shape)).to(x0)
    return noised(x0, eps, noises(bundle, recipe))


def sentence(recipe: Recipe) -> str:
    """The sentence that is explained: the one that controls see."""
    return watched(recipe.prompt, recipe.steps)


def labels(recipe: Recipe, bundle: Bundle) -> list[str]:
    """What stands in each column of the sentence's states: its tokens, and what frames and fills their chunks."""
    backend, out = bundle.tokenizer.backend, list[str]()
    for chunk in chunks(bundle.tokenizer, sentence(recipe)):
        said = [str(backend.id_to_token(token.id)).removesuffix(WORD_END) for token in chunk.tokens]
        out += [START, *said, END, *[PADDING] * (len(chunk.ids) - len(said) - 2)]
    return out


def words_of(recipe: Recipe, bundle: Bundle, chosen: str | None = None) -> list[Span]:
    """The words of the watched sentence in order, or those chosen ("cat, red apple"), wherever it says them.

    LimnerError if there is none, or one is not said.
    """
    said = spans(bundle.tokenizer, sentence(recipe))
    if not said:
        raise LimnerError("the prompt is empty", "there is no word to explain")
    if chosen is None:
        return said
    named = [word.strip() for word in chosen.split(",") if word.strip()]
    if not named:
        raise LimnerError(f"{chosen!r} names no word", "such as cat, dog")
    return [span for word in named for span in find(bundle.tokenizer, sentence(recipe), word)]


def columns(words: Sequence[Span]) -> list[Columns]:
    return [tuple(range(word.start, word.stop)) for word in words]


def layers(bundle: Bundle, recipe: Recipe) -> Mapping[str, tuple[int, int]]:
    """The layers that look at the words, from input to output, and the height and width of their maps."""
    height, width = bundle.latent_shape(recipe.width, recipe.height)[1:]
    coarsest = len(bundle.unet_config.widths) - 1

    def level(name: str) -> int:
        way, *number = name.split(".")
        return coarsest if way == "mid" else int(number[0]) if way == "down" else coarsest - int(number[0])

    names = [each.name for each in bundle.unet.listeners()]
    return {name: (ceil(height / 2 ** level(name)), ceil(width / 2 ** level(name))) for name in names}


def layer_of(bundle: Bundle, recipe: Recipe, name: str | None = None) -> str:
    """A layer by its name; LimnerError that lists them if there is none.  Without a name the first on the way up whose
    maps show things apart."""
    known = layers(bundle, recipe)
    if name is None:
        best = side(bundle, recipe)
        return next(each for each, (height, _) in known.items() if each.startswith("up") and height == best)
    if name not in known:
        listed = ", ".join(f"{each} ({height}x{width})" for each, (height, width) in known.items())
        raise LimnerError(f"no layer {name!r} looks at the words", f"there are {listed}")
    return name


def sides(bundle: Bundle, recipe: Recipe, share: float = 0.0) -> tuple[int, ...]:
    """Heights of the maps that count: those of at least such a share of the latent's; LimnerError if there are none.

    Tang et al.'s choice, neither the middle block nor maps of an eighth of the side, is a share of a quarter.
    """
    height = bundle.latent_shape(recipe.width, recipe.height)[1]
    here = sorted({each for each, _ in layers(bundle, recipe).values()})
    found = tuple(each for each in here if each >= share * height)
    if not found:
        raise LimnerError(f"no maps have {share:g} of the latent's side", f"the finest have {max(here) / height:g}")
    return found


def heat(seen: Heatmaps, size: tuple[int, int]) -> list[Heat]:
    """Each word's map over the picture, stretched to [0, 1]."""
    maps = seen.maps(size)
    return [stretched(maps[:, word, None])[-1].cpu().numpy() for word in range(maps.shape[1])]
