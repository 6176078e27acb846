"""The whole chain on a handful of drawings: every part is trained, put together, opened again and drawn with."""

import json
import os
import shutil
import subprocess
import sys
from argparse import Namespace
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from limner.bundle import open_bundle
from limner.bundle.tiny import open_tiny
from limner.cli import main, schooling, stages
from limner.cli import train as command
from limner.engine import run
from limner.errors import LimnerError
from limner.network.config import AutoencoderConfig, TinyConfig, UNetConfig
from limner.pictures.scenes import Mix
from limner.pictures.sets import Corpus
from limner.text.clip import ImageConfig
from limner.training.loop import Plan, Run
from limner.training.preset import DEFAULTS, PRESETS, Preset, Sizes, Stage
from limner.training.workshop import Workshop, recipe

SIZES = Sizes(
    autoencoder=AutoencoderConfig(
        in_channels=3, out_channels=3, latent_channels=3, sample_size=32, widths=(4, 8), residuals=1, groups=2,
        scaling=1.0,
    ),
    unet=UNetConfig(
        in_channels=3, out_channels=3, sample_size=16, widths=(8, 16), residuals=1, heads=(2, 2), depths=(1, 1),
        mid_depth=1, context_dim=16, linear=True, groups=4, eps=1e-5,
    ),
    image=ImageConfig(16, 32, 1, 2, 3, 32, 16, "quick_gelu", 1e-5, 16),
    layers=2,
    vocabulary=600,
    captions=300,
    length=20,
    tiny=TinyConfig(latent_channels=3, width=4, bricks=(1, 1)),
)  # fmt: skip
MIX = Mix(single=1.0, people=0.0, tinted=0.5, shapes=0.5, count=0.0, pair=0.0)
STAGE = Stage(4, Plan(steps=6, rate=1e-3, warmup=2))


def preset() -> Preset:
    return Preset(SIZES, 32, MIX, MIX, MIX, autoencoder=STAGE, clip=STAGE, diffusion=STAGE, tiny=STAGE, chunks=2)


def shop(folder: Path, corpus: Corpus, **changed: Stage) -> Workshop:
    return Workshop(folder, corpus, replace(preset(), **changed), torch.device("cpu"), seed=3)


def school(workshop: Workshop) -> None:
    """Every part in order, each to its end."""
    for study in (workshop.autoencoder, workshop.clip):
        assert [step.number for step in study().steps()][-1:] == [6]
    assert list(workshop.prepare()) == [1, 2]
    for study in (workshop.diffusion, workshop.decoder, workshop.tiny):
        assert [step.number for step in study().steps()][-1:] == [6]


