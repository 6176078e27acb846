"""What limner's own networks do not read is drawn by diffusers: the same pixels, and what cannot be done is said."""

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tiny
import torch
from diffusers import (
    AutoencoderKL,
    DDIMScheduler,
    DDPMPipeline,
    DDPMScheduler,
    DiTPipeline,
    LatentConsistencyModelPipeline,
    LCMScheduler,
    StableDiffusionPipeline,
    UNet2DConditionModel,
    UNet2DModel,
)
from safetensors.torch import load_file, save_file
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from limner.cli import main
from limner.engine import Engine, explain
from limner.engine import run as engine_run
from limner.engine.backends import candidates, eager
from limner.engine.border import stranger
from limner.engine.foreign import OWN, admit, circumstances, nobody, open_foreign, run
from limner.engine.run import pixels
from limner.engine.untapped import open_untapped, strange_unet
from limner.errors import LimnerError
from limner.process.noise import seeded
from limner.recipe import Recipe, Wish, resolve

CPU = torch.device("cpu"), torch.float32
VAE = {
    "block_out_channels": [8, 16], "layers_per_block": 1, "norm_num_groups": 4, "latent_channels": 4, "sample_size": 16,
    "down_block_types": ["DownEncoderBlock2D"] * 2, "up_block_types": ["UpDecoderBlock2D"] * 2,
}  # fmt: skip
UNET = {
    "sample_size": 8, "block_out_channels": [8, 16], "layers_per_block": 1, "norm_num_groups": 4,
    "cross_attention_dim": 16, "attention_head_dim": 2,
    "down_block_types": ["DownBlock2D", "CrossAttnDownBlock2D"], "up_block_types": ["CrossAttnUpBlock2D", "UpBlock2D"],
}  # fmt: skip
DDIM = DDIMScheduler(
    beta_schedule="scaled_linear", beta_start=0.00085, beta_end=0.012, timestep_spacing="trailing", steps_offset=1,
    clip_sample=False,
)  # fmt: skip
pytestmark = pytest.mark.filterwarnings("ignore")  # diffusers' own, about itself


def words(folder: Path) -> CLIPTokenizer:
    tiny.tokenizer().save(folder)
    return CLIPTokenizer.from_pretrained(folder)


def parts(folder: Path, **unlike: object) -> dict[str, object]:
    """A Stable Diffusion in small, its U-Net unlike limner's."""
    tokenizer = words(folder / "words")
    text = CLIPTextConfig(
        vocab_size=len(tokenizer), hidden_size=16, intermediate_size=32, num_hidden_layers=1, num_attention_heads=2,
        max_position_embeddings=16, eos_token_id=tokenizer.eos_token_id, bos_token_id=tokenizer.bos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )  # fmt: skip
    nets = {
        "text_encoder": CLIPTextModel(text), "vae": AutoencoderKL(**VAE),
        "unet": UNet2DConditionModel(**UNET, **unlike),
    }  # fmt: skip
    for seed, part in enumerate(nets.values()):
        tiny.fill(part, seed)
    return {
        **nets, "tokenizer": tokenizer, "safety_checker": None, "feature_extractor": None,
        "requires_safety_checker": False,
    }  # fmt: skip


