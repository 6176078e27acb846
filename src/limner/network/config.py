"""A network is its configuration: the numbers of a diffusers `config.json` that say how large and how wired it is."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias, TypeGuard

from limner.errors import LimnerError

Json: TypeAlias = "str | int | float | bool | list[Json] | dict[str, Json] | None"


@dataclass(frozen=True, slots=True, kw_only=True)
class UNetConfig:
    """Ronneberger et al. 2015 (arXiv:1505.04597) as Rombach et al. 2022 (arXiv:2112.10752) use it.

    One entry a resolution level in each tuple, from fine to coarse.  `heads` counts attention heads (diffusers calls
    their number `attention_head_dim`); `depths` counts transformer blocks per residual block, 0 where none attends.
    """

    in_channels: int
    out_channels: int
    sample_size: int
    widths: tuple[int, ...]
    residuals: int
    heads: tuple[int, ...]
    depths: tuple[int, ...]
    mid_depth: int
    context_dim: int
    linear: bool
    groups: int
    eps: float
    added_size_dim: int | None = None
    added_dim: int | None = None

    @staticmethod
    def read(config: Mapping[str, Json]) -> "UNetConfig":
        """From diffusers' `unet/config.json`.

        Raises LimnerError where the file asks for what this family of networks does not have.
        """
        refuse(config, UNET_MUST_BE)
        widths = ints(config, "block_out_channels")
        levels = len(widths)
        down = kinds(config, "down_block_types", ("CrossAttnDownBlock2D", "DownBlock2D"), levels)
        up = kinds(config, "up_block_types", ("CrossAttnUpBlock2D", "UpBlock2D"), levels)
        attends = [block.startswith("CrossAttn") for block in down]
        if [block.startswith("CrossAttn") for block in reversed(up)] != attends:
            raise LimnerError("up_block_types is not down_block_types mirrored", "not a model of this family")
        depths = ints(config, "transformer_layers_per_block", levels, default=1, least=0)
        heads_key = "attention_head_dim" if config.get("num_attention_heads") is None else "num_attention_heads"
        added = config.get("addition_embed_type") == "text_time"
        return UNetConfig(
            in_channels=one(config, "in_channels"),
            out_channels=one(config, "out_channels"),
            sample_size=one(config, "sample_size"),
            widths=widths,
            residuals=one(config, "layers_per_block"),
            heads=ints(config, heads_key, levels, default=8),
            depths=tuple(d if a else 0 for d, a in zip(depths, attends, strict=True)),
            mid_depth=depths[-1],
            context_dim=one(config, "cross_attention_dim"),
            linear=bool(config.get("use_linear_projection", False)),
            groups=one(config, "norm_num_groups", 32),
            eps=real(config, "norm_eps", 1e-5),
            added_size_dim=one(config, "addition_time_embed_dim") if added else None,
            added_dim=one(config, "projection_class_embeddings_input_dim") if added else None,
        )

    def write(self) -> dict[str, Json]:
        """The `config.json` that diffusers reads."""
        return {
            "_class_name": "UNet2DConditionModel",
            "in_channels": self.in_channels,
            "out_channels": self.out_channels,
            "sample_size": self.sample_size,
            "block_out_channels": list(self.widths),
            "layers_per_block": self.residuals,
            "attention_head_dim": list(self.heads),
            "down_block_types": ["CrossAttnDownBlock2D" if d else "DownBlock2D" for d in self.depths],
            "up_block_types": ["CrossAttnUpBlock2D" if d else "UpBlock2D" for d in reversed(self.depths)],
            "transformer_layers_per_block": [*(d or 1 for d in self.depths[:-1]), self.mid_depth],
            "cross_attention_dim": self.context_dim,
            "use_linear_projection": self.linear,
            "norm_num_groups": self.groups,
            "norm_eps": self.eps,
            "addition_embed_type": None if self.added_dim is None else "text_time",
            "addition_time_embed_dim": self.added_size_dim,
            "projection_class_embeddings_input_dim": self.added_dim,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlConfig:
    """A ControlNet: the U-Net whose way down it copies, and the widths of what makes a hint as small as a latent."""

    unet: UNetConfig
    hint_channels: int
    hint_widths: tuple[int, ...]

    @staticmethod
    def read(config: Mapping[str, Json]) -> "ControlConfig":
        """From diffusers' ControlNet `config.json`; LimnerError where it asks for another kind."""
        refuse(config, CONTROL_MUST_BE)
        down = config.get("down_block_types")
        up: list[Json] = [
            str(block).replace("Down", "Up") for block in reversed(down if isinstance(down, list) else [])
        ]
        channels = one(config, "in_channels", 4)
        rest: dict[str, Json] = {"up_block_types": up, "out_channels": channels, "in_channels": channels}
        return ControlConfig(
            unet=UNetConfig.read({**config, **rest, "sample_size": 1}),
            hint_channels=one(config, "conditioning_channels", 3),
            hint_widths=ints({"w": [16, 32, 96, 256], **config}, HINT_WIDTHS if HINT_WIDTHS in config else "w"),
        )

    def write(self) -> dict[str, Json]:
        """The `config.json` that diffusers reads."""
        unread = ("up_block_types", "out_channels", "sample_size")
        said = {key: value for key, value in self.unet.write().items() if key not in unread}
        own: dict[str, Json] = {
            "_class_name": "ControlNetModel",
            "conditioning_channels": self.hint_channels,
            HINT_WIDTHS: list(self.hint_widths),
        }
        return said | own


