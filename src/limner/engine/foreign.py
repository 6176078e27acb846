"""A model that limner's own networks do not read: diffusers draws with it, and what cannot be done then is said."""

import inspect
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from limner.bundle.bundle import DEFAULTS
from limner.engine.border import blaming, harmless, library, signature, silence, variant
from limner.engine.engine import Engine
from limner.engine.run import Note, Picture, Watch, pixels
from limner.errors import LimnerError
from limner.process.noise import seeded
from limner.recipe import Recipe, Value
from limner.sampler import Sampling
from limner.taps import Routed
from limner.types import Context, Image, Latent, Sigma

OWN = "own"  # the sampler and the ladder that a pipeline brings along
CANNOT = ("heat maps and other controls", "previews", "limner's samplers", "guidance intervals", "shared passes")
WORDS: Mapping[str, str] = {
    "prompt": "prompt",
    "negative": "negative_prompt",
    "seed": "generator",
    "steps": "num_inference_steps",
    "guidance": "guidance_scale",
    "width": "width",
    "height": "height",
}
"""Our names for what is asked of a picture, and diffusers'; a pipeline takes those of them that its signature names."""


@dataclass(frozen=True, slots=True)
class Foreign:
    """An opened pipeline of diffusers' and what of a recipe it takes, by our names; `kind` is its class."""

    name: str
    folder: Path
    identity: str
    kind: str
    defaults: Mapping[str, Value]
    takes: frozenset[str]
    pipe: Any

    @property
    def cannot(self) -> tuple[str, ...]:
        return (*CANNOT, *(f"a choice of {field}" for field in WORDS if field not in self.takes))

    def check(self, recipe: Recipe) -> None:
        """LimnerError where the recipe asks for what this pipeline is not able to do."""
        usual = {**self.defaults, "prompt": "", "model": self.identity, "version": recipe.version}
        for field, value in usual.items():
            if field not in self.takes and getattr(recipe, field) != value:
                raise LimnerError(
                    f"{self.name} is a {self.kind}, which takes no {field} but {value!r}",
                    f"leave {field} out: it is drawn by diffusers as a whole",
                )


def open_foreign(folder: Path, device: torch.device, dtype: torch.dtype) -> Foreign:
    """The pipeline in a folder, by the installed diffusers: from safetensors alone, from this disk alone.

    Raises LimnerError where diffusers is not installed or does not have it, where the folder brings code of its own,
    which is never run, where a picture needs more than a recipe holds, and for whatever diffusers finds wrong.
    """
    diffusers = library(folder)
    kind = harmless(folder, diffusers)
    takes, parameters = asked(folder, kind, getattr(diffusers, kind, None))
    who = signature(folder)
    with silence(), blaming(folder):
        pipe = getattr(diffusers, kind).from_pretrained(
            folder, torch_dtype=dtype, use_safetensors=True, local_files_only=True, variant=variant(folder)
        )
        pipe.set_progress_bar_config(disable=True)
        pipe.to(device)
    usual = {name: each.default for name, each in parameters.items()}
    side = natural(pipe)
    return Foreign(
        name=folder.name,
        folder=folder,
        identity=who,
        kind=kind,
        defaults=DEFAULTS
        | {"sampler": OWN, "ladder": OWN, "width": side, "height": side}
        | {"steps": int(usual.get("num_inference_steps") or DEFAULTS["steps"])}
        | {"guidance": float(1.0 if usual.get("guidance_scale") is None else usual["guidance_scale"])},
        takes=takes,
        pipe=pipe,
    )


def run(
    recipes: Sequence[Recipe], foreign: Foreign, on_step: Watch | None = None, on_note: Note | None = None
) -> Iterator[tuple[int, Picture]]:
    """Each recipe's picture with its place in `recipes`: an engine of one, as `engine.run` is."""
    engine = Engine(nobody)
    for place, recipe in enumerate(recipes):
        admit(engine, "", recipe, foreign)
        while engine.busy:
            engine.tick()
        if "" in engine.failed:
            raise engine.failed[""]
        if on_step is not None:
            on_step(place + 1, len(recipes))
        picture = pixels(engine.finished.pop(""))
        if on_note is not None and picture.shape[:2] != (recipe.height, recipe.width):
            on_note(f"{foreign.kind} drew {picture.shape[1]}x{picture.shape[0]} instead")
        yield place, picture


