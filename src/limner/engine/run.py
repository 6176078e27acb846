"""A picture is a function of (bundle, recipe): here the recipe becomes a sampling, and the sampling a picture."""

from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from math import ceil, inf
from typing import TypeAlias

import numpy as np
import torch
from jaxtyping import UInt8

from limner.bundle import Bundle
from limner.control.attend_and_excite import ACTIVE
from limner.engine.backends import Backend, eager
from limner.engine.batch import Finish
from limner.engine.controls import checked, controls, nullified, side_by_side
from limner.engine.engine import Engine
from limner.engine.given import Given, given, latent_of, name_of
from limner.errors import LimnerError
from limner.process.ladder import LADDERS
from limner.process.noise import draw, initial
from limner.recipe import NEUTRAL, Recipe, check, from_mapping
from limner.sampler import SAMPLERS, Control, Sampling, steer
from limner.score.guidance import Guidance, Lane, Rescale, composed
from limner.text.editing import Stretch, stretches
from limner.text.grammar import sentences
from limner.text.states import lengthened
from limner.types import Context, Image, Latent

Picture = UInt8[np.ndarray, "height width 3"]
Watch: TypeAlias = Callable[[int, int], None]
"""Called with (forward passes done, forward passes expected) after each pass."""
Note: TypeAlias = Callable[[str], None]
"""Called, before the picture it is about, with what was done otherwise than usual."""


def sampling(recipe: Recipe, bundle: Bundle, back: Given | None = None) -> Sampling:
    """The recipe's conversation with a denoiser.  Its first x is sqrt(1 + sigma^2) eps: variance-preserving noise.

    eps is what diffusers draws on a CPU from the same seed; every later draw is keyed by (seed, step).  An edit has two
    rows of one noise, its source's and its own; that of a picture that was given is where the way `back` led.
    """
    shape, rows = (1, *bundle.latent_shape(recipe.width, recipe.height)), 2 if recipe.edit_of else 1
    sigmas = LADDERS[recipe.ladder](bundle.schedule, recipe.steps)

    def fresh(step: int) -> Latent:
        noise = draw(recipe.seed, "sampler", step, shape)
        return noise.to(bundle.device, non_blocking=bundle.device.type == "cuda").expand(rows, *shape[1:])

    x = (1 + sigmas[0] ** 2) ** 0.5 * initial(recipe.seed, shape).to(bundle.device)
    x = x if back is None else back.trail[sigmas[0]]
    return SAMPLERS[recipe.sampler](x.repeat(rows, 1, 1, 1), sigmas, fresh, recipe.eta)


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