@dataclass(frozen=True, slots=True, kw_only=True)
class AutoencoderConfig:
    """The KL autoencoder of Rombach et al. 2022 (arXiv:2112.10752), appendix G.

    `scaling` times an encoded mean is a latent of about unit variance.  `upcast`: float16 cannot hold what it computes
    (SDXL's), so there it computes in float32.
    """

    in_channels: int
    out_channels: int
    latent_channels: int
    sample_size: int
    widths: tuple[int, ...]
    residuals: int
    groups: int
    scaling: float
    quant_conv: bool = True
    post_quant_conv: bool = True
    mid_attention: bool = True
    upcast: bool = False

    @property
    def factor(self) -> int:
        """Pixels a latent pixel, along a side."""
        return int(2 ** (len(self.widths) - 1))

    @staticmethod
    def read(config: Mapping[str, Json]) -> "AutoencoderConfig":
        """From diffusers' `vae/config.json`; LimnerError where it asks for another kind of autoencoder."""
        refuse(config, VAE_MUST_BE)
        return AutoencoderConfig(
            in_channels=one(config, "in_channels", 3),
            out_channels=one(config, "out_channels", 3),
            latent_channels=one(config, "latent_channels", 4),
            sample_size=one(config, "sample_size", 512),
            widths=ints(config, "block_out_channels"),
            residuals=one(config, "layers_per_block", 1),
            groups=one(config, "norm_num_groups", 32),
            scaling=real(config, "scaling_factor", 0.18215),
            quant_conv=bool(config.get("use_quant_conv", True)),
            post_quant_conv=bool(config.get("use_post_quant_conv", True)),
            mid_attention=bool(config.get("mid_block_add_attention", True)),
            upcast=bool(config.get("force_upcast", False)),
        )

    def write(self) -> dict[str, Json]:
        """The `config.json` that diffusers reads."""
        levels = len(self.widths)
        return {
            "_class_name": "AutoencoderKL",
            "in_channels": self.in_channels,
            "out_channels": self.out_channels,
            "latent_channels": self.latent_channels,
            "sample_size": self.sample_size,
            "block_out_channels": list(self.widths),
            "layers_per_block": self.residuals,
            "down_block_types": ["DownEncoderBlock2D"] * levels,
            "up_block_types": ["UpDecoderBlock2D"] * levels,
            "norm_num_groups": self.groups,
            "scaling_factor": self.scaling,
            "use_quant_conv": self.quant_conv,
            "use_post_quant_conv": self.post_quant_conv,
            "mid_block_add_attention": self.mid_attention,
            "force_upcast": self.upcast,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class TinyConfig:
    """The decoder of diffusers' `AutoencoderTiny`: bricks before each doubling and after the last, all of one width."""

    latent_channels: int
    width: int
    bricks: tuple[int, ...]

    @property
    def factor(self) -> int:
        """Pixels a latent pixel, along a side."""
        return int(2 ** (len(self.bricks) - 1))

    @staticmethod
    def read(config: Mapping[str, Json]) -> "TinyConfig":
        """From `config.json`; LimnerError where it asks for another kind of decoder."""
        refuse(config, TINY_MUST_BE)
        bricks = ints(config, "num_decoder_blocks", least=0)
        widths = ints(config, "decoder_block_out_channels", len(bricks))
        if len(set(widths)) > 1:
            raise LimnerError(f"decoder_block_out_channels is {list(widths)}", "only one width is known here")
        return TinyConfig(latent_channels=one(config, "latent_channels", 4), width=widths[0], bricks=bricks)

    def write(self) -> dict[str, Json]:
        """The `config.json` that diffusers reads, as far as its decoder goes."""
        return {
            "_class_name": "AutoencoderTiny",
            "latent_channels": self.latent_channels,
            "decoder_block_out_channels": [self.width] * len(self.bricks),
            "num_decoder_blocks": list(self.bricks),
        }


# What our networks do not have, they refuse: a key that is present must hold one of these values.
UNET_MUST_BE: dict[str, tuple[Json, ...]] = {
    "act_fn": ("silu",),
    "addition_embed_type": (None, "text_time"),
    "attention_type": ("default",),
    "center_input_sample": (False,),
    "class_embed_type": (None,),
    "conv_in_kernel": (3,),
    "conv_out_kernel": (3,),
    "cross_attention_norm": (None,),
    "downsample_padding": (1,),
    "dropout": (0, 0.0),
    "dual_cross_attention": (False,),
    "encoder_hid_dim": (None,),
    "encoder_hid_dim_type": (None,),
    "flip_sin_to_cos": (True,),
    "freq_shift": (0,),
    "mid_block_only_cross_attention": (None, False),
    "mid_block_scale_factor": (1,),
    "mid_block_type": ("UNetMidBlock2DCrossAttn",),
    "num_class_embeds": (None,),
    "only_cross_attention": (False,),
    "resnet_out_scale_factor": (1.0,),
    "resnet_skip_time_act": (False,),
    "resnet_time_scale_shift": ("default",),
    "reverse_transformer_layers_per_block": (None,),
    "time_cond_proj_dim": (None,),
    "time_embedding_act_fn": (None,),
    "time_embedding_dim": (None,),
    "time_embedding_type": ("positional",),
    "timestep_post_act": (None,),
}
HINT_WIDTHS = "conditioning_embedding_out_channels"
CONTROL_MUST_BE: dict[str, tuple[Json, ...]] = {
    "_class_name": ("ControlNetModel",),
    "controlnet_conditioning_channel_order": ("rgb",),
    "global_pool_conditions": (False,),
}
VAE_MUST_BE: dict[str, tuple[Json, ...]] = {
    "act_fn": ("silu",),
    "latents_mean": (None,),
    "latents_std": (None,),
    "shift_factor": (None,),
}
TINY_MUST_BE: dict[str, tuple[Json, ...]] = {
    "act_fn": ("relu",),
    "latent_magnitude": (3,),
    "out_channels": (3,),
    "scaling_factor": (1, 1.0),
    "shift_factor": (0, 0.0),
    "upsample_fn": ("nearest",),
    "upsampling_scaling_factor": (2,),
}


def refuse(config: Mapping[str, Json], allowed: Mapping[str, tuple[Json, ...]]) -> None:
    for key, values in allowed.items():
        if key in config and config[key] not in values:
            raise LimnerError(f"{key} is {config[key]!r}", f"only {' or '.join(map(repr, values))} is known here")


def kinds(config: Mapping[str, Json], key: str, known: tuple[str, ...], levels: int) -> list[str]:
    blocks = config.get(key)
    if not isinstance(blocks, list) or len(blocks) != levels or any(block not in known for block in blocks):
        raise LimnerError(f"{key} is {blocks!r}", f"expected {levels} of {' and '.join(known)}")
    return [str(block) for block in blocks]


def ints(
    config: Mapping[str, Json], key: str, levels: int | None = None, default: int | None = None, least: int = 1
) -> tuple[int, ...]:
    """A list of whole numbers, or one number that stands for every level; none below `least`."""
    value = config.get(key, default)
    values = value if isinstance(value, list) else [value] * (levels or 0)
    whole = tuple(v for v in values if whole_number(v) and v >= least)
    if not values or len(whole) != len(values) or (levels is not None and len(values) != levels):
        raise LimnerError(f"{key} is {value!r}", f"expected {levels or 'a list of'} whole numbers of at least {least}")
    return whole


def one(config: Mapping[str, Json], key: str, default: int | None = None) -> int:
    value = config.get(key, default)
    if not whole_number(value) or value < 1:
        raise LimnerError(f"{key} is {value!r}", "expected a whole number above 0")
    return value


def whole_number(value: Json) -> TypeGuard[int]:
    """Python counts true as one, a config does not."""
    return isinstance(value, int) and not isinstance(value, bool)


def real(config: Mapping[str, Json], key: str, default: float) -> float:
    value = config.get(key, default)
    if not isinstance(value, int | float):
        raise LimnerError(f"{key} is {value!r}", "expected a number")
    return float(value)
