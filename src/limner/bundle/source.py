"""Where a model's components come from: their configs and their tensors by published name, whatever holds them."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Protocol, TypeVar, runtime_checkable

import torch
from torch import Tensor

from limner.bundle import keys, layout
from limner.bundle.weights import weights
from limner.errors import LimnerError
from limner.network.config import AutoencoderConfig, Json, UNetConfig
from limner.network.unet import UNet
from limner.network.vae import Autoencoder
from limner.text.clip import TextConfig, TextTower
from limner.text.tokenizer import Tokenizer

Read = TypeVar("Read")

TOWERS = {"text_encoder": "tokenizer", "text_encoder_2": "tokenizer_2"}
"""The text towers, in the order in which a network reads them, and whose words they read."""


@runtime_checkable
class Source(Protocol):
    """What a model is opened from.  Every method raises LimnerError naming the file; what it returns names it, too."""

    @property
    def path(self) -> Path:
        """The folder, or the single file."""
        ...

    def parts(self) -> tuple[str, ...]:
        """The networks it holds: its text towers, `unet` and `vae`, as diffusers' layout calls their folders."""
        ...

    def config(self, part: str) -> tuple[Path, dict[str, Json]]:
        """The part's `config.json`; of `scheduler` its `scheduler_config.json`; of `limner` limner's own `limner.json`.

        The last holds defaults, licence, and what else a model tells of itself; it may be empty.
        """
        ...

    def tensors(self, part: str) -> tuple[Path, dict[str, Tensor]]:
        """The part's tensors by published name, in the precision and where possible the memory of their file."""
        ...

    def tokenizer(self, part: str) -> Tokenizer:
        """The words that this text tower reads."""
        ...

    def files(self) -> tuple[Path, ...]:
        """The files that hold its tensors."""
        ...


Network = TextTower | UNet | Autoencoder


def network(source: Source, part: str) -> Network:
    """The network that a part's config describes, without weights: on the meta device."""
    made: Callable[[], Network]
    if part == "unet":
        made = partial(UNet, understood(source, part, UNetConfig.read))
    elif part == "vae":
        made = partial(Autoencoder, understood(source, part, AutoencoderConfig.read))
    else:
        made = partial(TextTower, understood(source, part, lambda raw: TextConfig.from_json(json.dumps(raw))))
    try:
        with torch.device("meta"):
            return made()
    except (ValueError, RuntimeError) as error:  # widths that no group divides, sizes that no memory has
        file, _ = source.config(part)
        raise LimnerError(f"{file} describes a {part} that cannot be: {error}", "fetch the model again") from error


def understood(source: Source, part: str, read: Callable[[dict[str, Json]], Read]) -> Read:
    """A part's config as `read` understands it, whose LimnerError is given the file's name."""
    file, raw = source.config(part)
    with layout.naming(file):
        return read(raw)


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder in diffusers' layout.  What it has beyond text towers, U-Net, autoencoder and noise is left alone.

    `variant` asks for weights of that name, such as `fp16`; a part that has none is read without.
    """

    path: Path
    variant: str | None = None

    def parts(self) -> tuple[str, ...]:
        file = self.path / "model_index.json"
        if not file.exists() and (self.path / "config.json").exists():
            kind = layout.read_json(self.path / "config.json").get("_class_name", "another kind of model")
            raise LimnerError(f"{self.path} looks like {kind} alone", "a whole model has a model_index.json")
        index = layout.read_json(file)
        there = {part for part, said in index.items() if isinstance(said, list) and all(said)}
        towers = [tower for tower in TOWERS if tower in there] or ["text_encoder"]
        for component in (*(TOWERS[tower] for tower in towers), "text_encoder", "vae", "unet", "scheduler"):
            if component not in there:
                raise LimnerError(
                    f"{file} names no {component}; it looks like {index.get('_class_name', 'another kind of model')}",
                    "limner opens text-to-image models of Stable Diffusion's kind",
                )
        return (*towers, "unet", "vae")

    def config(self, part: str) -> tuple[Path, dict[str, Json]]:
        if part == "limner":
            file = self.path / "limner.json"
            return file, layout.read_json(file) if file.exists() else {}
        file = self.path / part / ("scheduler_config.json" if part == "scheduler" else "config.json")
        return file, layout.read_json(file)

    def tensors(self, part: str) -> tuple[Path, dict[str, Tensor]]:
        found = weights(self.path / part, self.variant)
        return found.named, keys.renamed(part, found.read(), found.named)

    def tokenizer(self, part: str) -> Tokenizer:
        return Tokenizer.load(self.path / TOWERS[part])

    def files(self) -> tuple[Path, ...]:
        return tuple(file for part in self.parts() for file in weights(self.path / part, self.variant).files)


@dataclass(frozen=True, slots=True)
class Held:
    """Networks in memory as a source: what is trained, merged or changed, to be written.

    `nets` and `words` go by part; `scheduler` and `own` are what `scheduler_config.json` and `limner.json` say.
    """

    path: Path
    nets: Mapping[str, Network]
    words: Mapping[str, Tokenizer]
    scheduler: Mapping[str, Json]
    own: Mapping[str, Json] = field(default_factory=dict)

    def parts(self) -> tuple[str, ...]:
        return tuple(self.nets)

    def config(self, part: str) -> tuple[Path, dict[str, Json]]:
        if part in self.nets:
            return self.path, config(self.nets[part])
        return self.path, dict(self.scheduler if part == "scheduler" else self.own)

    def tensors(self, part: str) -> tuple[Path, dict[str, Tensor]]:
        return self.path, {name: tensor.detach() for name, tensor in self.nets[part].state_dict().items()}

    def tokenizer(self, part: str) -> Tokenizer:
        return self.words[part]

    def files(self) -> tuple[Path, ...]:
        return ()


def config(net: Network) -> dict[str, Json]:
    """The `config.json` of a network, as diffusers and transformers read it."""
    if isinstance(net, TextTower):
        # transformers would compute in the precision it finds, diffusers in float32 whatever it finds
        return {**json.loads(net.config.to_json()), "dtype": "float32"}
    return net.config.write()
