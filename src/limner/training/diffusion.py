"""A diffusion model learns one thing: which noise was added, whatever the picture, the words and the amount."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random
from typing import Protocol

import numpy as np
import torch
from jaxtyping import Float, UInt8
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from limner.home import beside
from limner.pictures.scenes import Mix, compose
from limner.pictures.sets import Corpus
from limner.process.noise import CPU, draw, generator, key
from limner.process.schedule import NoiseSchedule
from limner.score.denoiser import rowwise, v_of
from limner.training.feed import feed
from limner.types import Context, Image, Latent

CHUNK = 64  # pictures composed and encoded at once
READ = 4  # chunks that a step at most waits for, where they come while it learns
DROPPED = 0.1  # share of captions left out, so that the model also learns what pictures are like before any word


Bytes = UInt8[Tensor, "n 3 h w"]


class Teller(Protocol):
    """The half of a bundle that needs no denoiser: pictures become latents, captions what the network is told."""

    def encode(self, image: Image) -> Latent: ...
    def literal(self, captions: Sequence[str]) -> Context: ...


@dataclass(frozen=True, slots=True)
class Lessons:
    """Latents and the token states of their captions, in half precision, and the states of the empty caption."""

    latents: Float[Tensor, "n c h w"]
    states: Float[Tensor, "n l d"]
    nothing: Float[Tensor, "l d"]


def composed(
    corpus: Corpus, mix: Mix, side: int, seed: int, numbers: Sequence[int], k: int
) -> tuple[int, Bytes, list[str]]:
    """The pictures and captions of one of these chunks, with its number: a function of the seed and that number."""
    number = numbers[k]
    scenes = [compose(corpus, Random(key(seed, f"scene {row}", number)), side, mix) for row in range(CHUNK)]
    pixels = torch.from_numpy(np.stack([scene.image for scene in scenes])).movedim(-1, 1)
    return number, pixels, [scene.caption for scene in scenes]


@torch.no_grad()
def prepare(
    corpus: Corpus,
    mix: Mix,
    teller: Teller,
    folder: Path,
    chunks: int,
    side: int,
    seed: int,
    workers: int = 0,
    device: torch.device = CPU,
) -> Iterator[int]:
    """Compose pictures and write latents, states and captions, a file a chunk; chunks that are there already stay.

    So many processes compose beside this one, which encodes on the device.  Yields how many chunks are done.
    """
    folder.mkdir(parents=True, exist_ok=True)
    left = [number for number in range(chunks) if not file_of(folder, number).exists()]
    batches = feed(partial(composed, corpus, mix, side, seed, left), 0, len(left) - 1, workers)
    for done, (number, pixels, captions) in enumerate(batches, chunks - len(left) + 1):
        latents, states = teller.encode(pixels.to(device).float() / 255), teller.literal(captions).states
        tensors = {"latents": latents.half().cpu(), "states": states.half().cpu()}
        file = file_of(folder, number)
        with beside(file) as part:
            save_file({k: v.contiguous() for k, v in tensors.items()}, part, {"captions": json.dumps(captions)})
        yield done


class Shelf:
    """What `prepare` writes, on the device: all that is there at first, and what comes later as it comes.

    Once all chunks are there a step sees what its number says; before, also what the clock says.
    """

    def __init__(self, folder: Path, teller: Teller, chunks: int, device: torch.device) -> None:
        self.folder, self.chunks, self.device, self.count = folder, chunks, device, 0
        latents, states = read(folder, 0)
        rows = chunks * len(latents)
        self._latents = torch.empty((rows, *latents.shape[1:]), dtype=latents.dtype, device=device)
        self._states = torch.empty((rows, *states.shape[1:]), dtype=states.dtype, device=device)
        self._nothing = teller.literal([""]).states[0].half().to(device)
        self.filled(chunks)

    def filled(self, most: int = READ) -> Lessons:
        """What there is, after at most so many chunks more were read."""
        while most and self.count < self.chunks and file_of(self.folder, self.count).exists():
            latents, states = read(self.folder, self.count)
            at = slice(self.count * len(latents), (self.count + 1) * len(latents))
            self._latents[at] = sent(latents, self.device)
            self._states[at] = sent(states, self.device)
            self.count, most = self.count + 1, most - 1
        there = self.count * len(self._latents) // self.chunks
        return Lessons(self._latents[:there], self._states[:there], self._nothing)


def file_of(folder: Path, number: int) -> Path:
    return folder / f"{number:05}.safetensors"


def read(folder: Path, number: int) -> tuple[Tensor, Tensor]:
    """The latents and states of a chunk."""
    with safe_open(file_of(folder, number), "pt") as f:
        return f.get_tensor("latents"), f.get_tensor("states")


def there(folder: Path, chunks: int) -> int:
    """How many of the first chunks are written, up to the first that is not."""
    return next((number for number in range(chunks) if not file_of(folder, number).exists()), chunks)


def lessons(folder: Path, teller: Teller, chunks: int, device: torch.device) -> Lessons:
    """What `prepare` wrote, all of it, on the device."""
    return Shelf(folder, teller, chunks, device).filled(0)


def captions(folder: Path, chunks: int) -> list[str]:
    """The words that `prepare` wrote beside the latents, in their order."""
    said = list[str]()
    for number in range(chunks):
        with safe_open(file_of(folder, number), "pt") as f:
            said += json.loads(f.metadata()["captions"])
    return said


def late(uniform: Float[Tensor, " b"]) -> Float[Tensor, " b"]:
    """Shares of the schedule's length, the later the more often: density 1 / (2 sqrt(1 - u)).

    Words matter most while there is much noise: in an early checkpoint, on 96 training pictures, a wrong caption cost
    3% more than the right one at t = 300, 11% at t = 500 and 91% at t = 999.  Whether this teaches sooner is not yet
    measured.
    """
    return 1 - (1 - uniform.double()) ** 2  # in float32 the last share before 1 would become 1, beyond the schedule


def sent(drawn: Tensor, device: torch.device) -> Tensor:
    """On the device; a GPU is not waited for, as it would be for memory that the system may move."""
    return drawn.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else drawn


def diffusion_loss(
    net: Callable[[Tensor, Tensor, Context], Tensor],
    taught: Lessons,
    schedule: NoiseSchedule,
    seed: int,
    number: int,
    rows: int,
    dropped: float = DROPPED,
) -> Float[Tensor, ""]:
    """E || F(c_in x, t) - v ||^2, x = x0 + sigma eps: L_simple in velocities.

    Ho et al. 2020 (arXiv:2006.11239), Eq. 14; Salimans & Ho 2022 (arXiv:2202.00512), section 4.  Times are spread
    over the batch, one a row (Kingma et al. 2021, arXiv:2107.00630, appendix I.1).  A share of the
    captions is dropped (Ho & Salimans 2022, arXiv:2207.12598, Algorithm 1); of all else in a step the share changes
    nothing.
    """
    g = generator(seed, "rows", number)
    device = taught.latents.device
    which = sent(torch.randint(len(taught.latents), (rows,), generator=g), device)
    kept = sent(torch.rand(rows, generator=g) >= dropped, device)
    times = late((torch.rand((), generator=g) + torch.arange(rows) / rows) % 1)
    x0 = taught.latents[which].float()
    states = torch.where(kept[:, None, None], taught.states[which], taught.nothing).float()
    eps = draw(seed, "eps", number, tuple(x0.shape), device)
    sigma = sent(schedule.draw(times), device)
    x = x0 + rowwise(sigma) * eps
    said = net(x * (1 + rowwise(sigma) ** 2).rsqrt(), schedule.t_of(sigma), Context(states))
    loss: Tensor = (said.float() - v_of(x, x0, sigma)).square().mean()
    return loss
