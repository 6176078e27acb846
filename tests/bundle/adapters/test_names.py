"""Every layer of the full-size networks has one name in kohya's files and one in peft's, and each name one layer."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from diffusers.loaders.lora_conversion_utils import (
    _convert_non_diffusers_lora_to_diffusers,
    _maybe_map_sgm_blocks_to_diffusers,
)
from torch import nn

from limner.bundle.adapters.lora import understood
from limner.bundle.adapters.names import kohya, layers, peft, spellings
from limner.evaluation.large import SD15, SDXL
from limner.network.unet import UNet
from limner.text.clip import TextConfig, TextTower

CLIP_L = TextConfig(49408, 768, 3072, 12, 12, 77, "quick_gelu", 1e-5, 2, None)
CLIP_G = TextConfig(49408, 1280, 5120, 32, 20, 77, "gelu", 1e-5, 2, 1280)
CLIP_H = TextConfig(49408, 1024, 4096, 23, 16, 77, "gelu", 1e-5, 2, None)
SD21 = replace(SD15.unet, heads=(5, 10, 20, 20), context_dim=1024, linear=True)
SHAPES = {"SD 1.5": (SD15.unet, CLIP_L), "SD 2.1": (SD21, CLIP_H), "SDXL": (SDXL.unet, CLIP_L, CLIP_G)}
COUNTS = {"SD 1.5": (282, 72), "SD 2.1": (282, 138), "SDXL": (794, 72, 193)}
"""Linear layers and convolutions of the U-Net and of each text tower."""
WILD = {
    ("SD 1.5", "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn1_to_q"): (
        "unet", "down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q",
    ),
    ("SD 1.5", "lora_unet_mid_block_attentions_0_transformer_blocks_0_ff_net_0_proj"): (
        "unet", "mid_block.attentions.0.transformer_blocks.0.ff.net.0.proj",
    ),
    ("SD 1.5", "lora_te_text_model_encoder_layers_0_self_attn_q_proj"): (
        "text_encoder", "text_model.encoder.layers.0.self_attn.q_proj",
    ),
    ("SD 2.1", "lora_te_text_model_encoder_layers_22_mlp_fc1"): (
        "text_encoder", "text_model.encoder.layers.22.mlp.fc1",
    ),
    ("SDXL", "lora_unet_input_blocks_4_1_transformer_blocks_0_attn1_to_q"): (
        "unet", "down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_q",
    ),
    ("SDXL", "lora_unet_input_blocks_8_1_transformer_blocks_9_attn2_to_out_0"): (
        "unet", "down_blocks.2.attentions.1.transformer_blocks.9.attn2.to_out.0",
    ),
    ("SDXL", "lora_unet_input_blocks_3_0_op"): ("unet", "down_blocks.0.downsamplers.0.conv"),
    ("SDXL", "lora_unet_middle_block_2_out_layers_3"): ("unet", "mid_block.resnets.1.conv2"),
    ("SDXL", "lora_unet_output_blocks_2_2_conv"): ("unet", "up_blocks.0.upsamplers.0.conv"),
    ("SDXL", "lora_unet_output_blocks_3_0_skip_connection"): ("unet", "up_blocks.1.resnets.0.conv_shortcut"),
    ("SDXL", "lora_unet_output_blocks_5_1_proj_in"): ("unet", "up_blocks.1.attentions.2.proj_in"),
    ("SDXL", "lora_te1_text_model_encoder_layers_11_mlp_fc2"): ("text_encoder", "text_model.encoder.layers.11.mlp.fc2"),
    ("SDXL", "lora_te2_text_model_encoder_layers_31_self_attn_out_proj"): (
        "text_encoder_2", "text_model.encoder.layers.31.self_attn.out_proj",
    ),
}  # fmt: skip
"""Names as they stand in published files."""


@pytest.fixture(scope="module", params=SHAPES)
def family(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def own(family: str) -> dict[str, nn.Module]:
    unet, *towers = SHAPES[family]
    with torch.device("meta"):
        parts = dict(zip(("text_encoder", "text_encoder_2"), map(TextTower, towers), strict=False))
        return {"unet": UNet(unet), **parts}


def test_there_and_back(family: str, own: dict[str, nn.Module]) -> None:
    """No two layers share a name, every name leads back, and nothing of the networks is left out."""
    known, places = spellings(own), list(layers(own))
    counted = tuple(sum(part == owner for owner, _ in places) for part in own)
    assert counted == COUNTS[family]
    for names in (kohya(own), peft(own)):
        assert list(names) == places
        assert len(set(names.values())) == len(places)
        assert [known[name] for name in names.values()] == places


def test_names_in_the_wild(family: str, own: dict[str, nn.Module]) -> None:
    found = {name: place for (whose, name), place in WILD.items() if whose == family}
    assert found
    assert {kohya(own)[place]: place for place in found.values()} == found


def test_diffusers_reads_kohya_names_as_the_same_layers(family: str, own: dict[str, nn.Module]) -> None:
    """Its converters, which number SDXL's blocks anew, lead from our names to those of its own former LoRA layers."""
    known = spellings(own)
    for place, name in kohya(own).items():
        tensors = {f"{name}.{role}.weight": torch.zeros(1) for role in ("lora_down", "lora_up")}
        if family == "SDXL":
            tensors = _maybe_map_sgm_blocks_to_diffusers(tensors, SimpleNamespace(layers_per_block=SDXL.unet.residuals))
        converted, _ = _convert_non_diffusers_lora_to_diffusers(tensors)
        assert [understood(Path("file"), key, known) for key in converted] == [(place, "down"), (place, "up")]
