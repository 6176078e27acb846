"""How large the small model is, and how long each part of it studies: on a CPU, on a GPU, on a GPU for minutes."""

from dataclasses import dataclass, replace

from limner.bundle import bundle
from limner.network.config import AutoencoderConfig, TinyConfig, UNetConfig
from limner.pictures.scenes import FULL, MINI, Mix
from limner.text.clip import ImageConfig, TextConfig
from limner.text.tokenizer import EOS, Tokenizer
from limner.training.loop import Plan


@dataclass(frozen=True, slots=True)
class Sizes:
    """How large each network is; the text tower is as wide as the U-Net's context and has four heads a layer."""

    autoencoder: AutoencoderConfig
    unet: UNetConfig
    image: ImageConfig
    layers: int
    vocabulary: int
    captions: int
    length: int
    tiny: TinyConfig

    def text(self, tokenizer: Tokenizer) -> TextConfig:
        """The text tower, for this vocabulary."""
        width = self.unet.context_dim
        return TextConfig(
            vocab_size=tokenizer.vocab_size,
            hidden_size=width,
            intermediate_size=4 * width,
            num_hidden_layers=self.layers,
            num_attention_heads=4,
            max_position_embeddings=self.length,
            hidden_act="quick_gelu",
            layer_norm_eps=1e-5,
            eos_token_id=tokenizer.id_of(EOS),
            projection_dim=self.image.projection_dim,
        )


SIZES = Sizes(
    autoencoder=AutoencoderConfig(
        in_channels=3,
        out_channels=3,
        latent_channels=8,
        sample_size=128,
        widths=(16, 32, 96, 144),
        residuals=1,
        groups=4,
        scaling=1.0,
    ),
    unet=UNetConfig(
        in_channels=8,
        out_channels=8,
        sample_size=16,
        widths=(96, 192, 256),
        residuals=1,
        heads=(3, 6, 8),
        depths=(1, 1, 1),
        mid_depth=1,
        context_dim=256,
        linear=True,
        groups=16,
        eps=1e-5,
    ),
    image=ImageConfig(192, 768, 5, 3, 3, 64, 16, "quick_gelu", 1e-5, 256),
    layers=6,
    vocabulary=6000,
    captions=100_000,
    length=48,
    tiny=TinyConfig(latent_channels=8, width=32, bricks=(4, 2, 0)),
)
DIVERGENCE = 5e-4  # weight of the latents' divergence from a normal distribution
VIEWS = replace(FULL, faces=0.0, white=0.3, plain=0.5, pale=0.05, scenery=0.15)  # for the autoencoder: all grounds
DEFAULTS = bundle.DEFAULTS | {"steps": 20, "guidance": 2.0}


@dataclass(frozen=True, slots=True)
class Stage:
    """One network's schooling: how many rows a step, and the plan of its steps."""

    rows: int
    plan: Plan


@dataclass(frozen=True, slots=True)
class Preset:
    """All presets train the same networks, so that each goes on where another stopped.

    `side` is in pixels, `chunks` of 64 pictures are composed; the autoencoder sees `views`, CLIP `sayings`, the
    diffusion model `mix`.
    """

    sizes: Sizes
    side: int
    mix: Mix
    views: Mix
    sayings: Mix
    autoencoder: Stage
    clip: Stage
    diffusion: Stage
    tiny: Stage
    chunks: int


