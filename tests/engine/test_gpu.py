"""What only a CUDA device can show: graphs that are replayed, a pass nobody waits within, and memory that runs out.

`make gpu` runs these, without the shape checks, which cannot be compiled.
"""

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from limner.bundle import Bundle, open_bundle
from limner.bundle.bundle import offloaded
from limner.engine import Engine, backends, run
from limner.engine.backends import eager
from limner.engine.batch import answer
from limner.engine.device import choose, pins
from limner.engine.run import Reader, admit
from limner.process.noise import draw
from limner.recipe import Wish, resolve
from limner.score.denoiser import Denoiser

pytestmark = pytest.mark.gpu
SPARE = 256 * 2**20  # bytes left to the engine where memory runs out


@pytest.fixture
def there(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bundle:
    """The tiny model on the GPU, in half precision, its kernels pinned."""
    if not torch.cuda.is_available():
        pytest.skip("no GPU")
    assert os.environ.get("JAXTYPING_DISABLE") == "1", "shape checks cannot be compiled: run make gpu"
    monkeypatch.setenv("LIMNER_HOME", str(tmp_path))
    place = choose("cuda")
    return open_bundle(folder, place.device, place.dtype)


def engine(bundle: Bundle, denoiser: Denoiser, sizes: Sequence[int], side: int, seeds: Sequence[int]) -> Engine:
    """Three guided steps of each seed, admitted and not yet begun."""
    made, read = Engine(denoiser, sizes), Reader(bundle)
    for seed in seeds:
        wish = Wish(model=bundle.identity, prompt="a cat", seed=seed, steps=3, width=side, height=side)
        admit(made, str(seed), resolve(wish, bundle.defaults), read, backend=replace(eager(bundle), denoiser=denoiser))
    return made


@torch.no_grad()
def played(made: Engine) -> dict[str, Tensor]:
    while made.busy:
        made.tick()
    assert not made.failed
    return made.finished


def test_the_canary_finds_the_compiled_network_sound(there: Bundle) -> None:
    verdict = backends.prepare(there)
    (trial,) = (trial for trial in verdict.trials if trial.name == "compiled")
    assert trial.fault == ""
    assert trial.difference <= backends.TOLERANCE["compiled"]
    assert verdict.chosen == min(verdict.trials, key=lambda each: each.seconds).name
    for name in ("eager", "compiled"):
        assert backends.build(there, name).kernels.endswith(pins(there.device))


def test_each_shape_is_replayed_as_a_graph_of_its_own(there: Bundle) -> None:
    network, said = backends.compiled(there), there.context(["a cat"])
    half = torch.float16
    for rows, side in ((2, 8), (4, 8), (2, 16), (4, 8), (2, 8)):
        x = draw(rows, "x", side, (rows, 4, side, side)).to("cuda", half)
        t = torch.linspace(1, 900, rows, device="cuda")
        told = type(said).cat([said] * rows).to("cuda", half)
        with torch.no_grad():
            first = [network(x, t, told) for _ in range(3)][-1]  # compiled, recorded, replayed
            with torch.profiler.profile(activities=list(torch.profiler.supported_activities())) as profile:
                again = network(x, t, told)
            truth = there.unet(x, t, told)
        launches = [event.name for event in profile.events() if "GraphLaunch" in event.name]
        assert len(launches) == 1, "not replayed as one CUDA graph"
        assert torch.equal(first, again)
        off = (again - truth).float().square().mean().sqrt() / truth.float().std()
        assert off <= backends.TOLERANCE["compiled"]


def test_nobody_waits_for_the_device_within_a_pass(there: Bundle) -> None:
    made = engine(there, there.denoiser, (8,), 64, range(4))
    with torch.no_grad():
        made.tick()  # weights are loaded and tables made
        torch.cuda.set_sync_debug_mode("error")
        try:
            answer(made.pick(), 8)
        finally:
            torch.cuda.set_sync_debug_mode("default")


def test_without_room_on_the_device_passes_become_smaller_and_pictures_stay(there: Bundle) -> None:
    alone = played(engine(there, there.denoiser, (2,), 256, range(3)))
    torch.cuda.empty_cache()
    free, _ = torch.cuda.mem_get_info()
    assert free > 2 * SPARE
    hog = torch.empty(free - SPARE, dtype=torch.uint8, device="cuda")
    made = engine(there, there.denoiser, (2, 8192), 256, range(3))
    pictures = played(made)
    del hog
    assert made.notes == ["out of memory with 8192 rows; now at most 2 at once"]
    assert list(made.buckets.values()) == [(2,)]
    assert pictures.keys() == alone.keys()
    assert all(torch.equal(pictures[name], alone[name]) for name in alone)


def test_offloaded_a_model_takes_the_room_of_its_largest_network(folder: Path, there: Bundle) -> None:
    recipe = resolve(Wish(model=there.identity, prompt="a red apple"), there.defaults)
    ((_, truth),) = run([recipe], there)
    whole = torch.cuda.memory_allocated()
    staged = offloaded(open_bundle(folder, "cpu", there.denoiser.dtype), there.device)
    ((_, said),) = run([recipe], staged)
    assert (said == truth).all()
    assert staged.stage is not None
    assert staged.stage.entrances == {"TextTower": 1, "UNet": 1, "Autoencoder": 1}
    staged.stage.clear()
    assert torch.cuda.memory_allocated() <= whole + 2**20  # nothing of it stays behind but libraries' own
