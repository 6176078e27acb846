"""How an image comes back: every sampler by name, each asked for in the same way."""

from collections.abc import Callable, Sequence

from limner.sampler.ode import dpmpp_2m, euler, heun
from limner.sampler.sampling import Control, Query, Reply, Sampling, steer
from limner.sampler.sde import Fresh, ancestral, langevin
from limner.types import Latent

SAMPLERS: dict[str, Callable[[Latent, Sequence[float], Fresh], Sampling]] = {
    "ancestral": ancestral,
    "dpmpp_2m": lambda x, sigmas, fresh: dpmpp_2m(x, sigmas),
    "euler": lambda x, sigmas, fresh: euler(x, sigmas),
    "heun": lambda x, sigmas, fresh: heun(x, sigmas),
    "langevin": langevin,
}

__all__ = ["SAMPLERS", "Control", "Fresh", "Query", "Reply", "Sampling", "ancestral", "dpmpp_2m", "euler", "heun",
           "langevin", "steer"]  # fmt: skip