SAYINGS = replace(  # what a CPU's CLIP can learn to tell apart: every noun there is, in four sets of pictures
    MINI, single=0.62, people=0.1, tinted=0.08, shapes=0.08, count=0.06, pair=0.06, words="nouns", white=0.5, plain=0.5
)
STUDIES = replace(  # what the shipped model was taught: every noun there is, in three styles, much of it composed
    MINI,
    single=0.36,
    people=0.08,
    tinted=0.08,
    shapes=0.12,
    count=0.12,
    pair=0.24,
    white=0.74,
    plain=0.18,
    pale=0.04,
    scenery=0.04,
    words="nouns",
    sets=("fluent-3d", "noto", "twemoji"),
    scale=(0.86, 1.0),
)
WORLD = replace(  # what a GPU learns: every noun there is, people, colours, counts and pairs, in ten styles
    FULL,
    single=0.44,
    people=0.12,
    faces=0.0,
    tinted=0.07,
    shapes=0.11,
    count=0.1,
    pair=0.16,
    white=0.55,
    plain=0.2,
    pale=0.1,
    scenery=0.15,
    words="nouns",
    sets=(
        "fluent-3d", "noto", "twemoji", "fluent-flat", "emojitwo", "noto-v1", "fxemoji", "streamline-emojis",
        "streamline-ultimate", "game-icons",
    ),
)  # fmt: skip
PRESETS = {
    "mini": Preset(
        sizes=SIZES,
        side=128,
        mix=STUDIES,
        views=VIEWS,
        sayings=SAYINGS,
        autoencoder=Stage(16, Plan(steps=2500, rate=1e-3, warmup=100, fall=0.3, hidden=3e-3)),
        clip=Stage(128, Plan(steps=330, rate=1e-3, warmup=20, fall=0.4, decay=0.05, hidden=3e-3)),
        diffusion=Stage(32, Plan(steps=6000, rate=1e-3, warmup=100, fall=0.3, hidden=3e-3, shrink=0.1)),
        tiny=Stage(16, Plan(steps=2400, rate=2e-3, warmup=100, fall=0.5)),
        chunks=256,
    ),
    "base": Preset(
        sizes=SIZES,
        side=256,
        mix=WORLD,
        views=VIEWS,
        sayings=replace(WORLD, single=0.55, people=0.12, tinted=0.08, shapes=0.07, count=0.06, pair=0.12),
        autoencoder=Stage(256, Plan(steps=10_000, rate=1e-3, warmup=100, fall=0.3, hidden=3e-3)),
        clip=Stage(1024, Plan(steps=5000, rate=1e-3, warmup=50, fall=0.4, decay=0.05, hidden=3e-3)),
        diffusion=Stage(512, Plan(steps=60_000, rate=1e-3, warmup=100, fall=0.3, hidden=3e-3, shrink=0.1)),
        tiny=Stage(64, Plan(steps=6000, rate=2e-3, warmup=100, fall=0.5)),
        chunks=4096,
    ),
}
PRESETS["loan"] = replace(  # what a GPU can do in minutes for the shipped model: its mix, in steps that fill the device
    PRESETS["mini"],
    autoencoder=replace(PRESETS["mini"].autoencoder, rows=256),
    clip=replace(PRESETS["mini"].clip, rows=1024),
    diffusion=Stage(1024, Plan(steps=20_000, rate=1e-3, warmup=100, fall=0.5, hidden=3e-3, shrink=0.1)),
    tiny=replace(PRESETS["mini"].tiny, rows=64),
    chunks=6144,
)
SHORT = replace(  # for an experiment of minutes on a CPU: 29 fruits and vegetables in one style, a narrower U-Net
    PRESETS["mini"],
    sizes=replace(SIZES, unet=replace(SIZES.unet, widths=(48, 96, 128), heads=(3, 6, 8))),
    mix=Mix(
        single=1.0,
        people=0.0,
        tinted=0.0,
        shapes=0.0,
        count=0.0,
        pair=0.0,
        words="core",
        kinds=("fruit", "vegetable"),
        sets=("fluent-3d",),
    ),
    diffusion=Stage(16, Plan(steps=600, rate=1e-3, warmup=50, fall=0.3, hidden=3e-3)),
    chunks=32,
)
PAIRS = (
    replace(  # for an experiment on who composes: coloured shapes, alone and by twos, some pairs of which are held out
        SHORT,
        mix=Mix(single=0.0, people=0.0, tinted=0.0, shapes=1.0, count=0.0, pair=0.0, white=1.0, plain=0.0),
        diffusion=Stage(16, Plan(steps=6000, rate=1e-3, warmup=50, fall=0.3, hidden=3e-3)),
        chunks=128,
    )
)
