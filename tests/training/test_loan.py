"""A loan from its packing to the model at home, with a handful of drawings and no device."""

import json
from argparse import ArgumentParser, Namespace
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from test_workshop import preset, shop

from limner.bundle import open_bundle
from limner.cli import baggage, loan, main, schooling, stages, train
from limner.errors import LimnerError
from limner.pictures.build import Progress
from limner.pictures.fetch import default_cache
from limner.pictures.sets import Corpus
from limner.training import diffusion, graphs
from limner.training.arrival import unpacked
from limner.training.loop import Plan
from limner.training.parcels import parcel
from limner.training.preset import PRESETS, Stage
from limner.training.workshop import Workshop

as_it_is = stages.compose


def composing(args: Namespace) -> None:
    """What another process does, which knows nothing of this one's preset."""
    PRESETS["loan"] = replace(preset(), chunks=3)
    as_it_is(args)


@pytest.fixture(scope="module")
def model(corpus: Corpus, tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = shop(tmp_path_factory.mktemp("begun"), corpus)
    for part in (made.autoencoder, made.clip):
        list(part().steps())
    list(made.prepare())
    list(made.diffusion().steps())
    return stages.export(made)


@pytest.fixture(scope="module")
def results(corpus: Corpus, model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("lent")
    words = ["--corpus", corpus.folder, "--from", model, "--out", folder / "out", "--results", folder / "results"]
    words += ["--beside", "1", "--no-oracle", "--minutes", "4", "--workers", "0", "--device", "cpu"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(PRESETS, "loan", replace(preset(), chunks=3))
        patch.setattr(loan, "pictures", lambda args, workers: None)
        patch.setattr(stages, "compose", composing)
        assert main(["train", "loan", *map(str, words)]) == 0
    return folder / "results"


def test_what_is_taken_home_is_small_and_says_what_was_done(results: Path, tmp_path: Path) -> None:
    about = json.loads((results / "loan.json").read_text())
    assert about["parts"]["diffusion"]["steps"] == 12  # six, and six of the model that it began with
    assert 64 <= about["scenes composed"] <= 3 * 64
    assert about["rows"]["diffusion"] == 4
    assert (results / "diffusion-sheet.png").exists()
    unpacked(results, tmp_path)
    assert {"diffusion.safetensors", "diffusion.json", "diffusion-curve.png", "loan.json"} <= {
        each.name for each in tmp_path.iterdir()
    }


def test_at_home_it_is_a_model(
    results: Path, model: Path, corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(PRESETS, "loan", preset())
    words = ["--corpus", str(corpus.folder), "--from", str(model), "--out", str(tmp_path)]
    assert main(["train", "join", str(results), *words]) == 0
    made, lent = open_bundle(tmp_path / "limner-mini"), load_file(results.parent / "out" / "diffusion.safetensors")
    for name, weights in made.unet.state_dict().items():
        assert (weights == lent[f"average.{name}"].half().float()).all()
    assert json.loads((made.folder / "limner.json").read_text())["training"]["diffusion"]["steps"] == 12
    (results / "manifest.json").rename(tmp_path / "aside")
    assert main(["train", "join", str(results), *words]) == 2
    (tmp_path / "aside").rename(results / "manifest.json")


def test_nothing_of_an_earlier_join_is_exported(
    results: Path, model: Path, corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(PRESETS, "loan", preset())
    earlier = replace(shop(tmp_path, corpus), warm=open_bundle(model))
    for part in (earlier.decoder, earlier.tiny, earlier.clip):
        list(part().steps())
    (tmp_path / "tiny-sheet.png").touch()
    (tmp_path / "begun").mkdir()
    words = ["--corpus", str(corpus.folder), "--from", str(model), "--out", str(tmp_path)]
    assert main(["train", "join", str(results), *words]) == 0
    made, begun = open_bundle(tmp_path / "limner-mini"), open_bundle(model)
    for one, other in ((made.autoencoder, begun.autoencoder), (made.text, begun.text)):
        for ours, theirs in zip(one.parameters(), other.parameters(), strict=True):
            assert (ours == theirs).all()
    assert open_bundle(tmp_path / "begun").identity == begun.identity
    assert not {*tmp_path.glob("tiny*"), *made.folder.glob("tiny*")}
    assert set(json.loads((made.folder / "limner.json").read_text())["training"]) == {
        "autoencoder",
        "clip",
        "diffusion",
    }
    (tmp_path / "autoencoder.safetensors").touch()
    assert main(["train", "join", str(results), *words]) == 2
    assert (tmp_path / "diffusion.safetensors").exists()


def test_an_oracle_that_came_home_is_to_be_examined_as_it_is(
    results: Path,
    model: Path,
    corpus: Corpus,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setitem(PRESETS, "loan", preset())
    unpacked(results, tmp_path / "there")
    files = {each.name: each for each in (tmp_path / "there").iterdir() if each.name != "manifest.json"}
    parts = {f"oracle/{name}.safetensors": files["diffusion.safetensors"] for name in loan.TAUGHT}
    parcel(files | parts, tmp_path / "results", "result", 2**20)
    words = ["--corpus", str(corpus.folder), "--from", str(model), "--out", str(tmp_path / "out")]
    assert main(["train", "join", str(tmp_path / "results"), *words]) == 0
    told = capsys.readouterr().err.splitlines()[-1]
    assert told == f"limner: limner measure oracle --examine --out {tmp_path / 'out' / 'oracle'}"


def test_a_loan_draws_its_pictures_as_large_as_its_preset_has_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sides, parser = list[int](), ArgumentParser()
    train.flags(parser)

    def build(folder: Path, sets: list[str], side: int, limit: int | None, workers: int) -> list[Progress]:
        sides.append(side)
        return []

    monkeypatch.setattr("limner.pictures.build.build", build)
    for words in (["--preset", "base"], ["--preset", "base", "--side", "128"], []):
        loan.pictures(parser.parse_args(["loan", "--corpus", str(tmp_path), *words]), 1)
    assert sides == [256, 128, 128]


def test_a_step_that_finds_no_memory_is_made_smaller(
    corpus: Corpus, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried, said = list[int](), list[str]()

    def part(made: Workshop, stage: str, minutes: float | None, args: Namespace) -> None:
        tried.append(made.preset.diffusion.rows)
        if tried[-1] > 512:
            raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(stages, "part", part)
    made = replace(shop(tmp_path, corpus, diffusion=Stage(2048, Plan(steps=6, rate=1e-3))), tell=said.append)
    loan.taught(made, "diffusion", Namespace(), 0.0)
    assert tried == [2048, 1024, 512]
    assert said == [f"no memory for {rows} rows a step: half as many" for rows in (2048, 1024)]
    monkeypatch.setattr(loan, "FEWEST", 5000)
    with pytest.raises(torch.OutOfMemoryError):
        loan.taught(made, "diffusion", Namespace(), 0.0)


def test_scenes_that_come_later_are_learnt_from_as_they_come(corpus: Corpus, model: Path, tmp_path: Path) -> None:
    bundle = open_bundle(model)
    made = replace(shop(tmp_path, corpus), warm=bundle)
    first, second = (diffusion.file_of(made.latents(), number) for number in (0, 1))
    list(made.prepare())
    whole = diffusion.lessons(made.latents(), bundle, 2, made.device)
    second.rename(tmp_path / "aside")
    shelf = diffusion.Shelf(made.latents(), bundle, 2, made.device)
    assert len(shelf.filled().latents) == 64
    (tmp_path / "aside").rename(second)
    assert first.exists()
    grown = shelf.filled()
    assert (grown.latents == whole.latents).all()
    assert (grown.states == whole.states).all()
    assert shelf.count == 2


def test_a_recorded_network_is_asked_by_the_training(
    corpus: Corpus, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = list[str]()
    monkeypatch.setattr(graphs, "recorded", lambda flat, first: flat)
    made = replace(shop(tmp_path, corpus), warm=open_bundle(model), network="graphs", tell=said.append)
    list(made.prepare())
    assert [step.number for step in made.diffusion().steps()][-1] == 6
    assert [line.split(":")[0] for line in said] == ["the network is replayed, 4 rows at once"]
    with pytest.raises(LimnerError, match="cannot be recorded on cpu; leave out --network"):
        stages.network("graphs", "cpu")
    assert [stages.network(None, device) for device in ("cpu", "cuda")] == ["eager", "graphs"]


def test_what_composes_and_dies_is_not_waited_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def compose(args: Namespace) -> None:
        raise LimnerError("there is no paint", "buy some")

    with pytest.raises(SystemExit):
        schooling.alone(compose, Namespace())
    assert capsys.readouterr().err == "limner: there is no paint; buy some\n"
    with pytest.raises(LimnerError, match="beside the training has ended; leave out --beside to see why"):
        schooling.awaited(get_context("spawn").Process(), tmp_path, 1)  # one that was never started


def test_the_packages_of_the_sets_that_are_composed_of_are_packed(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive, code = tmp_path / "pictures.tgz", tmp_path / "limner"
    archive.write_bytes(b"drawings")
    (code / "__pycache__").mkdir(parents=True)
    for file in (code / "__init__.py", code / "__pycache__" / "stale.pyc"):
        file.write_text("")
    monkeypatch.setattr(baggage, "sources", lambda names: [archive])
    monkeypatch.setattr("limner.bundle.catalogue.SHIPPED", code / "models")
    assert main(["train", "pack", str(tmp_path / "bag"), "--from", str(model), "--part", "1", "--wheels"]) == 0
    assert all(each.stat().st_size <= 2**20 for each in (tmp_path / "bag").iterdir())
    assert {"limner.00", "manifest.json", "run.py"} <= {each.name for each in (tmp_path / "bag").iterdir()}
    manifest = unpacked(tmp_path / "bag", tmp_path / "there")
    assert manifest["arguments"] == ["--preset", "loan", "--from", "limner-mini"]
    packed = {str(each.relative_to(tmp_path / "there")) for each in (tmp_path / "there").rglob("*") if each.is_file()}
    assert {"cache/limner/pictures/downloads/pictures.tgz", "src/limner/__init__.py"} <= packed
    assert "home/models/limner-mini/unet/diffusion_pytorch_model.safetensors" in packed
    assert not any("__pycache__" in name for name in packed)


def test_what_a_loan_composes_of_is_what_is_packed() -> None:
    assert baggage.sets("loan") == ["fluent-3d", "noto", "twemoji", "fluent-flat"]
    assert default_cache().parts[-3:] == ("limner", "pictures", "downloads")  # where run.py puts them


def test_a_second_attempt_does_not_begin_among_the_first_ones_results(tmp_path: Path) -> None:
    for name in ("result.00", "result.01", "manifest.json", "loan.json", "diffusion-sheet.png", "notes.txt"):
        (tmp_path / name).write_text("of the first")
    loan.cleared(tmp_path)
    assert [each.name for each in tmp_path.iterdir()] == ["notes.txt"]
    loan.cleared(tmp_path / "not there yet")


@pytest.mark.gpu
def test_a_gpu_begins_with_a_model_that_exists(corpus: Corpus, model: Path, tmp_path: Path) -> None:
    """What wakes heads that sleep is told words by a text tower on the device, and the network is not there yet."""
    if not torch.cuda.is_available():
        pytest.skip("no GPU")
    device = torch.device("cuda")
    made = replace(shop(tmp_path, corpus), device=device, warm=open_bundle(model, device))
    list(made.prepare())
    assert len(list(made.diffusion().steps())) == made.preset.diffusion.plan.steps
