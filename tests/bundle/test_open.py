"""A folder is opened whole or not at all, and what is wrong is said in one line that names it."""

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import tiny
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from limner.bundle import ZERO_SNR, Bundle, open_bundle
from limner.bundle.identity import identify
from limner.errors import LimnerError

UNET = "unet/diffusion_pytorch_model.safetensors"
VAE = "vae/diffusion_pytorch_model.safetensors"
TEXT = "text_encoder/model.safetensors"
SCHEDULER = "scheduler/scheduler_config.json"


@pytest.fixture
def copy(folder: Path, tmp_path: Path) -> Path:
    """A copy that a test may damage."""
    return Path(shutil.copytree(folder, tmp_path / "copy"))


def retensor(file: Path, change: Callable[[dict[str, Tensor]], object]) -> None:
    tensors = load_file(file)
    change(tensors)
    save_file(tensors, file)


def reword(file: Path, **change: object) -> None:
    file.write_text(json.dumps(json.loads(file.read_text()) | change))


def to_pickle(folder: Path) -> None:
    (folder / UNET).rename((folder / UNET).with_suffix(".bin"))


def cut(folder: Path) -> None:
    (folder / VAE).write_bytes((folder / VAE).read_bytes()[:-100])


def of_lfs(folder: Path) -> None:
    (folder / TEXT).write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n")


