"""How an image comes back: every sampler by name, each asked for in the same way."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from limner.sampler.ode import dpm_2, dpmpp_2m, euler, heun, lms, unipc
from limner.sampler.sampling import Control, Query, Reply, Sampling, steer
from limner.sampler.sde import (
    Fresh,
    ancestral,
    dpm_2_ancestral,
    dpmpp_2m_sde,
    dpmpp_2s_ancestral,
    dpmpp_sde,
    langevin,
    lcm,
)
from limner.types import Latent


@dataclass(frozen=True, slots=True)
class Sampler:
    """A sampler as it is asked for, and how often it asks: `each` step, and the `last` one, to sigma 0."""

    walk: Callable[[Latent, Sequence[float], Fresh, float], Sampling]
    each: int = 1
    last: int = 1

    def __call__(self, x: Latent, sigmas: Sequence[float], fresh: Fresh, eta: float = 1.0) -> Sampling:
        """From x at the first of `sigmas` to the last; `eta` is the share of fresh noise, where there is any."""
        return self.walk(x, sigmas, fresh, eta)

    def passes(self, steps: int) -> int:
        """How many questions a ladder of so many steps takes."""
        return self.each * (steps - 1) + self.last


SAMPLERS: dict[str, Sampler] = {
    "ancestral": Sampler(ancestral),
    "ddim": Sampler(ancestral),  # one formula under two names: where a wish is silent on eta, its is 0
    "dpm_2": Sampler(lambda x, sigmas, fresh, eta: dpm_2(x, sigmas), each=2),
    "dpm_2_ancestral": Sampler(dpm_2_ancestral, each=2),
    "dpmpp_2m": Sampler(lambda x, sigmas, fresh, eta: dpmpp_2m(x, sigmas)),
    "dpmpp_2m_sde": Sampler(dpmpp_2m_sde),
    "dpmpp_2s_ancestral": Sampler(dpmpp_2s_ancestral, each=2),
    "dpmpp_sde": Sampler(dpmpp_sde, each=2),
    "euler": Sampler(lambda x, sigmas, fresh, eta: euler(x, sigmas)),
    "heun": Sampler(lambda x, sigmas, fresh, eta: heun(x, sigmas), each=2),
    "langevin": Sampler(lambda x, sigmas, fresh, eta: langevin(x, sigmas, fresh), each=5, last=5),
    "lcm": Sampler(lambda x, sigmas, fresh, eta: lcm(x, sigmas, fresh)),
    "lms": Sampler(lambda x, sigmas, fresh, eta: lms(x, sigmas)),
    "unipc": Sampler(lambda x, sigmas, fresh, eta: unipc(x, sigmas)),
}

__all__ = ["SAMPLERS", "Control", "Fresh", "Query", "Reply", "Sampler", "Sampling", "ancestral", "dpm_2",
           "dpm_2_ancestral", "dpmpp_2m", "dpmpp_2m_sde", "dpmpp_2s_ancestral", "dpmpp_sde", "euler", "heun",
           "langevin", "lcm", "lms", "steer", "unipc"]  # fmt: skip