@pytest.fixture(scope="module")
def schooled(corpus: Corpus, tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    made = shop(tmp_path_factory.mktemp("workshop"), corpus)
    school(made)
    return made


def test_the_chain_gives_a_model_that_opens_and_draws(schooled: Workshop) -> None:
    folder = command.export(schooled)
    bundle = open_bundle(folder)
    ((_, picture),) = run([recipe(bundle, "a red apple", 1)], bundle)
    assert picture.shape == (32, 32, 3)
    assert picture.std() > 0
    trained, kept = schooled.trained_unet().state_dict(), bundle.unet.state_dict()
    for name, tensor in trained.items():
        torch.testing.assert_close(kept[name], tensor.half().float(), rtol=0, atol=0)


def test_sheets_show_what_was_learnt(schooled: Workshop) -> None:
    for study in (schooled.autoencoder(), schooled.clip(), schooled.diffusion(), schooled.decoder(), schooled.tiny()):
        pictures, words = study.look()
        assert len(pictures) == len(words) > 0
        assert all(picture.dtype.name == "uint8" for picture in pictures)


def test_a_better_decoder_leaves_the_latents_alone(schooled: Workshop) -> None:
    first = schooled.trained_autoencoder().state_dict()
    (schooled.folder / "decoder.safetensors").rename(schooled.folder / "aside")
    before = schooled.trained_autoencoder().state_dict()
    (schooled.folder / "aside").rename(schooled.folder / "decoder.safetensors")
    same = {name for name in before if torch.equal(before[name], first[name])}
    assert {name for name in before if name.startswith(("encoder", "quant_conv"))} <= same
    assert "decoder.conv_out.weight" not in same


def test_stopping_anywhere_and_going_on_is_going_through(schooled: Workshop, corpus: Corpus, tmp_path: Path) -> None:
    for name in ("vae.safetensors", "clip.safetensors", "tokenizer"):
        (tmp_path / name).symlink_to(schooled.folder / name)
    workshop = shop(tmp_path, corpus)
    list(workshop.prepare())
    steps = workshop.diffusion().steps()
    for step in steps:
        if step.number == 3:
            steps.close()
    assert [step.number for step in workshop.diffusion().steps()] == [4, 5, 6]
    resumed = workshop.trained_unet().state_dict()
    for name, tensor in schooled.trained_unet().state_dict().items():
        torch.testing.assert_close(resumed[name], tensor, rtol=0, atol=0)


def test_a_warm_start_begins_where_the_model_is(schooled: Workshop, corpus: Corpus, tmp_path: Path) -> None:
    bundle = open_bundle(command.export(schooled))
    warm = replace(shop(tmp_path, corpus), warm=bundle)
    list(warm.prepare())
    small = open_tiny(bundle)
    assert small is not None
    for study, kept in (
        (warm.autoencoder(), bundle.autoencoder.state_dict()),
        (warm.clip(), {f"text.{k}": v for k, v in bundle.text.state_dict().items()}),
        (warm.diffusion(), bundle.unet.state_dict()),
        (warm.tiny(), small.state_dict()),
    ):
        now = study.run.net.state_dict()
        for name, tensor in kept.items():
            torch.testing.assert_close(now[name], tensor, rtol=0, atol=0)
        assert all(parameter.requires_grad for parameter in study.run.net.parameters())


def test_a_warm_workshop_hands_on_what_it_did_not_train(schooled: Workshop, corpus: Corpus, tmp_path: Path) -> None:
    """Only the U-Net learnt on: the picture tower and the steps of all parts are those it began with, and more."""
    begun = command.export(schooled)
    about = json.loads((begun / "limner.json").read_text())
    calibrated = {"guidance": 3.0, "edit_cross": 0.6, "excite_step": 5.0}
    (begun / "limner.json").write_text(json.dumps(about | {"defaults": about["defaults"] | calibrated}))
    warm = replace(shop(tmp_path, corpus), warm=open_bundle(begun))
    list(warm.prepare())
    list(warm.diffusion().steps())
    made = command.export(warm)
    trained = [json.loads((folder / "limner.json").read_text())["training"] for folder in (begun, made)]
    assert open_bundle(made).defaults == open_bundle(begun).defaults
    assert calibrated.items() <= open_bundle(made).defaults.items()
    assert calibrated["guidance"] != DEFAULTS["guidance"]
    assert trained[1]["clip"] == trained[0]["clip"]
    assert trained[1]["diffusion"]["steps"] == 2 * trained[0]["diffusion"]["steps"]
    towers = [(folder / "clip" / "model.safetensors").read_bytes() for folder in (begun, made)]
    assert towers[0] == towers[1]
    tinies = [
        (folder / "tiny_decoder" / "diffusion_pytorch_model.safetensors").read_bytes() for folder in (begun, made)
    ]
    assert tinies[0] == tinies[1]


def test_a_workshop_remembers_what_it_began_with(
    schooled: Workshop,
    corpus: Corpus,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A later call that does not name the model is no other workshop: words, towers, defaults, steps are the same."""
    monkeypatch.setitem(PRESETS, "mini", preset())
    monkeypatch.setattr(schooling, "show", lambda study, stem: None)
    begun = Path(shutil.copytree(command.export(schooled), tmp_path / "begun"))
    about = json.loads((begun / "limner.json").read_text())
    (begun / "limner.json").write_text(json.dumps(about | {"defaults": about["defaults"] | {"guidance": 3.0}}))
    common = ["--corpus", str(corpus.folder), "--seed", "5", "--out", str(tmp_path / "shop")]
    assert main(["train", "diffusion", *common, "--from", str(begun), "--steps", "2"]) == 0
    shutil.rmtree(begun)
    assert main(["train", "clip", *common, "--steps", "1"]) == 0
    assert main(["train", "export", *common]) == 0
    made, first = open_bundle(tmp_path / "shop" / "limner-mini"), open_bundle(schooled.folder / "limner-mini")
    assert made.tokenizer.identity == first.tokenizer.identity
    assert made.defaults["guidance"] == 3.0
    steps = json.loads((made.folder / "limner.json").read_text())["training"]
    assert (steps["autoencoder"]["steps"], steps["clip"]["steps"], steps["diffusion"]["steps"]) == (6, 7, 8)
    assert open_tiny(made) is not None
    capsys.readouterr()
    assert main(["train", "export", *common, "--from", str(made.folder)]) == 2
    assert "shop began with another model; leave out --from" in capsys.readouterr().err


def test_a_workshop_has_one_vocabulary(schooled: Workshop, corpus: Corpus, tmp_path: Path) -> None:
    bundle = open_bundle(command.export(schooled))
    warm = replace(shop(tmp_path, corpus), warm=bundle)
    assert warm.tokenizer().identity == bundle.tokenizer.identity
    assert shop(tmp_path, corpus).tokenizer().identity == bundle.tokenizer.identity
    ((tokenizer, text),) = bundle.towers
    other = replace(bundle, towers=((replace(tokenizer, length=tokenizer.length - 1), text),))
    with pytest.raises(LimnerError, match=r"another vocabulary than .*; choose another --out"):
        replace(warm, warm=other).begin()
    assert not (tmp_path / "begun").exists()


def test_latents_are_of_what_they_were_made_from(
    schooled: Workshop, corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another drawing, vocabulary, last layer of the encoder, way to compose: another folder."""
    for name in ("vae.safetensors", "clip.safetensors"):
        shutil.copy(schooled.folder / name, tmp_path)
    vocabulary = shutil.copytree(schooled.folder / "tokenizer", tmp_path / "tokenizer") / "vocab.json"
    names = [schooled.latents().name, shop(tmp_path, Corpus(corpus.folder)).latents().name]
    assert names[0] == names[1]
    other = Corpus(corpus.folder)
    first, *shards = other.manifest.shards
    other.manifest = replace(other.manifest, shards=(replace(first, sha256="0" * 64), *shards))
    names.append(shop(tmp_path, other).latents().name)
    monkeypatch.setattr("limner.training.workshop.COMPOSING", -1)
    names.append(shop(tmp_path, corpus).latents().name)
    ids = json.loads(vocabulary.read_text())
    vocabulary.write_text(json.dumps(ids | {"a</w>": ids["b</w>"], "b</w>": ids["a</w>"]}))
    names.append(shop(tmp_path, corpus).latents().name)
    vae = load_file(tmp_path / "vae.safetensors")
    save_file(vae | {"quant_conv.bias": vae["quant_conv.bias"] + 1}, tmp_path / "vae.safetensors")
    names.append(shop(tmp_path, corpus).latents().name)
    assert len(set(names)) == len(names) - 1


def test_a_part_out_of_turn_is_refused(corpus: Corpus, tmp_path: Path) -> None:
    with pytest.raises(LimnerError, match="limner train autoencoder first"):
        shop(tmp_path, corpus).diffusion()
    with pytest.raises(LimnerError, match="limner train autoencoder first"):
        shop(tmp_path, corpus).decoder()


def test_the_command(
    corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(PRESETS, "mini", preset())
    common = ["--corpus", str(corpus.folder), "--out", str(tmp_path)]
    assert main(["train", "diffusion", *common]) == 2
    assert "limner train autoencoder first" in capsys.readouterr().err
    for stage in ("autoencoder", "clip", "diffusion", "decoder", "tiny"):
        assert main(["train", stage, *common, "--steps", "3"]) == 0
        assert (tmp_path / f"{stage}-sheet.png").exists()
        assert (tmp_path / f"{stage}-curve.png").exists()
    assert main(["train", "export", *common]) == 0
    assert main(["train", "diffusion", *common, "--steps", "6", "--mix", "single=0", "shapes=0", "tinted=1"]) == 0
    kinds = [{*folder.glob("*.safetensors")} for folder in tmp_path.glob("latents-*")]
    assert len(kinds) == 2  # another mix has another folder
    for wrong in ("pairs=1", "pair", "pair=-1", "pair=nan"):
        assert main(["train", "diffusion", *common, "--mix", wrong]) == 2
        assert "is no kind of scene and its share" in capsys.readouterr().err
    assert main(["train", "diffusion", *common, "--mix", "single=0", "shapes=0", "tinted=0"]) == 2
    assert "all shares together: mix 0.0 is out of range" in capsys.readouterr().err
    assert (
        main(
            ["make", "a cat", "--model", str(tmp_path / "limner-mini"), "--out", str(tmp_path / "out"), "--steps", "2"]
        )
        == 0
    )
    assert main(["train", "clip", *common, "--steps", "0"]) == 2
    assert "choose more than 0" in capsys.readouterr().err
    assert main(["train", "clip", *common, "--fit"]) == 2
    assert "say --minutes too" in capsys.readouterr().err
    assert main(["train", "clip", *common, "--workers", "-1"]) == 2
    assert "'-1' is no number of processes; choose 0 or more" in capsys.readouterr().err


@pytest.mark.parametrize("stage", ["autoencoder", "diffusion", "all", "loan"])
@pytest.mark.parametrize(
    ("flag", "value"),
    [
        ("minutes", "-5"), ("minutes", "0"), ("minutes", "nan"), ("minutes", "inf"), ("look", "-3"), ("look", "0"),
        ("seed", "-1"), ("seed", "12345678901234567890123"), ("steps", "0"), ("rows", "-2"), ("chunks", "0"),
    ],
)  # fmt: skip
def test_what_no_stage_can_do_is_refused_before_a_folder_is_made(
    stage: str, flag: str, value: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["train", stage, "--corpus", str(tmp_path / "none"), "--out", str(tmp_path / "out"), f"--{flag}", value]
    assert main(words) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"limner: {flag} ")
    assert "is out of range" in said
    assert not [*tmp_path.iterdir()]


def test_to_begin_with_no_chunks_is_refused_at_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["--beside", "0"], ["--rate", "inf"]):
        assert main(["train", "diffusion", "--out", str(tmp_path / "out"), *words]) == 2
        assert f"{words[0][2:]} {words[1]} is out of range" in capsys.readouterr().err
    assert main(["measure", "twin", "--minutes", "inf", "--out", str(tmp_path / "out")]) == 2
    assert "minutes inf is out of range" in capsys.readouterr().err
    assert not [*tmp_path.iterdir()]


def test_a_rate_is_that_of_both_optimisers() -> None:
    """Muon's keeps its proportion to AdamW's: else a training that was to be gentle would be as rough as any."""
    stage = PRESETS["mini"].diffusion
    asked = stages.as_asked(stage, Namespace(rate=1e-4, steps=None, rows=8))
    assert (asked.rows, asked.plan.rate) == (8, 1e-4)
    assert asked.plan.hidden == pytest.approx(stage.plan.hidden / 10)
    run = Run(Linear4(), asked.plan)
    run.step(lambda net, number: net(torch.ones(1, 4)).square().sum())
    rates = {type(each).__name__: each.param_groups[0]["lr"] for each in run.optimisers}
    assert rates["Muon"] == pytest.approx(rates["AdamW"] * 3)


class Linear4(torch.nn.Sequential):
    """Three matrices, of which the middle one is hidden."""

    def __init__(self) -> None:
        super().__init__(*(torch.nn.Linear(4, 4) for _ in range(3)))


def test_the_whole_chain_in_one_command(
    corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(PRESETS, "base", preset())
    whole = ["train", "all", "--preset", "base", "--corpus", str(corpus.folder), "--out", str(tmp_path)]
    assert main([*whole, "--steps", "10", "--rows", "2", "--minutes", "30"]) == 0
    said = capsys.readouterr()
    assert said.out.splitlines()[-1] == str(tmp_path / "limner-mini")
    assert [line for line in said.err.splitlines() if line.startswith("limner:")] == [
        f"limner: {stage}" for stage in ("autoencoder", "clip", "diffusion", "tiny")
    ]
    trained = json.loads((open_bundle(tmp_path / "limner-mini").folder / "limner.json").read_text())["training"]
    assert {stage: part["steps"] for stage, part in trained.items()} == dict.fromkeys(command.SHARES, 10)

    weights = {stage: (tmp_path / f"{stage}.safetensors").read_bytes() for stage in ("autoencoder", "clip")}
    assert main([*whole, "--steps", "12", "--rows", "2"]) == 0  # goes on, but for what later networks rely on
    steps = {stage: json.loads((tmp_path / f"{stage}.json").read_text())["step"] for stage in command.SHARES}
    assert steps == {"autoencoder": 10, "clip": 10, "diffusion": 12, "tiny": 12}
    for stage, kept in weights.items():
        assert (tmp_path / f"{stage}.safetensors").read_bytes() == kept


def test_minutes_are_shared_and_what_is_left_goes_on() -> None:
    assert sum(command.SHARES.values()) == pytest.approx(1)
    assert command.allotted("autoencoder", 100) == pytest.approx(15)
    assert command.allotted("clip", 85) == pytest.approx(10)
    assert command.allotted("diffusion", 95) > 75  # clip left most of its share
    assert command.allotted("tiny", 7) == 7
    assert command.allotted("tiny", -1) == 0


def test_a_fitted_training_ends_with_its_rate_at_the_end_of_its_fall(
    corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schooling, "AGAIN", 0.1)
    made = shop(tmp_path, corpus)
    made = replace(made, preset=replace(made.preset, autoencoder=Stage(2, Plan(steps=100_000, rate=1e-3, warmup=1))))
    study = made.autoencoder()
    schooling.learn(study, tmp_path / "autoencoder", minutes=3 / 60, look=99, fit=True)
    assert 10 < study.run.number <= study.run.plan.steps < 100_000
    assert study.run.number > 0.85 * study.run.plan.steps  # the rate fell to nearly nothing before time was up


BESIDE = """
import sys
from argparse import Namespace
from dataclasses import replace
from pathlib import Path
from limner.pictures.sets import Corpus
from test_workshop import shop
print(list(replace(shop(Path(sys.argv[1]), Corpus(Path(sys.argv[2]))), workers=1).prepare()))
"""


def test_pictures_composed_beside_are_those_composed_alone(schooled: Workshop, corpus: Corpus, tmp_path: Path) -> None:
    """In a process of its own: one in which other tests have left threads is not safely divided."""
    for name in ("vae.safetensors", "clip.safetensors", "tokenizer"):
        (tmp_path / name).symlink_to(schooled.folder / name)
    here = Path(__file__).parent
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(here), str(here.parent), *sys.path])}
    words = [sys.executable, "-c", BESIDE, str(tmp_path), str(corpus.folder)]

    def prepared() -> str:
        return subprocess.run(words, env=environment, capture_output=True, text=True, check=True).stdout.strip()

    beside = shop(tmp_path, corpus)
    assert prepared() == "[1, 2]"
    for file in sorted(schooled.latents().iterdir()):
        assert (beside.latents() / file.name).read_bytes() == file.read_bytes()
    (beside.latents() / "00000.safetensors").unlink()
    assert list(beside.prepare()) == [2]
    assert list(beside.prepare()) == []
