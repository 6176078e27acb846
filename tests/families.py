"""Three models of random weights, wired as Stable Diffusion 1, 2 and XL are, and LoRAs that change all their layers."""

from collections.abc import Callable
from pathlib import Path

import tiny
import torch
from torch import nn

from limner.bundle import Bundle
from limner.bundle.adapters.lora import networks
from limner.bundle.adapters.names import Place, layers
from limner.bundle.bundle import DEFAULTS
from limner.network.config import UNetConfig
from limner.network.lowrank import LowRank
from limner.network.unet import UNet
from limner.network.vae import Autoencoder
from limner.process.noise import draw
from limner.process.schedule import scaled_linear
from limner.score.precondition import Preconditioned
from limner.text.clip import TextConfig, TextTower
from limner.text.tokenizer import EOS

COMMON = {
    "in_channels": 4, "out_channels": 4, "sample_size": 8, "residuals": 1, "groups": 8, "eps": 1e-5, "widths": (16, 32),
}  # fmt: skip
UNETS = {
    "SD 1": UNetConfig(**COMMON, heads=(2, 2), depths=(1, 0), mid_depth=1, context_dim=16, linear=False),
    "SD 2": UNetConfig(**COMMON, heads=(1, 2), depths=(1, 0), mid_depth=1, context_dim=24, linear=True),
    "SDXL": UNetConfig(
        **COMMON, heads=(1, 2), depths=(0, 2), mid_depth=2, context_dim=40, linear=True, added_size_dim=8, added_dim=68
    ),
}
TOWERS = {"SD 1": ((16, None),), "SD 2": ((24, None),), "SDXL": ((16, None), (24, 20))}
LEGACY = 2


def bundle(family: str, seed: int = 0) -> Bundle:
    words = tiny.tokenizer()
    towers = tuple(
        TextTower(TextConfig(words.vocab_size, width, 2 * width, 2, 2, 16, "quick_gelu", 1e-5, LEGACY, projected))
        for width, projected in TOWERS[family]
    )
    unet, vae = UNet(UNETS[family]), Autoencoder(tiny.VAE)
    for net in (*towers, unet, vae):
        tiny.fill(net, seed)
    assert words.id_of(EOS) == words.vocab_size - 1
    denoiser = Preconditioned(unet, scaled_linear(), "epsilon", torch.float32)
    return Bundle(
        name=family, folder=Path(family), identity=f"{seed:064}", defaults=DEFAULTS | {"width": 64, "height": 64},
        towers=tuple((words, tower) for tower in towers), autoencoder=vae, denoiser=denoiser,
        device=torch.device("cpu"),
    )  # fmt: skip


def changes(
    model: Bundle,
    seed: int = 0,
    rank: int = 2,
    alpha: float = 1.0,
    mid: bool = False,
    wanted: Callable[[Place, nn.Module], bool] = lambda place, layer: True,
) -> dict[Place, LowRank]:
    """A change of every layer, as loud as its weight, with the small kernels of LoCon's third factor if `mid`."""
    out = {}
    for place, layer in layers(networks(model)).items():
        o, i, *kernel = layer.weight.shape
        if not wanted(place, layer):
            continue
        ones, tucker = [1] * len(kernel), mid and kernel != [1] * len(kernel)
        shapes = {
            "down": (rank, i, *(ones if tucker else kernel)), "up": (o, rank, *ones), "mid": (rank, rank, *kernel),
        }  # fmt: skip
        drawn = {role: draw(seed, f"{place} {role}", 0, shape) * (rank * i) ** -0.25 for role, shape in shapes.items()}
        out[place] = LowRank(drawn["down"], drawn["up"], drawn["mid"] if tucker else None, alpha)
    return out


def answer(model: Bundle) -> torch.Tensor:
    """What a model makes of a sentence and of noise, end to end: text towers and U-Net."""
    x, sigma = draw(5, "latent", 0, (2, 4, 8, 6)), torch.tensor([3.0, 0.5])
    with torch.no_grad():
        return model.denoiser(x, sigma, model.context(["a red apple", ""], (64, 48)))
