"""A model becomes a folder that limner and diffusers open alike."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import torch

from limner.bundle import layout
from limner.bundle.bundle import Bundle
from limner.bundle.noise import read_schedule, written
from limner.bundle.source import TOWERS, Held, Network, Source, config, network, understood
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

CLASSES: Mapping[str, Json] = {
    "text_encoder": ["transformers", "CLIPTextModel"],
    "text_encoder_2": ["transformers", "CLIPTextModelWithProjection"],
    "tokenizer": ["transformers", "CLIPTokenizer"],
    "tokenizer_2": ["transformers", "CLIPTokenizer"],
    "unet": ["diffusers", "UNet2DConditionModel"],
    "vae": ["diffusers", "AutoencoderKL"],
}
ABSENT: Mapping[str, Json] = {"feature_extractor": [None, None], "image_encoder": [None, None]}
ONE_TOWER: Mapping[str, Json] = {
    "_class_name": "StableDiffusionPipeline",
    "requires_safety_checker": False,
    "safety_checker": [None, None],
}
TWO_TOWERS: Mapping[str, Json] = {
    "_class_name": "StableDiffusionXLPipeline",
    "add_watermarker": None,
    "force_zeros_for_empty_prompt": False,
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
    left out.  Raises LimnerError where the scheduler is not one that `open_bundle` reads.
    """
    own: dict[str, Json] = {**(about or {}), "defaults": dict(defaults or {}), "licence": licence}
    nets: dict[str, Network] = {"text_encoder": unprojected(text), "vae": autoencoder, "unet": unet}
    save_folder(Held(folder, nets, {"text_encoder": tokenizer}, scheduler, own), folder, dtype)


def held(bundle: Bundle) -> Held:
    """A bundle's networks as they are now, to be written by `save_folder` or `write_single`.

    In the precision it computes in: open it in its files' precision to lose nothing.  LimnerError where its noise is
    not Stable Diffusion's.
    """
    towers = dict(zip(TOWERS, bundle.towers, strict=False))
    nets: dict[str, Network] = {part: tower for part, (_, tower) in towers.items()}
    nets |= {"unet": bundle.unet, "vae": bundle.autoencoder}
    words = {part: tokenizer for part, (tokenizer, _) in towers.items()}
    own = bundle.folder / "limner.json"
    told = layout.read_json(own) if own.exists() else {}
    return Held(bundle.folder, nets, words, written(bundle.schedule, bundle.denoiser.prediction), told)


def save_folder(source: Source, folder: Path, dtype: torch.dtype | None = None) -> None:
    """Write a model in diffusers' layout, bit for bit, or its tensors in `dtype`.

    `model_index.json` is written last: a folder that has one is whole.  Raises LimnerError, before anything is written,
    where the source is not one that could be opened again.
    """
    _, scheduler = source.config("scheduler")
    understood(source, "scheduler", read_schedule)
    parts, index = source.parts(), folder / "model_index.json"
    index.unlink(missing_ok=True)
    said = {**ABSENT, **(TWO_TOWERS if "text_encoder_2" in parts else ONE_TOWER)}
    for part in parts:
        stem = "model" if part in TOWERS else "diffusion_pytorch_model"
        net, (file, tensors) = network(source, part), source.tensors(part)
        layout.check(net, tensors, file)
        kept = {name: tensor.to("cpu", dtype or tensor.dtype) for name, tensor in tensors.items()}
        layout.write_tensors(folder / part / f"{stem}.safetensors", kept)
        layout.write_json(folder / part / "config.json", config(net))
        said[part] = CLASSES[part]
        if part in TOWERS:
            source.tokenizer(part).save(folder / TOWERS[part])
            said[TOWERS[part]] = CLASSES[TOWERS[part]]
    layout.write_json(folder / "scheduler" / "scheduler_config.json", scheduler)
    layout.write_json(folder / "limner.json", source.config("limner")[1])
    layout.write_json(index, {**said, "scheduler": ["diffusers", scheduler.get("_class_name", "DDIMScheduler")]})


def unprojected(text: TextTower) -> TextTower:
    """The tower without CLIP's projection, its weights shared."""
    with torch.device("meta"):
        tower = TextTower(replace(text.config, projection_dim=None))
    kept = {name: tensor for name, tensor in text.state_dict().items() if not name.startswith("text_projection.")}
    tower.load_state_dict(kept, assign=True)
    return tower
