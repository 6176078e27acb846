"""From the same noise, through the same weights, every sampler goes where diffusers' own goes."""

import inspect
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import pytest
import torch
from diffusers import (
    DDIMScheduler,
    DDPMScheduler,
    DPMSolverMultistepScheduler,
    EulerAncestralDiscreteScheduler,
    EulerDiscreteScheduler,
    HeunDiscreteScheduler,
    SchedulerMixin,
    UNet2DConditionModel,
)
from test_network import MINI, SD15, error, stir

from limner.engine import Engine
from limner.network.config import UNetConfig
from limner.network.unet import UNet
from limner.process.ladder import LADDERS
from limner.process.noise import draw, key
from limner.process.schedule import scaled_linear, zero_terminal_snr
from limner.sampler import SAMPLERS, Fresh, Sampling
from limner.score.guidance import Lane
from limner.score.precondition import Preconditioned
from limner.types import Context, Latent

STEPS, SHAPE = 5, (1, 4, 8, 8)
SD = {"beta_schedule": "scaled_linear", "beta_start": 0.00085, "beta_end": 0.012}
MODELS = {  # a network's shape, what it predicts, and whether the last time holds no signal
    "SD1.5 eps": (SD15, "epsilon", False),
    "SD1.5 v": (SD15, "v_prediction", False),
    "limner-mini eps": (MINI, "epsilon", False),
    "limner-mini v, zero SNR": (MINI, "v_prediction", True),
}
# The largest error over the reference's standard deviation.  Five passes in float32, each fed with the last one's
# answer, were measured at 3e-6; where times are not whole, diffusers interpolates them in float32: 3e-4; where its last
# time holds no signal at all and ours 2^-12 of the amplitude: 3e-3.
BOUND, BETWEEN, ZERO = 1e-5, 1e-3, 6e-3
# diffusers hands tensors to NumPy in a way that NumPy 2 will give up
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


@dataclass(frozen=True)
class Peer:
    """A scheduler of diffusers, and our names for the same thing."""

    kind: type[SchedulerMixin]
    fields: dict[str, object]
    sampler: str
    ladder: str
    preserving: bool  # its x is variance-preserving
    eta: float | None = None
    seeded: bool = False  # it draws noise on its way
    rescales: bool = True  # it knows zero terminal SNR


TRAILING, UNCLIPPED = {"timestep_spacing": "trailing"}, {"clip_sample": False}
LEADING = {"timestep_spacing": "leading", "steps_offset": 1}
KARRAS, EXPONENTIAL = {"use_karras_sigmas": True}, {"use_exponential_sigmas": True}
SMALL, TO_ZERO = {"variance_type": "fixed_small"}, {"final_sigmas_type": "zero"}
PEERS = {
    "DDIM, eta 0": Peer(DDIMScheduler, TRAILING | UNCLIPPED, "euler", "trailing", True, eta=0),
    "DDIM, eta 0, leading": Peer(DDIMScheduler, LEADING | UNCLIPPED, "euler", "leading", True, eta=0),
    "DDIM, eta 1": Peer(DDIMScheduler, TRAILING | UNCLIPPED, "ancestral", "trailing", True, eta=1, seeded=True),
    "DDPM": Peer(DDPMScheduler, TRAILING | UNCLIPPED | SMALL, "ancestral", "trailing", True, seeded=True),
    "Euler": Peer(EulerDiscreteScheduler, TRAILING, "euler", "trailing", False),
    "Euler, Karras": Peer(EulerDiscreteScheduler, KARRAS, "euler", "karras", False),
    "Euler, exponential": Peer(EulerDiscreteScheduler, EXPONENTIAL, "euler", "exponential", False),
    "Euler ancestral": Peer(EulerAncestralDiscreteScheduler, TRAILING, "ancestral", "trailing", False, seeded=True),
    "Heun": Peer(HeunDiscreteScheduler, TRAILING, "heun", "trailing", False, rescales=False),
    "Heun, Karras": Peer(HeunDiscreteScheduler, KARRAS, "heun", "karras", False, rescales=False),
    "DPM-Solver++(2M)": Peer(DPMSolverMultistepScheduler, TRAILING | TO_ZERO, "dpmpp_2m", "trailing", True),
}
CASES = [(p, m) for p, peer in PEERS.items() for m, (_, _, zero) in MODELS.items() if peer.rescales or not zero]


@cache
def networks(model: str) -> tuple[UNet2DConditionModel, UNet]:
    config, _, _ = MODELS[model]
    theirs = UNet2DConditionModel(**config).eval()
    for k, weight in enumerate(theirs.parameters()):
        weight.data = (
            draw(k, "weights", 0, tuple(weight.shape)) * weight[0].numel() ** -0.5 if weight.ndim > 1 else weight
        )
    stir(theirs)
    ours = UNet(UNetConfig.read(dict(theirs.config))).eval()
    ours.load_state_dict(theirs.state_dict(), strict=True)
    return theirs, ours


