"""A peer to beat: diffusers' own recipe teaches a U-Net of the same size the same pictures, as many of them."""

import json
import os
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch

from limner.bundle import layout
from limner.errors import LimnerError
from limner.evaluation.twin import mark
from limner.network.unet import UNet
from limner.process.schedule import scaled_linear
from limner.score.precondition import Preconditioned
from limner.training.workshop import Workshop

TUTOR = Path(__file__).with_name("tutor.py")


@dataclass(frozen=True, slots=True)
class Peer:
    """How the peer learns otherwise than by default: its learning rate, and the gamma of min-SNR weighting (0: none).

    `python` is one that has diffusers.
    """

    python: str
    rate: float
    gamma: float

    def folder(self, shop: Workshop) -> Path:
        """Other settings, lessons or sizes have another one; more steps go on from fewer, as its rate is constant."""
        return shop.folder / f"peer-{self.rate:g}-{self.gamma:g}-{mark(shop)}"


@dataclass(frozen=True, slots=True)
class Heard:
    """How far the peer is: its steps, the seconds they took in all, and the loss of the last."""

    step: int
    seconds: float
    loss: float | None


def taught(peer: Peer, shop: Workshop, minutes: float | None) -> Iterator[Heard]:
    """Train it, as far as it is not yet, in a process of its own; LimnerError with its last words if it ends badly."""
    stage = shop.preset.diffusion
    asked = {
        "latents": str(shop.latents()), "chunks": shop.preset.chunks, "config": shop.sizes.unet.write(),
        "out": str(peer.folder(shop)), "steps": stage.plan.steps, "rows": stage.rows, "rate": peer.rate,
        "gamma": peer.gamma, "seed": shop.seed, "device": str(shop.device), "half": shop.half,
        "seconds": None if minutes is None else 60 * minutes,
    }  # fmt: skip
    file = shop.folder / "peer.json"
    file.write_text(json.dumps(asked))
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "DIFFUSERS_VERBOSITY": "error"}
    with tempfile.TemporaryFile() as errors:
        try:
            process = subprocess.Popen(
                [peer.python, str(TUTOR), str(file)], stdout=subprocess.PIPE, stderr=errors, text=True, env=environment
            )
        except OSError as fault:
            raise LimnerError(f"{peer.python}: {fault.strerror}", "name a Python that has diffusers") from fault
        with process:
            assert process.stdout is not None
            for line in process.stdout:
                if line.startswith("{"):  # some libraries print
                    yield Heard(**json.loads(line))
        if process.returncode:
            errors.seek(0)
            last = (errors.read().decode(errors="replace").strip().splitlines() or ["it said nothing"])[-1]
            raise LimnerError(f"the peer cannot learn: {last}", "name a Python that has diffusers with --python")


def trained(peer: Peer, shop: Workshop) -> UNet:
    """What diffusers wrote, in our network: its names are the same, and it computes the same (docs/agreement.md)."""
    file = peer.folder(shop) / "unet" / "diffusion_pytorch_model.safetensors"
    net, tensors = UNet(shop.sizes.unet), layout.read_tensors(file)
    layout.check(net, tensors, file)
    layout.fill(net, tensors, shop.device, torch.float32)
    return net.requires_grad_(False)


def denoiser(net: UNet) -> Preconditioned:
    """It was taught to say the noise, of Stable Diffusion's schedule, whose last level is 14.6."""
    return Preconditioned(net, scaled_linear(), "epsilon")