@pytest.fixture(scope="module")
def shifted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Stable Diffusion whose noise level scales and shifts, where limner's U-Net adds."""
    folder = tmp_path_factory.mktemp("foreign") / "shifted"
    nets = parts(folder.parent, resnet_time_scale_shift="scale_shift")
    StableDiffusionPipeline(**nets, scheduler=DDIM).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def consistent(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A latent consistency model: its U-Net is told the guidance, which limner's is not."""
    folder = tmp_path_factory.mktemp("foreign") / "consistent"
    nets = parts(folder.parent, time_cond_proj_dim=8)
    LatentConsistencyModelPipeline(**nets, scheduler=LCMScheduler()).save_pretrained(folder)
    return folder


def recipe(wish: Wish, folder: Path) -> Recipe:
    foreign = open_foreign(folder, *CPU)
    return resolve(replace(wish, model=foreign.identity), foreign.defaults)


WISH = Wish(prompt="a red apple", seed=7, steps=3, guidance=4.0, width=24, height=16)


def test_only_what_limner_does_not_read_is_foreign(folder: Path, consistent: Path, tmp_path: Path) -> None:
    assert stranger(folder) is None
    assert stranger(consistent) == "LatentConsistencyModelPipeline"
    assert stranger(tmp_path) is None
    shutil.copytree(consistent, tmp_path / "torn")
    (tmp_path / "torn" / "unet" / "config.json").unlink()
    assert stranger(tmp_path / "torn") is None  # it is damaged, and limner says so


def test_its_pictures_are_diffusers_own(consistent: Path) -> None:
    made = recipe(WISH, consistent)
    ((_, said),) = run([made], open_foreign(consistent, *CPU))
    pipe = LatentConsistencyModelPipeline.from_pretrained(consistent)
    pipe.set_progress_bar_config(disable=True)
    truth = pipe(
        "a red apple", width=24, height=16, num_inference_steps=3, guidance_scale=4.0, generator=seeded(7),
        output_type="np",
    ).images[0]  # fmt: skip
    assert np.array_equal(said, (truth * 255).round().astype(np.uint8))
    ((_, other),) = run([replace(made, seed=8)], open_foreign(consistent, *CPU))
    assert other.shape == said.shape == (16, 24, 3)
    assert not np.array_equal(said, other)


def test_it_is_a_job_that_asks_nothing(consistent: Path) -> None:
    """Beside it another one fails, and one is cancelled before it begins."""
    foreign, engine = open_foreign(consistent, *CPU), Engine(nobody)
    made = recipe(WISH, consistent)
    for name in ("kept", "cancelled"):
        admit(engine, name, made, foreign)
    assert engine.names() == {"kept", "cancelled"}
    engine.cancel("cancelled")
    while engine.busy:
        assert engine.tick() == []
    assert engine.finished.keys() == {"kept"}
    assert pixels(engine.finished["kept"]).shape == (16, 24, 3)


def test_its_defaults_are_its_own(consistent: Path) -> None:
    foreign = open_foreign(consistent, *CPU)
    assert {name: foreign.defaults[name] for name in ("steps", "guidance", "width", "height", "sampler")} == {
        "steps": 4, "guidance": 8.5, "width": 16, "height": 16, "sampler": OWN,
    }  # fmt: skip
    assert circumstances(foreign)["Kernels"].startswith("diffusers 0.42")
    assert "a choice of negative" in foreign.cannot


@pytest.mark.parametrize(
    ("wish", "field"),
    [
        (Wish(prompt="", negative="blue"), "negative"),
        (Wish(prompt="", sampler="euler"), "sampler"),
        (Wish(prompt="", ladder="karras"), "ladder"),
        (Wish(prompt="", guide_above=0.5), "guide_above"),
    ],
)
def test_what_it_cannot_do_is_refused_by_name(consistent: Path, wish: Wish, field: str) -> None:
    with pytest.raises(LimnerError, match=f"LatentConsistencyModelPipeline, which takes no {field} "):
        next(run([recipe(wish, consistent)], open_foreign(consistent, *CPU)))


def test_a_size_that_it_will_not_draw_is_one_line(consistent: Path) -> None:
    with pytest.raises(LimnerError, match=r"diffusers says ValueError: .*divisible") as caught:
        next(run([recipe(Wish(prompt="", width=18, height=18), consistent)], open_foreign(consistent, *CPU)))
    assert "\n" not in str(caught.value)


def test_a_pipeline_without_words_draws_whatever_comes(tmp_path: Path) -> None:
    net = UNet2DModel(
        sample_size=8, block_out_channels=(8, 16), norm_num_groups=4, layers_per_block=1,
        down_block_types=("DownBlock2D", "DownBlock2D"), up_block_types=("UpBlock2D", "UpBlock2D"),
    )  # fmt: skip
    tiny.fill(net, 1)
    DDPMPipeline(net, DDPMScheduler()).save_pretrained(tmp_path / "wordless")
    foreign = open_foreign(tmp_path / "wordless", *CPU)
    made = recipe(Wish(prompt="", steps=2), tmp_path / "wordless")
    ((_, picture),) = run([made], foreign)
    assert picture.shape == (8, 8, 3)
    with pytest.raises(LimnerError, match="takes no prompt"):
        next(run([recipe(Wish(prompt="a cat", steps=2), tmp_path / "wordless")], foreign))


def test_what_needs_more_than_a_sentence_is_refused(tmp_path: Path) -> None:
    (tmp_path / "model_index.json").write_text(json.dumps({"_class_name": DiTPipeline.__name__}))
    with pytest.raises(LimnerError, match="a DiTPipeline draws from class_labels"):
        open_foreign(tmp_path, *CPU)
    (tmp_path / "model_index.json").write_text(json.dumps({"_class_name": "StableDiffusionXLImg2ImgPipeline"}))
    with pytest.raises(LimnerError, match="draws from image"):
        open_foreign(tmp_path, *CPU)
    (tmp_path / "model_index.json").write_text(json.dumps({"_class_name": "TomorrowsPipeline"}))
    with pytest.raises(LimnerError, match="has no TomorrowsPipeline"):
        open_foreign(tmp_path, *CPU)


@pytest.mark.parametrize(
    "change",
    [
        {"_class_name": ["pipeline", "Mine"]},
        {"_class_name": "LatentConsistencyModelPipeline", "unet": ["mine", "Unet"]},
    ],
)
def test_code_that_comes_with_a_model_is_never_run(consistent: Path, tmp_path: Path, change: dict) -> None:
    folder, trace = tmp_path / "spy", tmp_path / "ran"
    shutil.copytree(consistent, folder)
    index = json.loads((folder / "model_index.json").read_text())
    (folder / "model_index.json").write_text(json.dumps(index | change))
    spy = f"open({str(trace)!r}, 'w').close()\nclass Mine: pass\nUnet = Mine\n"
    for name in ("pipeline.py", "mine.py", "unet/mine.py"):
        (folder / name).write_text(spy)
    with pytest.raises(LimnerError, match="asks for code that comes with the model"):
        open_foreign(folder, *CPU)
    assert not trace.exists()


def test_a_config_that_maps_to_code_is_refused(consistent: Path, tmp_path: Path) -> None:
    folder = tmp_path / "mapped"
    shutil.copytree(consistent, folder)
    file = folder / "text_encoder" / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"auto_map": {"AutoModel": "mine.Mine"}}))
    with pytest.raises(LimnerError, match="asks for code"):
        open_foreign(folder, *CPU)


