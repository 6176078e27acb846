"""A trained model becomes a folder that limner and diffusers open alike."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import torch
from torch import nn

from limner.bundle import layout
from limner.bundle.bundle import read_schedule
from limner.network.config import Json
from limner.network.unet import UNet
from limner.network.vae import Autoencoder
from limner.recipe import Value
from limner.text.clip import TextTower
from limner.text.tokenizer import Tokenizer

ZERO_SNR: Mapping[str, Json] = {
    "_class_name": "DDIMScheduler",
    "beta_schedule": "scaled_linear",
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "num_train_timesteps": 1000,
    "rescale_betas_zero_snr": True,
    "prediction_type": "v_prediction",
    "timestep_spacing": "trailing",
    "clip_sample": False,
    "set_alpha_to_one": True,
    "steps_offset": 1,
}
"""The noise limner's own models are trained with.  Lin et al. 2023 (arXiv:2305.08891), section 3."""

INDEX: Mapping[str, Json] = {
    "_class_name": "StableDiffusionPipeline",
    "feature_extractor": [None, None],
    "image_encoder": [None, None],
    "requires_safety_checker": False,
    "safety_checker": [None, None],
    "text_encoder": ["transformers", "CLIPTextModel"],
    "tokenizer": ["transformers", "CLIPTokenizer"],
    "unet": ["diffusers", "UNet2DConditionModel"],
    "vae": ["diffusers", "AutoencoderKL"],
}


def save_bundle(
    folder: Path,
    tokenizer: Tokenizer,
    text: TextTower,
    autoencoder: Autoencoder,
    unet: UNet,
    scheduler: Mapping[str, Json] = ZERO_SNR,
    defaults: Mapping[str, Value] | None = None,
    licence: str = "",
    about: Mapping[str, Json] | None = None,
    dtype: torch.dtype = torch.float16,
) -> None:
    """Write a model in diffusers' layout, its tensors in `dtype`, and `limner.json` beside it.

    `scheduler` is the content of `scheduler_config.json`, `defaults` are the recipe's fields the model likes best,
    `about` is whatever else `limner.json` shall tell.  The text tower's projection, which diffusion never reads, is
    left out.  `model_index.json` is written last: a folder that has one is whole.  Raises LimnerError where the
    scheduler is not one that `open_bundle` reads.
    """
    read_schedule(scheduler)
    index = folder / "model_index.json"
    index.unlink(missing_ok=True)
    tokenizer.save(folder / "tokenizer")
    weigh(folder / "text_encoder" / "model.safetensors", text, dtype)
    config = json.loads(replace(text.config, projection_dim=None).to_json())
    # transformers would compute in the precision it finds, diffusers in float32 whatever it finds
    layout.write_json(folder / "text_encoder" / "config.json", config | {"dtype": "float32"})
    weigh(folder / "vae" / "diffusion_pytorch_model.safetensors", autoencoder, dtype)
    layout.write_json(folder / "vae" / "config.json", autoencoder.config.write())
    weigh(folder / "unet" / "diffusion_pytorch_model.safetensors", unet, dtype)
    layout.write_json(folder / "unet" / "config.json", unet.config.write())
    layout.write_json(folder / "scheduler" / "scheduler_config.json", scheduler)
    layout.write_json(folder / "limner.json", {**(about or {}), "defaults": dict(defaults or {}), "licence": licence})
    layout.write_json(index, {**INDEX, "scheduler": ["diffusers", scheduler.get("_class_name", "DDIMScheduler")]})


def weigh(file: Path, net: nn.Module, dtype: torch.dtype) -> None:
    tensors = {
        k: v.detach().to("cpu", dtype) for k, v in net.state_dict().items() if not k.startswith("text_projection.")
    }
    layout.write_tensors(file, tensors)
