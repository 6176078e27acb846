"""What a single file is, told by its tensors' names and shapes: which family, how large, or what else it looks like."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from limner.network.config import Json

Shapes = Mapping[str, tuple[int, ...]]
UNET, VAE = "model.diffusion_model.", "first_stage_model."


@dataclass(frozen=True, slots=True)
class Tower:
    """A text tower in a single file: before its names stands `prefix`, and `wiring` says who named them."""

    prefix: str
    wiring: str
    act: str
    pad: str


@dataclass(frozen=True, slots=True)
class Family:
    """Models that are wired alike.  Sizes are read from shapes; here is what shapes do not tell.

    `heads` is the number of attention heads where it is the same at every level; else heads are 64 wide.  `side` is of
    a latent, as it was trained.  `scaling` is the autoencoder's, None for that of the first Stable Diffusion.
    """

    name: str
    towers: Mapping[str, Tower]
    heads: int | None
    side: int
    scaling: float | None
    upcast: bool
    architecture: str


SD1 = Family(
    "Stable Diffusion 1",
    {"text_encoder": Tower("cond_stage_model.transformer.", "clip", "quick_gelu", "<|endoftext|>")},
    8, 64, None, False, "stable-diffusion-v1",
)  # fmt: skip
SD2 = Family(
    "Stable Diffusion 2",
    {"text_encoder": Tower("cond_stage_model.model.", "open_clip", "gelu", "!")},
    None, 64, None, False, "stable-diffusion-v2-512",
)  # fmt: skip
SDXL = Family(
    "SDXL",
    {
        "text_encoder": Tower("conditioner.embedders.0.transformer.", "clip", "quick_gelu", "<|endoftext|>"),
        "text_encoder_2": Tower("conditioner.embedders.1.model.", "open_clip", "gelu", "!"),
    },
    None, 128, 0.13025, True, "stable-diffusion-xl-v1-base",
)  # fmt: skip
FAMILIES = (SD1, SD2, SDXL)
HEAD = 64  # width of an attention head, in the U-Nets since Stable Diffusion 2 and in CLIP's towers
SPARE = (
    r"betas|alphas_cumprod(_prev)?|(sqrt|log)_.*|posterior_.*|lvlb_weights|logvar|scale_factor|global_step|model_ema.*"
)
"""Buffers of the training code, and its running averages: nobody draws with them."""
EXTRA = re.compile(
    rf"{SPARE}|denoiser\.(sigmas|log_sigmas)|v_pred|ztsnr|first_stage_model\.(loss|model_ema)\..*"
    r"|(cond_stage_model|conditioner\.embedders\.\d)\.(transformer\.)?(text_model\.embeddings\.position_ids|logit_scale"
    r"|text_projection(\.weight)?)"
    r"|(cond_stage_model|conditioner\.embedders\.\d)\.model\.(logit_scale|attn_mask)"
    r"|cond_stage_model\.model\.text_projection"
)
"""What else a single file may hold.  A text projection that this family does not read is CLIP's contrastive half."""
WHOLE = 24  # layers of the tower that Stable Diffusion 2 reads, of which it leaves out the last


def family(shapes: Shapes) -> Family | None:
    """The family whose U-Net, autoencoder and text towers these are; None where a part is missing or another kind."""
    if strange(shapes):
        return None
    for each in FAMILIES:
        begun = [UNET, VAE, *(tower.prefix for tower in each.towers.values())]
        if all(any(name.startswith(prefix) for name in shapes) for prefix in begun):
            return each
    return None


def strange(shapes: Shapes) -> str:
    """What a file looks like that is no text-to-image model of these families; empty where nothing is strange."""
    return next((what for what, is_it in STRANGERS.items() if is_it(shapes)), "")


def looks(shapes: Shapes) -> str:
    """What a file looks like, in a few words; empty where it looks like nothing known."""
    found = family(shapes)
    return found.name if found else strange(shapes) or next((w for w, is_it in PARTS.items() if is_it(shapes)), "")


def some(pattern: str) -> Callable[[Shapes], bool]:
    """Whether some tensor's name begins so."""
    match = re.compile(pattern).match
    return lambda shapes: any(map(match, shapes))


def reads(width: int) -> Callable[[Shapes], bool]:
    """Whether cross-attention is adapted to states so wide."""
    words = re.compile(r".*attn2[._]to_[kv]\.?.*(lora_down|lora_A|down\.weight)")
    return lambda shapes: any(words.match(name) and shape[-1] == width for name, shape in shapes.items())


