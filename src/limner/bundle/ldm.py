"""One network, two spellings: where CompVis's latent-diffusion code keeps each tensor that diffusers names its own way.

Only the names, a few shapes and three fused projections differ: the numbers are the same, so the way there and back is
the identity.  A table is a dict from published name to `Origin`, without the prefix that a single file adds.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from limner.network.config import AutoencoderConfig, UNetConfig

RESIDUAL = {
    "norm1": "in_layers.0",
    "conv1": "in_layers.2",
    "time_emb_proj": "emb_layers.1",
    "norm2": "out_layers.0",
    "conv2": "out_layers.3",
    "conv_shortcut": "skip_connection",
}
TRUNK = {
    "conv_in": "input_blocks.0.0",
    "time_embedding.linear_1": "time_embed.0",
    "time_embedding.linear_2": "time_embed.2",
    "add_embedding.linear_1": "label_emb.0.0",
    "add_embedding.linear_2": "label_emb.0.2",
    "mid_block.attentions.0": "middle_block.1",
    "conv_norm_out": "out.0",
    "conv_out": "out.2",
}
LOOK = {"group_norm": "norm", "to_q": "q", "to_k": "k", "to_v": "v", "to_out.0": "proj_out"}
LAYER = {
    "layer_norm1": "ln_1",
    "layer_norm2": "ln_2",
    "mlp.fc1": "mlp.c_fc",
    "mlp.fc2": "mlp.c_proj",
    "self_attn.out_proj": "attn.out_proj",
}
THIRDS = ("q_proj", "k_proj", "v_proj")  # open_clip's attention keeps them in one matrix, in this order


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a published tensor lies: under which key, in which third of it if three are fused, and in what form.

    The autoencoder's attention is a linear layer here and a convolution of side 1 there; open_clip multiplies its text
    projection from the other side.
    """

    key: str
    third: int | None = None
    form: Literal["same", "convolution", "transposed"] = "same"

    def read(self, tensor: Tensor) -> Tensor:
        """The published tensor: a view of the file's, but for a transposed one, whose layout moves the last bits."""
        if self.third is not None and tensor.shape[0] % 3 == 0:
            tensor = tensor.chunk(3)[self.third]
        if self.form == "convolution" and tensor.shape[2:] == (1, 1):
            return tensor.flatten(1)
        return tensor.T.contiguous() if self.form == "transposed" and tensor.ndim == 2 else tensor

    def write(self, tensor: Tensor) -> Tensor:
        """The file's tensor, or the third of it."""
        if self.form == "convolution":
            return tensor[:, :, None, None]
        return tensor.T.contiguous() if self.form == "transposed" else tensor


Table = Mapping[str, Origin]


def unet(config: UNetConfig, names: Iterable[str]) -> dict[str, Origin]:
    """`openaimodel.UNetModel`: blocks are counted through all levels, and so are halvings and doublings."""
    n, levels = config.residuals + 1, len(config.widths)
    modules = TRUNK | within("mid_block.resnets.0", "middle_block.0") | within("mid_block.resnets.1", "middle_block.2")
    for level in range(levels):
        for j in range(n - 1):
            place = f"input_blocks.{1 + level * n + j}"
            modules |= within(f"down_blocks.{level}.resnets.{j}", f"{place}.0")
            modules[f"down_blocks.{level}.attentions.{j}"] = f"{place}.1"
        modules[f"down_blocks.{level}.downsamplers.0.conv"] = f"input_blocks.{(level + 1) * n}.0.op"
    for up, depth in enumerate(reversed(config.depths)):
        for j in range(n):
            place = f"output_blocks.{up * n + j}"
            modules |= within(f"up_blocks.{up}.resnets.{j}", f"{place}.0")
            modules[f"up_blocks.{up}.attentions.{j}"] = f"{place}.1"
        modules[f"up_blocks.{up}.upsamplers.0.conv"] = f"output_blocks.{up * n + n - 1}.{2 if depth else 1}.conv"
    return {name: Origin(respelt(name, modules)) for name in names}


def within(ours: str, theirs: str) -> dict[str, str]:
    """A residual block's modules."""
    return {f"{ours}.{here}": f"{theirs}.{there}" for here, there in RESIDUAL.items()}


