"""From the same noise, through the same weights, every sampler goes where diffusers' own goes."""

import inspect
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from types import ModuleType

import pytest
import torch
from diffusers import (
    DDIMScheduler,
    DDPMScheduler,
    DPMSolverMultistepScheduler,
    EulerAncestralDiscreteScheduler,
    EulerDiscreteScheduler,
    HeunDiscreteScheduler,
    KDPM2AncestralDiscreteScheduler,
    KDPM2DiscreteScheduler,
    LCMScheduler,
    LMSDiscreteScheduler,
    SchedulerMixin,
    UNet2DConditionModel,
    UniPCMultistepScheduler,
)
from test_network import MINI, SD15, error, stir

from limner.engine import Engine
from limner.network.config import UNetConfig
from limner.network.unet import UNet
from limner.process.ladder import LADDERS
from limner.process.noise import draw, key
from limner.process.schedule import scaled_linear, zero_terminal_snr
from limner.sampler import SAMPLERS, Reply, Sampling, ode, sde
from limner.score.exact import Mixture
from limner.score.guidance import Lane
from limner.score.precondition import Preconditioned
from limner.types import Context, Latent

with pytest.MonkeyPatch.context() as patched:  # diffusers asks for torchsde, whose noise is not used here
    patched.setitem(sys.modules, "torchsde", ModuleType("torchsde"))
    DPMSolverSDEScheduler = import_module("diffusers.schedulers.scheduling_dpmsolver_sde").DPMSolverSDEScheduler

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
# Through a denoiser in closed form, asked about a noise level and no time: diffusers computes in float32, 6e-6.
CLOSED = 2e-5
# diffusers hands tensors to NumPy in a way that NumPy 2 will give up
pytestmark = pytest.mark.filterwarnings("ignore:__array_:DeprecationWarning")


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
    rounds: bool = False  # it asks its network at whole times, though its noise levels are between them
    asks: int = 1  # questions a step, between two draws of noise


