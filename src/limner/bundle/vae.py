"""Another autoencoder in a model's place: a folder, or a file in either spelling of its names."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from limner.bundle import keys, layout, ldm
from limner.bundle.bundle import Bundle, precision, weighed
from limner.bundle.families import EXTRA, VAE, looks
from limner.bundle.identity import identity
from limner.bundle.place import typed
from limner.bundle.source import Source, network
from limner.bundle.weights import weights
from limner.errors import LimnerError
from limner.network.config import AutoencoderConfig, Json
from limner.network.vae import Autoencoder
from limner.text.tokenizer import Tokenizer


@dataclass(frozen=True, slots=True)
class Swapped:
    """A source whose autoencoder comes from `place`, a folder or a file.

    A file does not say its configuration: it must fit the one that the model has.
    """

    model: Source
    place: Path

    @property
    def path(self) -> Path:
        return self.model.path

    def parts(self) -> tuple[str, ...]:
        return self.model.parts()

    def config(self, part: str) -> tuple[Path, dict[str, Json]]:
        if part != "vae" or not self.place.is_dir():
            return self.model.config(part)
        file = self.place / "config.json"
        return file, layout.read_json(file)

    def tensors(self, part: str) -> tuple[Path, dict[str, Tensor]]:
        if part != "vae":
            return self.model.tensors(part)
        if self.place.is_dir():
            found = weights(self.place)
            return found.named, keys.renamed(part, found.read(), found.named)
        return self.place, spelt(layout.read_tensors(self.place), network(self, part), self.place)

    def tokenizer(self, part: str) -> Tokenizer:
        return self.model.tokenizer(part)

    def files(self) -> tuple[Path, ...]:
        return (*self.model.files(), *(weights(self.place).files if self.place.is_dir() else [self.place]))


def spelt(tensors: Mapping[str, Tensor], net: torch.nn.Module, file: Path) -> dict[str, Tensor]:
    """An autoencoder's tensors by published name, whichever way the file spells them."""
    assert isinstance(net, Autoencoder)
    bare = {name.removeprefix(VAE): tensor for name, tensor in tensors.items()}
    if "encoder.down.0.block.0.norm1.weight" not in bare:
        if "encoder.down_blocks.0.resnets.0.norm1.weight" not in bare:
            kind = looks({name: tuple(tensor.shape) for name, tensor in tensors.items()}) or "nothing known"
            raise LimnerError(f"{file} looks like {kind}, not like an autoencoder", "give an autoencoder's file")
        return keys.renamed("vae", bare, file)
    origins = ldm.autoencoder(net.config, net.state_dict())
    known = {origin.key for origin in origins.values()}
    spare = {name: tensor for name, tensor in bare.items() if name not in known and not EXTRA.fullmatch(VAE + name)}
    return {name: origin.read(bare[origin.key]) for name, origin in origins.items() if origin.key in bare} | spare


def with_vae(bundle: Bundle, path: str | Path) -> Bundle:
    """The model with another autoencoder, and the identity of the model that it then is.

    Raises LimnerError where the file is no autoencoder, is damaged, or makes other latents than the U-Net reads.
    """
    place = typed(path)
    if bundle.source is None:
        raise LimnerError("this model is not on disk yet", "save it first")
    source = Swapped(bundle.source, place)
    nets = {part: network(source, part) for part in source.parts()}
    held, net = weighed(source, nets), nets["vae"]
    assert isinstance(net, Autoencoder)
    fitting(net.config, bundle.autoencoder.config, place)
    layout.fill(net, held["vae"][1], bundle.device, precision(net, bundle.denoiser.dtype))
    return replace(bundle, autoencoder=net, identity=identity(held, source.files()), source=source)


def fitting(new: AutoencoderConfig, old: AutoencoderConfig, place: Path) -> None:
    """LimnerError unless both speak of the same latents."""
    ours, theirs = ((config.latent_channels, config.factor, config.scaling) for config in (old, new))
    if ours != theirs:
        raise LimnerError(
            f"{place} makes latents of {theirs[0]} channels, a side of 1/{theirs[1]}, scaled by {theirs[2]}; "
            f"this model reads {ours[0]}, 1/{ours[1]}, {ours[2]}",
            "get the autoencoder of this model's family",
        )
