"""A single file and a folder hold the same model, and the way there and back is the identity."""

from pathlib import Path

import course
import pytest
import torch
from torch.testing import assert_close

from limner.bundle import open_bundle
from limner.bundle.save import save_folder
from limner.bundle.single import write_single
from limner.bundle.source import Folder

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
