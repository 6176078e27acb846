"""The same pixels alone and in any company: a pass always has the same size, and rows do not know each other."""

import os
from collections.abc import Sequence
from dataclasses import replace
from itertools import count
from pathlib import Path
from random import Random

import pytest
import torch
from plain import plain
from torch import Tensor

from limner.bundle import Bundle, open_bundle
from limner.engine import Engine, backends
from limner.engine.backends import Backend
from limner.engine.device import choose
from limner.engine.run import Reader, admit
from limner.process.ladder import LADDERS
from limner.recipe import VERSION, Recipe
from limner.sampler import SAMPLERS

JOBS = 200
PROMPTS = ["a red apple", "a blue boat and a cat", "", "two cats on a table"]


def recipes(bundle: Bundle) -> list[Recipe]:
    """Any mix of seeds, steps, samplers, ladders, guidance, its interval, negative prompts and sizes."""
    chance = Random(0)
    first = plain(VERSION, bundle.identity, "", "", 0, 1, "euler", "trailing", 1, 1.0, 0.0, 1e4, 0, 1, 32, 32)
    return [
        replace(
            first,
            prompt=chance.choice(PROMPTS),
            negative=chance.choice(["", "", "a cat"]),
            seed=chance.randrange(2**32),
            steps=chance.randint(1, 4),
            sampler=chance.choice(sorted(SAMPLERS)),
            ladder=chance.choice(sorted(LADDERS)),
            eta=chance.choice([0.0, 0.5, 1.0]),
            guidance=chance.choice([0.0, 1.0, 2.5, 7.5]),
            rescale=chance.choice([0.0, 0.0, 0.7]),
            guide_above=chance.choice([0.0, 0.0, 0.3]),
            guide_below=chance.choice([1e4, 1e4, 10.0]),
            width=chance.choice([32, 32, 32, 64]),
        )
        for _ in range(JOBS)
    ]


def drawn(
    read: Reader,
    asked: Sequence[tuple[int, Recipe]],
    sizes: Sequence[int],
    chance: Random,
    backend: Backend | None = None,
) -> dict[str, Tensor]:
    """The pictures of jobs that arrive at random times, some of them cancelled and sent again."""
    engine, coming, again = Engine(read.bundle.denoiser, sizes), list(asked), count()
    out = dict[str, Tensor]()
    with torch.no_grad():
        while coming or engine.busy:
            for _ in range(min(len(coming), chance.choice([0, 0, 1, 2, 5]))):
                number, recipe = coming.pop()
                name = f"{number} {next(again)}"
                admit(engine, name, recipe, read, backend=backend)
                if chance.random() < 0.05:
                    engine.cancel(name)
                    coming.insert(0, (number, recipe))
            engine.tick()
            out |= {name.split()[0]: engine.finished.pop(name) for name in list(engine.finished)}
    assert not engine.failed
    return out


@pytest.mark.parametrize(
    ("device", "backend"),
    [
        ("cpu", "eager"),
        ("cpu", "openvino-f32"),
        ("cpu", "openvino-bf16"),
        pytest.param("cuda", "eager", marks=pytest.mark.gpu),
        pytest.param("cuda", "compiled", marks=pytest.mark.gpu),
    ],
)
def test_two_hundred_jobs_have_the_same_pixels_alone_and_in_random_company(
    folder: Path, prepared: Path, monkeypatch: pytest.MonkeyPatch, device: str, backend: str
) -> None:
    if device == "cuda" and not torch.cuda.is_available():
        pytest.skip("no GPU")
    if backend == "compiled":
        assert os.environ.get("JAXTYPING_DISABLE") == "1", "shape checks cannot be compiled: run make gpu"
    monkeypatch.setenv("LIMNER_HOME", str(prepared))
    place = choose(device)
    read, chance, sizes = Reader(open_bundle(folder, place.device, place.dtype)), Random(1), (6,)
    chosen, asked = backends.choose(read.bundle, backend), list(enumerate(recipes(read.bundle)))
    alone = dict[str, Tensor]()
    for each in asked:
        alone |= drawn(read, [each], sizes, Random(0), chosen)
    assert len({picture.cpu().numpy().tobytes() for picture in alone.values()}) > 0.9 * JOBS
    company = drawn(read, chance.sample(asked, JOBS), sizes, chance, chosen)
    differing = [name for name, picture in company.items() if not torch.equal(picture, alone[name])]
    assert company.keys() == alone.keys()
    assert differing == []


def test_other_sizes_do_tell(bundle: Bundle) -> None:
    """The law's reason: a pass of another size rounds otherwise, so that the test above could fail."""
    read = Reader(bundle)
    asked = list(enumerate(recipes(bundle)))[:40]
    small, large = (drawn(read, asked, sizes, Random(0)) for sizes in ((2,), (8,)))
    assert any(not torch.equal(small[name], large[name]) for name in small)
