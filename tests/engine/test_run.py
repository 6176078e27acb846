"""A picture is a function of (bundle, recipe): of nothing before it, nothing beside it, and nobody looking on."""

import json
import subprocess
import sys
from dataclasses import asdict, replace
from hashlib import sha256
from random import Random

import numpy as np
import pytest
import torch
from gaussian import sampled

from limner.bundle import Bundle
from limner.engine import explain, run
from limner.engine.device import choose
from limner.engine.run import sampling
from limner.errors import LimnerError
from limner.process.ladder import LADDERS
from limner.process.noise import draw, initial
from limner.recipe import NEUTRAL, VERSION, Recipe
from limner.sampler import SAMPLERS, ancestral

PROMPTS = ["a red apple", "a blue boat and a cat", "", "two cats on a table"]


def recipe(bundle: Bundle, **wanted: object) -> Recipe:
    said = {
        "version": VERSION,
        "model": bundle.identity,
        "prompt": "a red apple",
        "negative": "",
        "seed": 3,
        "steps": 3,
    }
    said |= {
        "sampler": "euler",
        "ladder": "trailing",
        "guidance": 3.0,
        "guide_above": 0.0,
        "guide_below": 1e4,
        "eta": 1.0,
        "rescale": 0.0,
        "clip_skip": 1,
        "width": 64,
        "height": 64,
    }
    return Recipe(**NEUTRAL | said | wanted)  # type: ignore[arg-type]


def random_recipes(bundle: Bundle, count: int) -> list[Recipe]:
    chance = Random(0)
    return [
        recipe(
            bundle,
            prompt=chance.choice(PROMPTS),
            negative=chance.choice(["", "a cat"]),
            seed=chance.randrange(2**32),
            steps=chance.randint(1, 4),
            sampler=chance.choice(sorted(SAMPLERS.keys() - {"langevin"})),
            ladder=chance.choice(sorted(LADDERS)),
            eta=chance.choice([0.0, 0.5, 1.0]),
            guidance=chance.choice([0.0, 1.0, 2.5, 7.5]),
            rescale=chance.choice([0.0, 0.7]),
            width=chance.choice([32, 64]),
        )
        for _ in range(count)
    ]


def test_alone_and_in_any_company_identical_pixels(bundle: Bundle) -> None:
    recipes = random_recipes(bundle, 12)
    alone = [next(run([each], bundle))[1] for each in recipes]
    assert len({picture.tobytes() for picture in alone}) == 12
    for seed in (1, 2):
        order = Random(seed).sample(range(12), 12)
        for place, picture in run([recipes[k] for k in order], bundle):
            np.testing.assert_array_equal(picture, alone[order[place]])


@pytest.mark.tiny
def test_explaining_draws_the_same_picture(bundle: Bundle) -> None:
    asked = recipe(bundle, prompt="a red apple", sampler="ancestral", width=32)
    ((_, picture),) = run([asked], bundle)
    explained, maps = explain(asked, bundle)
    np.testing.assert_array_equal(explained, picture)
    assert picture.shape == (64, 32, 3)
    assert picture.std() > 10
    assert [word for word, _ in maps] == ["a", "red", "apple"]
    assert all(heat.shape == (64, 32) and heat.min() == 0 and heat.max() == 1 for _, heat in maps)
    assert explain(replace(asked, guidance=0.0), bundle)[1] == []  # no prompt was looked at


@pytest.mark.parametrize("sampler", SAMPLERS)
@pytest.mark.parametrize("steps", [1, 3])
def test_progress_ends_at_its_total(bundle: Bundle, sampler: str, steps: int) -> None:
    asked = recipe(bundle, sampler=sampler, steps=steps, width=32, height=32)
    told = list[tuple[int, int]]()
    list(run([asked, asked], bundle, on_step=lambda done, total: told.append((done, total))))
    assert told == [(done, len(told)) for done in range(1, len(told) + 1)]


@pytest.mark.tiny
def test_a_recipes_noise_is_keyed_by_seed_and_step(bundle: Bundle) -> None:
    """The first x is sqrt(1 + sigma^2) times the seed's noise, and every later draw belongs to (seed, step)."""
    asked = recipe(bundle, sampler="ancestral", ladder="karras", steps=4)
    sigmas, shape = LADDERS["karras"](bundle.schedule, 4), (1, 4, 8, 8)
    start = (1 + sigmas[0] ** 2) ** 0.5 * initial(3, shape)
    literal = ancestral(start, sigmas, lambda step: draw(3, "sampler", step, shape))
    assert torch.equal(sampled(sampling(asked, bundle)), sampled(literal))


FRESH = """
import hashlib, json, sys, torch
from limner.bundle import open_bundle
from limner.engine import run
from limner.recipe import NEUTRAL, from_mapping
recipe, folder = from_mapping(json.loads(sys.argv[1])), sys.argv[2]
for threads in (1, 2):
    torch.set_num_threads(threads)
    ((_, picture),) = run([recipe], open_bundle(folder))
    print(torch.get_num_threads(), hashlib.sha256(picture.tobytes()).hexdigest())
"""


def test_the_same_pixels_in_a_fresh_process(bundle: Bundle) -> None:
    """For one and for two threads each; of different counts nothing is promised."""
    asked = recipe(bundle, sampler="ancestral", guidance=7.5)
    argv = [sys.executable, "-c", FRESH, json.dumps(asdict(asked)), str(bundle.folder)]
    twice = [subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    first, second = (process.communicate()[0].split() for process in twice)
    assert first == second
    assert first[::2] == ["1", "2"]
    assert sha256(next(run([asked], bundle))[1].tobytes()).hexdigest() == first[1]


@pytest.mark.tiny
def test_a_device_is_chosen_or_refused() -> None:
    assert choose("cpu").dtype.is_floating_point
    assert choose("cpu", "bfloat16").why == "asked for"
    for device, dtype, what in (("abacus", None, "device 'abacus'"), ("cpu", "int8", "precision 'int8'")):
        with pytest.raises(LimnerError, match=what):
            choose(device, dtype)
