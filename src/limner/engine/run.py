"""A picture is a function of (bundle, recipe): here the recipe becomes a sampling, and the sampling a picture."""

from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
import torch
from jaxtyping import Float, UInt8

from limner.bundle import Bundle
from limner.control.heatmaps import Heatmaps
from limner.engine.backends import Backend, eager
from limner.engine.engine import Engine
from limner.process.ladder import LADDERS
from limner.process.noise import draw, initial
from limner.recipe import Recipe, check
from limner.sampler import SAMPLERS, Control, Sampling, steer
from limner.score.guidance import Guidance, classifier_free
from limner.text.prompt import spans
from limner.types import Context, Image, Latent

Picture = UInt8[np.ndarray, "height width 3"]
Watch: TypeAlias = Callable[[int, int], None]
"""Called with (forward passes done, forward passes expected) after each pass."""
Note: TypeAlias = Callable[[str], None]
"""Called, before the picture it is about, with what was done otherwise than usual."""


def sampling(recipe: Recipe, bundle: Bundle) -> Sampling:
    """The recipe's conversation with a denoiser.  Its first x is sqrt(1 + sigma^2) eps: variance-preserving noise.

    eps is what diffusers draws on a CPU from the same seed; every later draw is keyed by (seed, step).
    """
    shape = (1, *bundle.latent_shape(recipe.width, recipe.height))
    sigmas = LADDERS[recipe.ladder](bundle.schedule, recipe.steps)

    def fresh(step: int) -> Latent:
        noise = draw(recipe.seed, "sampler", step, shape)
        return noise.to(bundle.device, non_blocking=bundle.device.type == "cuda")

    x = (1 + sigmas[0] ** 2) ** 0.5 * initial(recipe.seed, shape).to(bundle.device)
    return SAMPLERS[recipe.sampler](x, sigmas, fresh)


@dataclass(slots=True)
class Reader:
    """What sentences say to a bundle: a backend reads each once, alone, as long as it is among the last so many."""

    bundle: Bundle
    most: int = 256
    kept: OrderedDict[tuple[str, str, tuple[int, int] | None], Context] = field(default_factory=OrderedDict)

    def __call__(self, prompt: str, backend: Backend, size: tuple[int, int] | None = None) -> Context:
        key = backend.name, prompt, size
        if key not in self.kept:
            self.kept[key] = backend.context([prompt], size)
            if len(self.kept) > self.most:
                self.kept.popitem(last=False)
        self.kept.move_to_end(key)
        return self.kept[key]


def guidance(recipe: Recipe, read: Reader, backend: Backend) -> Guidance:
    """The recipe's prompts as weighted lanes."""
    size = recipe.width, recipe.height
    prompt, negative = read(recipe.prompt, backend, size), read(recipe.negative, backend, size)
    return classifier_free(prompt, negative, recipe.guidance, recipe.guide_above, recipe.guide_below)


def admit(
    engine: Engine,
    name: str,
    recipe: Recipe,
    read: Reader,
    controls: Sequence[Control] = (),
    backend: Backend | None = None,
) -> None:
    """Make a recipe a job of the engine, which ends as a decoded picture; LimnerError if the bundle cannot draw it.

    The backend, eager if left out, stays the same from the first step to the picture; a job with controls is eager, as
    that alone can be watched and differentiated.
    """
    bundle = read.bundle
    check(recipe, bundle.factor, SAMPLERS, LADDERS)
    conversation = sampling(recipe, bundle)
    for control in controls:
        conversation = steer(conversation, control)
    own = eager(bundle) if controls or backend is None else backend
    engine.add(name, conversation, guidance(recipe, read, own), passes(recipe), own.denoiser, own.decoding)


def passes(recipe: Recipe) -> int:
    """Forward passes the recipe takes; a few samplers ask more than once a step."""
    return {"heun": 2 * recipe.steps - 1, "langevin": 5 * recipe.steps}.get(recipe.sampler, recipe.steps)


def run(
    recipes: Sequence[Recipe],
    bundle: Bundle,
    controls: Sequence[Control] = (),
    on_step: Watch | None = None,
    backend: Backend | None = None,
    on_note: Note | None = None,
) -> Iterator[tuple[int, Picture]]:
    """Each recipe's picture with its place in `recipes`, as it is finished: an engine of one.

    Every recipe is computed alone, so that the same recipe gives the same pixels in any company; by the backend that
    `backends.choose` finds, or else the eager one.
    """
    done, total = 0, sum(passes(recipe) for recipe in recipes)
    engine, read = Engine(bundle.denoiser), Reader(bundle)
    for place, recipe in enumerate(recipes):
        with torch.no_grad():
            admit(engine, "", recipe, read, controls, backend)
            while engine.busy:
                asked = engine.tick()
                done += len(asked)
                if asked and on_step is not None:
                    on_step(done, total)
        if "" in engine.failed:
            raise engine.failed[""]
        for note in engine.said.pop("", ()):
            if on_note is not None:
                on_note(note)
        yield place, pixels(engine.finished.pop(""))


def pixels(image: Image) -> Picture:
    """The first row's picture in whole numbers 0 ... 255."""
    drawn = (image[0].movedim(0, -1) * 255).round().to(torch.uint8)
    picture: Picture = drawn.cpu().numpy()
    return picture


def explain(recipe: Recipe, bundle: Bundle) -> tuple[Picture, list[tuple[str, Float[np.ndarray, "h w"]]]]:
    """The recipe's picture, and for each word of its prompt where the word was looked for, in [0, 1] per pixel.

    Tang et al. 2022 (arXiv:2210.04885).  Watching changes nothing: the picture is the one `run` makes.
    """
    seen = Heatmaps()
    ((_, picture),) = run([recipe], bundle, [seen.control])
    size = recipe.height, recipe.width
    words = spans(bundle.tokenizer, recipe.prompt) if seen.sums else []
    return picture, [(span.word, seen.word(span.start, span.stop, size)[0].cpu().numpy()) for span in words]
