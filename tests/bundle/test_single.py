"""A single file and a folder hold the same model, and the way there and back is the identity."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import course
import pytest
import torch
from diffusers.loaders import single_file_utils as theirs
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.testing import assert_close

from limner.bundle import noise, open_bundle
from limner.bundle.save import held, save_folder
from limner.bundle.single import Single, write_single
from limner.bundle.source import Folder
from limner.errors import LimnerError

NAMES = list(course.UNETS)
PROMPTS = ["two red apples, 4k!", ""]


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    place = tmp_path_factory.mktemp("folders")
    for name in NAMES:
        save_folder(course.model(name), place / name)
    return {name: place / name for name in NAMES}


@pytest.fixture(scope="module")
def singles(folders: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    place = tmp_path_factory.mktemp("singles")
    for name, folder in folders.items():
        write_single(Folder(folder), place / f"{name}.safetensors")
    return {name: place / f"{name}.safetensors" for name in NAMES}


@pytest.mark.parametrize("name", NAMES)
def test_the_same_model(folders: dict[str, Path], singles: dict[str, Path], name: str) -> None:
    one, other = open_bundle(folders[name]), open_bundle(singles[name])
    assert one.identity == other.identity
    assert (other.name, other.defaults["steps"], other.schedule) == (name, 3, one.schedule)
    assert other.denoiser.prediction == one.denoiser.prediction == course.SAYS[name]
    for config in ("text", "autoencoder", "unet"):
        assert getattr(other, config).config == getattr(one, config).config
    said, again = one.context(PROMPTS, (32, 16)), other.context(PROMPTS, (32, 16))
    assert_close(again.parts(), said.parts(), rtol=0, atol=0)
    x, sigma = torch.ones(2, 4, 4, 2), torch.ones(2)
    assert_close(other.denoiser(x, sigma, again), one.denoiser(x, sigma, said), rtol=0, atol=0)


@pytest.mark.parametrize("name", NAMES)
def test_there_and_back(folders: dict[str, Path], singles: dict[str, Path], tmp_path: Path, name: str) -> None:
    """Folder to file to folder to file: the same bits under the same names, from disk and from memory."""
    save_folder(Single(singles[name]), tmp_path / name)
    for file in folders[name].rglob("*.safetensors"):
        before, after = load_file(file), load_file(tmp_path / name / file.relative_to(folders[name]))
        assert before.keys() == after.keys()
        assert all(torch.equal(before[key], after[key]) for key in before)
    write_single(held(open_bundle(tmp_path / name, dtype=torch.float16)), tmp_path / "again.safetensors")
    # SDXL's autoencoder computes in float32, whatever the rest computes in
    before, after = load_file(singles[name]), load_file(tmp_path / "again.safetensors")
    assert before.keys() == after.keys()
    assert all(torch.equal(before[key], after[key].to(before[key].dtype)) for key in before)


@pytest.mark.parametrize("name", NAMES)
def test_diffusers_converts_the_same_numbers(folders: dict[str, Path], singles: dict[str, Path], name: str) -> None:
    single, family = load_file(singles[name]), course.FAMILY[name]
    for part, config in course.TOWERS[name].items():
        if family.towers[part].wiring == "clip":
            converted = theirs.convert_ldm_clip_checkpoint(single)
        else:
            model = SimpleNamespace(config=SimpleNamespace(hidden_size=config.hidden_size))
            single.pop("cond_stage_model.model.text_projection", None)
            # their converter takes the projection's width for the tower's: true of all published ones
            wide = {key: value for key, value in single.items() if not key.endswith("text_projection")}
            converted = theirs.convert_open_clip_checkpoint(model, wide, family.towers[part].prefix)
        ours = load_file(folders[name] / part / "model.safetensors")
        assert converted.keys() | {"text_projection.weight"} == ours.keys() | {"text_projection.weight"}
        assert all(torch.equal(converted[key], ours[key]) for key in converted)


def changed(file: Path, to: Path, change: Callable[[dict[str, Tensor]], object], **metadata: str) -> Path:
    tensors = load_file(file)
    change(tensors)
    save_file({key: value.contiguous() for key, value in tensors.items()}, to, metadata)
    return to


def test_what_nobody_reads_may_be_there(singles: dict[str, Path], tmp_path: Path) -> None:
    """Buffers and averages of the training code, position ids, and of Stable Diffusion 2's tower what it leaves out."""
    spare = {
        "betas": torch.ones(3), "model_ema.decay": torch.ones(1), "first_stage_model.loss.logvar": torch.ones(1),
        "model_ema.diffusion_modelinput_blocks00weight": torch.ones(2), "global_step": torch.tensor(3),
        "alphas_cumprod_prev": torch.ones(3), "denoiser.sigmas": torch.ones(3),
    }  # fmt: skip
    names = {
        "sd15": ["cond_stage_model.transformer.text_model.embeddings.position_ids"],
        "sd21": ["cond_stage_model.model.logit_scale", "cond_stage_model.model.text_projection"],
        "sdxl": ["conditioner.embedders.1.model.logit_scale", "conditioner.embedders.0.logit_scale"],
    }
    last = "cond_stage_model.model.transformer.resblocks.{}.{}"
    for name, single in singles.items():
        more = spare | {key: torch.ones(4, 4) for key in names[name]}
        if name == "sd21":
            held = load_file(single)
            more |= {key.replace("s.1.", "s.2."): held[key] for key in held if key.startswith(last.format(1, ""))}
            assert last.format(2, "ln_1.bias") in more
        file = changed(single, tmp_path / f"{name}.safetensors", lambda t, more=more: t.update(more))
        assert Single(file).parts() == Single(single).parts()
    assert open_bundle(tmp_path / "sd21.safetensors").identity == open_bundle(singles["sd21"]).identity
    strange = {last.format(1, "strange"): torch.ones(1)}
    file = changed(singles["sd21"], tmp_path / "strange.safetensors", lambda t: t.update(strange))
    with pytest.raises(LimnerError, match=r"resblocks\.1\.strange belongs to no part of Stable Diffusion 2"):
        open_bundle(file)