def both(*conditions: Callable[[Shapes], bool]) -> Callable[[Shapes], bool]:
    return lambda shapes: all(condition(shapes) for condition in conditions)


def takes(channels: int) -> Callable[[Shapes], bool]:
    """Whether the U-Net's first convolution reads so many channels."""
    return lambda shapes: any(
        shapes.get(name, (0, 4))[1:2] == (channels,) for name in (f"{UNET}input_blocks.0.0.weight", "conv_in.weight")
    )


LORA = some(r"lora_(unet|te)|.*[._]lora([._]|$)|.*\.(lora_A|lora_B|hada_w1_a|lokr_w1)")
STRANGERS: dict[str, Callable[[Shapes], bool]] = {
    "a LoRA for SDXL": both(LORA, reads(2048)),
    "a LoRA for Stable Diffusion 2": both(LORA, reads(1024)),
    "a LoRA for Stable Diffusion 1": both(LORA, reads(768)),
    "a LoRA": LORA,
    "a ControlNet": some(r"control_model\.|controlnet_cond_embedding\.|input_hint_block\."),
    "Stable Diffusion 3": some(r"(model\.diffusion_model\.)?joint_blocks\."),
    "Flux": some(r"(model\.diffusion_model\.)?double_blocks\."),
    "the SDXL refiner": lambda shapes: (
        shapes.get("conditioner.embedders.0.model.token_embedding.weight", ())[1:] == (1280,)
    ),
    "an inpainting model, whose U-Net reads nine channels": takes(9),
    "an InstructPix2Pix model, whose U-Net reads eight channels": takes(8),
    "an upscaler, whose U-Net reads seven channels": takes(7),
    "Playground 2.5 or another model of continuous noise": some(r"edm_mean$|edm_vpred\."),
    "a textual-inversion embedding": lambda shapes: set(shapes) in ({"emb_params"}, {"clip_l", "clip_g"}),
}
PARTS: dict[str, Callable[[Shapes], bool]] = {
    "a Stable Diffusion without its autoencoder": both(some(r"model\.diffusion_model\."), some(r"cond")),
    "a U-Net alone": some(r"model\.diffusion_model\.|input_blocks\.|down_blocks\.0\.resnets\.0\.time_emb_proj"),
    "an autoencoder alone": some(r"(first_stage_model\.)?(encoder\.down|decoder\.up|decoder\.mid)"),
    "a tiny autoencoder": some(r"(decoder\.layers\.|decoder\.)?\d+\.(conv\.0\.)?weight|taesd_"),
    "a text tower alone": some(r"(cond_stage_model\.|conditioner\.)|text_model\.|encoder\.layers\.0\.self_attn"),
}


