"""A picture somebody brings, and the noise it would have come from."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from hashlib import sha256

import numpy as np
import torch
from jaxtyping import UInt8

from limner.bundle import Bundle
from limner.control.null_text import null_text
from limner.control.pivot import Trail
from limner.engine.engine import Engine
from limner.process.ladder import LADDERS
from limner.recipe import Recipe
from limner.sampler import Sampling, steer
from limner.sampler.inversion import inverted
from limner.score.guidance import Guidance, Lane
from limner.types import Context, Latent

INVERSIONS = ("direct", "null-text", "fixed-point", "ddim")
ROUNDS = 3  # looks from where a step leads, by which fixed-point inversion corrects it


@dataclass(frozen=True, slots=True)
class Given:
    """`trail` is x at each noise level on the way back, `original` where it began; `nothing` is what null-text
    inversion learnt to say at each step where nothing is said."""

    original: Latent
    trail: Mapping[float, Latent]
    nothing: tuple[Context, ...] = ()


def name_of(picture: UInt8[np.ndarray, "height width 3"]) -> str:
    """sha256 of the pixels, row by row: how a recipe names a picture it was given."""
    return sha256(np.ascontiguousarray(picture).tobytes()).hexdigest()


def latent_of(picture: UInt8[np.ndarray, "height width 3"], bundle: Bundle) -> Latent:
    """What the encoder makes of a picture."""
    image = torch.from_numpy(picture.copy()).to(bundle.device).movedim(-1, 0)[None].float() / 255
    return bundle.encode(image.to(next(bundle.autoencoder.parameters()).dtype)).float()


def given(recipe: Recipe, original: Latent, bundle: Bundle, lanes: Guidance) -> Given:
    """The way back from a latent with the recipe's ladder, told what the picture shows; `lanes` say it guided.

    DDIM's way is that of the prompt alone, which guidance then leaves; null texts are learnt where it asks for them.
    Fixed-point inversion goes the guided way itself.
    """
    prompt = next(lane.context for lane in lanes if lane.seen)
    fixed = recipe.edit_inversion == "fixed-point"
    sigmas = LADDERS[recipe.ladder](bundle.schedule, recipe.steps)
    trail = Trail()
    way = inverted(original, sigmas, ROUNDS if fixed else 0)
    top = answered(steer(way, trail.control), lanes if fixed else (Lane(prompt),), bundle)
    trail.at[sigmas[0]] = top
    back = Given(original, dict(trail.at))
    if recipe.edit_inversion != "null-text":
        return back
    pivots = [*(trail.at[sigma] for sigma in sigmas[:-1]), original]
    return replace(back, nothing=tuple(null_text(bundle.denoiser, pivots, sigmas, lanes)))


@torch.no_grad()
def answered(sampling: Sampling, guidance: Guidance, bundle: Bundle) -> Latent:
    """Where a sampling ends, by the eager network, alone.  LimnerError if it fails."""
    engine = Engine(bundle.denoiser)
    engine.add("", sampling, guidance)
    while engine.busy:
        engine.tick()
    if "" in engine.failed:
        raise engine.failed[""]
    return engine.finished.pop("")
