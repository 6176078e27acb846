"""The model that ships is within its budget, opens everywhere, and its card says what was measured."""

import numpy as np
import pytest
import torch
from diffusers import DDIMScheduler, StableDiffusionPipeline

from limner.bundle import Bundle, catalogue, open_bundle
from limner.bundle.layout import read_json, read_tensors
from limner.engine import run
from limner.process.noise import initial
from limner.recipe import Wish, resolve

FOLDER = catalogue.SHIPPED / catalogue.DEFAULT


@pytest.fixture(scope="module")
def mini() -> Bundle:
    return open_bundle()


def test_all_weights_together_are_at_most_76_megabytes() -> None:
    sizes = [file.stat().st_size for file in catalogue.SHIPPED.rglob("*.safetensors")]
    assert len(sizes) >= 3
    assert sum(sizes) <= 76e6


def test_its_identity_is_the_one_it_states(mini: Bundle) -> None:
    assert read_json(FOLDER / "limner.json")["identity"] == mini.identity


def test_its_parameters_are_those_of_its_files() -> None:
    files = FOLDER.glob("*/*.safetensors")
    counts = {file.parent.name: sum(tensor.numel() for tensor in read_tensors(file).values()) for file in files}
    assert read_json(FOLDER / "limner.json")["parameters"] == counts


def test_diffusers_own_pipeline_draws_the_same_picture(mini: Bundle) -> None:
    wish = Wish(
        model=mini.identity, prompt="a red apple, 3d render", seed=7, steps=5, sampler="euler", ladder="trailing"
    )
    recipe = resolve(wish, mini.defaults)
    ((_, ours),) = run([recipe], mini)
    pipeline = StableDiffusionPipeline.from_pretrained(FOLDER, dtype=torch.float32)
    pipeline.scheduler = DDIMScheduler.from_config(pipeline.scheduler.config)
    pipeline.set_progress_bar_config(disable=True)
    noise = initial(recipe.seed, (1, *mini.latent_shape(recipe.width, recipe.height)))
    theirs = pipeline(
        recipe.prompt,
        num_inference_steps=recipe.steps,
        guidance_scale=recipe.guidance,
        latents=noise,
        output_type="np",
    ).images[0]
    difference = np.abs(ours.astype(float) - theirs * 255)
    assert difference.max() <= 1.5  # rounding, and theirs starts at abar 0 where ours starts at 2^-24
    assert ours.std() > 20
