"""A model certifies limner: golden prompts agree with diffusers', and a planted error is called one."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from safetensors.torch import load_file, save_file

from limner.bundle import Bundle, open_bundle
from limner.cli import main
from limner.evaluation import golden

UNET = Path("unet", "diffusion_pytorch_model.safetensors")


@pytest.fixture(scope="module")
def theirs(bundle: Bundle, tmp_path_factory: pytest.TempPathFactory) -> golden.Pictures:
    """diffusers' pictures of the tiny model."""
    return golden.theirs(bundle.folder, "cpu", golden.wishes(bundle), tmp_path_factory.mktemp("theirs"))


def test_they_agree(bundle: Bundle, theirs: golden.Pictures) -> None:
    asked = golden.wishes(bundle)
    found = golden.compared(asked, golden.ours(bundle, asked), theirs)
    assert [each.ok for each in found] == [True] * len(golden.GOLDEN), found
    assert {each.size for each in found} >= {"64x64", "64x32", "32x64"}, "not all of them are square"
    assert min(picture.std() for picture in theirs) > 10, "something is drawn"


def test_a_transposed_weight_is_called_an_error(folder: Path, theirs: golden.Pictures, tmp_path: Path) -> None:
    copy = shutil.copytree(folder, tmp_path / "copy")
    weights = load_file(copy / UNET)
    name = "mid_block.attentions.0.transformer_blocks.0.attn1.to_v.weight"
    save_file(weights | {name: weights[name].T.contiguous()}, copy / UNET, {"format": "pt"})
    wrong = open_bundle(copy)
    asked = golden.wishes(wrong)
    assert not any(each.ok for each in golden.compared(asked, golden.ours(wrong, asked), theirs))


@pytest.mark.parametrize(
    ("spoil", "ok"),
    [
        (lambda picture: picture, True),
        (lambda picture: np.where(picture > 127, picture - 3, picture).astype(np.uint8), False),
        (lambda picture: picture[:, ::-1], False),
        (lambda picture: picture[:16], False),
    ],
)
def test_the_verdict(
    spoil: Callable[[np.ndarray], np.ndarray], ok: bool, bundle: Bundle, theirs: golden.Pictures
) -> None:
    found = golden.compared(golden.wishes(bundle)[:1], theirs[:1], [spoil(theirs[0])])
    assert [each.ok for each in found] == [ok]


@pytest.mark.parametrize("wrong", [False, True])
def test_the_command_draws_a_sheet_and_writes_a_report(
    wrong: bool, folder: Path, bundle: Bundle, theirs: golden.Pictures, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.setattr(golden, "theirs", lambda *_: [255 - each if wrong else each for each in theirs])
    code = main(["models", "selftest", str(folder), "--device", "cpu", "--out", str(tmp_path / "out")])
    out = capsys.readouterr().out
    assert code == int(wrong)
    assert f"limner and diffusers {'DIFFER' if wrong else 'agree'}: tolerated are 2 levels of 255 anywhere" in out
    report = json.loads((tmp_path / "out" / "tiny.json").read_text())
    assert report["agree"] is not wrong
    assert report["identity"] == bundle.identity
    assert len(report["sha256"][UNET.as_posix()]) == 64
    assert report["versions"]["diffusers"]
    assert str(tmp_path) not in json.dumps(report)
    with Image.open(tmp_path / "out" / "tiny.png") as sheet:
        assert sheet.width > 1000


def test_without_diffusers_there_is_a_sheet_and_no_verdict(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = ["--out", str(tmp_path / "out")]
    assert main(["models", "selftest", str(folder), "--device", "cpu", "--alone", "--json", *out]) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["agree"], report["differences"]) == (None, [])
    assert (tmp_path / "out" / "tiny.png").exists()


def test_sizes_fit_the_model(bundle: Bundle) -> None:
    large = replace(bundle, defaults={**bundle.defaults, "width": 512, "height": 512})
    sizes = [(wish.width, wish.height) for wish in golden.wishes(large)]
    assert sizes == [(512, 512), (512, 384), (384, 512), (640, 512)]
