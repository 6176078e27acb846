"""A folder of SDXL's shape that diffusers wrote: two towers, a sentence in one vector, sizes; the same picture."""

from pathlib import Path

import numpy as np
import pytest
import tiny
import torch
from diffusers import AutoencoderKL, EulerDiscreteScheduler, StableDiffusionXLPipeline, UNet2DConditionModel
from test_network import SDXL
from test_pipeline import GUIDANCE, NEGATIVE, PEERS, PROMPT, SD, VAE, assert_the_same, ours
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer

from limner.bundle import open_bundle

UNET = {**SDXL, "cross_attention_dim": 24 + 32, "projection_class_embeddings_input_dim": 20 + 6 * 8}
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


def tower(words: CLIPTokenizer, width: int, kind: type, act: str) -> CLIPTextModel | CLIPTextModelWithProjection:
    config = CLIPTextConfig(
        vocab_size=len(words), hidden_size=width, intermediate_size=2 * width, num_hidden_layers=3,
        num_attention_heads=2, max_position_embeddings=16, hidden_act=act, bos_token_id=words.bos_token_id,
        eos_token_id=words.eos_token_id, pad_token_id=words.pad_token_id, projection_dim=20,
    )  # fmt: skip
    return kind(config)


@pytest.fixture(scope="module")
def xl(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("xl")
    tiny.tokenizer().save(folder / "words")
    first = CLIPTokenizer.from_pretrained(folder / "words")
    second = CLIPTokenizer.from_pretrained(folder / "words", pad_token="!")
    parts = {
        "text_encoder": tower(first, 24, CLIPTextModel, "quick_gelu"),
        "text_encoder_2": tower(second, 32, CLIPTextModelWithProjection, "gelu"),
        "vae": AutoencoderKL(**VAE, force_upcast=True),
        "unet": UNet2DConditionModel(**UNET),
    }
    for seed, part in enumerate(parts.values()):
        tiny.fill(part, seed)
    scheduler = EulerDiscreteScheduler(**SD, timestep_spacing="leading", steps_offset=1)
    pipe = StableDiffusionXLPipeline(**parts, tokenizer=first, tokenizer_2=second, scheduler=scheduler)
    pipe.save_pretrained(folder / "model", safe_serialization=True)
    return folder / "model"


def theirs(folder: Path, size: tuple[int, int]) -> np.ndarray:
    pipe = StableDiffusionXLPipeline.from_pretrained(folder, add_watermarker=False)
    pipe.set_progress_bar_config(disable=True)
    pipe.scheduler = PEERS["euler"]
    picture = pipe(
        PROMPT, negative_prompt=NEGATIVE, num_inference_steps=4, guidance_scale=GUIDANCE, width=size[0],
        height=size[1], generator=torch.Generator().manual_seed(7), output_type="pil",
    )  # fmt: skip
    return np.asarray(picture.images[0])


@pytest.mark.parametrize("size", [(64, 64), (96, 48)])
def test_a_folder_that_diffusers_wrote(xl: Path, size: tuple[int, int]) -> None:
    """Sides that differ: width and height would be told in the wrong order unnoticed otherwise."""
    bundle = open_bundle(xl)
    assert len(bundle.towers) == 2
    assert bundle.towers[1][0].pad == "!"
    assert_the_same(ours(bundle, "euler", size), theirs(xl, size))


def test_sizes_are_heard(xl: Path) -> None:
    bundle = open_bundle(xl)
    told, other = bundle.context([PROMPT], (96, 48)), bundle.context([PROMPT], (48, 96))
    assert told.sizes is not None
    assert told.sizes.tolist() == [[48, 96, 0, 0, 48, 96]]
    x, sigma = torch.ones(1, 4, 8, 8), torch.ones(1)
    said = bundle.denoiser(x, sigma, told)
    assert (said - bundle.denoiser(x, sigma, other)).abs().max() > 1e-2 * said.std()
