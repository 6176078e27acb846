"""What is cut into parts is whole again where they arrive, or nothing is."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from limner.training import arrival
from limner.training.arrival import Damaged, unpacked
from limner.training.loop import Plan, Run, averaged
from limner.training.parcels import parcel, restored, slim


def files(folder: Path) -> dict[str, Path]:
    (folder / "src" / "limner").mkdir(parents=True)
    (folder / "src" / "limner" / "__init__.py").write_text("")
    (folder / "src" / "limner" / "__main__.py").write_text(
        "import os, sys\nprint(os.environ['LIMNER_HOME'], *sys.argv)\n"
    )
    (folder / "weights").write_bytes(bytes(range(256)) * 300)
    return {str(each.relative_to(folder)): each for each in sorted(folder.rglob("*")) if each.is_file()}


def test_parts_are_small_alike_and_whole_again(tmp_path: Path) -> None:
    given = files(tmp_path / "given")
    names = parcel(given, tmp_path / "out", "limner", 30_000, ["--preset", "loan"])
    assert len(names) == 3
    assert all((tmp_path / "out" / name).stat().st_size <= 30_000 for name in names)
    parcel(given, tmp_path / "again", "limner", 30_000, ["--preset", "loan"])
    for name in [*names, "manifest.json"]:
        assert (tmp_path / "again" / name).read_bytes() == (tmp_path / "out" / name).read_bytes()
    manifest = unpacked(tmp_path / "out", tmp_path / "there")
    assert manifest["arguments"] == ["--preset", "loan"]
    for name, file in given.items():
        assert (tmp_path / "there" / name).read_bytes() == file.read_bytes()


def test_a_part_that_is_missing_or_damaged_is_named(tmp_path: Path) -> None:
    names = parcel(files(tmp_path / "given"), tmp_path / "out", "limner", 30_000)
    last = tmp_path / "out" / names[-1]
    content = last.read_bytes()
    last.write_bytes(content[:-1])
    with pytest.raises(Damaged, match=f"{names[-1]} is not what was packed"):
        unpacked(tmp_path / "out", tmp_path / "there")
    last.unlink()
    with pytest.raises(Damaged, match=f"{names[-1]} is missing"):
        unpacked(tmp_path / "out", tmp_path / "there")
    with pytest.raises(Damaged, match="no manifest"):
        unpacked(tmp_path / "given", tmp_path / "there")


def test_run_py_starts_what_arrived_with_the_minutes_that_are_left(tmp_path: Path) -> None:
    parcel(files(tmp_path / "given"), tmp_path / "out", "limner", 30_000, ["--preset", "loan"])
    run = tmp_path / "out" / "run.py"
    run.write_bytes(Path(arrival.__file__).read_bytes())
    words = [sys.executable, "-I", str(run), "--minutes", "5", "--at", str(tmp_path / "at"), "--steps", "3"]
    done = subprocess.run(words, capture_output=True, text=True, check=True, cwd=tmp_path)
    said = done.stdout.split()
    assert said[0] == str(tmp_path / "at" / "home")
    assert said[2:5] == ["train", "loan", "--minutes"]
    assert 4.5 < float(said[5]) <= 5
    assert said[6:] == ["--out", str(tmp_path / "at" / "workshop"), "--preset", "loan", "--steps", "3"]
    assert json.loads((tmp_path / "at" / "manifest.json").read_text())["parts"]


def test_a_checkpoint_goes_home_at_a_fraction_and_may_go_on_there(tmp_path: Path) -> None:
    net = torch.nn.Sequential(torch.nn.Linear(40, 40), torch.nn.Linear(40, 40), torch.nn.Linear(40, 40))
    plan, file = Plan(steps=4, rate=1e-2, hidden=1e-2), tmp_path / "net.safetensors"
    run = Run(net, plan, file)
    for _ in run.train(lambda net, number: net(torch.ones(3, 40)).square().mean()):
        pass
    slim(file, tmp_path / "slim.safetensors")
    assert (tmp_path / "slim.safetensors").stat().st_size < file.stat().st_size / 5
    assert restored(tmp_path / "slim.safetensors", tmp_path / "home" / "net.safetensors") == 4
    for name, weights in averaged(tmp_path / "home" / "net.safetensors").items():
        torch.testing.assert_close(weights, run.average.weights[name].half().float(), rtol=0, atol=0)
    again = Run(net, Plan(steps=6, rate=1e-2, hidden=1e-2), tmp_path / "home" / "net.safetensors")
    assert [step.number for step in again.train(lambda net, number: net(torch.ones(3, 40)).square().mean())] == [5, 6]
