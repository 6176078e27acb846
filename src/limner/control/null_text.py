"""Null-text inversion: what is told where nothing is said is learnt, so that guidance too leads back to the picture."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import torch

from limner.score.denoiser import Denoiser
from limner.types import Context, Latent

ROUNDS = 10
RATE = 0.5  # of Adam's, all steps together: the authors' 1e-2 in each of 50, and as far to go in fewer
ENOUGH, MORE = 1e-5, 2e-5  # the loss at which a step's learning ends, and by how much that rises a step


def null_text(
    denoiser: Denoiser,
    trail: Sequence[Latent],
    sigmas: Sequence[float],
    prompt: Context,
    nothing: Context,
    scale: float,
    rounds: int = ROUNDS,
    rate: float = RATE,
) -> list[Context]:
    """For each step of Euler's ladder its own null text.  Mokady et al. 2022 (arXiv:2211.09794), Algorithm 1.

    `trail[i]` is x at `sigmas[i]` on the way back with the prompt alone, and last the picture: the pivots.  Each step's
    text begins as the one before and learns by Adam until the guided step, from where the guided ones before have led,
    ends at the next pivot; lengths are taken in variance-preserving units, z = x / sqrt(1 + sigma^2).
    """
    x, states, out = trail[0], nothing.states, list[Context]()
    for i, (sigma, sigma_next) in enumerate(pairwise(sigmas)):
        said = _ask(denoiser, x, sigma, prompt).detach()
        states = states.detach().clone().requires_grad_(True)
        share = rate / (len(sigmas) - 1)
        adam = torch.optim.Adam([states], lr=share * (1 - i / 100) if i < 100 else share / 100)
        for _ in range(rounds):
            with torch.enable_grad():
                unsaid = _ask(denoiser, x, sigma, replace(nothing, states=states))
                off = _step(x, scale * said + (1 - scale) * unsaid, sigma, sigma_next) - trail[i + 1]
                loss = off.square().mean() / (1 + sigma_next**2)
                (states.grad,) = torch.autograd.grad(loss, states)
            adam.step()
            if float(loss.detach()) < ENOUGH + MORE * i:
                break
        states = states.detach()
        learnt = replace(nothing, states=states)
        out.append(learnt)
        with torch.no_grad():
            guided = scale * said + (1 - scale) * _ask(denoiser, x, sigma, learnt)
            x = _step(x, guided, sigma, sigma_next)
    return out


def _ask(denoiser: Denoiser, x: Latent, sigma: float, context: Context) -> Latent:
    return denoiser(x, torch.full((len(x),), sigma), context)


def _step(x: Latent, denoised: Latent, sigma: float, sigma_next: float) -> Latent:
    return denoised + sigma_next * (x - denoised) / sigma
