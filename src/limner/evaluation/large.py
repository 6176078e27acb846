"""Networks as large as Stable Diffusion's, with random weights: for speed alone, as no weights can be shipped."""

import json
import resource
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from limner.bundle import layout, save_bundle
from limner.engine.graphs import Graph, Graphs, export
from limner.network.config import AutoencoderConfig, Json, UNetConfig
from limner.network.unet import UNet
from limner.network.vae import Autoencoder
from limner.process.noise import draw
from limner.text.clip import TextConfig, TextTower
from limner.text.tokenizer import EOS, Tokenizer
from limner.types import Context

WORDS = 77
SCHEDULE: Mapping[str, Json] = {
    "_class_name": "DDIMScheduler",
    "beta_schedule": "scaled_linear",
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "clip_sample": False,
    "timestep_spacing": "trailing",
}


@dataclass(frozen=True, slots=True)
class Size:
    """A U-Net's numbers, and of the networks beside it the decoder's widths, the text tower's layers and its heads."""

    unet: UNetConfig
    decoder: tuple[int, ...] = (128, 256, 512, 512)
    layers: int = 12
    heads: int = 12


SD15 = Size(
    UNetConfig(
        in_channels=4, out_channels=4, sample_size=64, widths=(320, 640, 1280, 1280), residuals=2, heads=(8,) * 4,
        depths=(1, 1, 1, 0), mid_depth=1, context_dim=768, linear=False, groups=32, eps=1e-5,
    )
)  # fmt: skip
SDXL = Size(
    UNetConfig(
        in_channels=4, out_channels=4, sample_size=128, widths=(320, 640, 1280), residuals=2, heads=(5, 10, 20),
        depths=(0, 2, 10), mid_depth=10, context_dim=2048, linear=True, groups=32, eps=1e-5,
        added_size_dim=256, added_dim=2816,
    )
)  # fmt: skip


def shrunk(size: Size) -> Size:
    """As many levels and blocks, few channels and pixels: to try every step before it costs hours."""
    net, levels = size.unet, len(size.unet.widths)
    small = replace(
        net, sample_size=8, widths=(32,) * levels, heads=(2,) * levels, context_dim=32, residuals=1,
        depths=tuple(min(depth, 1) for depth in net.depths), mid_depth=1,
        added_size_dim=None if net.added_size_dim is None else 8,
        added_dim=None if net.added_dim is None else 32 + 6 * 8,
    )  # fmt: skip
    return Size(small, tuple(32 for _ in size.decoder), 1, 2)


def told(net: UNetConfig, rows: int, device: torch.device | str = "cpu") -> Context:
    """Random words, and for SDXL a random sentence and the sizes of its picture."""
    states = draw(0, "words", 0, (rows, WORDS, net.context_dim)).to(device)
    if net.added_dim is None or net.added_size_dim is None:
        return Context(states)
    side = 8.0 * net.sample_size
    sizes = torch.tensor([[side, side, 0, 0, side, side]] * rows, device=device)
    return Context(states, draw(0, "pooled", 0, (rows, net.added_dim - 6 * net.added_size_dim)).to(device), sizes)


def random(net: UNetConfig, device: torch.device, dtype: torch.dtype) -> UNet:
    """A network as torch makes it, in its precision from the first: four bytes a weight might find no room."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        with device:
            return UNet(net).requires_grad_(False).eval()
    finally:
        torch.set_default_dtype(before)


def write(folder: Path, size: Size, tokenizer: Tokenizer, device: torch.device) -> None:
    """A whole model of this size in diffusers' layout, which limner and diffusers open alike; another's words."""
    words, width = replace(tokenizer, length=WORDS), size.unet.context_dim
    text = TextConfig(
        words.vocab_size, width, 4 * width, size.layers, size.heads, WORDS, "quick_gelu", 1e-5, words.id_of(EOS), None
    )
    numbers: dict[str, Json] = {
        "block_out_channels": list(size.decoder),
        "layers_per_block": 2,
        "sample_size": 8 * size.unet.sample_size,
    }
    with device:
        tower, autoencoder = TextTower(text), Autoencoder(AutoencoderConfig.read(numbers))
    unet = random(size.unet, device, torch.float16)
    save_bundle(folder, words, tower, autoencoder, unet, SCHEDULE, {"guidance": 3.0, "sampler": "euler"})


def write_config(folder: Path, size: Size) -> None:
    """What a peer needs to make such a U-Net itself: its numbers, the noise, and how many words there are."""
    layout.write_json(folder / "tokenizer" / "tokenizer_config.json", {"model_max_length": WORDS})
    layout.write_json(folder / "unet" / "config.json", size.unet.write())
    layout.write_json(folder / "scheduler" / "scheduler_config.json", SCHEDULE)


def twins(size: Size) -> tuple[Any, UNet]:
    """diffusers' network, and ours with the very same tensors."""
    from diffusers import UNet2DConditionModel

    whole: Any = UNet2DConditionModel
    theirs: Any = whole.from_config(size.unet.write()).eval().requires_grad_(False)
    with torch.device("meta"):
        ours = UNet(UNetConfig.read(json.loads(theirs.to_json_string())))
    ours.load_state_dict(theirs.state_dict(), assign=True)
    return theirs, ours.requires_grad_(False).eval()


@torch.no_grad()
def passes(folder: Path, rounds: int, precision: str | None, size: Size = SD15) -> tuple[dict[str, list[float]], float]:
    """Seconds of a guided pass (two rows) by turns: diffusers, ours eager with the very same tensors, ours exported.

    And the last one's difference from diffusers', root mean square, in standard deviations.  Without a `precision`
    nothing is exported: a graph and what is compiled of it are two more copies of the weights.
    """
    theirs, ours = twins(size)
    side = size.unet.sample_size
    x, context = draw(0, "large", 0, (2, 4, side, side)), told(size.unet, 2)
    t = torch.tensor([801.0, 801.0])
    added = {"added_cond_kwargs": {"text_embeds": context.pooled, "time_ids": context.sizes}}
    asked: dict[str, Callable[[], Any]] = {
        "diffusers": lambda: theirs(x, t, encoder_hidden_states=context.states, **added).sample,
        "limner-eager": lambda: ours(x, t, context),
    }
    if precision:
        files = folder / "large.xml", folder / "words.xml"
        export(ours, context, *files)
        graph = Graphs(Graph(files[0], precision), Graph(files[1], precision), ours.codes)
        asked[f"limner openvino-{precision}"] = lambda: graph(x, t, context)
    answers = [ask() for ask in asked.values()]
    truth, said = answers[0], answers[-1]
    seconds: dict[str, list[float]] = {name: [] for name in asked}
    for _ in range(rounds):
        for name, ask in asked.items():
            began = time.perf_counter()
            ask()
            seconds[name].append(time.perf_counter() - began)
    return seconds, float((said - truth).square().mean().sqrt() / truth.std())


def peak_gigabytes() -> float:
    """The most memory that this process has held so far, in 10^9 bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024) / 1e9


def available() -> float:
    """Bytes of memory that nobody uses, or would give back; 0 where the system does not tell."""
    file = Path("/proc/meminfo")
    lines = file.read_text().splitlines() if file.exists() else []
    return 1024.0 * sum(int(line.split()[1]) for line in lines if line.startswith("MemAvailable:"))
