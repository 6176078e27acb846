"""A file that is no model says in one line what it looks like; a folder that is not what it seems is not opened."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from limner.bundle import Bundle, open_bundle
from limner.errors import LimnerError

UNET, WORDS = "model.diffusion_model.", "cond_stage_model.transformer.text_model.embeddings.position_ids"
LOOKS: dict[str, dict[str, tuple[int, ...]]] = {
    "a LoRA for SDXL": {"lora_unet_input_blocks_4_1_transformer_blocks_0_attn2_to_k.lora_down.weight": (4, 2048)},
    "a LoRA for Stable Diffusion 2": {"unet.mid_block.attentions.0.attn2.to_k.lora_A.weight": (4, 1024)},
    "a LoRA for Stable Diffusion 1": {"lora_unet_down_blocks_0_attn2_to_v.lora_down.weight": (4, 768)},
    "a LoRA": {"lora_te_text_model_encoder_layers_0_mlp_fc1.lora_up.weight": (4, 4)},
    "a ControlNet": {"control_model.input_hint_block.0.weight": (16, 3, 3, 3)},
    "a textual-inversion embedding": {"emb_params": (2, 768)},
    "an autoencoder alone": {"decoder.mid.attn_1.q.weight": (4, 4, 1, 1), "encoder.conv_in.weight": (4, 3, 3, 3)},
    "a U-Net alone": {"down_blocks.0.resnets.0.time_emb_proj.weight": (4, 4)},
    "a text tower alone": {"text_model.embeddings.token_embedding.weight": (4, 4)},
    "a tiny autoencoder": {"decoder.layers.0.weight": (64, 4, 3, 3)},
    "Stable Diffusion 3": {f"{UNET}joint_blocks.0.x_block.attn.qkv.weight": (4, 4)},
    "Flux": {"double_blocks.0.img_attn.norm.key_norm.scale": (4,)},
    "an inpainting model, whose U-Net reads nine channels": {f"{UNET}input_blocks.0.0.weight": (4, 9, 3, 3)},
    "the SDXL refiner": {
        f"{UNET}out.0.bias": (4,),
        "conditioner.embedders.0.model.token_embedding.weight": (2, 1280),
    },
    "a Stable Diffusion without its autoencoder": {f"{UNET}out.0.bias": (4,), WORDS: (1, 77)},
    "nothing known: it holds strange": {"strange": (1,)},
}


def refusal(path: Path) -> str:
    with pytest.raises(LimnerError) as error:
        open_bundle(path)
    line = str(error.value)
    assert "\n" not in line
    assert str(path) in line
    assert error.value.remedy
    return line


@pytest.mark.parametrize("kind", LOOKS)
def test_what_it_looks_like(tmp_path: Path, kind: str) -> None:
    file = tmp_path / "thing.safetensors"
    save_file({name: torch.zeros(shape) for name, shape in LOOKS[kind].items()}, file)
    assert f"looks like {kind}" in refusal(file)


BYTES = {
    "a pickle, which runs whatever code": b"\x80\x02}q\x00(X\x06\x00\x00\x00",
    "a pickle, which runs whatever": b"\x80\x04\x95\x0b" + bytes(7) + b"}\x94.",
    "a pickle in a zip": b"PK\x03\x04\x00\x00\x08\x08",
    "a GGUF file": b"GGUF\x03\x00\x00\x00\x01",
    "not a whole safetensors file": b"<!DOCTYPE html>",
    "not a whole safetensors file: ": b"",
}


@pytest.mark.parametrize("said", BYTES)
def test_a_name_is_not_believed(tmp_path: Path, said: str) -> None:
    file = tmp_path / "model.safetensors"
    file.write_bytes(BYTES[said])
    assert said in refusal(file)


def test_a_header_as_long_as_a_pickle_begins(tmp_path: Path) -> None:
    """The first bytes of a safetensors file are a number, which may be 0x280 and look like a pickle's."""
    for length in range(200):
        save_file({"x" * length: torch.zeros(1)}, tmp_path / "a.safetensors", {"y": "z" * 480})
        if (tmp_path / "a.safetensors").read_bytes()[:2] == b"\x80\x02":
            assert "looks like nothing known" in refusal(tmp_path / "a.safetensors")
            return
    raise AssertionError("no such length was met")


