"""Many jobs at once: limner's engine, diffusers one job after another, and diffusers compiled, a batch a length."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from statistics import median

import torch

from limner.bundle.noise import read_schedule
from limner.engine import Engine
from limner.engine.backends import captured
from limner.engine.capacity import profile
from limner.evaluation.contest import Contestant
from limner.evaluation.large import SCHEDULE, Size, random, told
from limner.evaluation.load import timed
from limner.process.ladder import LADDERS
from limner.process.noise import draw
from limner.sampler import euler
from limner.score.denoiser import Denoiser
from limner.score.guidance import classifier_free
from limner.score.precondition import Preconditioned

BATCH = 8  # pictures that a request is batched to, at most


def batches(lengths: Sequence[int], most: int = BATCH) -> Iterator[tuple[int, int]]:
    """(steps, pictures) of each call, where only jobs of equal length go together."""
    for steps, left in sorted(Counter(lengths).items()):
        for begun in range(0, left, most):
            yield steps, min(most, left - begun)


def rates(
    ours: Callable[[], object], peers: Sequence[Contestant], model: Path, lengths: Sequence[int], rounds: int
) -> dict[str, float]:
    """Pictures a second: ours, and each peer's, by turns.  Whose name ends in `compiled` is asked for batches."""
    seconds: dict[str, list[float]] = {name: [] for name in ("limner", *(peer.name for peer in peers))}
    try:
        for peer in peers:
            peer.start(str(model))
        for number in range(rounds + 1):  # the first is for compilers
            taken = {"limner": timed(ours)}
            for peer in peers:
                together = peer.name.endswith("compiled")
                calls = list(batches(lengths)) if together else [(steps, 1) for steps in lengths]
                taken[peer.name] = sum(peer.draw(k, steps, count) for k, (steps, count) in enumerate(calls))
            for name, each in taken.items():
                seconds[name] += [each] if number else []
    finally:
        for peer in peers:
            peer.stop()
    return {name: len(lengths) / median(each) for name, each in seconds.items()}


class Bare:
    """Our engine with a U-Net and nothing around it: jobs that end as latents."""

    def __init__(self, size: Size, device: torch.device, dtype: torch.dtype, compiled: bool) -> None:
        net = random(size.unet, device, dtype)
        self.size, self.device = size, device
        self.schedule, prediction = read_schedule(SCHEDULE)
        self.denoiser: Denoiser = Preconditioned(captured(net) if compiled else net, self.schedule, prediction, dtype)

    def sizes(self) -> tuple[int, ...]:
        """The rows of a pass that pay here."""
        net = self.size.unet
        shape = net.in_channels, net.sample_size, net.sample_size
        return profile(self.denoiser, shape, told(net, 1, self.device), self.device).sizes

    @torch.no_grad()
    def draw(self, lengths: Sequence[int], sizes: Sequence[int]) -> None:
        """All jobs to their end; LimnerError if one of them came to none."""
        net, engine = self.size.unet, Engine(self.denoiser, sizes)
        said, nothing = (told(net, 2, self.device)[row : row + 1] for row in range(2))
        shape = 1, net.in_channels, net.sample_size, net.sample_size
        for number, steps in enumerate(lengths):
            sigmas = LADDERS["trailing"](self.schedule, steps)
            x = (1 + sigmas[0] ** 2) ** 0.5 * draw(number, "many", 0, shape).to(self.device)
            engine.add(str(number), euler(x, sigmas), classifier_free(said, nothing, 3.0), steps)
        while engine.busy:
            engine.tick()
        if engine.failed:
            raise next(iter(engine.failed.values()))
        if self.device.type == "cuda":
            torch.cuda.synchronize()