TRAILING, UNCLIPPED = {"timestep_spacing": "trailing"}, {"clip_sample": False}
LEADING = {"timestep_spacing": "leading", "steps_offset": 1}
KARRAS, EXPONENTIAL = {"use_karras_sigmas": True}, {"use_exponential_sigmas": True}
SMALL, TO_ZERO = {"variance_type": "fixed_small"}, {"final_sigmas_type": "zero"}
SDE = {"algorithm_type": "sde-dpmsolver++"}
PEERS = {
    "DDIM, eta 0": Peer(DDIMScheduler, TRAILING | UNCLIPPED, "euler", "trailing", True, eta=0.0),
    "DDIM, eta 0, leading": Peer(DDIMScheduler, LEADING | UNCLIPPED, "euler", "leading", True, eta=0.0),
    "DDIM, eta 1": Peer(DDIMScheduler, TRAILING | UNCLIPPED, "ancestral", "trailing", True, eta=1.0, seeded=True),
    "DDPM": Peer(DDPMScheduler, TRAILING | UNCLIPPED | SMALL, "ancestral", "trailing", True, seeded=True),
    "Euler": Peer(EulerDiscreteScheduler, TRAILING, "euler", "trailing", False),
    "Euler, Karras": Peer(EulerDiscreteScheduler, KARRAS, "euler", "karras", False),
    "Euler, exponential": Peer(EulerDiscreteScheduler, EXPONENTIAL, "euler", "exponential", False),
    "Euler ancestral": Peer(EulerAncestralDiscreteScheduler, TRAILING, "ancestral", "trailing", False, seeded=True),
    "Heun": Peer(HeunDiscreteScheduler, TRAILING, "heun", "trailing", False, rescales=False),
    "Heun, Karras": Peer(HeunDiscreteScheduler, KARRAS, "heun", "karras", False, rescales=False),
    "DPM-Solver++(2M)": Peer(DPMSolverMultistepScheduler, TRAILING | TO_ZERO, "dpmpp_2m", "trailing", True),
}
MORE = {
    "DDIM, eta 0.4": Peer(DDIMScheduler, TRAILING | UNCLIPPED, "ddim", "trailing", True, eta=0.4, seeded=True),
    "DPM-Solver++(2M), Karras": Peer(
        DPMSolverMultistepScheduler, KARRAS | TO_ZERO, "dpmpp_2m", "karras", True, rounds=True
    ),
    "SDE-DPM-Solver++(2M)": Peer(
        DPMSolverMultistepScheduler, TRAILING | TO_ZERO | SDE, "dpmpp_2m_sde", "trailing", True, seeded=True
    ),
    "LMS": Peer(LMSDiscreteScheduler, TRAILING, "lms", "trailing", False, rescales=False),
    "LMS, exponential": Peer(LMSDiscreteScheduler, EXPONENTIAL, "lms", "exponential", False, rescales=False),
    "UniPC": Peer(UniPCMultistepScheduler, TRAILING | TO_ZERO, "unipc", "trailing", True),
    "LCM": Peer(LCMScheduler, UNCLIPPED, "lcm", "trailing", True, seeded=True),
    "KDPM2": Peer(KDPM2DiscreteScheduler, TRAILING, "dpm_2", "trailing", False, rescales=False, asks=2),
    "KDPM2 ancestral": Peer(
        KDPM2AncestralDiscreteScheduler, TRAILING, "dpm_2_ancestral", "trailing", False, seeded=True, rescales=False,
        asks=2,
    ),
    "DPM-Solver SDE": Peer(DPMSolverSDEScheduler, TRAILING, "dpmpp_sde", "trailing", False, rescales=False, asks=2),
    "DPM-Solver SDE, Karras": Peer(
        DPMSolverSDEScheduler, KARRAS, "dpmpp_sde", "karras", False, rescales=False, asks=2
    ),
}  # fmt: skip
ALL = PEERS | MORE
CASES = [
    (name, model)
    for name, peer in ALL.items()
    for model, (_, _, zero) in MODELS.items()
    if (name in PEERS or model in ("SD1.5 eps", "limner-mini v, zero SNR"))  # two kinds of time; the rest is above
    and (peer.rescales or not zero)
    and not peer.rounds
]


@cache
def networks(model: str) -> tuple[UNet2DConditionModel, UNet]:
    config, _, _ = MODELS[model]
    theirs = UNet2DConditionModel(**config).eval()
    for k, weight in enumerate(theirs.parameters()):
        drawn = draw(
            k, "weights", 0, tuple(weight.shape)
        )  # norms begin with ones, biases with what torch drew unseeded
        weight.data = drawn * weight[0].numel() ** -0.5 if weight.ndim > 1 else weight.data.round()
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
    (unet, _), (_, prediction, zero) = networks(model), MODELS[model]
    rescaled = {"rescale_betas_zero_snr": True} if zero else {}
    x = draw(0, "start", 0, SHAPE)
    return walked(
        name,
        x,
        lambda scheduler, x, t: unet(scheduler.scale_model_input(x, t), t, states(model)).sample,
        **rescaled,
        prediction_type=prediction,
    )


