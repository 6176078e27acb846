"""A layer has one name for each tool: as kohya's trainer writes it, as peft does, and a few that older files have."""

import re
from collections.abc import Iterator, Mapping
from typing import TypeAlias

from torch import nn

from limner.network.config import UNetConfig
from limner.network.unet import UNet

Place: TypeAlias = tuple[str, str]
"""A component of the diffusers folder, and a layer in it by its published name."""

KOHYA: Mapping[str, tuple[str, ...]] = {
    "unet": ("lora_unet",),
    "text_encoder": ("lora_te", "lora_te1"),  # the second where there are two text towers
    "text_encoder_2": ("lora_te2",),
}
LDM_INNER: Mapping[str, str] = {
    "conv1": "in_layers.2", "time_emb_proj": "emb_layers.1", "conv2": "out_layers.3",
    "conv_shortcut": "skip_connection",
}  # fmt: skip
LDM_OUTER: Mapping[str, str] = {
    "conv_in": "input_blocks.0.0", "conv_out": "out.2", "time_embedding.linear_1": "time_embed.0",
    "time_embedding.linear_2": "time_embed.2", "add_embedding.linear_1": "label_emb.0.0",
    "add_embedding.linear_2": "label_emb.0.2",
}  # fmt: skip
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


def kohya(place: Place, networks: Mapping[str, nn.Module]) -> str:
    """The name in kohya-ss/sd-scripts, which trains SDXL's U-Net under the names of its single file."""
    part, layer = place
    prefix = KOHYA[part][-1 if "text_encoder_2" in networks else 0]
    unet = networks["unet"]
    assert isinstance(unet, UNet)
    if part == "unet" and unet.config.added_dim is not None:
        layer = ldm(layer, unet.config)
    return f"{prefix}_{layer.replace('.', '_')}"


def peft(place: Place) -> str:
    """The name in peft, and in diffusers since it uses peft."""
    return ".".join(place)


def ldm(layer: str, config: UNetConfig) -> str:
    """A layer of the U-Net as the original code of Rombach et al. numbers it: in one row of blocks down, one up."""
    if layer in LDM_OUTER:
        return LDM_OUTER[layer]
    side, _, rest = layer.partition("_block")
    if side == "mid":
        kind, number, inner = rest.removeprefix(".").split(".", 2)
        block = f"middle_block.{1 if kind == 'attentions' else 2 * int(number)}"
    else:
        level, kind, number, inner = rest.removeprefix("s.").split(".", 3)
        block = numbered(side, int(level), kind, int(number), config)
    if kind == "downsamplers":
        inner = "op"
    return f"{block}.{LDM_INNER.get(inner, inner)}"


def numbered(side: str, level: int, kind: str, number: int, config: UNetConfig) -> str:
    if side == "down":
        at = 1 + level * (config.residuals + 1) + (config.residuals if kind == "downsamplers" else number)
        return f"input_blocks.{at}.{int(kind == 'attentions')}"
    at = level * (config.residuals + 1) + (config.residuals if kind == "upsamplers" else number)
    attends = config.depths[len(config.depths) - 1 - level] > 0
    return f"output_blocks.{at}.{ {'resnets': 0, 'attentions': 1}.get(kind, 1 + attends) }"


def spellings(networks: Mapping[str, nn.Module]) -> dict[str, Place]:
    """Every name that a file may have for a layer of these networks."""
    out = dict[str, Place]()
    for place in layers(networks):
        for name in spelt(place, networks):
            assert out.setdefault(name, place) == place, f"{name} could be {out[name]} or {place}"
    return out


def spelt(place: Place, networks: Mapping[str, nn.Module]) -> Iterator[str]:
    part, layer = place
    unet = networks["unet"]
    assert isinstance(unet, UNet)
    for prefix in KOHYA[part]:
        yield f"{prefix}_{layer.replace('.', '_')}"
        if part == "unet":
            yield f"{prefix}_{ldm(layer, unet.config).replace('.', '_')}"
    old = re.sub(r"(?<=\.self_attn\.)(\w+)$", lambda m: ATTENTION[m[1]], layer) if part != "unet" else layer
    for name in dict.fromkeys((layer, layer.removeprefix("text_model."), old, layer.removesuffix(".0"))):
        yield f"{part}.{name}"
    if part == "unet":  # the first diffusers knew no other component
        yield layer
        yield layer.removesuffix(".0")
