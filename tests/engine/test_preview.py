"""A glance at the latents shows the picture's colours in their places, without the decoder."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from limner.bundle import Bundle, open_bundle
from limner.engine.preview import glance
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
    np.testing.assert_array_equal(first, glance(bundle)(latent[:1]))
