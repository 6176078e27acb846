"""How large the small model is, and how long each part of it studies: one preset for a CPU, one for a GPU."""

from dataclasses import dataclass, replace

from limner.network.config import AutoencoderConfig, UNetConfig
from limner.pictures.scenes import FULL, MINI, Mix
from limner.text.clip import ImageConfig, TextConfig
from limner.text.tokenizer import EOS, Tokenizer
from limner.training.loop import Plan

VOCABULARY = 6000
LENGTH = 48  # tokens the text tower reads
WIDTH = 256  # of its states

AUTOENCODER = AutoencoderConfig(
    in_channels=3,
    out_channels=3,
    latent_channels=8,
    sample_size=128,
    widths=(16, 32, 96, 144),
    residuals=1,
    groups=4,
    scaling=1.0,
)
DIVERGENCE = 5e-4  # weight of the latents' divergence from a normal distribution
VIEWS = replace(FULL, white=0.35, plain=0.65)  # what the autoencoder looks at: coloured grounds more often than white
UNET = UNetConfig(
    in_channels=8,
    out_channels=8,
    sample_size=16,
    widths=(96, 192, 256),
    residuals=1,
    heads=(3, 6, 8),
    depths=(1, 1, 1),
    mid_depth=1,
    context_dim=WIDTH,
    linear=True,
    groups=16,
    eps=1e-5,
)
DEFAULTS: dict[str, str | int | float] = {
    "negative": "",
    "seed": 42,
    "steps": 20,
    "sampler": "dpmpp_2m",
    "ladder": "trailing",
    "guidance": 3.0,
}
IMAGE = ImageConfig(192, 768, 5, 3, 3, 64, 16, "quick_gelu", 1e-5, WIDTH)


def text_config(tokenizer: Tokenizer) -> TextConfig:
    """The text tower's size, for this vocabulary."""
    return TextConfig(
        vocab_size=tokenizer.vocab_size,
        hidden_size=WIDTH,
        intermediate_size=4 * WIDTH,
        num_hidden_layers=6,
        num_attention_heads=4,
        max_position_embeddings=LENGTH,
        hidden_act="quick_gelu",
        layer_norm_eps=1e-5,
        eos_token_id=tokenizer.id_of(EOS),
        projection_dim=WIDTH,
    )


@dataclass(frozen=True, slots=True)
class Stage:
    """One network's schooling: how many rows a step, and the plan of its steps."""

    rows: int
    plan: Plan


@dataclass(frozen=True, slots=True)
class Preset:
    """Both presets train the same networks, so that either goes on where the other stopped.  `side` is in pixels."""

    side: int
    mix: Mix
    autoencoder: Stage
    clip: Stage
    diffusion: Stage
    chunks: int


PRESETS = {
    "mini": Preset(
        side=128,
        mix=MINI,
        autoencoder=Stage(16, Plan(steps=2500, rate=1e-3, warmup=100, fall=0.3)),
        clip=Stage(128, Plan(steps=560, rate=8e-4, warmup=60, fall=0.4, decay=0.05)),
        diffusion=Stage(24, Plan(steps=12_000, rate=5e-4, warmup=300, fall=0.3)),
        chunks=256,
    ),
    "base": Preset(
        side=256,
        mix=FULL,
        autoencoder=Stage(256, Plan(steps=10_000, rate=1e-3, warmup=200, fall=0.3)),
        clip=Stage(1024, Plan(steps=5000, rate=8e-4, warmup=200, fall=0.4, decay=0.05)),
        diffusion=Stage(512, Plan(steps=60_000, rate=6e-4, warmup=500, fall=0.3)),
        chunks=4096,
    ),
}