def admit(engine: Engine, name: str, recipe: Recipe, foreign: Foreign) -> None:
    """A job that asks the engine's network nothing and ends as a picture; LimnerError where it takes no such recipe."""
    foreign.check(recipe)

    def finish(_: Latent) -> Generator[str | None, None, Tensor]:
        yield None  # whoever cancels before it begins has cancelled; after that, nobody can
        return drawn(foreign, recipe)

    engine.add(name, silent(), (), finish=finish)


def silent() -> Sampling:
    """A sampling without a question."""
    return torch.zeros(1, 1, 1, 1)
    yield


def nobody(x: Latent, sigma: Sigma, context: Context, taps: Routed | None = None) -> Latent:
    raise ValueError("a foreign pipeline has no denoiser that could be asked")


def drawn(foreign: Foreign, recipe: Recipe) -> Image:
    """The pipeline's picture of a recipe, its noise from the recipe's seed."""
    said: dict[str, object] = {WORDS[field]: getattr(recipe, field) for field in WORDS if field in foreign.takes}
    said |= {"generator": seeded(recipe.seed)} if "seed" in foreign.takes else {}
    if not recipe.negative:
        said.pop("negative_prompt", None)  # a pipeline's own silence is not always an empty text
    with silence(), blaming(foreign.folder), torch.no_grad():
        images = getattr(foreign.pipe(**said, output_type="np"), "images", None)
    if not isinstance(images, np.ndarray) or images.ndim != 4 or images.shape[3] != 3:
        raise LimnerError(f"{foreign.name}: {foreign.kind} drew no picture in colours", "limner can only keep those")
    return torch.from_numpy(images).float().movedim(-1, 1).clamp(0, 1)


def circumstances(foreign: Foreign) -> dict[str, str]:
    """What a picture says of who drew it, and of what could not be done."""
    dtype = str(getattr(foreign.pipe, "dtype", "")).removeprefix("torch.")
    kernels = f"diffusers {metadata.version('diffusers')} {foreign.kind} torch {torch.__version__}"
    device = str(getattr(foreign.pipe, "device", "")).partition(":")[0]
    return {"Device": device, "Precision": dtype, "Backend": "diffusers-whole", "Kernels": kernels}


def asked(folder: Path, kind: str, made: Any) -> tuple[frozenset[str], Mapping[str, inspect.Parameter]]:
    """What of a recipe a pipeline's class takes, and its parameters; LimnerError where a recipe is not enough."""
    if not (isinstance(made, type) and hasattr(made, "from_pretrained")):
        raise LimnerError(f"{folder}: the installed diffusers has no {kind}", "run pip install -U diffusers")
    parameters = dict(inspect.signature(made.__call__).parameters)
    own = ("self", *WORDS.values())
    needed = [
        name
        for name, each in parameters.items()
        if each.default is each.empty and each.kind is each.POSITIONAL_OR_KEYWORD and name not in own
    ]
    needed += ["image"] if {"image", "strength"} <= parameters.keys() and "image" not in needed else []
    if needed:
        raise LimnerError(f"{folder}: a {kind} draws from {' and '.join(needed)}", "limner gives it a sentence only")
    return frozenset(field for field, word in WORDS.items() if word in parameters), parameters


def natural(pipe: Any) -> int:
    """Width and height, in pixels, that a pipeline draws if nobody says."""
    net = getattr(pipe, "unet", None) or getattr(pipe, "transformer", None) or getattr(pipe, "prior", None)
    side = getattr(pipe, "default_sample_size", None) or getattr(getattr(net, "config", None), "sample_size", None)
    side = side if isinstance(side, int) else max(side) if side else 64
    return int(side * getattr(pipe, "vae_scale_factor", 1))