def guidance(recipe: Recipe, read: Reader, backend: Backend, columns: int = 0) -> Guidance:
    """The recipe's prompts as weighted lanes, all of one length, of at least so many columns.

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
    length = max(columns, *(lane.context.states.shape[1] for each in (*prompts, nothing) for lane in each))
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


def told(recipe: Recipe, read: Reader, backend: Backend, back: Given | None = None) -> Guidance:
    """The lanes of the recipe's rows: an edit's source and the edit, side by side."""
    own = guidance(recipe, read, backend)
    if not recipe.edit_of:
        return own
    before = guidance(source_of(recipe), read, backend, columns(own))
    own = guidance(recipe, read, backend, columns(before))
    both = side_by_side(before, own)
    if back is None or not back.nothing:
        return both
    return nullified(both, back.nothing, LADDERS[recipe.ladder](read.bundle.schedule, recipe.steps))


def columns(lanes: Guidance) -> int:
    """How many states they are told."""
    return lanes[0].context.states.shape[1]


def source_of(recipe: Recipe) -> Recipe:
    """The recipe of the picture that this one is an edit of, if it was made and not given: nobody steers it."""
    return from_mapping({**asdict(recipe), "prompt": recipe.edit_of, **NEUTRAL})


def brought(recipe: Recipe, picture: Picture, read: Reader) -> Given:
    """The way back of the picture that the recipe edits.  LimnerError if it is another picture, or of another size."""
    if name_of(picture) != recipe.edit_picture:
        raise LimnerError("this is not the picture that the recipe edits", "give the very same pixels")
    if picture.shape[:2] != (recipe.height, recipe.width):
        height, width = picture.shape[:2]
        wanted = f"{recipe.width}x{recipe.height}"
        raise LimnerError(f"the picture is {width}x{height}, the recipe {wanted}", f"give it as {wanted}")
    own = eager(read.bundle)
    lanes = guidance(source_of(recipe), read, own, columns(told(recipe, read, own)))
    return given(recipe, latent_of(picture, read.bundle), read.bundle, lanes)


def admit(
    engine: Engine,
    name: str,
    recipe: Recipe,
    read: Reader,
    watchers: Sequence[Control] = (),
    backend: Backend | None = None,
    back: Given | None = None,
) -> None:
    """Make a recipe a job of the engine, which ends as a decoded picture; LimnerError if the bundle cannot draw it.

    The backend, eager if left out, stays the same from the first step to the picture; a job with controls, the recipe's
    or `watchers` around them, is eager, as that alone can be watched and differentiated.  `back` is the way back of the
    picture that the recipe edits, if it was given one.
    """
    bundle = read.bundle
    check(recipe, bundle.factor, SAMPLERS, LADDERS)
    if recipe.edit_picture and back is None:
        raise LimnerError("this edit is of a picture that was given", "give the same picture: limner edit PICTURE")
    checked(recipe)
    steered = bool(watchers or recipe.excite or recipe.edit_of)
    own = eager(bundle) if steered or backend is None else backend
    lanes = told(recipe, read, own, back)
    conversation = sampling(recipe, bundle, back)
    for control in (*controls(recipe, bundle, columns(lanes), back), *watchers):
        conversation = steer(conversation, control)
    engine.add(name, conversation, lanes, passes(recipe), own.denoiser, last(own.decoding))


def sound(recipe: Recipe, bundle: Bundle) -> None:
    """LimnerError if the bundle cannot draw it, or it has controls of what its prompts do not say: nothing is drawn."""
    check(recipe, bundle.factor, SAMPLERS, LADDERS)
    checked(recipe)
    controls(recipe, bundle, columns(told(recipe, Reader(bundle), eager(bundle))))


def last(decoding: Finish) -> Finish:
    """The picture of the last row alone: an edit's, not its source's."""
    return lambda latent: decoding(latent[-1:])


def passes(recipe: Recipe) -> int:
    """Forward passes the recipe takes; a few samplers ask more than once a step, and one that is unknown not at all.

    Whoever excites looks once more in the steps that may be moved: how often beyond that, only the picture tells.
    """
    own = SAMPLERS[recipe.sampler].passes(recipe.steps) if recipe.sampler in SAMPLERS else 0
    return own + (ceil(ACTIVE * recipe.steps) if recipe.excite else 0)


def run(
    recipes: Sequence[Recipe],
    bundle: Bundle,
    watchers: Sequence[Control] = (),
    on_step: Watch | None = None,
    backend: Backend | None = None,
    on_note: Note | None = None,
    picture: Picture | None = None,
) -> Iterator[tuple[int, Picture]]:
    """Each recipe's picture with its place in `recipes`, as it is finished: an engine of one.

    `picture` is what the recipes edit, where they edit a picture that is given.

    Every recipe is computed alone, so that the same recipe gives the same pixels in any company; by the backend that
    `backends.choose` finds, or else the eager one.
    """
    done, total = 0, sum(passes(recipe) for recipe in recipes)
    engine, read = Engine(bundle.denoiser), Reader(bundle)
    for place, recipe in enumerate(recipes):
        with torch.no_grad():
            back = brought(recipe, picture, read) if picture is not None and recipe.edit_picture else None
            admit(engine, "", recipe, read, watchers, backend, back)
            while engine.busy:
                asked = engine.tick()
                done += len(asked)
                if asked and on_step is not None:
                    on_step(min(done, total), total)
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
