"""A latent becomes a picture even where memory or half precision would not have it, and what was done is said."""

import json
import shutil
from collections.abc import Generator
from pathlib import Path

import pytest
import torch
from torch import Tensor

from limner.bundle import Bundle, open_bundle, pixels
from limner.network import bands
from limner.network.vae import Autoencoder
from limner.process.noise import draw


def latent(height: int = 8, width: int = 8) -> Tensor:
    return draw(0, "latent", 0, (1, 4, height, width))


class Cramped(Autoencoder):
    """No room for a whole picture, as it turns out half way up."""

    def decoding(self, z: Tensor) -> Generator[None, None, Tensor]:
        yield
        raise torch.OutOfMemoryError("planted")

    def encode(self, image: Tensor) -> tuple[Tensor, Tensor]:
        raise torch.OutOfMemoryError("planted")


def cramped(net: Autoencoder) -> Autoencoder:
    out = Cramped(net.config)
    out.load_state_dict(net.state_dict())
    return out.requires_grad_(False)


@torch.no_grad()
def test_without_room_for_the_whole_it_is_decoded_in_bands_and_says_so(bundle: Bundle) -> None:
    truth, silence = pixels.at_once(pixels.decoding(bundle.autoencoder, latent()))
    said, notes = pixels.at_once(pixels.decoding(cramped(bundle.autoencoder), latent()))
    torch.testing.assert_close(said, truth)
    assert (silence, notes) == ([], [pixels.NO_ROOM])


@torch.no_grad()
def test_without_room_for_the_whole_it_is_encoded_in_bands(bundle: Bundle) -> None:
    image = bundle.decode(latent())
    said = pixels.encoded(cramped(bundle.autoencoder), image)
    torch.testing.assert_close(said, bundle.encode(image), atol=1e-5, rtol=1e-5)


def test_other_faults_are_not_taken_for_a_lack_of_memory(bundle: Bundle) -> None:
    with pytest.raises(RuntimeError, match="channels"):
        pixels.at_once(pixels.decoding(bundle.autoencoder, draw(0, "x", 0, (1, 3, 8, 8))))


@torch.no_grad()
def test_large_pictures_are_always_decoded_in_bands(bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    """By their size alone, never by how much room there was: it is not even noted."""
    monkeypatch.setattr(pixels, "LARGE", 64 * 64)
    monkeypatch.setattr(bands, "PLACES", 64 * 16)
    net = cramped(bundle.autoencoder)  # which would say so if it were asked
    assert pixels.at_once(pixels.decoding(net, latent(8, 9)))[1] == []
    assert pixels.at_once(pixels.decoding(net, latent(8, 8)))[1] == [pixels.NO_ROOM]
    assert pixels.encoded(net, torch.rand(1, 3, 64, 72)).shape == (1, 4, 8, 9)


def loud(net: Autoencoder, dtype: torch.dtype) -> Autoencoder:
    """An autoencoder whose inner numbers are beyond float16, as SDXL's are; its picture is not."""
    out = Autoencoder(net.config)
    weights = {k: v.clone() for k, v in net.state_dict().items()}
    last = weights["decoder.up_blocks.3.resnets.1.conv2.weight"]
    weights["decoder.up_blocks.3.resnets.1.conv2.weight"] = last * (5e4 / last.abs().max())
    out.load_state_dict(weights)
    return out.requires_grad_(False).to(dtype)


@torch.no_grad()
def test_what_overflows_in_float16_is_decoded_in_float32_and_says_so(bundle: Bundle) -> None:
    truth, silence = pixels.at_once(pixels.decoding(loud(bundle.autoencoder, torch.float32), latent()))
    net = loud(bundle.autoencoder, torch.float16)
    said, notes = pixels.at_once(pixels.decoding(net, latent()))
    assert (silence, notes) == ([], [pixels.TOO_LOUD])
    assert net.dtype == torch.float16
    assert said.isfinite().all()
    assert said.shape == truth.shape


@torch.no_grad()
def test_a_picture_of_no_numbers_is_a_fault(bundle: Bundle) -> None:
    with pytest.raises(ArithmeticError, match="not finite"):
        pixels.at_once(pixels.decoding(bundle.autoencoder, latent() * torch.nan))


@pytest.mark.parametrize(("dtype", "expected"), [("float16", "float32"), ("bfloat16", "bfloat16")])
def test_an_autoencoder_that_its_maker_says_overflows_stays_in_float32(
    folder: Path, tmp_path: Path, dtype: str, expected: str
) -> None:
    """`force_upcast` is what SDXL's config.json says; the towers and the U-Net are in half precision all the same."""
    shutil.copytree(folder, tmp_path / "loud")
    file = tmp_path / "loud" / "vae" / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"force_upcast": True}))
    opened = open_bundle(tmp_path / "loud", dtype=getattr(torch, dtype))
    assert opened.autoencoder.dtype == getattr(torch, expected)
    assert opened.denoiser.dtype == next(opened.text.parameters()).dtype == getattr(torch, dtype)
    assert open_bundle(folder, dtype=torch.float16).autoencoder.dtype == torch.float16
    image = opened.decode(latent())
    assert image.dtype == torch.float32
    assert opened.encode(image).isfinite().all()