def test_a_pickle_is_refused(consistent: Path, tmp_path: Path) -> None:
    folder = tmp_path / "pickled"
    shutil.copytree(consistent, folder)
    unet = folder / "unet" / "diffusion_pytorch_model.safetensors"
    os.rename(unet, unet.with_suffix(".bin"))
    with pytest.raises(LimnerError, match=r"diffusion_pytorch_model\.bin is a pickle"):
        open_foreign(folder, *CPU)


def test_another_weight_is_another_model(consistent: Path, tmp_path: Path) -> None:
    folder = tmp_path / "other"
    shutil.copytree(consistent, folder)
    assert open_foreign(folder, *CPU).identity == open_foreign(consistent, *CPU).identity
    file = folder / "vae" / "diffusion_pytorch_model.safetensors"
    tensors = load_file(file)
    tensors["decoder.conv_out.bias"] += 1
    save_file(tensors, file, {"format": "pt"})
    assert open_foreign(folder, *CPU).identity != open_foreign(consistent, *CPU).identity


def test_a_strange_unet_alone_is_sampled_by_limner(shifted: Path, consistent: Path, folder: Path) -> None:
    """The same pixels as diffusers' pipeline, with limner's sampler, its guidance and its negative prompt."""
    assert [strange_unet(each) for each in (shifted, consistent)] == [True, False]
    assert stranger(shifted) == "StableDiffusionPipeline"
    bundle = open_untapped(shifted, *CPU)
    wish = replace(WISH, model=bundle.identity, sampler="euler", negative="a blue boat")
    ((_, said),) = engine_run([resolve(wish, bundle.defaults)], bundle)
    pipe = StableDiffusionPipeline.from_pretrained(shifted)
    pipe.set_progress_bar_config(disable=True)
    truth = pipe(
        "a red apple", negative_prompt="a blue boat", width=24, height=16, num_inference_steps=3, guidance_scale=4.0,
        generator=seeded(7), output_type="np",
    ).images[0]  # fmt: skip
    apart = np.abs(said.astype(int) - (truth * 255).round().astype(int))
    assert apart.max() <= 1  # a value near a half may be rounded either way
    assert (apart > 0).mean() < 1e-2
    assert "U-Net of diffusers" in eager(bundle).kernels


@pytest.mark.parametrize(
    ("words", "flag"),
    [
        (["a cat", "--lora", "ink"], "--lora"),
        (["a cat", "--vae", "x", "--prediction", "epsilon"], "--vae and --prediction"),
        (["a cat <lora:ink:1>"], "a LoRA"),
    ],
)
def test_what_would_change_its_weights_is_refused_by_name(
    consistent: Path, words: list[str], flag: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["make", *words, "--model", str(consistent), "--device", "cpu", "--out", str(tmp_path)]) == 2
    assert f"{consistent.name} is drawn by diffusers, as it is: {flag} would change it" in capsys.readouterr().err


def test_a_strange_unet_cannot_be_watched_and_says_so(shifted: Path) -> None:
    bundle = open_untapped(shifted, *CPU)
    made = resolve(replace(WISH, model=bundle.identity), bundle.defaults)
    with pytest.raises(LimnerError, match="whose attention nobody can watch"):
        explain(made, bundle)
    with pytest.raises(LimnerError, match="not limner's own"):
        _ = bundle.unet
    assert candidates(bundle) == []
