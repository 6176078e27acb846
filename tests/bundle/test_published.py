"""Single file and folder at full size, name by name: what diffusers' own converter makes of the one is the other."""

from dataclasses import dataclass, replace
from types import SimpleNamespace

import course
import hypothesis.strategies as st
import pytest
import torch
from diffusers.loaders import single_file_utils as theirs
from hypothesis import given, settings
from torch import Tensor

from limner.bundle import families, ldm
from limner.bundle.single import table
from limner.bundle.source import Network
from limner.evaluation.large import SD15, SDXL
from limner.network.config import AutoencoderConfig, UNetConfig
from limner.network.unet import UNet
from limner.network.vae import Autoencoder
from limner.text.clip import TextConfig, TextTower

VAE = replace(course.VAE, widths=(128, 256, 512, 512), residuals=2)
CLIP_L = TextConfig(49408, 768, 3072, 12, 12, 77, "quick_gelu", 1e-5, 49407, None)
CLIP_H = TextConfig(49408, 1024, 4096, 23, 16, 77, "gelu", 1e-5, 49407, None)
CLIP_G = TextConfig(49408, 1280, 5120, 32, 20, 77, "gelu", 1e-5, 49407, 1280)
SD21 = replace(SD15.unet, heads=(5, 10, 20, 20), context_dim=1024, linear=True, sample_size=96)


@dataclass(frozen=True)
class Size:
    """A published model: parameters of its U-Net and towers, tensors of its U-Net, and of the whole single file."""

    unet: UNetConfig
    towers: dict[str, TextConfig]
    parameters: tuple[int, ...]
    keys: tuple[int, int]


PUBLISHED = {
    "sd15": Size(SD15.unet, {"text_encoder": CLIP_L}, (859_520_964, 123_060_480), (686, 686 + 248 + 196)),
    "sd21": Size(SD21, {"text_encoder": CLIP_H}, (865_910_724, 340_387_840), (686, 686 + 248 + 12 * 23 + 4)),
    "sdxl": Size(
        SDXL.unet,
        {"text_encoder": CLIP_L, "text_encoder_2": CLIP_G},
        (2_567_463_684, 123_060_480, 694_659_840),
        (1680, 1680 + 248 + 196 + 12 * 32 + 5),
    ),
}


def nets(size: Size) -> dict[str, Network]:
    with torch.device("meta"):
        towers = {part: TextTower(config) for part, config in size.towers.items()}
        return {**towers, "unet": UNet(size.unet), "vae": Autoencoder(VAE)}


def marked(net: Network) -> dict[str, Tensor]:
    """Tensors of full size that take no memory: each is one number, its own, everywhere."""
    return {
        name: torch.tensor(float(number), dtype=torch.float16).expand(tensor.shape)
        for number, (name, tensor) in enumerate(net.state_dict().items())
    }


def same(ours: dict[str, Tensor], converted: dict[str, Tensor]) -> None:
    """Every tensor is there by its name, in its shape, and is that very tensor."""
    assert {name: tensor.shape for name, tensor in converted.items()} == {name: t.shape for name, t in ours.items()}
    assert {name: float(tensor.flatten()[0]) for name, tensor in converted.items()} == {
        name: float(tensor.flatten()[0]) for name, tensor in ours.items()
    }


def unfused(single: dict[str, Tensor], origins: ldm.Table) -> dict[str, Tensor]:
    return {name: origin.read(single[origin.key]) for name, origin in origins.items()}


LEVELS = st.lists(st.tuples(st.integers(1, 3), st.integers(0, 2)), min_size=1, max_size=4)