STEM = "diffusion_pytorch_model"


@pytest.fixture
def copy(folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(folder, tmp_path / "copy"))


def shard(folder: Path, variant: str = "") -> Path:
    """The U-Net in two files and an index, as the hub's tools write large models; the index is returned."""
    file = folder / "unet" / f"{STEM}.safetensors"
    tensors, dot = load_file(file), f".{variant}" if variant else ""
    names = sorted(tensors)
    parts = names[::2], names[1::2]
    where = {}
    for number, part in enumerate(parts, 1):
        to = f"{STEM}{dot}-0000{number}-of-00002.safetensors"
        save_file({name: tensors[name] for name in part}, folder / "unet" / to)
        where |= dict.fromkeys(part, to)
    index = folder / "unet" / f"{STEM}.safetensors.index{dot}.json"
    index.write_text(json.dumps({"metadata": {"total_size": 1}, "weight_map": where}))
    file.unlink()
    return index


@pytest.mark.parametrize("variant", ["", "fp16", "non_ema"])
def test_shards_are_one_model(copy: Path, bundle: Bundle, variant: str) -> None:
    shard(copy, variant)
    assert open_bundle(copy).identity == bundle.identity
    assert open_bundle(copy, variant=variant or None).identity == bundle.identity


def test_a_variant_is_chosen(copy: Path, bundle: Bundle) -> None:
    """The plain weights unless another is asked for; of several others one must be named."""
    file = copy / "unet" / f"{STEM}.safetensors"
    half = {name: tensor.half() for name, tensor in load_file(file).items()}
    for variant in ("fp16", "non_ema"):
        save_file(half, file.with_suffix(f".{variant}.safetensors"))
    assert open_bundle(copy).identity == bundle.identity
    assert open_bundle(copy, variant="fp16").identity != bundle.identity
    file.with_suffix(".fp16.safetensors").rename(file.with_suffix(".bf16.safetensors"))
    file.unlink()
    assert "only in variants bf16, non_ema" in refusal(copy)
    assert open_bundle(copy, variant="bf16").identity != bundle.identity


def remap(folder: Path, change: Callable[[dict[str, str]], object]) -> None:
    index = shard(folder)
    raw = json.loads(index.read_text())
    change(raw["weight_map"])
    index.write_text(json.dumps(raw))


SHARDS: dict[str, tuple[Callable[[Path], object], str]] = {
    "missing shard": (
        lambda f: (shard(f).parent / f"{STEM}-00002-of-00002.safetensors").unlink(),
        "00002-of-00002.safetensors is missing",
    ),
    "shard of another part": (
        lambda f: remap(f, lambda m: m.update({"conv_in.bias": f"../vae/{STEM}.safetensors"})),
        "which is no shard beside it",
    ),
    "shard elsewhere": (
        lambda f: remap(f, lambda m: m.update({"conv_in.bias": "/etc/passwd"})),
        "names /etc/passwd, which is no shard beside it",
    ),
    "tensor in another shard": (
        lambda f: remap(f, lambda m: m.update({sorted(m)[0]: m[sorted(m)[1]]})),
        "but diffusion_pytorch_model.safetensors.index.json says otherwise",
    ),
    "no map": (lambda f: shard(f).write_text("{}"), "has no weight_map"),
    "inpainting": (
        lambda f: nine(f),
        "its U-Net reads 9 channels, its autoencoder makes 4",
    ),
    "Flux": (
        lambda f: (f / "model_index.json").write_text('{"_class_name": "FluxPipeline"}'),
        "it looks like FluxPipeline",
    ),
    "a part alone": (
        lambda f: (
            (f / "model_index.json").unlink(),
            (f / "config.json").write_text('{"_class_name": "ControlNetModel"}'),
        ),
        "looks like ControlNetModel alone",
    ),
    "flow": (
        lambda f: (f / "scheduler/scheduler_config.json").write_text(
            '{"_class_name": "FlowMatchEulerDiscreteScheduler"}'
        ),
        "FlowMatchEulerDiscreteScheduler",
    ),
}


