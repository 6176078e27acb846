"""The tiny decoder that may lie beside a model: to look by, never for the picture, and so no part of its identity."""

from pathlib import Path

import torch

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
    config = layout.configured(folder / "config.json", TinyConfig.read)
    if config.latent_channels != bundle.autoencoder.config.latent_channels:
        raise LimnerError(
            f"{folder} decodes latents of {config.latent_channels} channels, this model's have "
            f"{bundle.autoencoder.config.latent_channels}",
            "remove the folder, or get the tiny decoder of this model's family",
        )
    with torch.device("meta"):
        net = TinyDecoder(config)
    found = weights(folder)
    tensors = {k.removeprefix(PREFIX): v for k, v in found.read().items() if k.startswith(PREFIX)}
    layout.check(net, tensors, found.named)
    last = {k: v.contiguous(memory_format=torch.channels_last) if v.ndim == 4 else v for k, v in tensors.items()}
    layout.fill(net, last, bundle.device, bundle.denoiser.dtype)  # a third faster so on a CPU
    return net


def save_tiny(folder: Path, net: TinyDecoder, dtype: torch.dtype = torch.float16) -> None:
    """Write it beside the model in `folder`."""
    tensors = {f"{PREFIX}{k}": v.detach().to("cpu", dtype) for k, v in net.state_dict().items()}
    layout.write_tensors(folder / FOLDER / "diffusion_pytorch_model.safetensors", tensors)
    layout.write_json(folder / FOLDER / "config.json", net.config.write())
