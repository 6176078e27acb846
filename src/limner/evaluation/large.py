"""A U-Net as large as Stable Diffusion 1.5's, with random weights: for speed alone, as no weights can be shipped."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from limner.engine.graphs import Graph, Graphs, export
from limner.network.config import UNetConfig
from limner.network.unet import UNet
from limner.process.noise import draw
from limner.types import Context

WORDS, SIDE = 77, 64  # of 512 x 512 pixels


@torch.no_grad()
def passes(folder: Path, rounds: int, precision: str) -> tuple[dict[str, list[float]], float]:
    """Seconds of a guided pass (two rows) by turns: diffusers, ours eager with the very same tensors, ours exported.

    And the exported network's difference from diffusers', root mean square, in standard deviations.
    """
    from diffusers import UNet2DConditionModel

    whole: Any = UNet2DConditionModel
    theirs: Any = whole(sample_size=SIDE, cross_attention_dim=768).eval().requires_grad_(False)
    with torch.device("meta"):
        ours = UNet(UNetConfig.read(json.loads(theirs.to_json_string())))
    ours.load_state_dict(theirs.state_dict(), assign=True)
    ours.requires_grad_(False).eval()
    x, states = draw(0, "large", 0, (2, 4, SIDE, SIDE)), draw(0, "words", 0, (2, WORDS, 768))
    t, context = torch.tensor([801.0, 801.0]), Context(states)
    file = folder / "large.xml"
    export(ours, context, file)
    graph = Graphs(Graph(file, precision), ours.codes)
    asked: dict[str, Callable[[], Any]] = {
        "diffusers": lambda: theirs(x, t, encoder_hidden_states=states).sample,
        "limner-eager": lambda: ours(x, t, context),
        f"limner openvino-{precision}": lambda: graph(x, t, context),
    }
    answers = {name: ask() for name, ask in asked.items()}
    truth, said = answers["diffusers"], answers[f"limner openvino-{precision}"]
    seconds: dict[str, list[float]] = {name: [] for name in asked}
    for _ in range(rounds):
        for name, ask in asked.items():
            began = time.perf_counter()
            ask()
            seconds[name].append(time.perf_counter() - began)
    return seconds, float((said - truth).square().mean().sqrt() / truth.std())
