"""Every number is looked at once, and what was found is believed for as long as the file stays what it was."""

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import tiny
import torch

from limner.bundle import Bundle, identity, open_bundle
from limner.errors import LimnerError

FORMATS = [torch.float16, torch.bfloat16, torch.float32, torch.float64, torch.float8_e4m3fn]


@pytest.mark.tiny
@pytest.mark.parametrize("dtype", FORMATS)
@pytest.mark.parametrize("number", [float("inf"), float("-inf"), float("nan"), -float("nan")])
def test_what_is_not_finite_is_found(dtype: torch.dtype, number: float) -> None:
    """By its bits, whatever its sign; and the largest numbers of either sign are none of them."""
    extremes = [torch.finfo(dtype).max, torch.finfo(dtype).min, 0.0, -0.0, 1.0, -1.0, 0.5, -0.5]
    tensor = torch.tensor(extremes, dtype=torch.float64).to(dtype)
    assert all(identity.finite(chunk, dtype) for chunk in identity.chunks(tensor))
    tensor[5] = number
    if not bool(tensor.float()[5].isfinite()):  # a format of eight bits may have no infinity
        assert not all(identity.finite(chunk, dtype) for chunk in identity.chunks(tensor))


def test_every_chunk_is_looked_at() -> None:
    """The last number of several chunks, and the same as hashed in one piece."""
    tensor = torch.zeros(identity.CHUNK + 3)
    assert np.concatenate(list(identity.chunks(tensor))).nbytes == tensor.nbytes
    tensor[-1] = torch.nan
    with pytest.raises(LimnerError, match="part: tensor weight holds numbers that are not finite"):
        identity.identify_alone("part", {"weight": tensor}, Path("part"))


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """limner's own folder, where identities of files of any size and age are kept."""
    monkeypatch.setenv("LIMNER_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(identity, "LARGE", 0)
    monkeypatch.setattr(identity, "SETTLED", -1.0)
    return tmp_path / "home" / "identities"


def test_an_identity_is_kept(folder: Path, bundle: Bundle, tmp_path: Path, kept: Path) -> None:
    copy = Path(shutil.copytree(folder, tmp_path / "copy"))
    assert open_bundle(copy).identity == bundle.identity
    (memory,) = kept.iterdir()
    memory.write_text("0" * 64)
    assert open_bundle(copy).identity == "0" * 64  # believed: nothing is hashed again
    memory.write_text("0" * 63 + "\n")
    assert open_bundle(copy).identity == bundle.identity  # but not what is no identity
    file = copy / "unet" / "diffusion_pytorch_model.safetensors"
    os.utime(file, ns=(1, 1))
    memory.write_text("0" * 64)
    assert open_bundle(copy).identity == bundle.identity  # another time: another file
    tiny.write(tmp_path / "other", seed=3)
    shutil.copy(tmp_path / "other" / "unet" / "diffusion_pytorch_model.safetensors", file)
    assert open_bundle(copy).identity not in ("0" * 64, bundle.identity)


def test_nothing_is_kept_of_small_or_fresh_files(folder: Path, kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(identity, "LARGE", 1 << 28)
    open_bundle(folder)
    monkeypatch.setattr(identity, "LARGE", 0)
    monkeypatch.setattr(identity, "SETTLED", 1e9)
    open_bundle(folder)
    assert not kept.exists()


def test_where_nobody_may_write_nothing_is_kept(folder: Path, bundle: Bundle, kept: Path) -> None:
    kept.parent.write_text("a file in the way")
    assert open_bundle(folder).identity == bundle.identity
