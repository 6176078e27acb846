"""The diffusers folder: what lies where, read strictly and written whole."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from limner.errors import LimnerError
from limner.network.config import Json

Config = TypeVar("Config")
REDUNDANT = ("text_model.embeddings.position_ids",)  # 0, 1, 2, ...: some tools wrote the buffer out, nobody reads it


def read_json(file: Path) -> dict[str, Json]:
    """The object in a JSON file; LimnerError where it is missing or is none."""
    try:
        value = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise LimnerError(f"{file} is missing", "a model is a diffusers folder with model_index.json") from None
    except (OSError, ValueError) as error:
        raise LimnerError(f"{file} cannot be read: {error}", "fetch the model again") from error
    if not isinstance(value, dict):
        raise LimnerError(f"{file} is not a JSON object", "fetch the model again")
    return value


def configured(file: Path, read: Callable[[dict[str, Json]], Config]) -> Config:
    """A JSON file as `read` understands it, whose LimnerError is given the file's name."""
    raw = read_json(file)
    with naming(file):
        return read(raw)


@contextmanager
def naming(file: Path) -> Iterator[None]:
    """Give a LimnerError of what is read meanwhile the name of its file."""
    try:
        yield
    except LimnerError as error:
        raise LimnerError(f"{file}: {error.what}", error.remedy) from error


def write_json(file: Path, value: Mapping[str, Json]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8")


def weights_file(folder: Path) -> Path:
    """The one safetensors file of a component; LimnerError where there is none, or only a pickle."""
    for name in ("diffusion_pytorch_model", "model"):
        for variant in ("", ".fp16"):
            file = folder / f"{name}{variant}.safetensors"
            if file.exists():
                return file
    pickles = sorted(file.name for file in folder.glob("*") if file.suffix in (".bin", ".ckpt", ".pt", ".pth"))
    if pickles:
        raise LimnerError(
            f"{folder / pickles[0]} is a pickle, which runs whatever code its maker put into it, and is never loaded",
            "get the safetensors file of the same model",
        )
    raise LimnerError(
        f"{folder} has no weights", "a file diffusion_pytorch_model.safetensors or model.safetensors belongs there"
    )


def read_tensors(file: Path) -> dict[str, Tensor]:
    """All tensors of a file, on the CPU in the precision they were saved in; LimnerError where the file is damaged."""
    try:
        with safe_open(file, "pt") as f:
            names = [name for name in f.keys() if name not in REDUNDANT]  # noqa: SIM118 - a safetensors file is no mapping
            return {name: f.get_tensor(name) for name in names}
    except (OSError, SafetensorError) as error:
        raise LimnerError(f"{file} is not a whole safetensors file: {error}", "fetch it again") from error


def check(net: nn.Module, tensors: Mapping[str, Tensor], file: Path) -> None:
    """LimnerError unless these are the network's weights: all of them, of the right shapes, and no others."""
    wanted = net.state_dict()
    for name, tensor in wanted.items():
        if name not in tensors:
            raise LimnerError(
                f"{file}: tensor {name} is missing", "the file does not fit its config.json; fetch it again"
            )
        if tensors[name].shape != tensor.shape:
            have, want = list(tensors[name].shape), list(tensor.shape)
            raise LimnerError(f"{file}: tensor {name} is {have}, config.json makes it {want}", "fetch the model again")
        if not tensors[name].is_floating_point():
            raise LimnerError(
                f"{file}: tensor {name} holds {tensors[name].dtype}", "get the model in float16 or float32"
            )
    for name in tensors:
        if name not in wanted:
            raise LimnerError(
                f"{file}: tensor {name} belongs to no part of this model", "the file does not fit its config.json"
            )


def fill(net: nn.Module, tensors: Mapping[str, Tensor], device: torch.device, dtype: torch.dtype) -> None:
    """Give a network made on the meta device the weights that were checked."""
    net.load_state_dict({k: v.to(device, dtype) for k, v in tensors.items()}, strict=True, assign=True)
    net.requires_grad_(False).eval()


def write_tensors(file: Path, tensors: Mapping[str, Tensor]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    save_file({k: v.contiguous() for k, v in tensors.items()}, file, {"format": "pt"})
    file.chmod(0o644)  # safetensors writes for its owner alone, but a model is there for everybody