UNET = "model.diffusion_model.input_blocks.0.0.bias"
DAMAGES: dict[str, tuple[Callable[[dict[str, Tensor]], object], str]] = {
    "left over": (lambda t: t.update(extra=torch.ones(1)), "tensor extra belongs to no part of Stable Diffusion 1"),
    "missing": (lambda t: t.pop(UNET), f"tensor {UNET} is missing"),
    "telling": (lambda t: t.pop("model.diffusion_model.out.2.weight"), "tensor .*out.2.weight' is missing"),
    "other shape": (lambda t: t.update({UNET: torch.ones(7)}), r"conv_in.bias is \[7\]"),
    "a scalar": (
        lambda t: t.update({STATES: torch.tensor(1.0)}),
        "the text_encoder has tensors that are not shaped as",
    ),
    "a row": (lambda t: t.update({WORDS: t[WORDS].flatten()}), "the text_encoder has tensors that are not shaped as"),
    "a flat kernel": (
        lambda t: t.update({"model.diffusion_model.input_blocks.0.0.weight": torch.ones(16)}),
        "the unet has tensors that are not shaped as Stable Diffusion 1's",
    ),
    "no number": (lambda t: t[UNET].fill_(float("nan")), "conv_in.bias holds numbers that are not finite"),
    "infinite": (lambda t: t[UNET].fill_(float("-inf")), "conv_in.bias holds numbers that are not finite"),
    "another word list": (
        lambda t: t.update({WORDS: t[WORDS][:600]}),
        "knows 600 tokens, CLIP's words are 49408",
    ),
}
WORDS = "cond_stage_model.transformer.text_model.embeddings.token_embedding.weight"
STATES = "cond_stage_model.transformer.text_model.embeddings.position_embedding.weight"


@pytest.mark.parametrize("damage", DAMAGES)
def test_what_is_wrong_is_named_in_one_line(singles: dict[str, Path], tmp_path: Path, damage: str) -> None:
    change, said = DAMAGES[damage]
    file = changed(singles["sd15"], tmp_path / "spoilt.safetensors", change)
    with pytest.raises(LimnerError, match=said) as error:
        open_bundle(file)
    assert str(error.value).count("\n") == 0
    assert str(file) in str(error.value)


def test_what_it_predicts(singles: dict[str, Path], tmp_path: Path) -> None:
    """A sidecar before a mark before the metadata before a look at the weights; whoever opens it has the last word."""
    bias = "model.diffusion_model.output_blocks.3.1.transformer_blocks.0.norm1.bias"

    def prediction(name: str, change: Callable[[dict[str, Tensor]], object], **metadata: str) -> str:
        return Single(changed(singles[name], tmp_path / "a.safetensors", change, **metadata)).prediction()

    wide, narrow = torch.linspace(-0.2, 0.2, 64), torch.linspace(-0.1, 0.1, 64)
    assert prediction("sd21", lambda t: t.update({bias: wide})) == "v_prediction"
    assert prediction("sd21", lambda t: t.update({bias: narrow})) == "epsilon"
    said = {"modelspec.prediction_type": "epsilon"}
    assert prediction("sd21", lambda t: t.update({bias: wide}), **said) == "epsilon"
    assert prediction("sd15", lambda t: t) == "epsilon"
    assert prediction("sdxl", lambda t: t.update(v_pred=torch.empty(0)), **said) == "v_prediction"
    (tmp_path / "a.yaml").write_text("model:\n  params:\n    parameterization: eps\n")
    assert prediction("sdxl", lambda t: t.update(v_pred=torch.empty(0))) == "epsilon"
    (tmp_path / "a.yaml").write_text('model:\n  params:\n    parameterization: "v"\n')
    assert prediction("sdxl", lambda t: t) == "v_prediction"
    assert open_bundle(tmp_path / "a.safetensors", prediction="epsilon").denoiser.prediction == "epsilon"


def test_zero_terminal_snr_survives(singles: dict[str, Path], tmp_path: Path) -> None:
    held = course.model("sdxl")
    source = replace(held, scheduler=noise.scheduler("v_prediction", True))
    write_single(source, tmp_path / "zero.safetensors")
    opened = open_bundle(tmp_path / "zero.safetensors")
    assert opened.denoiser.prediction == "v_prediction"
    assert opened.schedule.sigmas[-1] == pytest.approx(4096, abs=1e-3)


def test_what_a_single_file_cannot_say_is_not_written(folder: Path, tmp_path: Path) -> None:
    """limner-mini has words of its own; noise of another kind has no name here."""
    with pytest.raises(LimnerError, match="its text_encoder is not wired, or not worded, as Stable Diffusion 1's"):
        write_single(Folder(folder), tmp_path / "mini.safetensors")
    other = replace(course.model("sd15"), scheduler={"beta_schedule": "linear", "beta_start": 0.001, "beta_end": 0.01})
    with pytest.raises(LimnerError, match="noise is not Stable Diffusion's"):
        write_single(other, tmp_path / "other.safetensors")
    assert list(tmp_path.iterdir()) == []
