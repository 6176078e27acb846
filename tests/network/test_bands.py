"""In bands a picture is the same picture: nothing is seen where they meet, and nothing is off by more than rounding."""

from dataclasses import replace

import pytest
import tiny
import torch
from torch import Tensor
from torch.nn import functional as F

from limner.network import bands
from limner.network.vae import Autoencoder, without_rest
from limner.process.noise import draw

ROUNDING = 2e-5  # of a standard deviation: a map is summed in another order, nothing else differs (seen: 6e-6)
DEEP = replace(tiny.VAE, widths=(8, 16, 24, 24), residuals=2)


def autoencoder() -> Autoencoder:
    net = Autoencoder(DEEP)
    tiny.fill(net, 3)
    return net


def latent(height: int = 13, width: int = 9, rows: int = 1) -> Tensor:
    return draw(0, "latent", 0, (rows, 4, height, width))


def off(said: Tensor, truth: Tensor) -> float:
    """The largest difference, in standard deviations of the truth."""
    return float((said - truth).abs().max() / truth.std())


@torch.no_grad()
@pytest.mark.parametrize("rows", [1, 2, 5, 12, 13, 50])
def test_a_picture_decoded_in_bands_is_the_picture(rows: int) -> None:
    net = autoencoder()
    truth = net.decode(latent(rows=2))
    assert off(without_rest(bands.decoding(net, latent(rows=2), rows)), truth) < ROUNDING


@torch.no_grad()
@pytest.mark.parametrize("rows", [1, 2, 5])
def test_a_picture_encoded_in_bands_has_the_same_gaussian(rows: int) -> None:
    net, image = autoencoder(), draw(0, "image", 0, (1, 3, 56, 40))
    for said, truth in zip(bands.encode(net, image, rows), net.encode(image), strict=True):
        assert off(said, truth) < ROUNDING


@torch.no_grad()
def test_nothing_is_seen_where_bands_meet() -> None:
    """The error beside a border of two bands is no larger than elsewhere: rounding knows no borders."""
    net, rows = autoencoder(), 3
    error = (without_rest(bands.decoding(net, latent(), rows)) - net.decode(latent())).abs().mean((0, 1, 3))
    height = 8 * rows
    borders = torch.tensor([y % height in (0, height - 1) for y in range(len(error))])
    assert error[borders].mean() < 2 * error[~borders].mean()


@torch.no_grad()
def test_a_band_that_forgets_its_neighbours_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted: the row below is a row of zeros, as at the picture's edge."""
    net = autoencoder()
    truth = net.decode(latent())

    def forgetful(kept: bands.Bands):  # type: ignore[no-untyped-def]
        while kept:
            yield None, kept.pop(0), None

    monkeypatch.setattr(bands, "neighbours", forgetful)
    assert off(without_rest(bands.decoding(net, latent(), 3)), truth) > 1000 * ROUNDING


@torch.no_grad()
def test_statistics_of_each_band_alone_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted: each band is normalised by itself, which is what tiles with blended borders do."""
    net = autoencoder()
    truth = net.decode(latent())

    def alone(norm: torch.nn.GroupNorm, kept: bands.Bands):  # type: ignore[no-untyped-def]
        return lambda rows: F.silu(norm(rows))

    monkeypatch.setattr(bands, "normed", alone)
    assert off(without_rest(bands.decoding(net, latent(), 3)), truth) > 1000 * ROUNDING


@torch.no_grad()
def test_statistics_survive_a_large_mean() -> None:
    x = 1000 + draw(0, "offset", 0, (2, 8, 11, 7))
    norm = torch.nn.GroupNorm(4, 8, eps=1e-6)
    said = bands.normed(norm, bands.cut(x, 3))(x)
    torch.testing.assert_close(said, F.silu(norm(x.double().float())), atol=2e-3, rtol=0)  # 1000 in float32 +- 6e-5


@torch.no_grad()
def test_half_precision_is_normalised_in_float32() -> None:
    """The squares of these numbers are beyond float16."""
    x = (3000 * draw(0, "loud", 0, (1, 8, 12, 7))).half()
    norm = torch.nn.GroupNorm(4, 8, eps=1e-6).half()
    said = bands.normed(norm, bands.cut(x, 5))(x)
    truth = F.silu(F.group_norm(x.float(), 4, eps=1e-6))
    torch.testing.assert_close(said.float(), truth, atol=4e-3, rtol=1e-3)  # half an ulp of float16 at 4


@torch.no_grad()
def test_bands_are_freed_as_they_are_used() -> None:
    """The list that a layer is given is empty when the layer is done."""
    net, kept = autoencoder(), bands.cut(draw(0, "map", 0, (1, 24, 12, 9)), 4)
    bands.through(net.decoder.up_blocks[0].resnets[0], kept)
    assert kept == []
