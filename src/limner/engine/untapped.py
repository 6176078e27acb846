"""A U-Net wired as limner's is not: diffusers computes it, limner samples with it, and nobody may watch."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from limner.bundle import Bundle, layout
from limner.bundle.bundle import DEFAULTS, precision
from limner.bundle.identity import identity
from limner.bundle.noise import read_schedule
from limner.bundle.source import Folder, network, understood
from limner.engine.border import blaming, harmless, library, silence, variant
from limner.errors import LimnerError
from limner.network.vae import Autoencoder
from limner.score.precondition import Preconditioned
from limner.taps import Routed
from limner.text.clip import TextTower
from limner.types import Context, Latent

TOLD_MORE = (
    "addition_embed_type", "class_embed_type", "encoder_hid_dim", "encoder_hid_dim_type", "num_class_embeds",
    "time_cond_proj_dim",
)  # fmt: skip
"""What makes a U-Net of diffusers' ask for more than x, t and the words' states."""


@dataclass(frozen=True, slots=True)
class Untapped:
    """diffusers' `UNet2DConditionModel` as a network: its answers are its own, its attention cannot be seen."""

    net: Any

    def __call__(self, x: Latent, t: Float[Tensor, " b"], context: Context, taps: Routed | None = None) -> Latent:
        if taps is not None:
            raise LimnerError("diffusers computes this U-Net, whose attention nobody can watch", "use another model")
        out: Tensor = self.net(x, t, context.states, return_dict=False)[0]
        return out


def strange_unet(folder: Path) -> bool:
    """Whether limner reads all of a Stable Diffusion but its U-Net, and that is told no more than limner's is."""
    source = Folder(folder)
    try:
        for part in source.parts():
            if part != "unet":
                network(source, part)
        understood(source, "scheduler", read_schedule)
        kind = layout.read_json(folder / "model_index.json").get("_class_name")
        config = source.config("unet")[1]
    except LimnerError:
        return False
    more = [key for key in TOLD_MORE if config.get(key) is not None]
    return kind == "StableDiffusionPipeline" and config.get("_class_name") == "UNet2DConditionModel" and not more


def open_untapped(folder: Path, device: torch.device, dtype: torch.dtype) -> Bundle:
    """The model in a folder with diffusers' U-Net and limner's all else; LimnerError as for `open_foreign`."""
    diffusers, source = library(folder), Folder(folder)
    harmless(folder, diffusers)
    tower, autoencoder = network(source, "text_encoder"), network(source, "vae")
    assert isinstance(tower, TextTower)
    assert isinstance(autoencoder, Autoencoder)
    held = {part: source.tensors(part) for part in ("text_encoder", "unet", "vae")}
    who = identity(held, source.files())
    for part, net in (("text_encoder", tower), ("vae", autoencoder)):
        file, tensors = held[part]
        layout.check(net, tensors, file)
        layout.fill(net, tensors, device, precision(net, dtype))
    with silence(), blaming(folder):
        unet = diffusers.UNet2DConditionModel.from_pretrained(
            folder / "unet", torch_dtype=dtype, use_safetensors=True, local_files_only=True, variant=variant(folder)
        )
        unet.to(device).requires_grad_(False).eval()
    schedule, prediction = understood(source, "scheduler", read_schedule)
    side = int(unet.config.sample_size) * autoencoder.config.factor
    return Bundle(
        name=folder.name,
        folder=folder,
        identity=who,
        defaults=DEFAULTS | {"width": side, "height": side},
        towers=((source.tokenizer("text_encoder"), tower),),
        autoencoder=autoencoder,
        denoiser=Preconditioned(Untapped(unet), schedule, prediction, dtype),
        device=device,
    )
