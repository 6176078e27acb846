"""A tiny decoder says what diffusers' says with the same weights."""

import re
from pathlib import Path

import pytest
import tiny
import torch
from diffusers import AutoencoderTiny
from safetensors.torch import save_file

from limner.bundle import open_bundle
from limner.bundle.tiny import open_tiny, save_tiny
from limner.network.config import TinyConfig
from limner.network.tiny import TinyDecoder
from limner.process.noise import draw


@pytest.mark.parametrize(("width", "bricks"), [(64, (3, 3, 3, 1)), (8, (2, 1, 0))])
def test_a_folder_of_diffusers_decodes_alike(folder: Path, tmp_path: Path, width: int, bricks: tuple[int, ...]) -> None:
    """TAESD's own shape, and one like limner-mini's; the folder holds an encoder, too."""
    beside = tmp_path / "with"
    beside.mkdir()
    for each in folder.iterdir():
        (beside / each.name).symlink_to(each)
    widths = (width,) * len(bricks)
    theirs = AutoencoderTiny(
        encoder_block_out_channels=widths,
        num_encoder_blocks=(1,) * len(bricks),
        decoder_block_out_channels=widths,
        num_decoder_blocks=bricks,
    ).eval()
    tiny.fill(theirs, 0)
    theirs.save_pretrained(beside / "tiny_decoder")
    ours = open_tiny(open_bundle(beside))
    assert ours is not None
    latent = 3 * draw(0, "latent", 0, (2, 4, 6, 5))
    with torch.no_grad():
        wanted = theirs.decode(latent).sample
        torch.testing.assert_close(2 * ours(latent) - 1, wanted, rtol=0, atol=1e-4 * float(wanted.std()))
    # the same as TAESD's own repository keeps it: a decoder alone, counted from a clamp
    kept = theirs.decoder.state_dict()
    own = {
        re.sub(r"layers\.(\d+)", lambda found: str(int(found[1]) + 1), name): tensor for name, tensor in kept.items()
    }
    save_file(own, beside / "tiny_decoder" / "taesd_decoder.safetensors")
    (beside / "tiny_decoder" / "config.json").unlink()
    alone = open_tiny(open_bundle(beside))
    assert alone is not None
    torch.testing.assert_close(alone(latent), ours(latent), rtol=0, atol=0)


def test_what_limner_saves_diffusers_reads(tmp_path: Path) -> None:
    net = TinyDecoder(TinyConfig(latent_channels=8, width=4, bricks=(1, 1))).eval()
    save_tiny(tmp_path, net, torch.float32)
    theirs, said = AutoencoderTiny.from_pretrained(tmp_path / "tiny_decoder", output_loading_info=True)
    assert all(name.startswith("encoder.") for name in said["missing_keys"])
    assert not said["unexpected_keys"]
    latent = draw(0, "latent", 0, (1, 8, 4, 4))
    with torch.no_grad():
        wanted = theirs.eval().decode(latent).sample
        torch.testing.assert_close(2 * net(latent) - 1, wanted, rtol=0, atol=1e-4 * float(wanted.std()))
