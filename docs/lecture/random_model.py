"""A model that was never trained: the shape of Stable Diffusion, weights of pure chance, small enough for any page."""

from pathlib import Path

import torch
from torch import nn

from limner.bundle.save import save_bundle
from limner.network.config import AutoencoderConfig, UNetConfig
from limner.network.unet import UNet
from limner.network.vae import Autoencoder
from limner.process.noise import draw
from limner.text.clip import TextConfig, TextTower
from limner.text.tokenizer import EOS, train

CAPTIONS = ["a red apple on a table", "a blue boat on the sea", "a cat and a dog", "a cat on a red boat"] * 3

UNET = UNetConfig(
    in_channels=4, out_channels=4, sample_size=8, widths=(8, 16), residuals=1, heads=(2, 2), depths=(1, 1), mid_depth=1,
    context_dim=16, linear=False, groups=4, eps=1e-5,
)  # fmt: skip
AUTOENCODER = AutoencoderConfig(
    in_channels=3, out_channels=3, latent_channels=4, sample_size=16, widths=(8, 8), residuals=1, groups=4, scaling=1.0
)


@torch.no_grad()
def shuffle(net: nn.Module, seed: int = 0) -> None:
    """Weights drawn from the seed: none is zero, so that every layer has something to say."""
    for k, parameter in enumerate(net.parameters()):
        parameter.copy_(0.2 * draw(seed, "weights", k, tuple(parameter.shape)))


def random_model(folder: Path, seed: int = 0) -> Path:
    """A complete diffusers folder whose pictures are noise."""
    tokenizer = train(CAPTIONS, 600, length=12)
    tower = TextConfig(tokenizer.vocab_size, 16, 32, 2, 2, 12, "quick_gelu", 1e-5, tokenizer.id_of(EOS), None)
    text, autoencoder, unet = TextTower(tower), Autoencoder(AUTOENCODER), UNet(UNET)
    for net in (text, autoencoder, unet):
        shuffle(net, seed)
    save_bundle(folder, tokenizer, text, autoencoder, unet, defaults={"steps": 4, "guidance": 2.0}, licence="CC0-1.0")
    return folder