def nine(folder: Path) -> None:
    config, file = folder / "unet/config.json", folder / "unet" / f"{STEM}.safetensors"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"in_channels": 9}))
    tensors = load_file(file)
    save_file(tensors | {"conv_in.weight": torch.zeros(16, 9, 3, 3)}, file)


@pytest.mark.parametrize("damage", SHARDS)
def test_a_folder_is_what_it_says(copy: Path, damage: str) -> None:
    spoil, said = SHARDS[damage]
    spoil(copy)
    assert said in refusal(copy)


@pytest.mark.parametrize("part", [f"unet/{STEM}.safetensors", "vae/config.json", "unet", "."])
def test_no_link_leads_out_of_the_models_folder(
    copy: Path, bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    """Elsewhere links are their owner's affair, and within the models folder they may point at each other."""
    models, outside = tmp_path / "home" / "models", tmp_path / "outside"
    models.mkdir(parents=True)
    (copy / part).resolve().rename(outside)
    if part == ".":
        (models / "copy").symlink_to(outside)
    else:
        (copy / part).symlink_to(outside)
        assert open_bundle(copy).identity == bundle.identity
        copy.rename(models / "copy")
    monkeypatch.setenv("LIMNER_HOME", str(tmp_path / "home"))
    with pytest.raises(LimnerError, match=rf"leads out of {models}"):
        open_bundle(models / "copy")
    (models / "copy" / part if part != "." else models / "copy").unlink()
    outside.rename(models / "outside")
    (models / "copy" / part if part != "." else models / "copy").symlink_to(models / "outside")
    assert open_bundle(models / "copy").identity == bundle.identity


def test_a_snapshot_of_the_hub_links_to_blobs(folder: Path, bundle: Bundle, tmp_path: Path) -> None:
    """The hub's cache keeps files under their hash, and a snapshot is made of links to them."""
    repo = tmp_path / "models--ada--tiny"
    snapshot = Path(shutil.copytree(folder, repo / "snapshots" / "abc"))
    (repo / "blobs").mkdir()
    for number, file in enumerate([each for each in snapshot.rglob("*") if each.is_file()]):
        blob = file.rename(repo / "blobs" / str(number))
        file.symlink_to(Path("../" * len(file.relative_to(repo).parents[:-1])) / "blobs" / blob.name)
    assert open_bundle(snapshot).identity == bundle.identity


@pytest.mark.parametrize(
    "name",
    ["EulerDiscrete", "PNDM", "DDIM", "DPMSolverMultistep", "EulerAncestralDiscrete", "LMSDiscrete", "UniPCMultistep"],
)
def test_noise_is_the_same_under_any_sampler(copy: Path, name: str) -> None:
    """As Stable Diffusion 1.5, 2.1 and SDXL have it: who draws is another matter."""
    said = {
        "_class_name": f"{name}Scheduler", "beta_schedule": "scaled_linear", "beta_start": 0.00085, "beta_end": 0.012,
        "num_train_timesteps": 1000, "set_alpha_to_one": False, "skip_prk_steps": True, "steps_offset": 1,
        "trained_betas": None, "clip_sample": False, "timestep_spacing": "leading", "interpolation_type": "linear",
        "prediction_type": "epsilon", "use_karras_sigmas": False, "sample_max_value": 1.0,
    }  # fmt: skip
    (copy / "scheduler/scheduler_config.json").write_text(json.dumps(said))
    opened = open_bundle(copy)
    assert opened.denoiser.prediction == "epsilon"
    assert opened.schedule.sigmas[-1] == pytest.approx(14.6146, abs=1e-3)
