"""What the engine asks of the device beside the network: little for each job, and it waits once a pass."""

from collections import Counter
from collections.abc import Mapping, Sequence

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from limner.engine import Engine
from limner.process.ladder import LADDERS
from limner.process.noise import draw
from limner.process.schedule import scaled_linear
from limner.sampler import SAMPLERS
from limner.score.guidance import classifier_free
from limner.score.precondition import Preconditioned
from limner.taps import Routed
from limner.types import Context, Latent, Sigma

LENGTHS = [4, 10, 20, 30, 50] * 7
VIEWS = {"view", "unsqueeze", "select", "slice", "expand", "detach", "unbind", "alias", "lift_fresh"}  # launch nothing


class Counting(TorchDispatchMode):
    """Notes every operation by its name."""

    def __init__(self) -> None:
        super().__init__()
        self.seen = Counter[str]()

    def __torch_dispatch__(
        self,
        func: object,
        types: Sequence[type],
        args: Sequence[object] = (),
        kwargs: Mapping[str, object] | None = None,
    ) -> object:
        self.seen[func._schema.name.split("::")[1]] += 1  # type: ignore[attr-defined]
        return func(*args, **kwargs or {})  # type: ignore[operator]


def nothing(x: Latent, t: Sigma, context: Context, taps: Routed | None = None) -> Latent:
    return x


def never(step: int) -> Latent:
    raise AssertionError("no noise was asked for")


@pytest.mark.tiny
@pytest.mark.parametrize(("sampler", "most"), [("euler", 8), ("dpmpp_2m", 10)])
def test_a_jobs_step_is_few_kernels_and_no_waiting(sampler: str, most: int) -> None:
    schedule, counting = scaled_linear(), Counting()
    engine = Engine(Preconditioned(nothing, schedule, "v_prediction"), (2 * len(LENGTHS),))
    for seed, steps in enumerate(LENGTHS):
        x = 10 * draw(seed, "x", 0, (1, 4, 4, 4))
        sigmas = LADDERS["trailing"](schedule, steps)
        told = classifier_free(*(Context(torch.full((1, 2, 2), each)) for each in (0.5, 0.0)), 3.0)
        engine.add(str(seed), SAMPLERS[sampler](x, sigmas, never), told, steps)
    with torch.no_grad(), counting:
        while engine.busy:
            engine.tick()
    assert len(engine.finished) == len(LENGTHS)
    assert counting.seen["_local_scalar_dense"] == 0  # a tensor's truth or number, for which one waits
    assert sum(times for name, times in counting.seen.items() if name not in VIEWS) <= most * sum(LENGTHS)
