"""One network at a time is on the device, and moves no more often than it must."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from limner.bundle import open_bundle
from limner.bundle.bundle import offloaded
from limner.bundle.stage import Stage
from limner.engine import run
from limner.engine.backends import build, candidates
from limner.engine.run import pixels
from limner.errors import LimnerError
from limner.process.noise import draw
from limner.recipe import Wish, resolve, series

CPU = torch.device("cpu")


def devices(*nets: torch.nn.Module) -> list[str]:
    return [next(net.parameters()).device.type for net in nets]


def test_who_enters_sends_whoever_was_there_home(folder: Path) -> None:
    bundle, stage = open_bundle(folder), Stage(torch.device("meta"))
    truth = {name: weight.clone() for name, weight in bundle.text.state_dict().items()}
    nets = bundle.text, bundle.unet, bundle.autoencoder
    assert devices(*nets) == ["cpu", "cpu", "cpu"]
    for place, net in enumerate(nets):
        assert stage.enter(net) is net
        assert devices(*nets) == ["meta" if other == place else "cpu" for other in range(3)]
    stage.clear()
    assert devices(*nets) == ["cpu", "cpu", "cpu"]
    for name, weight in bundle.text.state_dict().items():
        torch.testing.assert_close(weight, truth[name], rtol=0, atol=0)


def test_a_picture_takes_three_entrances_whatever_its_steps(folder: Path) -> None:
    plain, staged = open_bundle(folder), offloaded(open_bundle(folder), CPU)
    assert staged.stage is not None
    recipe = resolve(Wish(model=plain.identity, prompt="a red apple", steps=5), plain.defaults)
    ((_, truth),), ((_, said),) = run([recipe], plain), run([recipe], staged)
    assert (said == truth).all()
    assert staged.stage.entrances == {"TextTower": 1, "UNet": 1, "Autoencoder": 1}
    assert len(list(run(series(recipe, 3), staged))) == 3
    assert staged.stage.entrances == {"TextTower": 2, "UNet": 4, "Autoencoder": 4}


def test_it_is_decoded_in_one_piece_lest_another_network_enters(folder: Path) -> None:
    staged = offloaded(open_bundle(folder), CPU)
    x0 = draw(0, "latent", 0, (1, 4, 8, 8))
    assert list(staged.decoding(x0)) == []
    assert (pixels(staged.decode(x0)) == pixels(open_bundle(folder).decode(x0))).all()


def test_only_the_eager_network_can_move(folder: Path) -> None:
    staged = replace(offloaded(open_bundle(folder), CPU))
    assert candidates(staged) == []
    with pytest.raises(LimnerError, match="stays on its device"):
        build(staged, "compiled")
