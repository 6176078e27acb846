"""What is saved is what was there, and a folder is a model only when it is whole.  (diffusers opens it: agreement/.)"""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import tiny
import torch
from safetensors.torch import load_file
from torch.testing import assert_close

from limner.bundle import ZERO_SNR, Bundle, open_bundle, save_bundle
from limner.errors import LimnerError
from limner.text.clip import TextTower


def parts(bundle: Bundle) -> tuple[object, ...]:
    return bundle.tokenizer, bundle.text, bundle.autoencoder, bundle.unet


@pytest.mark.tiny
def test_saved_again_it_is_the_same_model(bundle: Bundle, tmp_path: Path) -> None:
    save_bundle(tmp_path, *parts(bundle), defaults={"steps": 9}, about={"nouns": ["apple"]}, dtype=torch.float32)
    again = open_bundle(tmp_path)
    assert again.identity == bundle.identity
    assert again.schedule == bundle.schedule
    assert again.unet.config == bundle.unet.config
    assert again.tokenizer.encode("a red apple") == bundle.tokenizer.encode("a red apple")
    assert again.defaults["steps"] == 9
    assert json.loads((tmp_path / "limner.json").read_text())["nouns"] == ["apple"]


def test_a_projection_stays_at_home(bundle: Bundle, tmp_path: Path) -> None:
    """CLIP's contrastive half is no part of a diffusion model: the states are the same without it."""
    projecting = TextTower(replace(bundle.text.config, projection_dim=8))
    projecting.load_state_dict({**bundle.text.state_dict(), "text_projection.weight": torch.ones(8, 16)})
    tokenizer, _, autoencoder, unet = parts(bundle)
    save_bundle(tmp_path, tokenizer, projecting, autoencoder, unet, dtype=torch.float32)
    assert open_bundle(tmp_path).identity == bundle.identity
    assert_close(open_bundle(tmp_path).context(["a cat"]).states, bundle.context(["a cat"]).states)


def test_half_precision_halves_every_tensor(tmp_path: Path) -> None:
    for file in tiny.write(tmp_path, dtype=torch.float16).rglob("*.safetensors"):
        assert {tensor.dtype for tensor in load_file(file).values()} == {torch.float16}


def test_an_interrupted_save_leaves_no_model(bundle: Bundle, tmp_path: Path) -> None:
    save_bundle(tmp_path, *parts(bundle))
    shutil.rmtree(tmp_path / "unet")
    (tmp_path / "unet").write_text("in the way")
    with pytest.raises(OSError, match="unet"):
        save_bundle(tmp_path, *parts(bundle))
    with pytest.raises(LimnerError, match=r"model_index\.json is missing"):
        open_bundle(tmp_path)


def test_what_could_not_be_opened_is_not_saved(bundle: Bundle, tmp_path: Path) -> None:
    with pytest.raises(LimnerError, match="noise prediction with zero terminal SNR"):
        save_bundle(tmp_path / "model", *parts(bundle), {**ZERO_SNR, "prediction_type": "epsilon"})
    assert not (tmp_path / "model").exists()
