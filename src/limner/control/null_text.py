"""Null-text inversion: what is told where nothing is said is learnt, so that guidance too leads back to the picture."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import torch

from limner.score.denoiser import Denoiser
from limner.score.guidance import Guidance, Lane, at
from limner.types import Context, Latent

ROUNDS = 10
RATE = 0.5  # of Adam's, all steps together: the authors' 1e-2 in each of 50, and as far to go in fewer
ENOUGH, MORE = 1e-5, 2e-5  # the loss at which a step's learning ends, and by how much that rises a step


def null_text(
    denoiser: Denoiser,
    trail: Sequence[Latent],
    sigmas: Sequence[float],
    lanes: Guidance,
    rounds: int = ROUNDS,
    rate: float = RATE,
) -> list[Context]:
    """For each step of Euler's ladder its own null text.  Mokady et al. 2022 (arXiv:2211.09794), Algorithm 1.

    `trail[i]` is x at `sigmas[i]` on the way back with the prompt alone, and last the picture: the pivots.  Each step's
    text begins as the one before and learns by Adam until the step guided by `lanes`, from where those before have led,
    ends at the next pivot; lengths are taken in variance-preserving units, z = x / sqrt(1 + sigma^2).  It learns
    nothing in steps in which nobody is told nothing, and where that is in all of them there are no texts.
    """
    learnt = next((lane.context for lane in lanes if not lane.seen), None)
    x, out = trail[0], list[Context]()
    if learnt is None:
        return out
    for i, (sigma, sigma_next) in enumerate(pairwise(sigmas)):
        told = at(lanes, sigma)
        heard = [(lane, _ask(denoiser, x, sigma, lane.context).detach()) for lane in told if lane.seen]
        weight = sum((lane.weight for lane in told if not lane.seen), 0.0)
        states = learnt.states.detach().clone().requires_grad_(True)
        share = rate / (len(sigmas) - 1)
        adam = torch.optim.Adam([states], lr=share * (1 - i / 100) if i < 100 else share / 100)
        for _ in range(rounds if weight else 0):
            with torch.enable_grad():
                unsaid = _ask(denoiser, x, sigma, replace(learnt, states=states))
                off = _step(x, _guided(x, sigma, heard, weight, unsaid), sigma, sigma_next) - trail[i + 1]
                loss = off.square().mean() / (1 + sigma_next**2)
                (states.grad,) = torch.autograd.grad(loss, states)
            adam.step()
            if float(loss.detach()) < ENOUGH + MORE * i:
                break
        learnt = replace(learnt, states=states.detach())
        out.append(learnt)
        with torch.no_grad():
            unsaid = _ask(denoiser, x, sigma, learnt)
            x = _step(x, _guided(x, sigma, heard, weight, unsaid), sigma, sigma_next)
    return out


def _guided(x: Latent, sigma: float, heard: Sequence[tuple[Lane, Latent]], weight: float, unsaid: Latent) -> Latent:
    """The lanes' sum, in which what is told nothing has such a weight, its contrast taken back where a lane says so."""
    mean = weight * unsaid
    for lane, denoised in heard:
        mean = mean + lane.weight * denoised
    for lane, denoised in heard:
        if lane.rescale is not None:
            mean = lane.rescale(x, sigma, denoised, mean)
    return mean


def _ask(denoiser: Denoiser, x: Latent, sigma: float, context: Context) -> Latent:
    return denoiser(x, torch.full((len(x),), sigma), context)


def _step(x: Latent, denoised: Latent, sigma: float, sigma_next: float) -> Latent:
    return denoised + sigma_next * (x - denoised) / sigma
