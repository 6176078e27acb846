"""The tiny decoder that may lie beside a model: to look by, never for the picture, and so no part of its identity."""

import re
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path

import torch
from torch import Tensor

from limner.bundle import layout
from limner.bundle.bundle import Bundle
from limner.bundle.weights import weights
from limner.errors import LimnerError
from limner.network.config import TinyConfig
from limner.network.tiny import TinyDecoder

FOLDER = "tiny_decoder"
PREFIX = "decoder."  # before which diffusers' files hold an encoder, too


def open_tiny(bundle: Bundle) -> TinyDecoder | None:
    """The bundle's own, in the bundle's precision; None where it has none.

    Raises LimnerError naming the file for what is missing, damaged, left over, or meant for other latents.
    """
    folder = bundle.folder / FOLDER
    if not folder.is_dir():
        return None
    file = folder / "taesd_decoder.safetensors"
    config, tensors, file = original(file) if file.exists() else diffused(folder)
    if config.latent_channels != bundle.autoencoder.config.latent_channels:
        raise LimnerError(
            f"{folder} decodes latents of {config.latent_channels} channels, this model's have "
            f"{bundle.autoencoder.config.latent_channels}",
            "remove the folder, or get the tiny decoder of this model's family",
        )
    with torch.device("meta"):
        net = TinyDecoder(config)
    layout.check(net, tensors, file)
    last = {k: v.contiguous(memory_format=torch.channels_last) if v.ndim == 4 else v for k, v in tensors.items()}
    layout.fill(net, last, bundle.device, bundle.denoiser.dtype)  # a third faster so on a CPU
    return net


Read = tuple[TinyConfig, dict[str, Tensor], Path]


def diffused(folder: Path) -> Read:
    """A decoder in diffusers' layout."""
    found = weights(folder)
    tensors = {k.removeprefix(PREFIX): v for k, v in found.read().items() if k.startswith(PREFIX)}
    return layout.configured(folder / "config.json", TinyConfig.read), tensors, found.named


def original(file: Path) -> Read:
    """A decoder as TAESD's own repository has it: layers counted from a clamp, which has no tensor; sizes by shapes."""
    tensors = {f"layers.{shifted(file, name)}": tensor for name, tensor in layout.read_tensors(file).items()}
    first = tensors.get("layers.0.weight")
    if first is None or first.ndim != 4:
        raise LimnerError(f"{file} is no tiny decoder", "get taesd_decoder.safetensors of this model's family")
    # a doubling is followed by the convolutions that have no bias
    doubled = [n for n in numbers(tensors, r"layers\.(\d+)\.weight") if f"layers.{n}.bias" not in tensors]
    bricks = numbers(tensors, r"layers\.(\d+)\.conv\.0\.weight")
    edges = [0, *doubled, max(numbers(tensors, r"layers\.(\d+)\.weight"))]
    counted = tuple(sum(low < n < high for n in bricks) for low, high in pairwise(edges))
    return TinyConfig(latent_channels=first.shape[1], width=first.shape[0], bricks=counted), tensors, file


def shifted(file: Path, name: str) -> str:
    number, _, rest = name.partition(".")
    if not number.isdigit() or number == "0":
        raise LimnerError(f"{file}: tensor {name} belongs to no tiny decoder", "get TAESD's own file")
    return f"{int(number) - 1}.{rest}"


def numbers(tensors: Mapping[str, Tensor], pattern: str) -> list[int]:
    """What stands where the pattern has a number, in order."""
    found = (re.fullmatch(pattern, name) for name in tensors)
    return sorted({int(each[1]) for each in found if each})


def save_tiny(folder: Path, net: TinyDecoder, dtype: torch.dtype = torch.float16) -> None:
    """Write it beside the model in `folder`."""
    tensors = {f"{PREFIX}{k}": v.detach().to("cpu", dtype) for k, v in net.state_dict().items()}
    layout.write_tensors(folder / FOLDER / "diffusion_pytorch_model.safetensors", tensors)
    layout.write_json(folder / FOLDER / "config.json", net.config.write())
