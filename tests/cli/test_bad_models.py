"""What is wrong with a model is one line of the command, too, and no picture is begun."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file


def truncated(there: Path, whole: Path) -> Path:
    file = there / "model.safetensors"
    save_file({"model.diffusion_model.out.0.bias": torch.ones(100)}, file)
    file.write_bytes(file.read_bytes()[:-8])
    return file


def lora(there: Path, whole: Path) -> Path:
    save_file({"lora_unet_attn2_to_k.lora_down.weight": torch.ones(4, 2048)}, there / "style.safetensors")
    return there / "style.safetensors"


def pickled(there: Path, whole: Path) -> Path:
    (there / "model.safetensors").write_bytes(b"PK\x03\x04 archive/data.pkl")
    return there / "model.safetensors"


def holes(there: Path, whole: Path) -> Path:
    file = Path(shutil.copytree(whole, there / "model")) / "unet" / "diffusion_pytorch_model.safetensors"
    tensors = load_file(file)
    tensors["conv_in.bias"][0] = torch.nan
    save_file(tensors, file)
    return there / "model"


def shardless(there: Path, whole: Path) -> Path:
    file = Path(shutil.copytree(whole, there / "model")) / "unet" / "diffusion_pytorch_model.safetensors"
    index = {"weight_map": dict.fromkeys(load_file(file), "diffusion_pytorch_model-00001-of-00001.safetensors")}
    (file.parent / "diffusion_pytorch_model.safetensors.index.json").write_text(json.dumps(index))
    file.unlink()
    return there / "model"


BAD: dict[str, tuple[Callable[[Path, Path], Path], str]] = {
    "truncated": (truncated, "model.safetensors is not a whole safetensors file"),
    "another kind": (lora, "style.safetensors looks like a LoRA for SDXL"),
    "a pickle": (pickled, "model.safetensors is a pickle in a zip"),
    "not a number": (holes, "tensor conv_in.bias holds numbers that are not finite"),
    "a missing shard": (shardless, "00001-of-00001.safetensors is missing"),
}


@pytest.mark.parametrize("kind", BAD)
def test_one_line(refused: Callable[..., str], here: Path, other: Path, kind: str) -> None:
    spoil, said = BAD[kind]
    (here / "it").mkdir()
    assert said in refused("make", "a cat", "--model", spoil(here / "it", other))
    assert not any((here / "outputs").glob("*"))


def test_a_link_out_of_the_models_folder(
    refused: Callable[..., str], here: Path, other: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (here / "models").mkdir()
    (here / "models" / "linked").symlink_to(other)
    monkeypatch.setenv("LIMNER_HOME", str(here))
    assert "leads out of" in refused("make", "a cat", "--model", "linked")