def unet_config(shapes: Shapes, what: Family) -> dict[str, Json]:
    """diffusers' `unet/config.json` of the U-Net in a file.  KeyError where one of its first tensors is missing."""
    blocks = {
        name.removeprefix(f"{UNET}input_blocks."): shape for name, shape in shapes.items() if name.startswith(UNET)
    }
    halvings = sorted(int(name.split(".")[0]) for name in blocks if name.endswith(".0.op.weight"))
    n = halvings[0] if halvings else 1 + max(int(name.split(".")[0]) for name in blocks if name[0].isdigit())
    firsts = [1 + level * n for level in range(len(halvings) + 1)]
    widths = [blocks[f"{first}.0.out_layers.3.weight"][0] for first in firsts]
    depths = [count(blocks, rf"{first}\.1\.transformer_blocks\.(\d+)\.") for first in firsts]
    mid = count(shapes, rf"{re.escape(UNET)}middle_block\.1\.transformer_blocks\.(\d+)\.")
    states = next(shape[1] for name, shape in shapes.items() if name.endswith(".attn2.to_k.weight"))
    linear = len(shapes[f"{UNET}middle_block.1.proj_in.weight"]) == 2
    config: dict[str, Json] = {
        "in_channels": shapes[f"{UNET}input_blocks.0.0.weight"][1],
        "out_channels": shapes[f"{UNET}out.2.weight"][0],
        "sample_size": what.side,
        "block_out_channels": [*widths],
        "layers_per_block": n - 1,
        "attention_head_dim": [what.heads or width // HEAD for width in widths],
        "down_block_types": ["CrossAttnDownBlock2D" if d else "DownBlock2D" for d in depths],
        "up_block_types": ["CrossAttnUpBlock2D" if d else "UpBlock2D" for d in reversed(depths)],
        # diffusers takes the middle's depth from the coarsest level, which may attend nowhere else
        "transformer_layers_per_block": [*(d or 1 for d in depths[:-1]), mid],
        "cross_attention_dim": states,
        "use_linear_projection": linear,
    }
    return config | added(shapes, what)


def added(shapes: Shapes, what: Family) -> dict[str, Json]:
    """SDXL's conditions: a sentence, and six sizes as sines."""
    label = shapes.get(f"{UNET}label_emb.0.0.weight")
    if label is None or "text_encoder_2" not in what.towers:
        return {}
    sentence = shapes[f"{what.towers['text_encoder_2'].prefix}text_projection"][1]
    return {
        "addition_embed_type": "text_time",
        "addition_time_embed_dim": (label[1] - sentence) // 6,
        "projection_class_embeddings_input_dim": label[1],
    }


def vae_config(shapes: Shapes, what: Family | None = None, prefix: str = VAE) -> dict[str, Json]:
    """diffusers' `vae/config.json` of the autoencoder in a file.  KeyError where a tensor that says it is missing."""
    levels = count(shapes, rf"{re.escape(prefix)}encoder\.down\.(\d+)\.")
    widths = [shapes[f"{prefix}encoder.down.{level}.block.0.conv2.weight"][0] for level in range(levels)]
    config: dict[str, Json] = {
        "in_channels": shapes[f"{prefix}encoder.conv_in.weight"][1],
        "out_channels": shapes[f"{prefix}decoder.conv_out.weight"][0],
        "latent_channels": shapes[f"{prefix}decoder.conv_in.weight"][1],
        "block_out_channels": [*widths],
        "layers_per_block": count(shapes, rf"{re.escape(prefix)}encoder\.down\.0\.block\.(\d+)\."),
        "use_quant_conv": f"{prefix}quant_conv.weight" in shapes,
        "use_post_quant_conv": f"{prefix}post_quant_conv.weight" in shapes,
        "mid_block_add_attention": f"{prefix}encoder.mid.attn_1.norm.weight" in shapes,
    }
    if what is None:
        return config
    scaling: dict[str, Json] = {} if what.scaling is None else {"scaling_factor": what.scaling}
    return config | scaling | {"force_upcast": what.upcast}


def text_config(shapes: Shapes, what: Family, part: str) -> dict[str, Json]:
    """transformers' `config.json` of a text tower in a file.  KeyError where one of its first tensors is missing.

    Stable Diffusion 2 reads all layers but the last: a file that has it, or CLIP's projection, is of the whole tower.
    """
    tower = what.towers[part]
    if tower.wiring == "clip":
        root = f"{tower.prefix}text_model."
        vocabulary, width = shapes[f"{root}embeddings.token_embedding.weight"]
        words = shapes[f"{root}embeddings.position_embedding.weight"][0]
        inner = shapes[f"{root}encoder.layers.0.mlp.fc1.weight"][0]
        layers = count(shapes, rf"{re.escape(root)}encoder\.layers\.(\d+)\.")
    else:
        vocabulary, width = shapes[f"{tower.prefix}token_embedding.weight"]
        words = shapes[f"{tower.prefix}positional_embedding"][0]
        inner = shapes[f"{tower.prefix}transformer.resblocks.0.mlp.c_fc.weight"][0]
        layers = count(shapes, rf"{re.escape(tower.prefix)}transformer\.resblocks\.(\d+)\.")
        whole = f"{tower.prefix}text_projection" in shapes
        layers -= int(what is SD2 and (whole or layers >= WHOLE))
    projects = part == "text_encoder_2"
    return {
        "architectures": ["CLIPTextModelWithProjection" if projects else "CLIPTextModel"],
        "vocab_size": vocabulary,
        "hidden_size": width,
        "intermediate_size": inner,
        "num_hidden_layers": layers,
        "num_attention_heads": max(1, width // HEAD),
        "max_position_embeddings": words,
        "hidden_act": tower.act,
        "layer_norm_eps": 1e-5,
        "eos_token_id": vocabulary - 1,
        "projection_dim": shapes[f"{tower.prefix}text_projection"][1] if projects else None,
    }


def count(shapes: Shapes, pattern: str) -> int:
    """How many blocks of a kind there are: one more than the largest number that stands where the pattern has one."""
    match = re.compile(pattern).match
    return 1 + max((int(found[1]) for found in map(match, shapes) if found), default=-1)