DAMAGES: dict[str, tuple[Callable[[Path], object], list[str]]] = {
    "missing tensor": (
        lambda f: retensor(f / UNET, lambda t: t.pop("mid_block.resnets.0.conv1.bias")),
        [UNET, "mid_block.resnets.0.conv1.bias is missing"],
    ),
    "left-over tensor": (
        lambda f: retensor(f / VAE, lambda t: t.update(extra=torch.zeros(1))),
        [VAE, "tensor extra belongs to no part"],
    ),
    "wrong shape": (
        lambda f: retensor(f / UNET, lambda t: t.update({"conv_in.bias": torch.zeros(17)})),
        [UNET, "conv_in.bias is [17]", "makes it [16]"],
    ),
    "whole numbers": (
        lambda f: retensor(f / UNET, lambda t: t.update({"conv_in.bias": torch.zeros(16, dtype=torch.int64)})),
        [UNET, "conv_in.bias", "int64"],
    ),
    "one tensor under two names": (
        lambda f: retensor(f / TEXT, lambda t: t.update({"final_layer_norm.bias": torch.zeros(16)})),
        [TEXT, "text_model.final_layer_norm.bias is there under two names"],
    ),
    "truncated file": (cut, [VAE, "not a whole safetensors file"]),
    "pointer in place of a file": (of_lfs, [TEXT, "not a whole safetensors file"]),
    "pickle only": (to_pickle, ["unet/diffusion_pytorch_model.bin", "is a pickle"]),
    "no weights": (lambda f: (f / UNET).unlink(), ["unet", "has no weights"]),
    "no index": (lambda f: (f / "model_index.json").unlink(), ["model_index.json is missing"]),
    "no config": (lambda f: (f / "vae/config.json").unlink(), ["vae/config.json is missing"]),
    "no tokenizer": (lambda f: shutil.rmtree(f / "tokenizer"), ["tokenizer_config.json is missing"]),
    "no JSON": (lambda f: (f / "unet/config.json").write_text("{"), ["unet/config.json cannot be read"]),
    "a list": (lambda f: (f / SCHEDULER).write_text("[]"), [SCHEDULER, "not a JSON object"]),
    "component unnamed": (
        lambda f: (f / "model_index.json").write_text('{"unet": []}'),
        ["model_index.json names no tokenizer"],
    ),
    "another kind of network": (
        lambda f: reword(f / "unet/config.json", class_embed_type="timestep"),
        ["unet/config.json", "class_embed_type is 'timestep'"],
    ),
    "another kind of block": (
        lambda f: reword(f / "unet/config.json", down_block_types=["DownBlock2D", "AttnDownBlock2D", "DownBlock2D"]),
        ["unet/config.json", "down_block_types", "AttnDownBlock2D"],
    ),
    "too few blocks": (
        lambda f: reword(f / "unet/config.json", up_block_types=["CrossAttnUpBlock2D"]),
        ["unet/config.json", "up_block_types"],
    ),
    "another kind of autoencoder": (
        lambda f: reword(f / "vae/config.json", shift_factor=0.1),
        ["vae/config.json", "shift_factor is 0.1"],
    ),
    "no number": (lambda f: reword(f / "unet/config.json", norm_eps="tiny"), ["unet/config.json", "norm_eps"]),
    "unknown schedule": (lambda f: reword(f / SCHEDULER, beta_schedule="sigmoid"), [SCHEDULER, "'sigmoid'"]),
    "schedule of another number": (lambda f: reword(f / SCHEDULER, beta_start="a"), [SCHEDULER, "beta_start"]),
    "schedule without noise": (
        lambda f: reword(f / SCHEDULER, beta_start=0.0, rescale_betas_zero_snr=False),
        [SCHEDULER, "does not fall"],
    ),
    "negative noise": (lambda f: reword(f / SCHEDULER, beta_end=-1.0), [SCHEDULER, "beta_end -1.0"]),
    "brackets without end": (lambda f: (f / SCHEDULER).write_text("[" * 100_000), [SCHEDULER, "cannot be read"]),
    "no layers": (
        lambda f: reword(f / "unet/config.json", layers_per_block=0),
        ["unet/config.json", "layers_per_block"],
    ),
    "a width below zero": (lambda f: reword(f / "vae/config.json", latent_channels=-4), ["vae/config.json", "is -4"]),
    "true for a number": (lambda f: reword(f / "unet/config.json", in_channels=True), ["unet/config.json", "is True"]),
    "widths that no group divides": (
        lambda f: reword(f / "unet/config.json", norm_num_groups=7),
        ["unet/config.json describes a unet that cannot be"],
    ),
    "a width that heads do not divide": (
        lambda f: reword(f / "unet/config.json", attention_head_dim=[3, 3, 3]),
        ["unet/config.json", "3 heads of a width of 16"],
    ),
    "a tower that heads do not divide": (
        lambda f: reword(f / "text_encoder/config.json", num_attention_heads=3),
        ["text_encoder/config.json", "3 heads of a width of 16"],
    ),
    "a tower below zero": (
        lambda f: reword(f / "text_encoder/config.json", hidden_size=-16),
        ["text_encoder/config.json", "lacks a usable hidden_size"],
    ),
    "architectures of nobody's": (
        lambda f: reword(f / "text_encoder/config.json", architectures=7, num_hidden_layers=False),
        ["text_encoder/config.json", "lacks a usable num_hidden_layers"],
    ),
    "unknown prediction": (lambda f: reword(f / SCHEDULER, prediction_type="flow"), [SCHEDULER, "'flow'"]),
    "noise from pure noise": (
        lambda f: reword(f / SCHEDULER, prediction_type="epsilon"),
        [SCHEDULER, "noise prediction with zero terminal SNR"],
    ),
    "unknown default": (lambda f: (f / "limner.json").write_text('{"defaults": {"cfg": 7}}'), ["limner.json", "cfg"]),
    "no default": (
        lambda f: (f / "limner.json").write_text('{"defaults": {"steps": [1]}}'),
        ["limner.json", "steps"],
    ),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_what_is_wrong_is_named_in_one_line(copy: Path, damage: str) -> None:
    spoil, said = DAMAGES[damage]
    spoil(copy)
    with pytest.raises(LimnerError) as error:
        open_bundle(copy)
    for words in said:
        assert words in str(error.value)
    assert str(copy) in str(error.value)
    assert "\n" not in str(error.value)
    assert error.value.remedy


def test_an_undamaged_copy_opens(copy: Path, bundle: Bundle) -> None:
    assert open_bundle(copy).identity == bundle.identity


@pytest.mark.tiny
def test_a_name_nobody_bears(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIMNER_HOME", str(tmp_path))
    with pytest.raises(LimnerError, match="'stable-confusion' is not known; known are"):
        open_bundle("stable-confusion")
    (tmp_path / "model.ckpt").write_bytes(b"cos\nsystem\n")
    with pytest.raises(LimnerError, match="is a pickle, which runs whatever code"):
        open_bundle(tmp_path / "model.ckpt")


def test_a_models_folder_lends_names(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(folder, tmp_path / "models" / "my-model")
    monkeypatch.setenv("LIMNER_HOME", str(tmp_path))
    opened = open_bundle("my-model")
    assert (opened.name, opened.defaults["steps"], opened.defaults["width"]) == ("my-model", 4, 64)


def test_identity_is_names_and_bytes(copy: Path, bundle: Bundle) -> None:
    """However a tool orders tensors or spells their names, the model is the same; one bit makes it another."""
    for name, part in ((UNET, "unet"), (TEXT, "text_encoder"), (VAE, "vae")):
        tensors = load_file(copy / name)
        respelt = {name.removeprefix("text_model."): tensors[name].clone() for name in reversed(tensors)}
        if part == "vae":
            older = (name.replace(".to_q.", ".query.").replace(".to_out.0.", ".proj_attn.") for name in respelt)
            respelt = dict(zip(older, respelt.values(), strict=True))
        save_file(respelt, copy / name, {"saved": "by another tool"})
    assert open_bundle(copy).identity == bundle.identity
    tensors = load_file(copy / UNET)
    tensors["conv_in.weight"].view(torch.int32)[0, 0, 0, 0] ^= 1
    save_file(tensors, copy / UNET)
    assert open_bundle(copy).identity != bundle.identity


def test_identity_knows_shapes_and_precisions() -> None:
    """The same bytes in another shape or precision are another model."""

    def identity(tensor: Tensor) -> str:
        digest = hashlib.sha256()
        identify(digest, "unet", {"weight": tensor})
        return digest.hexdigest()

    weight = torch.arange(6.0).reshape(2, 3)
    others = weight.T.contiguous(), weight.reshape(3, 2), weight.view(torch.bfloat16), torch.tensor(0.0)
    assert len({identity(each) for each in (weight, *others)}) == 5
    assert identity(weight.T.contiguous().T) == identity(weight)  # however it lies in memory


def test_identity_is_of_the_file_whatever_it_is_computed_in(folder: Path, bundle: Bundle) -> None:
    assert open_bundle(folder, dtype=torch.bfloat16).identity == bundle.identity


def test_precisions_differ(tmp_path: Path, bundle: Bundle) -> None:
    half = open_bundle(tiny.write(tmp_path / "half", dtype=torch.float16))
    assert half.identity != bundle.identity
    assert half.unet.conv_in.weight.dtype == torch.float32


def test_variants_and_redundant_buffers_are_read(copy: Path, bundle: Bundle) -> None:
    """fp16 in a file's name, and the position ids that older tools wrote out."""
    retensor(copy / TEXT, lambda t: t.update({"text_model.embeddings.position_ids": torch.arange(16)[None]}))
    (copy / UNET).rename(copy / "unet/diffusion_pytorch_model.fp16.safetensors")
    assert open_bundle(copy).identity == bundle.identity


@pytest.mark.tiny
def test_the_schedule_is_the_files(bundle: Bundle) -> None:
    """Zero terminal SNR: sigma 4096 at the last time, velocity predicted."""
    assert ZERO_SNR["rescale_betas_zero_snr"] is True
    assert bundle.schedule.sigmas[-1] == pytest.approx(4096, abs=1e-3)
    assert bundle.denoiser.prediction == "v_prediction"


def test_a_picture_there_and_back(bundle: Bundle) -> None:
    """Sides in latents and pixels fit together, and values stay within [0, 1]."""
    image = torch.linspace(0, 1, 3 * 64 * 32).reshape(1, 3, 64, 32)
    latent = bundle.encode(image)
    assert latent.shape == (1, *bundle.latent_shape(32, 64)) == (1, 4, 8, 4)
    back = bundle.decode(latent)
    assert back.shape == image.shape
    assert 0 <= back.min() < back.max() <= 1
    unscaled, _ = bundle.autoencoder.encode(2 * image - 1)
    torch.testing.assert_close(latent, 0.7 * unscaled)
