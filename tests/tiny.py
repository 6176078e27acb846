"""A model of limner-mini's shape and of random weights, small enough to draw in a blink."""

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import nn

from limner.bundle import ZERO_SNR, save_bundle
from limner.network.config import AutoencoderConfig, Json, UNetConfig
from limner.network.unet import UNet
from limner.network.vae import Autoencoder
from limner.process.noise import draw
from limner.text.clip import TextConfig, TextTower
from limner.text.tokenizer import EOS, Tokenizer, train

UNET = UNetConfig(
    in_channels=4, out_channels=4, sample_size=8, widths=(16, 32, 48), residuals=1, heads=(1, 2, 3), depths=(1, 1, 1),
    mid_depth=1, context_dim=16, linear=False, groups=8, eps=1e-5,
)  # fmt: skip
VAE = AutoencoderConfig(
    in_channels=3, out_channels=3, latent_channels=4, sample_size=64, widths=(8, 8, 16, 16), residuals=1, groups=4,
    scaling=0.7,
)  # fmt: skip
DEFAULTS = {"steps": 4, "guidance": 3.0}


def fill(net: nn.Module, seed: int) -> nn.Module:
    """Weights under which signals keep their size and no layer is silent, the same on every machine."""
    for name, weight in net.named_parameters():
        noise = draw(seed, name, 0, tuple(weight.shape))
        gain = float("norm" in name and name.endswith("weight"))
        loud = noise * weight[0].numel() ** -0.5 if weight.ndim > 1 else gain + 0.1 * noise
        weight.data = loud.to(weight.dtype)
    return net.eval().requires_grad_(False)


def tokenizer() -> Tokenizer:
    return train(["a red apple", "a blue boat and a cat", "two cats on a table"] * 10, 560, length=16)


def text(words: Tokenizer, width: int) -> TextConfig:
    return TextConfig(words.vocab_size, width, 2 * width, 2, 2, 16, "quick_gelu", 1e-5, words.id_of(EOS), None)


def write(
    folder: Path, seed: int = 0, scheduler: Mapping[str, Json] = ZERO_SNR, dtype: torch.dtype = torch.float32
) -> Path:
    words = tokenizer()
    tower, vae, unet = TextTower(text(words, UNET.context_dim)), Autoencoder(VAE), UNet(UNET)
    for net in (tower, vae, unet):
        fill(net, seed)
    save_bundle(folder, words, tower, vae, unet, scheduler, DEFAULTS, dtype=dtype)
    return folder
