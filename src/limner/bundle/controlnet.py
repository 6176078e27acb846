"""A ControlNet on disk: a folder in diffusers' layout, opened as strictly as a model."""

from pathlib import Path

import torch

from limner.bundle import layout
from limner.bundle.bundle import Bundle
from limner.bundle.identity import identify_alone
from limner.bundle.place import typed
from limner.bundle.weights import weights
from limner.errors import LimnerError
from limner.network.config import ControlConfig
from limner.network.controlnet import ControlNet


def open_controlnet(folder: str | Path, bundle: Bundle, variant: str | None = None) -> ControlNet:
    """The ControlNet in a folder, for this model, on its device and in its precision.

    Raises LimnerError naming the file for what is missing, damaged, left over, or meant for another family of models.
    """
    place = typed(folder)
    config = layout.configured(place / "config.json", ControlConfig.read)
    ours, theirs = bundle.unet_config, config.unet
    if (theirs.context_dim, theirs.widths, theirs.added_dim) != (ours.context_dim, ours.widths, ours.added_dim):
        raise LimnerError(
            f"{place} is for a U-Net that reads states of {theirs.context_dim} numbers at widths "
            f"{list(theirs.widths)}; this model's reads {ours.context_dim} at {list(ours.widths)}",
            "get the ControlNet of this model's family",
        )
    with torch.device("meta"):
        net = ControlNet(config)
    found = weights(place, variant)
    tensors = found.read()
    layout.check(net, tensors, found.named)
    identify_alone("controlnet", tensors, found.named)
    layout.fill(net, tensors, bundle.device, bundle.denoiser.dtype)
    return net


def save_controlnet(folder: Path, net: ControlNet, dtype: torch.dtype = torch.float16) -> None:
    """Write it as a folder that diffusers opens, too."""
    tensors = {name: tensor.detach().to("cpu", dtype) for name, tensor in net.state_dict().items()}
    layout.write_tensors(folder / "diffusion_pytorch_model.safetensors", tensors)
    layout.write_json(folder / "config.json", net.config.write())
