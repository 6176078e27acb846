"""A layer has one name for each tool: as kohya's trainer writes it, as peft does, and a few that older files have."""

import re
from collections.abc import Iterator, Mapping
from typing import TypeAlias

from torch import nn

from limner.bundle import ldm
from limner.network.unet import UNet

Place: TypeAlias = tuple[str, str]
"""A component of the diffusers folder, and a layer in it by its published name."""

KOHYA: Mapping[str, tuple[str, ...]] = {
    "unet": ("lora_unet",),
    "text_encoder": ("lora_te", "lora_te1"),  # the second where there are two text towers
    "text_encoder_2": ("lora_te2",),
}
ATTENTION: Mapping[str, str] = {"q_proj": "to_q", "k_proj": "to_k", "v_proj": "to_v", "out_proj": "to_out"}
"""A text tower's attention as diffusers called it while it had LoRA layers of its own."""


def layers(networks: Mapping[str, nn.Module]) -> dict[Place, nn.Linear | nn.Conv2d]:
    """Everything that a low-rank change can be added to."""
    return {
        (part, name): layer
        for part, net in networks.items()
        for name, layer in net.named_modules()
        if isinstance(layer, nn.Linear | nn.Conv2d)
    }


def kohya(networks: Mapping[str, nn.Module]) -> dict[Place, str]:
    """The layers' names in kohya-ss/sd-scripts, which trains SDXL's U-Net under the names of its single file."""
    unet, which = networks["unet"], -1 if "text_encoder_2" in networks else 0
    assert isinstance(unet, UNet)
    blocks = single(unet) if unet.config.added_dim is not None else {}
    return {
        (part, layer): joined(KOHYA[part][which], blocks.get(layer, layer) if part == "unet" else layer)
        for part, layer in layers(networks)
    }


def peft(networks: Mapping[str, nn.Module]) -> dict[Place, str]:
    """Their names in peft, and in diffusers since it uses peft."""
    return {place: ".".join(place) for place in layers(networks)}


def single(unet: UNet) -> dict[str, str]:
    """The U-Net's layers by their names in a single file, whose blocks are numbered in one row down and one up."""
    names = [f"{layer}.weight" for _, layer in layers({"unet": unet})]
    origins = ldm.unet(unet.config, names)
    return {name.removesuffix(".weight"): origins[name].key.removesuffix(".weight") for name in names}


def spellings(networks: Mapping[str, nn.Module]) -> dict[str, Place]:
    """Every name that a file may have for a layer of these networks."""
    unet = networks["unet"]
    assert isinstance(unet, UNet)
    blocks, out = single(unet), dict[str, Place]()
    for place in layers(networks):
        part, layer = place
        for name in in_unet(layer, blocks[layer]) if part == "unet" else in_tower(part, layer):
            assert out.setdefault(name, place) == place, f"{name} could be {out[name]} or {place}"
    return out


def in_unet(layer: str, block: str) -> Iterator[str]:
    for prefix in KOHYA["unet"]:
        yield joined(prefix, layer)
        yield joined(prefix, block)
    for name in (layer, layer.removesuffix(".0")):  # the attention's `to_out` was one layer to its LoRA
        yield f"unet.{name}"
        yield name  # the first diffusers knew no other component


def in_tower(part: str, layer: str) -> Iterator[str]:
    for prefix in KOHYA[part]:
        yield joined(prefix, layer)
    older = re.sub(r"(?<=\.self_attn\.)(\w+)$", lambda match: ATTENTION[match[1]], layer)
    for name in (layer, older, layer.removeprefix("text_model.")):
        yield f"{part}.{name}"


def joined(prefix: str, layer: str) -> str:
    return f"{prefix}_{layer.replace('.', '_')}"