def autoencoder(config: AutoencoderConfig, names: Iterable[str]) -> dict[str, Origin]:
    """`AutoencoderKL` of CompVis, whose decoder counts its levels from fine to coarse as the encoder does."""
    levels = len(config.widths)
    modules = {"quant_conv": "quant_conv", "post_quant_conv": "post_quant_conv"}
    for side, kind, halver, sampler in (
        ("encoder", "down", "downsamplers", "downsample"),
        ("decoder", "up", "upsamplers", "upsample"),
    ):
        modules |= {f"{side}.{name}": f"{side}.{name}" for name in ("conv_in", "conv_out")}
        modules[f"{side}.conv_norm_out"] = f"{side}.norm_out"
        for here, there in LOOK.items():
            modules[f"{side}.mid_block.attentions.0.{here}"] = f"{side}.mid.attn_1.{there}"
        blocks = {f"mid_block.resnets.{j}": f"mid.block_{j + 1}" for j in range(2)}
        for level in range(levels):
            place = level if side == "encoder" else levels - 1 - level
            blocks |= {
                f"{kind}_blocks.{level}.resnets.{j}": f"{kind}.{place}.block.{j}" for j in range(config.residuals + 1)
            }
            modules[f"{side}.{kind}_blocks.{level}.{halver}.0.conv"] = f"{side}.{kind}.{place}.{sampler}.conv"
        for here, there in blocks.items():
            for name in ("norm1", "conv1", "norm2", "conv2"):
                modules[f"{side}.{here}.{name}"] = f"{side}.{there}.{name}"
            modules[f"{side}.{here}.conv_shortcut"] = f"{side}.{there}.nin_shortcut"
    return {name: Origin(respelt(name, modules), form=form(name)) for name in names}


def form(name: str) -> Literal["same", "convolution"]:
    return "convolution" if ".attentions.0.to_" in name and name.endswith("weight") else "same"


def clip(names: Iterable[str]) -> dict[str, Origin]:
    """transformers' `CLIPTextModel`, whose names are the published ones."""
    return {name: Origin(name) for name in names}


def open_clip(names: Iterable[str]) -> dict[str, Origin]:
    """open_clip's text tower: residual attention blocks with a fused projection."""
    model = "text_model."
    modules = {
        f"{model}embeddings.token_embedding": "token_embedding",
        f"{model}final_layer_norm": "ln_final",
    }
    out = dict[str, Origin]()
    for name in names:
        if name == f"{model}embeddings.position_embedding.weight":
            out[name] = Origin("positional_embedding")
        elif name == "text_projection.weight":
            out[name] = Origin("text_projection", form="transposed")
        elif name.startswith(f"{model}encoder.layers."):
            number, inner = name.removeprefix(f"{model}encoder.layers.").split(".", 1)
            out[name] = layer(f"transformer.resblocks.{number}", inner)
        else:
            out[name] = Origin(respelt(name, modules))
    return out


def layer(block: str, inner: str) -> Origin:
    """A tensor of one transformer block."""
    *_, owner, kind = inner.split(".")
    if owner in THIRDS:
        return Origin(f"{block}.attn.in_proj_{kind}", THIRDS.index(owner))
    return Origin(f"{block}.{respelt(inner, LAYER)}")


def respelt(name: str, modules: Mapping[str, str]) -> str:
    """A tensor's name with the longest module's name that it begins with said in the other spelling."""
    owner, rest = name, ""
    while owner not in modules:
        owner, _, last = owner.rpartition(".")
        rest = f".{last}{rest}"
        assert owner, f"{name} is in no table"
    return modules[owner] + rest


def fused(tensors: Mapping[str, Tensor], table: Table) -> dict[str, Tensor]:
    """Published tensors as a single file keeps them, less the prefix."""
    parts = dict[str, dict[int, Tensor]]()
    for name, tensor in tensors.items():
        origin = table[name]
        parts.setdefault(origin.key, {})[origin.third or 0] = origin.write(tensor)
    return {
        key: torch.cat([thirds[k] for k in range(3)]) if len(thirds) > 1 else thirds[0] for key, thirds in parts.items()
    }
