"""A picture is a function of (bundle, recipe): here the recipe becomes a sampling, and the sampling a picture."""

from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from math import inf
from typing import TypeAlias

import numpy as np
import torch
from jaxtyping import Float, UInt8

from limner.bundle import Bundle
from limner.control.heatmaps import Heatmaps, stretched
from limner.engine.backends import Backend, eager
from limner.engine.engine import Engine
from limner.process.ladder import LADDERS
from limner.process.noise import draw, initial
from limner.recipe import Recipe, check
from limner.sampler import SAMPLERS, Control, Sampling, steer
from limner.score.guidance import Guidance, Lane, Rescale, composed
from limner.text.editing import Stretch, stretches
from limner.text.grammar import sentences
from limner.text.prompt import spans
from limner.text.states import lengthened
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
    return SAMPLERS[recipe.sampler](x, sigmas, fresh, recipe.eta)


@dataclass(slots=True)
class Reader:
    """What sentences say to a bundle: a backend reads each once, alone, as long as it is among the last so many."""

    bundle: Bundle
    most: int = 256
    kept: OrderedDict[tuple[str, str, tuple[int, int], int], Context] = field(default_factory=OrderedDict)

    def __call__(self, sentence: str, backend: Backend, size: tuple[int, int], clip_skip: int) -> Context:
        key = backend.name, sentence, size, clip_skip
        if key not in self.kept:
            self.kept[key] = backend.context([sentence], size, clip_skip)
            if len(self.kept) > self.most:
                self.kept.popitem(last=False)
        self.kept.move_to_end(key)
        return self.kept[key]


def guidance(recipe: Recipe, read: Reader, backend: Backend) -> Guidance:
    """The recipe's prompts as weighted lanes, all of one length.

    Sentences that AND composes lie side by side; what [from:to:when] changes follows one upon the other, by the noise
    levels of its steps.  Controls see the sentence that `watched` gives, and no other.
    """
    sigmas = LADDERS[recipe.ladder](read.bundle.schedule, recipe.steps)

    def say(text: str) -> Context:
        return read(text, backend, (recipe.width, recipe.height), recipe.clip_skip)

    def deny(text: str) -> Context:
        return silence(say(text)) if read.bundle.zeros and not recipe.negative else say(text)

    def lanes(text: str, tell: Callable[[str], Context], weight: float, first: bool) -> Guidance:
        told = stretches(text, recipe.steps)
        return tuple(Lane(tell(each.text), weight, first and each is told[0], *levels(sigmas, each)) for each in told)

    prompts = [lanes(each.text, say, each.weight, number == 0) for number, each in enumerate(sentences(recipe.prompt))]
    nothing = lanes(recipe.negative, deny, 1.0, False)
    length = max(lane.context.states.shape[1] for each in (*prompts, nothing) for lane in each)
    prompts = [evened(prompt, length, say) for prompt in prompts]
    nothing, interval = evened(nothing, length, deny), (recipe.guide_above, recipe.guide_below)
    rescale = Rescale(recipe.rescale, read.bundle.denoiser.prediction) if recipe.rescale else None
    return composed(prompts, nothing, recipe.guidance, *interval, rescale)


def levels(sigmas: Sequence[float], told: Stretch) -> tuple[float, float]:
    """The noise levels, low < sigma <= high, of what is said in some of a ladder's steps; the ends have no bound."""
    low = sigmas[told.stop] if told.stop < len(sigmas) - 1 else -inf
    return low, sigmas[told.start] if told.start else inf


def evened(lanes: Guidance, length: int, tell: Callable[[str], Context]) -> Guidance:
    """The lanes, each told what it is told and then, up to `length` columns, an empty text."""
    return tuple(
        lane
        if lane.context.states.shape[1] == length
        else replace(lane, context=lengthened(lane.context, tell(""), length))
        for lane in lanes
    )


def silence(context: Context) -> Context:
    """Zeros in place of states and sentence; the picture's size stays."""
    pooled = None if context.pooled is None else torch.zeros_like(context.pooled)
    return replace(context, states=torch.zeros_like(context.states), pooled=pooled)


def watched(recipe: Recipe) -> str:
    """The sentence whose words controls see: the first that AND composes, as it begins."""
    return stretches(sentences(recipe.prompt)[0].text, recipe.steps)[0].text


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
    """Forward passes the recipe takes; a few samplers ask more than once a step, and one that is unknown not at all."""
    return SAMPLERS[recipe.sampler].passes(recipe.steps) if recipe.sampler in SAMPLERS else 0


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

    Tang et al. 2022 (arXiv:2210.04885).  Watching changes nothing: the picture is the one `run` makes.  The words are
    those of the sentence that is `watched`.
    """
    seen = Heatmaps()
    ((_, picture),) = run([recipe], bundle, [seen.control])
    if not seen.sums:
        return picture, []
    words, maps = spans(bundle.tokenizer, watched(recipe)), seen.maps((recipe.height, recipe.width))
    return picture, [(span.word, stretched(maps[:, span.start : span.stop])[0].cpu().numpy()) for span in words]
