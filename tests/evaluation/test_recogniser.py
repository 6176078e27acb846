"""Who judges pictures learns from renders only, knows what is nothing, and loses nothing when stopped."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from limner.bundle import Bundle
from limner.errors import LimnerError
from limner.evaluation import recogniser, renders
from limner.evaluation.recogniser import Classifier, Recogniser, examined
from limner.evaluation.renders import BROKEN, SINGLE, Renders, batch, chunk, prepare
from limner.pictures.sets import Corpus
from limner.training.loop import Plan, Run
from limner.training.weights import initialise

ANY = replace(SINGLE, sets=(), kinds=())
NOUNS = ["cat", "dog", "elephant", "owl", "bread", "jeans"]
NAMES = ("disc", "bar", "cross")


def planted(seed: int, count: int = 48) -> Renders:
    """Three shapes in colours of chance on white: what a compositor would make of a corpus of three nouns."""
    chance = np.random.default_rng(seed)
    y, x = np.mgrid[-1:1:64j, -1:1:64j]
    shapes = (x**2 + y**2 < 0.5, np.abs(y) < 0.25, (np.abs(x) < 0.2) | (np.abs(y) < 0.2))
    labels = torch.arange(count) % len(shapes)
    pictures = [
        np.where(shapes[int(k)], chance.integers(0, 160, (3, 1, 1)), 255).astype(np.uint8) for k in labels.tolist()
    ]
    things = torch.from_numpy(np.stack(pictures))
    noise = torch.from_numpy(chance.integers(0, 256, (count, 3, 64, 64), np.uint8))
    return Renders(things, labels, things, labels, noise)


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Smaller chunks, and less patience with a corpus that has nothing."""
    for name, count in (("PLAIN", 24), ("DECODED", 16), ("SPOILT", 8), ("TRIES", 50)):
        monkeypatch.setattr(renders, name, count)


@pytest.fixture(scope="module")
def schooled() -> Classifier:
    """A small classifier of the planted shapes."""
    taught, net = planted(0), Classifier(len(NAMES) + 1, (8, 16, 16, 16))
    initialise(net, "recogniser", 0)
    run = Run(net, Plan(steps=120, rate=5e-3, warmup=5, fall=0.5))
    for _ in run.train(lambda net, number: recogniser.lesson(taught, len(NAMES), net, 0, number, False, 32)):
        pass
    return net.eval().requires_grad_(False)


def test_what_is_nothing_is_told_from_things(schooled: Classifier) -> None:
    made = examined(schooled, NAMES, planted(1), planted(2))
    assert made.about["plain"] > 0.9
    assert made.about["blend is nothing"] > 0.7
    assert made.about["ground is nothing"] > 0.9
    assert made.about["spoilt is nothing"] > 0.9


def test_a_step_is_a_function_of_its_number() -> None:
    taught = planted(0)
    (x, told), (again, _), (other, _) = (batch(taught, 3, 16, 0, number) for number in (4, 4, 5))
    torch.testing.assert_close(x, again, rtol=0, atol=0)
    assert not x.equal(other)
    assert told.tolist()[-4:] == [3] * 4  # a quarter is broken
    assert ((x >= 0) & (x <= 1)).all()


@pytest.mark.parametrize("name", BROKEN)
def test_broken_pictures_are_neither_thing(name: str) -> None:
    x, y = (planted(seed).plain[:8].float() / 255 for seed in (0, 1))
    made = BROKEN[name](x, y, torch.Generator().manual_seed(0))
    assert made.shape == x.shape
    for thing in (x, y):
        assert ((made - thing).abs().mean((1, 2, 3)) > 0.004).all()


def test_renders_are_kept_and_are_a_function_of_their_number(corpus: Corpus, bundle: Bundle, tmp_path: Path) -> None:
    assert list(prepare(corpus, ANY, bundle, NOUNS, 16, tmp_path, 2, 0)) == [1, 2]
    (tmp_path / "00001.safetensors").unlink()
    before = (tmp_path / "00000.safetensors").stat().st_mtime_ns
    assert list(prepare(corpus, ANY, bundle, NOUNS, 16, tmp_path, 2, 0)) == [1, 2]
    assert (tmp_path / "00000.safetensors").stat().st_mtime_ns == before
    kept = renders.gathered(tmp_path, 2)
    again = chunk(corpus, ANY, bundle, NOUNS, 16, renders.LEARNT, 1, 0)
    unseen = chunk(corpus, ANY, bundle, NOUNS, 16, renders.UNSEEN, 1, 0)
    assert kept.plain[renders.PLAIN :].equal(again.plain)
    assert kept.spoilt[renders.SPOILT :].equal(again.spoilt)
    assert not again.plain.equal(unseen.plain)
    assert kept.decoded.shape == (2 * renders.DECODED, 3, renders.SIDE, renders.SIDE)


def test_a_corpus_without_the_nouns_is_refused(corpus: Corpus, bundle: Bundle) -> None:
    with pytest.raises(LimnerError, match="hardly a picture"):
        chunk(corpus, ANY, bundle, ["narwhal"], 16, renders.LEARNT, 0, 0)


def test_a_recogniser_survives_its_file(tmp_path: Path) -> None:
    net = Classifier(4)
    who = Recogniser(net.requires_grad_(False).eval(), NAMES, {"plain": 0.5})
    file = tmp_path / "recogniser.safetensors"
    recogniser.write(who, file)
    back = recogniser.read(file)
    assert (back.nouns, back.about) == (who.nouns, who.about)
    pictures = [np.full((128, 128, 3), grey, np.uint8) for grey in (0, 128, 255)]
    assert back.says(pictures) == who.says(pictures)
    assert back.says([]) == []
    file.write_bytes(b"no such thing")
    with pytest.raises(LimnerError, match="is no recogniser"):
        recogniser.read(file)


def test_training_goes_on_where_it_stopped(tmp_path: Path) -> None:
    taught, plan = planted(0), Plan(steps=4, rate=1e-3, warmup=1)

    def steps(file: Path, count: int) -> dict[str, Tensor]:
        run = recogniser.study(3, file, 0, plan)
        for step in run.train(lambda net, number: recogniser.lesson(taught, 3, net, 0, number, False, 8)):
            if step.number == count:
                break
        run.save()
        return run.net.state_dict()

    whole = steps(tmp_path / "whole.safetensors", 4)
    steps(tmp_path / "parts.safetensors", 2)
    torch.testing.assert_close(steps(tmp_path / "parts.safetensors", 4), whole, rtol=0, atol=0)
