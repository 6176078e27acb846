"""A glance at the latents shows the picture's colours in their places; the tiny decoder shows it small."""

from pathlib import Path
from shutil import copytree

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from limner.bundle import Bundle, open_bundle
from limner.bundle.tiny import FOLDER, open_tiny, save_tiny
from limner.engine.preview import EVERY, glance, looker
from limner.errors import LimnerError
from limner.network.config import TinyConfig
from limner.network.tiny import TinyDecoder
from limner.process.noise import draw


def test_a_glance_at_a_pictures_latent_is_the_picture_seen_from_afar() -> None:
    """With the shipped autoencoder, on smooth pictures that the matrix was not fitted on."""
    bundle = open_bundle()
    look = glance(bundle)
    for seed in range(3):
        coarse = torch.sigmoid(2 * draw(seed, "unseen", 0, (1, 3, 4, 4)))
        small = F.interpolate(coarse, size=(16, 16), mode="bilinear")
        picture = F.interpolate(small, scale_factor=float(bundle.factor))
        seen = torch.from_numpy(look(bundle.encode(picture))).float() / 255
        there = small[0].movedim(0, -1)
        error = (seen - there).square().mean()
        assert error < 0.2 * there.var((0, 1)).mean()


@pytest.mark.tiny
def test_it_is_deterministic_and_has_a_pixel_for_every_latent_pixel(bundle: Bundle) -> None:
    latent = draw(0, "latent", 0, (2, 4, 8, 4))
    first, second = glance(bundle)(latent), glance(bundle)(latent)
    assert first.shape == (8, 4, 3)
    assert first.dtype == np.uint8
    np.testing.assert_array_equal(first, second)
    np.testing.assert_array_equal(first, glance(bundle)(latent[-1:]))


@pytest.fixture
def small(folder: Path, tmp_path: Path) -> Bundle:
    """A bundle with a tiny decoder beside it, of random weights."""
    copytree(folder, tmp_path / "small")
    save_tiny(tmp_path / "small", TinyDecoder(TinyConfig(latent_channels=4, width=4, bricks=(1, 0))))
    return open_bundle(tmp_path / "small")


def test_the_tiny_decoder_is_asked_at_every_fifth_step_but_not_for_the_last(small: Bundle) -> None:
    look, latent = looker(small), draw(0, "latent", 0, (1, 4, 4, 4))
    sides = [look(latent, done, 2 * EVERY).shape[0] for done in range(1, 2 * EVERY + 1)]
    assert sides == [4] * (EVERY - 1) + [8] + [4] * EVERY
    assert look.tiny is not None
    seen = torch.from_numpy(look(latent, EVERY, 99)).float() / 255
    torch.testing.assert_close(seen, look.tiny(latent)[0].clamp(0, 1).movedim(0, -1), rtol=0, atol=0.6 / 255)


def test_what_is_only_looked_through_is_no_part_of_the_identity(small: Bundle, bundle: Bundle) -> None:
    assert small.identity == bundle.identity
    assert looker(bundle).tiny is None


def test_the_shipped_tiny_decoder_shows_what_the_large_one_does() -> None:
    """On latents of smooth pictures that it never saw: closer to the picture than a glance is."""
    bundle = open_bundle()
    look = looker(bundle)
    assert look.tiny is not None
    coarse = torch.sigmoid(2 * draw(1, "unseen", 0, (1, 3, 4, 4)))
    picture = F.interpolate(F.interpolate(coarse, size=(16, 16), mode="bilinear"), scale_factor=float(bundle.factor))
    latent = bundle.encode(picture)
    wanted = F.avg_pool2d(bundle.decode(latent), bundle.factor // look.tiny.config.factor)
    seen, glanced = (torch.from_numpy(look(latent, done, 99)).movedim(-1, 0)[None] / 255 for done in (EVERY, 1))
    errors = [(F.interpolate(each, size=wanted.shape[2:]) - wanted).square().mean().sqrt() for each in (seen, glanced)]
    assert errors[0] < 0.05
    assert errors[0] < errors[1]


@pytest.mark.parametrize("damage", ["cut", "other latents", "left over", "another kind", "no weights"])
def test_a_damaged_one_is_named_in_one_line(small: Bundle, damage: str) -> None:
    folder = small.folder / FOLDER
    weights = folder / "diffusion_pytorch_model.safetensors"
    if damage == "cut":
        weights.write_bytes(weights.read_bytes()[:-100])
    elif damage == "other latents":
        save_tiny(small.folder, TinyDecoder(TinyConfig(latent_channels=8, width=4, bricks=(1, 0))))
    elif damage == "no weights":
        weights.unlink()
    else:
        config = folder / "config.json"
        old, new = (
            ('"AutoencoderTiny"', '"AutoencoderTiny", "act_fn": "gelu"') if damage == "another kind" else ("1", "0")
        )
        config.write_text(config.read_text().replace(old, new, 1))
    with pytest.raises(LimnerError, match=FOLDER):
        open_tiny(small)
