"""The U-Net and the autoencoder compute what diffusers' computes, on weights made on the spot."""

from collections.abc import Callable

import pytest
import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from torch import Tensor, nn

from limner.network.config import AutoencoderConfig, UNetConfig
from limner.network.unet import UNet
from limner.network.vae import Autoencoder
from limner.process.noise import draw
from limner.types import Context

SD15 = {
    "sample_size": 16, "in_channels": 4, "out_channels": 4, "block_out_channels": [32, 64, 64, 64],
    "layers_per_block": 2, "attention_head_dim": 8, "cross_attention_dim": 24, "norm_num_groups": 16,
    "down_block_types": ["CrossAttnDownBlock2D"] * 3 + ["DownBlock2D"],
    "up_block_types": ["UpBlock2D"] + ["CrossAttnUpBlock2D"] * 3,
}  # fmt: skip
MINI = {
    "sample_size": 16, "in_channels": 4, "out_channels": 4, "block_out_channels": [32, 64, 96],
    "layers_per_block": 1, "attention_head_dim": [2, 4, 6], "cross_attention_dim": 16, "norm_num_groups": 8,
    "down_block_types": ["CrossAttnDownBlock2D"] * 3, "up_block_types": ["CrossAttnUpBlock2D"] * 3,
}  # fmt: skip
SD21 = {**SD15, "attention_head_dim": [2, 4, 4, 4], "use_linear_projection": True}
SDXL = {
    **MINI, "use_linear_projection": True, "transformer_layers_per_block": [1, 2, 3],
    "down_block_types": ["DownBlock2D"] + ["CrossAttnDownBlock2D"] * 2,
    "up_block_types": ["CrossAttnUpBlock2D"] * 2 + ["UpBlock2D"],
    "addition_embed_type": "text_time", "addition_time_embed_dim": 8, "projection_class_embeddings_input_dim": 68,
}  # fmt: skip
VAE = {"block_out_channels": [16, 32, 32], "layers_per_block": 2, "norm_num_groups": 8, "latent_channels": 4,
       "down_block_types": ["DownEncoderBlock2D"] * 3, "up_block_types": ["UpDecoderBlock2D"] * 3}  # fmt: skip
FAMILIES = {"SD1.5": SD15, "SD2.1": SD21, "SDXL": SDXL, "limner-mini": MINI}
BOUND = 3e-5  # largest error over the reference's standard deviation: float32 rounding through some sixty layers


def error(ours: Tensor, reference: Tensor) -> float:
    return ((ours - reference).abs().max() / reference.std()).item()


def stir(net: nn.Module) -> None:
    """Weights that are nowhere zero or one, so that no layer can hide."""
    for k, p in enumerate(net.parameters()):
        p.data += 0.03 * draw(k, "stir", 0, tuple(p.shape))


def question(config: dict[str, object], size: tuple[int, int] = (16, 16)) -> tuple[Tensor, Tensor, Context]:
    x = draw(1, "x", 0, (2, 4, *size))
    states = draw(2, "states", 0, (2, 7, int(config["cross_attention_dim"])))  # type: ignore[call-overload]
    if config.get("addition_embed_type") is None:
        return x, torch.tensor([17.0, 801.0]), Context(states)
    sizes = torch.tensor([[512.0, 384, 0, 16, 512, 512], [256, 256, 0, 0, 256, 256]])
    return x, torch.tensor([17.0, 801.0]), Context(states, draw(3, "pooled", 0, (2, 20)), sizes)


def references(config: dict[str, object]) -> tuple[UNet, Callable[[Tensor, Tensor, Context], Tensor]]:
    theirs = UNet2DConditionModel(**config).eval()
    stir(theirs)
    ours = UNet(UNetConfig.read(dict(theirs.config))).eval()
    ours.load_state_dict(theirs.state_dict(), strict=True)

    def ask(x: Tensor, t: Tensor, context: Context) -> Tensor:
        added = {} if context.pooled is None else {"text_embeds": context.pooled, "time_ids": context.sizes}
        return theirs(x, t, context.states, added_cond_kwargs=added).sample

    return ours, ask


@pytest.mark.parametrize("family", FAMILIES)
@torch.no_grad()
def test_unet(family: str) -> None:
    ours, ask = references(FAMILIES[family])
    q = question(FAMILIES[family])
    assert error(ours(*q), ask(*q)) < BOUND


@torch.no_grad()
def test_unet_on_sides_that_do_not_halve_evenly() -> None:
    ours, ask = references(MINI)
    q = question(MINI, size=(10, 18))
    assert error(ours(*q), ask(*q)) < BOUND


@torch.no_grad()
def test_a_transposed_weight_is_noticed() -> None:
    ours, ask = references(MINI)
    q = question(MINI)
    weight = ours.mid_block.attentions[0].transformer_blocks[0].attn1.to_out[0].weight
    weight.data = weight.data.T.contiguous()
    assert error(ours(*q), ask(*q)) > 10 * BOUND


def test_config_survives_being_written() -> None:
    for config in FAMILIES.values():
        once = UNetConfig.read(dict(UNet2DConditionModel(**config).config))
        assert UNetConfig.read(once.write()) == once
    once_vae = AutoencoderConfig.read(dict(AutoencoderKL(**VAE).config))
    assert AutoencoderConfig.read(once_vae.write()) == once_vae


@torch.no_grad()
def test_autoencoder() -> None:
    theirs = AutoencoderKL(**VAE).eval()
    stir(theirs)
    ours = Autoencoder(AutoencoderConfig.read(dict(theirs.config))).eval()
    ours.load_state_dict(theirs.state_dict(), strict=True)
    image = draw(4, "image", 0, (2, 3, 32, 48)).clamp(-1, 1)
    reference = theirs.encode(image).latent_dist
    mean, logvar = ours.encode(image)
    assert error(mean, reference.mean) < BOUND
    assert error(logvar, reference.logvar) < BOUND
    assert error(ours.decode(mean), theirs.decode(mean).sample) < BOUND
    for net in (ours, theirs):
        net.quant_conv.bias.data[4:6] = torch.tensor([99.0, -99.0])  # beyond what a log variance may be
    clamped = theirs.encode(image).latent_dist.logvar
    assert error(ours.encode(image)[1], clamped) < BOUND
    assert (clamped.max(), clamped.min()) == (20, -30)