def states(model: str) -> torch.Tensor:
    return draw(1, "states", 0, (1, 7, int(MODELS[model][0]["cross_attention_dim"])))  # type: ignore[call-overload]


@cache
@torch.no_grad()
def theirs(name: str, model: str) -> Latent:
    """A whole trajectory as diffusers walks it, its fresh noise drawn from our keys."""
    peer, (unet, _), (_, prediction, zero) = PEERS[name], networks(model), MODELS[model]
    rescaled = {"rescale_betas_zero_snr": True} if zero else {}
    scheduler = peer.kind(**SD, **peer.fields, **rescaled, prediction_type=prediction)
    scheduler.set_timesteps(STEPS)
    x = draw(0, "start", 0, SHAPE) * (1 if peer.preserving else scheduler.sigmas[0])
    for i, t in enumerate(scheduler.timesteps):
        said = unet(scheduler.scale_model_input(x, t), t, states(model)).sample
        noise = {"generator": torch.Generator().manual_seed(key(0, "fresh", i))} if peer.seeded else {}
        noise |= {} if peer.eta is None else {"eta": peer.eta}
        x = scheduler.step(said, t, x, **noise).prev_sample
    return x


@torch.no_grad()
def ours(name: str, model: str, sampler: Callable[..., Sampling] | None = None, unet: UNet | None = None) -> Latent:
    peer, (_, prediction, zero) = PEERS[name], MODELS[model]
    schedule = zero_terminal_snr(scaled_linear()) if zero else scaled_linear()
    sigmas = LADDERS[peer.ladder](schedule, STEPS)
    scale = (1 + sigmas[0] ** 2) ** 0.5 if peer.preserving else sigmas[0]
    walk = (sampler or SAMPLERS[peer.sampler])(scale * draw(0, "start", 0, SHAPE), sigmas, fresh)
    engine = Engine(Preconditioned(unet or networks(model)[1], schedule, prediction))
    engine.add("", walk, (Lane(Context(states(model))),))
    while engine.busy:
        engine.tick()
    return engine.finished[""]


def fresh(step: int) -> Latent:
    return draw(0, "fresh", step, SHAPE)


@pytest.mark.parametrize(("peer", "model"), CASES)
def test_trajectories(peer: str, model: str) -> None:
    whole = PEERS[peer].ladder in ("leading", "trailing")
    starts_from_nothing = MODELS[model][2] and PEERS[peer].ladder != "leading"
    bound = ZERO if starts_from_nothing else BOUND if whole else BETWEEN
    assert error(ours(peer, model), theirs(peer, model)) < bound


PLANTED = [
    ("DDIM, eta 0", "euler", "sigma_next * slope", "sigma_next * slope * 0.99"),
    ("Heun", "heun", "(slope + slope_next) / 2", "slope_next"),
    ("Heun", "heun", "if sigma_next > 0:", "if sigma_next > 1:"),
    ("DPM-Solver++(2M)", "dpmpp_2m", "1 / (2 * r)", "1 / r"),
    ("DPM-Solver++(2M)", "dpmpp_2m", "r = h_before / h", "r = h / h_before"),
    ("DPM-Solver++(2M)", "dpmpp_2m", "return reply.denoised", "return reply.x"),
    ("Euler ancestral", "ancestral", "sigma_next**2 / sigma", "sigma_next"),
    ("DDPM", "ancestral", "(1 - (sigma_next / sigma) ** 2) ** 0.5", "1"),
    ("DDIM, eta 1", "ancestral", "fresh(i)", "fresh(0)"),
]


@pytest.mark.parametrize("model", ["SD1.5 eps", "limner-mini eps"])
@pytest.mark.parametrize(("peer", "sampler", "right", "wrong"), PLANTED)
def test_a_wrong_coefficient_is_noticed(model: str, peer: str, sampler: str, right: str, wrong: str) -> None:
    """A copy of the sampler, alike but for one term, goes elsewhere: a hundred times as far as is allowed."""
    module = sys.modules["limner.sampler.sde" if sampler == "ancestral" else "limner.sampler.ode"]
    source = inspect.getsource(module)
    assert right in source
    namespace: dict[str, Callable[..., Sampling]] = {}
    exec(source.replace(right, wrong), namespace)

    def copy(x: Latent, sigmas: list[float], fresh: Fresh) -> Sampling:
        return namespace[sampler](x, sigmas, *([fresh] if sampler == "ancestral" else []))

    assert error(ours(peer, model, copy), theirs(peer, model)) > 100 * BOUND


@pytest.mark.parametrize("model", ["SD1.5 eps", "limner-mini eps"])
def test_a_transposed_weight_is_noticed(model: str) -> None:
    wrong = UNet(networks(model)[1].config).eval()
    weights = dict(networks(model)[1].state_dict())
    name = "mid_block.attentions.0.transformer_blocks.0.attn1.to_v.weight"
    wrong.load_state_dict(weights | {name: weights[name].T}, strict=True)
    assert error(ours("DDIM, eta 0", model, unet=wrong), theirs("DDIM, eta 0", model)) > 100 * BOUND