def walked(name: str, start: Latent, said: Callable[..., Latent], **fields: object) -> Latent:
    """Where diffusers goes from unit noise, if `said` is what its network says."""
    peer = ALL[name]
    scheduler = peer.kind(**SD, **peer.fields, **fields)
    scheduler.set_timesteps(STEPS)
    if hasattr(scheduler, "noise_sampler"):
        scheduler.noise_sampler = brownian()
    x = start * (1 if peer.preserving else scheduler.sigmas[0])
    for i, t in enumerate(scheduler.timesteps):
        drawn = {"generator": torch.Generator().manual_seed(key(0, "fresh", i // peer.asks))} if peer.seeded else {}
        drawn |= {} if peer.eta is None else {"eta": peer.eta}
        x = scheduler.step(said(scheduler, x, t), t, x, **drawn).prev_sample
    return x


def brownian() -> Callable[[torch.Tensor, torch.Tensor], Latent]:
    """What a Brownian path in sigma does in the first half of a step, and then in all of it, scaled to variance 1."""
    asked = list[torch.Tensor]()

    def jump(high: torch.Tensor, low: torch.Tensor) -> Latent:
        step, whole = divmod(len(asked), 2)
        asked.append(low)
        if not whole:
            return fresh(2 * step)
        share = (high - asked[-2]) / (high - low)
        return share.sqrt() * fresh(2 * step) + (1 - share).sqrt() * fresh(2 * step + 1)

    return jump


@torch.no_grad()
def ours(name: str, model: str, sampler: Callable[..., Sampling] | None = None, unet: UNet | None = None) -> Latent:
    peer, (_, prediction, zero) = ALL[name], MODELS[model]
    schedule = zero_terminal_snr(scaled_linear()) if zero else scaled_linear()
    sigmas = LADDERS[peer.ladder](schedule, STEPS)
    scale = (1 + sigmas[0] ** 2) ** 0.5 if peer.preserving else sigmas[0]
    walk = (sampler or SAMPLERS[peer.sampler])(scale * draw(0, "start", 0, SHAPE), sigmas, fresh, eta_of(peer))
    engine = Engine(Preconditioned(unet or networks(model)[1], schedule, prediction))
    engine.add("", walk, (Lane(Context(states(model))),))
    while engine.busy:
        engine.tick()
    return engine.finished[""]


def fresh(step: int) -> Latent:
    return draw(0, "fresh", step, SHAPE)


def eta_of(peer: Peer) -> float:
    return 1.0 if peer.eta is None else peer.eta


TWO = Mixture(torch.stack([draw(k, "means", 0, SHAPE[1:]).double() for k in range(2)]), 0.3)
NOTHING = Context(torch.zeros(1, 1, 1, dtype=torch.float64))
START = draw(0, "start", 0, SHAPE).double()


def mean(x: Latent, sigma: float) -> Latent:
    """A denoiser in closed form."""
    return TWO(x, x.new_tensor([sigma]), NOTHING)


def answered(name: str, sampler: Callable[..., Sampling] | None = None) -> tuple[Latent, list[float]]:
    """Where we go, if the denoiser is known in closed form, and the noise levels asked about."""
    peer, asked = ALL[name], list[float]()
    sigmas = LADDERS[peer.ladder](scaled_linear(), STEPS)
    scale = (1 + sigmas[0] ** 2) ** 0.5 if peer.preserving else sigmas[0]
    walk = (sampler or SAMPLERS[peer.sampler])(scale * START, sigmas, fresh, eta_of(peer))
    query = next(walk)
    while True:
        asked.append(query.sigma)
        try:
            query = walk.send(Reply(query.x, mean(query.x, query.sigma)))
        except StopIteration as done:
            return done.value, asked


def closed(name: str, levels: Sequence[float]) -> Latent:
    """Where diffusers goes, told the noise that is at these levels; the rest it computes from its own."""
    told = iter(levels)

    def said(scheduler: SchedulerMixin, x: Latent, t: torch.Tensor) -> Latent:
        sigma, x = next(told), scheduler.scale_model_input(x, t)
        x = x * (1 + sigma**2) ** 0.5
        return ((x - mean(x, sigma)) / sigma).float()

    found = walked(name, START.float(), said)  # in float32, in which its noise is then drawn too
    assert next(told, None) is None  # as many questions
    return found


@pytest.mark.parametrize("peer", ALL)
def test_trajectories_in_closed_form(peer: str) -> None:
    ours, levels = answered(peer)
    assert error(ours, closed(peer, levels)) < CLOSED


@pytest.mark.parametrize(("peer", "model"), CASES)
def test_trajectories(peer: str, model: str) -> None:
    whole = ALL[peer].ladder in ("leading", "trailing")
    starts_from_nothing = MODELS[model][2] and ALL[peer].ladder != "leading"
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


PLANTED_CLOSED = [
    ("DDIM, eta 0.4", "ancestral", "eta**2 + (1 - eta**2)", "eta + (1 - eta)"),
    ("DDIM, eta 0.4", "ancestral", "up = eta *", "up ="),
    ("KDPM2", "dpm_2", "(sigma * sigma_next) ** 0.5", "(sigma + sigma_next) / 2"),
    ("KDPM2", "dpm_2", "(middle - reply.denoised) / half", "slope"),
    ("KDPM2 ancestral", "dpm_2_ancestral", "(sigma * down) ** 0.5", "(sigma * sigma_next) ** 0.5"),
    ("KDPM2 ancestral", "dpm_2_ancestral", "x + (down - sigma)", "x + (sigma_next - sigma)"),
    ("LMS", "lms", "most: int = 4", "most: int = 3"),
    ("UniPC", "unipc", "shift - weight *", "shift - 0 *"),
    ("UniPC", "unipc", "(1 + r)", "(1 - r)"),
    ("UniPC", "unipc", "phi_1 / h - 1 / 2", "phi_1 / h + 1 / 2"),
    ("SDE-DPM-Solver++(2M)", "dpmpp_2m_sde", "h / (2 * h_before)", "h_before / (2 * h)"),
    ("SDE-DPM-Solver++(2M)", "dpmpp_2m_sde", "(2 * eta)", "eta"),
    ("DPM-Solver SDE", "dpmpp_sde", "share**0.5 * first", "share * first"),
    ("DPM-Solver SDE", "dpmpp_sde", "down, up = jump(sigma, half, eta)", "down, up = jump(sigma, sigma_next, eta)"),
    ("LCM", "lcm", "sigma_next * fresh(i)", "sigma * fresh(i)"),
]


def spoilt(sampler: str, right: str, wrong: str) -> Callable[..., Sampling]:
    """A copy of the sampler, alike but for one term."""
    module = next(each for each in (ode, sde) if hasattr(each, sampler))
    source = inspect.getsource(module)
    assert right in source
    namespace: dict[str, Callable[..., Sampling]] = {}
    exec(source.replace(right, wrong), namespace)
    takes = len(inspect.signature(getattr(module, sampler)).parameters)
    return lambda x, sigmas, *noise: namespace[sampler](x, sigmas, *(noise[: takes - 2] if module is sde else []))


@pytest.mark.parametrize(("peer", "sampler", "right", "wrong"), PLANTED_CLOSED)
def test_a_wrong_coefficient_is_noticed_in_closed_form(peer: str, sampler: str, right: str, wrong: str) -> None:
    """A hundred times as far as is allowed."""
    _, levels = answered(peer)
    assert error(answered(peer, spoilt(sampler, right, wrong))[0], closed(peer, levels)) > 100 * CLOSED


@pytest.mark.parametrize("model", ["SD1.5 eps", "limner-mini eps"])
@pytest.mark.parametrize(("peer", "sampler", "right", "wrong"), PLANTED)
def test_a_wrong_coefficient_is_noticed(model: str, peer: str, sampler: str, right: str, wrong: str) -> None:
    """A copy of the sampler, alike but for one term, goes elsewhere: a hundred times as far as is allowed."""
    assert error(ours(peer, model, spoilt(sampler, right, wrong)), theirs(peer, model)) > 100 * BOUND


@pytest.mark.parametrize("model", ["SD1.5 eps", "limner-mini eps"])
def test_a_transposed_weight_is_noticed(model: str) -> None:
    wrong = UNet(networks(model)[1].config).eval()
    weights = dict(networks(model)[1].state_dict())
    name = "mid_block.attentions.0.transformer_blocks.0.attn1.to_v.weight"
    wrong.load_state_dict(weights | {name: weights[name].T}, strict=True)
    assert error(ours("DDIM, eta 0", model, unet=wrong), theirs("DDIM, eta 0", model)) > 100 * BOUND
