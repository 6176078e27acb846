"""The course's three families in small, of random weights: what a single file of each holds, and its folder."""

from dataclasses import replace
from pathlib import Path

import tiny
import torch

from limner.bundle.families import SD1, SD2, SDXL
from limner.bundle.noise import scheduler
from limner.bundle.source import Held, Network
from limner.network.config import AutoencoderConfig, UNetConfig
from limner.network.unet import UNet
from limner.network.vae import Autoencoder
from limner.text.clip import TextConfig, TextTower
from limner.text.tokenizer import published

WORDS, VOCABULARY = 16, 49408
FAMILY = {"sd15": SD1, "sd21": SD2, "sdxl": SDXL}
SAYS = {"sd15": "epsilon", "sd21": "v_prediction", "sdxl": "epsilon"}
BLOCKS = {"in_channels": 4, "out_channels": 4, "residuals": 1, "widths": (64, 128), "groups": 32, "eps": 1e-5}
UNETS = {
    "sd15": UNetConfig(
        **BLOCKS, sample_size=64, heads=(8, 8), depths=(1, 0), mid_depth=1, context_dim=64, linear=False
    ),
    "sd21": UNetConfig(
        **BLOCKS, sample_size=96, heads=(1, 2), depths=(1, 0), mid_depth=1, context_dim=64, linear=True
    ),
    "sdxl": UNetConfig(
        **BLOCKS, sample_size=128, heads=(1, 2), depths=(0, 2), mid_depth=2, context_dim=192, linear=True,
        added_size_dim=8, added_dim=64 + 6 * 8,
    ),
}  # fmt: skip
VAE = AutoencoderConfig(
    in_channels=3, out_channels=3, latent_channels=4, sample_size=512, widths=(32, 32, 64, 64), residuals=1, groups=32,
    scaling=0.18215,
)  # fmt: skip


def text(width: int, layers: int, act: str, projection: int | None = None) -> TextConfig:
    return TextConfig(VOCABULARY, width, 2 * width, layers, width // 64, WORDS, act, 1e-5, VOCABULARY - 1, projection)


TOWERS = {
    "sd15": {"text_encoder": text(64, 2, "quick_gelu")},
    "sd21": {"text_encoder": text(64, 2, "gelu")},
    "sdxl": {"text_encoder": text(64, 2, "quick_gelu"), "text_encoder_2": text(128, 3, "gelu", 64)},
}


def model(name: str, seed: int = 0, dtype: torch.dtype = torch.float16) -> Held:
    """The family's model in memory, no layer of it silent."""
    scaling = SDXL.scaling if name == "sdxl" else VAE.scaling
    assert scaling
    nets: dict[str, Network] = {part: TextTower(config) for part, config in TOWERS[name].items()}
    nets |= {"unet": UNet(UNETS[name])}
    nets |= {
        "vae": Autoencoder(
            replace(VAE, scaling=scaling, upcast=name == "sdxl", sample_size=8 * UNETS[name].sample_size)
        )
    }
    for net in nets.values():
        tiny.fill(net, seed)
        net.to(dtype)
    words = {part: published(WORDS, FAMILY[name].towers[part].pad) for part in TOWERS[name]}
    return Held(Path(name), nets, words, scheduler(SAYS[name]), {"defaults": {"steps": 3}})
