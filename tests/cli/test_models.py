"""What is here is listed, and what is wrong is named with its remedy."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from limner.bundle import catalogue, open_bundle

Limner = Callable[..., tuple[int, str, str]]
TINY = ("--model", "tiny")


def test_models_are_listed(limner: Limner, home: Path) -> None:
    code, out, _ = limner("models", "--json")
    (tiny,) = [each for each in json.loads(out) if each["name"] == "tiny"]
    assert code == 0
    assert tiny["identity"] == open_bundle("tiny").identity
    assert (tiny["size"], tiny["licence"], tiny["fault"]) == ("16x16", "Apache-2.0", "")
    assert 0 < tiny["megabytes"] < 5
    line = next(line for line in limner("models")[1].splitlines() if line.startswith("tiny"))
    assert tiny["identity"][:10] in line
    assert "16x16" in line


def test_a_damaged_model_is_named(limner: Limner, home: Path, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(home, here / "home")
    (here / "home" / "models" / "tiny" / "unet" / "config.json").unlink()
    monkeypatch.setenv("LIMNER_HOME", str(here / "home"))
    code, out, _ = limner("models")
    assert code == 1
    assert f"{Path('tiny', 'unet', 'config.json')} is missing" in out


def test_no_models_says_where_they_belong(limner: Limner, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIMNER_HOME", str(here))
    monkeypatch.setattr(catalogue, "SHIPPED", here / "nowhere")
    assert limner("models") == (0, f"no models here; put diffusers folders into {here / 'models'}\n", "")


def test_doctor_finds_nothing_wrong(limner: Limner, here: Path) -> None:
    code, out, _ = limner("doctor", *TINY, "--json")
    report = json.loads(out)
    found = {each["name"]: each["value"] for each in report["findings"]}
    assert (code, report["ok"]) == (0, True)
    assert found["torch"] == torch.__version__
    assert found["model"].startswith(f"tiny {open_bundle('tiny').identity[:10]}")
    assert {"limner", "python", "device", "precision", "processor", "threads", "folder", "disk"} <= found.keys()
    assert list(here.iterdir()) == [], "looking makes no folder"
    assert limner("doctor", *TINY)[1].endswith("\nnothing is wrong\n")


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (["--model", "nobody"], "model 'nobody' is not known"),
        ([*TINY, "--device", "abacus"], "device 'abacus' is not here"),
        ([*TINY, "--out", "file/x"], "file/x cannot be written; choose another with --out"),
    ],
)
def test_doctor_names_what_is_wrong(flags: list[str], says: str, limner: Limner) -> None:
    Path("file").touch()
    code, out, err = limner("doctor", *flags)
    assert (code, err) == (1, "")
    (line,) = [line for line in out.splitlines() if line.startswith("!!")]
    assert says in line
    assert out.endswith("\n1 wrong\n")
