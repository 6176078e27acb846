"""Twins: networks of the same first weights, shown the same pictures in the same noise, that differ in one thing."""

import hashlib
import json
from collections.abc import Generator, Sequence
from contextlib import ExitStack, closing
from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from jaxtyping import Int
from torch import Tensor, nn

from limner.bundle import Bundle
from limner.engine import run as draw_pictures
from limner.engine.run import Picture
from limner.evaluation.unseen import apart, errors, velocity
from limner.network.unet import UNet
from limner.process.noise import key
from limner.recipe import Recipe
from limner.score.precondition import Preconditioned
from limner.training import diffusion
from limner.training.diffusion import DROPPED, Lessons
from limner.training.loop import Loss, Run
from limner.training.precision import autocast
from limner.training.weights import initialise
from limner.training.workshop import Workshop, recipe

FEW = 64  # held-out pictures of which the curve is made
COARSE = (0.25, 1.0, 4.0, 14.0)  # its noise levels


@dataclass(frozen=True, slots=True)
class Ground:
    """What twins are taught, and what is held out: the pictures, which of them are unseen, and their captions."""

    taught: Lessons
    held: Lessons
    rows: Int[Tensor, " n"]
    captions: list[str]


@dataclass(frozen=True, slots=True)
class Twin:
    """A network in training, of whose captions a share is dropped."""

    name: str
    run: Run
    loss: Loss

    def grown(self) -> UNet:
        """Its averaged weights: what it is by now."""
        net = deepcopy(self.run.net)
        assert isinstance(net, UNet)
        net.load_state_dict(self.run.average.weights)
        return net.requires_grad_(False)


def outside(shop: Workshop, chunks: int) -> Workshop:
    """The same workshop with other compositions of the same pictures: its seeds are apart."""
    return replace(shop, seed=key(shop.seed, "held out", 0), preset=replace(shop.preset, chunks=chunks))


def ground(shop: Workshop, chunks: int) -> Ground:
    """What was composed for both; LimnerError where nothing of the held-out pictures is unseen."""
    apart_shop, bundle = outside(shop, chunks), shop.bundle(UNet(shop.sizes.unet))
    taught = diffusion.lessons(shop.latents(), bundle, shop.preset.chunks, shop.device)
    held = diffusion.lessons(apart_shop.latents(), bundle, chunks, shop.device)
    return Ground(taught, held, apart(held, taught), diffusion.captions(apart_shop.latents(), chunks))


def mark(shop: Workshop) -> str:
    """Of all that decides what a network becomes here but the number of steps: other ones are kept under other names.

    That is its sizes, what it is taught, how many rows a step, the plan and the seed.
    """
    stage = shop.preset.diffusion
    lessons = shop.latents().name, shop.preset.chunks, stage.rows
    told = shop.sizes.unet, lessons, replace(stage.plan, steps=0), shop.seed
    return hashlib.sha256(repr(told).encode()).hexdigest()[:12]


def twin(shop: Workshop, taught: Lessons, name: str, dropped: float = DROPPED) -> Twin:
    """A U-Net of the preset from the start, or from its checkpoint; of the captions a share is dropped.

    The first weights, and of every step the pictures, their noise and their times, are functions of the seed.
    """
    net, stage = UNet(shop.sizes.unet), shop.preset.diffusion
    initialise(net, "unet", shop.seed)
    schedule = shop.bundle(net).schedule

    def loss(net: nn.Module, number: int) -> Tensor:
        with autocast(shop.device, shop.half):
            return diffusion.diffusion_loss(net, taught, schedule, shop.seed, number, stage.rows, dropped)

    return Twin(name, Run(net.to(shop.device), stage.plan, shop.folder / f"{name}-{mark(shop)}.safetensors"), loss)


def together(twins: Sequence[Twin]) -> Generator[int, None, None]:
    """Train them in turn, whoever is behind first, to the end of their plans.

    Gives how many steps all have taken, whenever that is the same number, and before the first.
    """
    with ExitStack() as stack:
        steps = [stack.enter_context(closing(each.run.train(each.loss))) for each in twins]
        while True:
            numbers = [each.run.number for each in twins]
            if len(set(numbers)) == 1:
                yield numbers[0]
            behind = numbers.index(min(numbers))
            if next(steps[behind], None) is None:
                return


class Curve:
    """The mean held-out velocity error of each twin at a few numbers of steps, kept in a file."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.points: list[dict[str, float]] = json.loads(file.read_text()) if file.exists() else []

    def measure(self, number: int, twins: Sequence[Twin], shop: Workshop, of: Ground) -> None:
        """Nothing, if it is there already."""
        if any(point["step"] == number for point in self.points):
            return
        point: dict[str, float] = {"step": number}
        for each in twins:
            found = errors(denoiser(shop, each.grown()), of.held, of.rows[:FEW], COARSE, shop.seed, told(each))
            point[each.name] = round(float(velocity(found, COARSE).mean()), 5)
        self.points = sorted([*self.points, point], key=lambda each: each["step"])
        self.file.write_text(json.dumps(self.points))


TOLD, UNTOLD = "conditional", "unconditional"


def told(twin: Twin) -> bool:
    return twin.name != UNTOLD


def denoiser(shop: Workshop, net: UNet) -> Preconditioned:
    return shop.bundle(net).denoiser


def drawn(bundle: Bundle, prompts: Sequence[str], guidance: float, sampler: str = "dpmpp_2m") -> list[Picture]:
    """A picture for each prompt, of the seeds 0, 1, ...: the same noise for whoever draws."""
    asked: list[Recipe] = [
        replace(recipe(bundle, prompt, seed), guidance=guidance, sampler=sampler) for seed, prompt in enumerate(prompts)
    ]
    with torch.no_grad():
        return [picture for _, picture in draw_pictures(asked, bundle)]
