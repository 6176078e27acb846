"""From a folder and a sentence limner and diffusers draw the same picture, whichever of the two wrote the folder."""

from pathlib import Path

import numpy as np
import pytest
import tiny
import torch
from diffusers import (
    AutoencoderKL,
    DDIMScheduler,
    DPMSolverMultistepScheduler,
    SchedulerMixin,
    StableDiffusionPipeline,
    UNet2DConditionModel,
)
from plain import plain
from safetensors.torch import load_file, save_file
from test_network import SD15
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from limner.bundle import Bundle, open_bundle
from limner.engine import run
from limner.recipe import VERSION

VAE = {
    "block_out_channels": [16, 16, 32], "layers_per_block": 1, "norm_num_groups": 8, "latent_channels": 4,
    "sample_size": 64, "scaling_factor": 0.6,
    "down_block_types": ["DownEncoderBlock2D"] * 3, "up_block_types": ["UpDecoderBlock2D"] * 3,
}  # fmt: skip
SD = {"beta_schedule": "scaled_linear", "beta_start": 0.00085, "beta_end": 0.012}
PROMPT, NEGATIVE, STEPS, GUIDANCE = "a red apple and two cats", "a blue boat", 4, 3.0
PEERS = {
    "euler": DDIMScheduler(**SD, timestep_spacing="trailing", steps_offset=1, clip_sample=False),
    "dpmpp_2m": DPMSolverMultistepScheduler(
        **SD, timestep_spacing="trailing", steps_offset=1, final_sigmas_type="zero"
    ),
}
# One level of 255: both round to whole numbers what float32 brought to within a millionth, and a value near a half may
# go either way; more than one pixel in a thousand may not.
LEVEL, SHARE = 1, 1e-3
# Reading diffusers' own output, not limner's: NumPy 2's notices about it
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


@pytest.fixture(scope="module")
def stable(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Stable Diffusion 1.5 in small, made of diffusers' and transformers' own classes and saved by them."""
    folder = tmp_path_factory.mktemp("stable")
    tiny.tokenizer().save(folder / "words")
    words = CLIPTokenizer.from_pretrained(folder / "words")
    config = CLIPTextConfig(
        vocab_size=len(words), hidden_size=24, intermediate_size=48, num_hidden_layers=2, num_attention_heads=2,
        max_position_embeddings=16, hidden_act="quick_gelu", bos_token_id=words.bos_token_id,
        eos_token_id=words.eos_token_id, pad_token_id=words.pad_token_id,
    )  # fmt: skip
    parts = {"text_encoder": CLIPTextModel(config), "vae": AutoencoderKL(**VAE), "unet": UNet2DConditionModel(**SD15)}
    for seed, part in enumerate(parts.values()):
        tiny.fill(part, seed)
    pipe = StableDiffusionPipeline(
        **parts, tokenizer=words, scheduler=PEERS["euler"], safety_checker=None, feature_extractor=None,
        requires_safety_checker=False,
    )  # fmt: skip
    pipe.set_progress_bar_config(disable=True)
    pipe.save_pretrained(folder / "model", safe_serialization=True)
    return folder / "model"


def theirs(folder: Path, scheduler: SchedulerMixin | None = None, size: tuple[int, int] = (64, 64)) -> np.ndarray:
    pipe = StableDiffusionPipeline.from_pretrained(folder)
    pipe.set_progress_bar_config(disable=True)
    pipe.scheduler = scheduler or pipe.scheduler
    picture = pipe(
        PROMPT, negative_prompt=NEGATIVE, num_inference_steps=STEPS, guidance_scale=GUIDANCE, width=size[0],
        height=size[1], generator=torch.Generator().manual_seed(7), output_type="pil",
    )  # fmt: skip
    return np.asarray(picture.images[0])


def ours(bundle: Bundle, sampler: str, size: tuple[int, int] = (64, 64)) -> np.ndarray:
    recipe = plain(
        VERSION, bundle.identity, PROMPT, NEGATIVE, 7, STEPS, sampler, "trailing", 1, GUIDANCE, 0.0, 1e4, 0, 1, *size
    )
    return next(run([recipe], bundle))[1]


def apart(ours: np.ndarray, theirs: np.ndarray) -> tuple[int, float]:
    """The largest difference in levels, and the share of values that differ."""
    assert ours.shape == theirs.shape
    difference = np.abs(ours.astype(int) - theirs.astype(int))
    return difference.max(), (difference > 0).mean()


def assert_the_same(ours: np.ndarray, theirs: np.ndarray) -> None:
    most, share = apart(ours, theirs)
    assert most <= LEVEL
    assert share <= SHARE
    assert theirs.std() > 20  # something is drawn


@pytest.mark.parametrize("sampler", PEERS)
def test_a_folder_that_diffusers_wrote(stable: Path, sampler: str) -> None:
    """Tokens, text states, guidance with a negative prompt, noise, U-Net, sampler, decoder and rounding, end to end."""
    assert_the_same(ours(open_bundle(stable), sampler), theirs(stable, PEERS[sampler]))


def test_sides_that_differ(stable: Path) -> None:
    size = (96, 48)
    assert_the_same(ours(open_bundle(stable), "euler", size), theirs(stable, size=size))


@pytest.mark.parametrize(
    ("part", "name"),
    [
        ("unet/diffusion_pytorch_model", "up_blocks.3.attentions.0.transformer_blocks.0.attn1.to_v.weight"),
        ("vae/diffusion_pytorch_model", "decoder.mid_block.attentions.0.to_v.weight"),
        ("text_encoder/model", "encoder.layers.0.self_attn.q_proj.weight"),
    ],
)
def test_a_transposed_weight_is_noticed(stable: Path, tmp_path: Path, part: str, name: str) -> None:
    copy = tmp_path / "copy"
    for file in stable.rglob("*"):
        if file.is_file():
            (copy / file.relative_to(stable)).parent.mkdir(parents=True, exist_ok=True)
            (copy / file.relative_to(stable)).write_bytes(file.read_bytes())
    weights = load_file(copy / f"{part}.safetensors")
    save_file(weights | {name: weights[name].T.contiguous()}, copy / f"{part}.safetensors", {"format": "pt"})
    most, share = apart(ours(open_bundle(copy), "euler"), theirs(stable))
    assert most > 3 * LEVEL
    assert share > 100 * SHARE


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_a_folder_that_limner_wrote(tmp_path: Path, dtype: torch.dtype) -> None:
    """limner-mini's shape, velocity prediction, zero terminal SNR: diffusers opens it whole and by its own settings."""
    folder = tiny.write(tmp_path / "model", dtype=dtype)
    pipe = StableDiffusionPipeline.from_pretrained(folder)
    assert isinstance(pipe.scheduler, DDIMScheduler)
    assert (pipe.safety_checker, pipe.feature_extractor, pipe.config.requires_safety_checker) == (None, None, False)
    for kind, part in ((CLIPTextModel, "text_encoder"), (AutoencoderKL, "vae"), (UNet2DConditionModel, "unet")):
        _, report = kind.from_pretrained(folder / part, output_loading_info=True)
        assert not any(report.values()), report
    # its last time holds no signal at all, ours 2^-12 of the amplitude: more values fall on the other side of a half
    most, share = apart(ours(open_bundle(folder), "euler"), theirs(folder))
    assert most <= LEVEL
    assert share <= 50 * SHARE
