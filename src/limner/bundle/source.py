"""Where a model's components come from: their configs and their tensors by published name, whatever holds them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

from torch import Tensor

from limner.bundle import keys, layout
from limner.errors import LimnerError
from limner.network.config import Json
from limner.text.tokenizer import Tokenizer

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


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder in diffusers' layout.  What it has beyond text towers, U-Net, autoencoder and noise is left alone."""

    path: Path

    def parts(self) -> tuple[str, ...]:
        file = self.path / "model_index.json"
        index = layout.read_json(file)
        towers = [tower for tower in TOWERS if tower in index] or ["text_encoder"]
        for component in (*(TOWERS[tower] for tower in towers), *towers, "vae", "unet", "scheduler"):
            if component not in index:
                raise LimnerError(f"{file} names no {component}", "this is no Stable Diffusion folder")
        return (*towers, "unet", "vae")

    def config(self, part: str) -> tuple[Path, dict[str, Json]]:
        if part == "limner":
            file = self.path / "limner.json"
            return file, layout.read_json(file) if file.exists() else {}
        file = self.path / part / ("scheduler_config.json" if part == "scheduler" else "config.json")
        return file, layout.read_json(file)

    def tensors(self, part: str) -> tuple[Path, dict[str, Tensor]]:
        file = layout.weights_file(self.path / part)
        return file, keys.renamed(part, layout.read_tensors(file), file)

    def tokenizer(self, part: str) -> Tokenizer:
        return Tokenizer.load(self.path / TOWERS[part])
