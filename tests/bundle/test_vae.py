"""Another autoencoder, however its file is spelt, makes the model that a folder with it would be."""

import json
import shutil
from pathlib import Path

import pytest
import tiny
import torch
from safetensors.torch import load_file, save_file
from torch.testing import assert_close

from limner.bundle import Bundle, ldm, open_bundle
from limner.bundle.vae import with_vae
from limner.errors import LimnerError

FILE = "vae/diffusion_pytorch_model.safetensors"


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.write(tmp_path_factory.mktemp("other"), seed=5)


@pytest.fixture(scope="module")
def mixed(folder: Path, other: Path, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """The first model with the other's autoencoder put into its folder."""
    copy = tmp_path_factory.mktemp("mixed") / "model"
    shutil.copytree(folder, copy)
    shutil.copy(other / FILE, copy / FILE)
    return open_bundle(copy)


def single(other: Path, bundle: Bundle, to: Path, prefix: str) -> Path:
    net = bundle.autoencoder
    held = ldm.fused(load_file(other / FILE), ldm.autoencoder(net.config, net.state_dict()))
    spare = {"loss.logvar": torch.zeros(1), "model_ema.decay": torch.zeros(1)}
    save_file({f"{prefix}{name}": tensor.contiguous() for name, tensor in (held | spare).items()}, to)
    return to


@pytest.mark.parametrize("form", ["folder", "diffusers", "ldm", "prefixed"])
def test_any_spelling(bundle: Bundle, other: Path, mixed: Bundle, tmp_path: Path, form: str) -> None:
    place = {
        "folder": lambda: other / "vae",
        "diffusers": lambda: Path(shutil.copy(other / FILE, tmp_path / "vae.safetensors")),
        "ldm": lambda: single(other, bundle, tmp_path / "vae.safetensors", ""),
        "prefixed": lambda: single(other, bundle, tmp_path / "vae.safetensors", "first_stage_model."),
    }[form]()
    swapped = with_vae(bundle, place)
    assert swapped.identity == mixed.identity != bundle.identity
    latent = torch.ones(1, 4, 4, 4)
    assert_close(swapped.decode(latent), mixed.decode(latent), rtol=0, atol=0)
    assert swapped.denoiser is bundle.denoiser
    assert with_vae(swapped, bundle.folder / "vae").identity == bundle.identity


def test_what_is_none(bundle: Bundle, other: Path, tmp_path: Path) -> None:
    save_file({"lora_unet_x.lora_up.weight": torch.ones(2, 2)}, tmp_path / "lora.safetensors")
    with pytest.raises(LimnerError, match=r"lora\.safetensors looks like a LoRA, not like an autoencoder"):
        with_vae(bundle, tmp_path / "lora.safetensors")
    copy = shutil.copytree(other / "vae", tmp_path / "vae")
    said = json.loads((copy / "config.json").read_text())
    (copy / "config.json").write_text(json.dumps(said | {"scaling_factor": 0.13025}))
    with pytest.raises(LimnerError, match=r"scaled by 0\.13025; this model reads 4, 1/8, 0\.7"):
        with_vae(bundle, copy)
    tensors = load_file(other / FILE)
    tensors.pop("decoder.conv_in.bias")
    save_file(tensors | {"strange": torch.ones(1)}, tmp_path / "cut.safetensors")
    with pytest.raises(LimnerError, match=r"cut\.safetensors: tensor decoder\.conv_in\.bias is missing"):
        with_vae(bundle, tmp_path / "cut.safetensors")


def test_half_precision_that_would_overflow(folder: Path, tmp_path: Path) -> None:
    """SDXL's autoencoder computes in float32 where the rest computes in float16; bfloat16 has the room."""
    copy = shutil.copytree(folder, tmp_path / "copy")
    said = json.loads((copy / "vae/config.json").read_text())
    (copy / "vae/config.json").write_text(json.dumps(said | {"force_upcast": True}))
    kinds = {dtype: open_bundle(copy, dtype=dtype).autoencoder.dtype for dtype in (torch.float16, torch.bfloat16)}
    assert kinds == {torch.float16: torch.float32, torch.bfloat16: torch.bfloat16}
    assert open_bundle(folder, dtype=torch.float16).autoencoder.dtype == torch.float16