@settings(max_examples=15)
@given(LEVELS, st.integers(1, 3), st.integers(1, 3), st.booleans())
def test_there_and_back_is_the_identity(levels: list[tuple[int, int]], residuals: int, mid: int, xl: bool) -> None:
    """Whatever the sizes: each tensor has a key of its own, is found again, and the keys and shapes tell the sizes."""
    heads, depths = zip(*levels, strict=True)
    depths = (*depths[:-1], min(depths[-1], 1) * mid)  # diffusers takes the middle's depth from the coarsest level
    config = UNetConfig(
        in_channels=4, out_channels=4, sample_size=64, widths=tuple(64 * n for n in heads), residuals=residuals,
        heads=heads, mid_depth=mid, depths=depths, context_dim=96, linear=True, groups=32, eps=1e-5,
        added_size_dim=8 if xl else None, added_dim=32 + 6 * 8 if xl else None,
    )  # fmt: skip
    family = families.SD2 if config.added_dim is None else families.SDXL
    with torch.device("meta"):
        net = UNet(config)
    ours, origins = marked(net), table(family, "unet", net)
    single = ldm.fused(ours, origins)
    assert len(single) == len(ours)
    same(ours, unfused(single, origins))
    shapes = {key: tuple(tensor.shape) for key, tensor in single.items()}
    shapes["conditioner.embedders.1.model.text_projection"] = (64, 32)
    family = families.SDXL if xl else replace(families.SD2, side=64)
    read = UNetConfig.read(families.unet_config(shapes, family))
    assert replace(read, sample_size=64) == config


@pytest.mark.parametrize("name", PUBLISHED)
def test_shapes_tell_the_sizes(name: str) -> None:
    """From a single file's keys and shapes alone the published configs come out, and the known counts of parameters."""
    size, family = PUBLISHED[name], course.FAMILY[name]
    shapes, counted = dict[str, tuple[int, ...]](), dict[str, int]()
    for part, net in nets(size).items():
        single = ldm.fused(net.state_dict(), table(family, part, net))
        shapes |= {key: tuple(tensor.shape) for key, tensor in single.items()}
        counted[part] = sum(weight.numel() for weight in net.parameters())
    assert (counted["unet"], *(counted[part] for part in size.towers)) == size.parameters
    assert counted["vae"] == 83_653_863
    unets = [key for key in shapes if key.startswith("model.diffusion_model.")]
    assert (len(unets), len(shapes)) == size.keys
    assert families.family(shapes) is family
    assert (
        replace(UNetConfig.read(families.unet_config(shapes, family)), sample_size=size.unet.sample_size) == size.unet
    )
    assert AutoencoderConfig.read(families.vae_config(shapes)) == replace(VAE, scaling=0.18215)
    for part, config in size.towers.items():
        read = families.text_config(shapes, family, part)
        assert {field: read[field] for field in TextConfig.__slots__} == {
            field: getattr(config, field) for field in TextConfig.__slots__
        }


@pytest.mark.parametrize("name", PUBLISHED)
def test_unets(name: str) -> None:
    size, family = PUBLISHED[name], course.FAMILY[name]
    net = nets(size)["unet"]
    ours, origins = marked(net), table(family, "unet", net)
    single = ldm.fused(ours, origins)
    same(ours, theirs.convert_ldm_unet_checkpoint(dict(single), {"class_embed_type": None, **size.unet.write()}))
    same(ours, unfused(single, origins))


def test_autoencoders() -> None:
    with torch.device("meta"):
        net = Autoencoder(VAE)
    ours, origins = marked(net), table(families.SDXL, "vae", net)
    single = ldm.fused(ours, origins)
    assert single["first_stage_model.decoder.mid.attn_1.q.weight"].shape == (512, 512, 1, 1)
    same(ours, theirs.convert_ldm_vae_checkpoint(dict(single), VAE.write()))
    same(ours, unfused(single, origins))


@pytest.mark.parametrize(("name", "part"), [(name, part) for name, size in PUBLISHED.items() for part in size.towers])
def test_towers(name: str, part: str) -> None:
    """On the meta device: a fused projection would be a copy.  (Their numbers: test_single.)"""
    family, net = course.FAMILY[name], nets(PUBLISHED[name])[part]
    ours, origins = net.state_dict(), table(family, part, net)
    single = ldm.fused(ours, origins)
    if family.towers[part].wiring == "clip":
        converted = theirs.convert_ldm_clip_checkpoint(dict(single))
    else:
        model = SimpleNamespace(config=SimpleNamespace(hidden_size=PUBLISHED[name].towers[part].hidden_size))
        converted = theirs.convert_open_clip_checkpoint(model, dict(single), family.towers[part].prefix)
    shapes = {name: tensor.shape for name, tensor in ours.items()}
    assert {name: tensor.shape for name, tensor in converted.items()} == shapes
    assert {name: tensor.shape for name, tensor in unfused(single, origins).items()} == shapes
