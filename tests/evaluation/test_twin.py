"""Twins begin alike and differ in what they are told alone; a peer's network is read as it was written."""

import json
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tiny
import torch
from eyes import KnownEye

from limner.bundle import open_bundle
from limner.cli import main
from limner.cli import peer as peer_command
from limner.cli import twin as twin_command
from limner.evaluation import peering
from limner.evaluation.composition import Prompt, Wanted
from limner.evaluation.peering import Peer, taught, trained
from limner.evaluation.twin import TOLD, UNTOLD, Curve, Twin, ground, outside, together, twin
from limner.network.unet import UNet
from limner.pictures.scenes import Mix
from limner.pictures.sets import Corpus
from limner.pictures.shapes import SHAPES
from limner.training import preset as presets
from limner.training.loop import Plan
from limner.training.preset import SHORT, Preset, Stage
from limner.training.workshop import Workshop
from limner.types import Context

MIX = Mix(single=1.0, people=0.0, tinted=0.0, shapes=0.5, count=0.0, pair=0.0)


def preset() -> Preset:
    stage = Stage(4, Plan(steps=3, rate=1e-3, warmup=2))
    return replace(
        SHORT, sizes=replace(SHORT.sizes, unet=tiny.UNET, autoencoder=tiny.VAE), side=64, mix=MIX, diffusion=stage,
        chunks=1,
    )  # fmt: skip


@pytest.fixture(scope="module")
def composed(folder: Path, corpus: Corpus, tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    place = tmp_path_factory.mktemp("composed") / "shop"
    made = Workshop(place, corpus, preset(), torch.device("cpu"), seed=3, warm=open_bundle(folder))
    assert [*made.prepare(), *outside(made, 1).prepare()] == [1, 1]
    return made


@pytest.fixture
def shop(composed: Workshop, tmp_path: Path) -> Workshop:
    """Everything is composed, and nobody has learnt anything yet."""
    return replace(composed, folder=shutil.copytree(composed.folder, tmp_path / "shop"))


def pair(shop: Workshop) -> list[Twin]:
    of = ground(shop, 1).taught
    return [twin(shop, of, TOLD), twin(shop, of, UNTOLD, dropped=1.0)]


def test_twins_begin_alike_and_only_what_is_told_parts_them(shop: Workshop) -> None:
    told, untold = pair(shop)
    for one, other in zip(told.run.net.parameters(), untold.run.net.parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=0)
    of = ground(shop, 1).taught
    silenced = replace(of, states=of.nothing.expand_as(of.states))
    deaf = twin(shop, silenced, "deaf")  # keeps its captions, and all of them say nothing
    net = tiny.fill(UNet(shop.sizes.unet), 5)
    torch.testing.assert_close(deaf.loss(net, 1), untold.loss(net, 1), rtol=0, atol=0)
    assert told.loss(net, 1) != untold.loss(net, 1)


def test_twins_are_trained_in_turn_and_go_on_where_they_stopped(shop: Workshop) -> None:
    twins = pair(shop)
    steps = together(twins)
    assert [next(steps), next(steps)] == [0, 1]
    next(twins[0].run.train(twins[0].loss))  # one gets ahead, as when the power fails between the two
    twins[0].run.save()
    steps.close()
    again = pair(shop)
    assert [each.run.number for each in again] == [2, 1]
    assert list(together(again)) == [2, 3]
    assert list(together(pair(shop))) == [3]


def test_a_network_goes_on_from_its_own_kind_alone(shop: Workshop) -> None:
    """More steps go on from fewer; in another preset's network, lessons, rate or seed nothing is learnt yet."""
    for each in pair(shop):
        list(each.run.train(each.loss))
    of, stage, peer = ground(shop, 1).taught, shop.preset.diffusion, Peer(sys.executable, 1e-4, 5.0)

    def other(**changed: object) -> Workshop:
        return replace(shop, preset=replace(shop.preset, **changed))  # type: ignore[arg-type]

    longer = other(diffusion=replace(stage, plan=replace(stage.plan, steps=5)))
    assert twin(longer, of, TOLD).run.number == 3
    assert peer.folder(longer) == peer.folder(shop)
    others = [
        other(diffusion=replace(stage, rows=5)),
        other(diffusion=replace(stage, plan=replace(stage.plan, rate=1e-4))),
        other(chunks=2),
        other(mix=replace(MIX, shapes=0.6)),
        other(sizes=replace(shop.sizes, unet=replace(shop.sizes.unet, heads=(2, 2, 2)))),
        replace(shop, seed=4),
    ]
    assert [twin(each, of, TOLD).run.number for each in others] == [0] * len(others)
    assert len({peer.folder(each) for each in [shop, *others]}) == 1 + len(others)


def test_a_point_of_the_curve_is_measured_once(shop: Workshop) -> None:
    curve, twins, of = Curve(shop.folder / "curve.json"), pair(shop), ground(shop, 1)
    curve.measure(0, twins, shop, of)
    (point,) = Curve(shop.folder / "curve.json").points
    assert point[TOLD] == point[UNTOLD] > 0  # a last layer of zeros says the same to all
    again = Curve(shop.folder / "curve.json")
    again.measure(0, [], shop, of)
    assert again.points == [point]


def test_the_command(
    shop: Workshop, corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.setattr(presets, "SHORT", preset())
    for job in (twin_command, peer_command):
        monkeypatch.setattr(job, "SHOWN", 1)  # sheets of a few pictures: what they show is random
    monkeypatch.setattr("limner.evaluation.twin.FEW", 8)
    monkeypatch.setattr("limner.evaluation.unseen.LEVELS", (0.5, 4.0))
    assert shop.warm is not None
    common = [
        "--model",
        str(shop.warm.folder),
        "--corpus",
        str(corpus.folder),
        "--figures",
        str(tmp_path),
        "--held",
        "1",
    ]
    assert main(["measure", "twin", *common, "--out", str(tmp_path / "a")]) in (0, 1)
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == ["told_error_lower", "steps_of_both"]
    details = json.loads((tmp_path / "twin.json").read_text())["details"]
    assert [point["step"] for point in details["curve"]] == [0, 1, 2, 3]
    assert [each.name for each in (tmp_path / "a").iterdir()] == [open_bundle(shop.warm.folder).identity[:12]]
    assert details["pictures"] + int(details["left out"].split()[0]) == 64
    assert main(["measure", "peer", *common, "--out", str(tmp_path / "b")]) in (0, 1)
    found = json.loads((tmp_path / "peer.json").read_text())
    assert [figure["value"] for figure in found["figures"]][1:] == [3, 3]
    assert found["details"]["peer"]["parameters"] == found["details"]["parameters"]
    for name in ("twin", "twin-pictures", "peer", "peer-pictures"):
        assert (tmp_path / f"{name}.png").exists()
    shapes = Mix(single=0.0, people=0.0, tinted=0.0, shapes=1.0, count=0.0, pair=0.0)
    monkeypatch.setattr(presets, "PAIRS", replace(preset(), mix=shapes))
    monkeypatch.setattr(peer_command, "PROMPTS", 1)
    assert main(["measure", "peer", *common, "--out", str(tmp_path / "b"), "--preset", "pairs"]) in (0, 1)
    found = json.loads((tmp_path / "peer-pairs.json").read_text())
    assert found["figures"][-1]["name"] == "held_out_more_than_peers"
    assert found["details"]["things"] == len(SHAPES)
    assert (tmp_path / "peer-pairs.png").exists()
    assert (tmp_path / "peer-pairs-pictures.png").exists()
    capsys.readouterr()
    assert main(["measure", "twin", *common, "--steps", "0"]) == 2
    assert "steps 0 is out of range" in capsys.readouterr().err
    assert main(["measure", "peer", *common, "--out", str(tmp_path / "b"), "--python", "/nowhere/python"]) == 2
    assert "name a Python that has diffusers" in capsys.readouterr().err


def test_who_composes_is_told_by_pairs_that_neither_was_shown() -> None:
    """The guidance is chosen by seen pairs, though another would be better for those held out."""
    seen, held = (Prompt("binding", each, "", (Wanted("star", "red"),)) for each in (False, True))
    asked = [seen] * 4 + [held] * 40
    ways = {
        ("limner", 1.0): [True, False, False, False] + [True] * 40,
        ("limner", 3.0): [True] * 4 + [True] * 30 + [False] * 10,
        ("diffusers", 1.0): [True, True, False, False] + [True] * 10 + [False] * 30,
        ("diffusers", 3.0): [False] * 44,
    }
    outcome = peer_command.Outcome(asked, {way: [np.zeros((8, 8, 3), np.uint8)] * 44 for way in ways}, ways)
    assert (outcome.best("limner"), outcome.best("diffusers")) == (3.0, 1.0)
    assert outcome.held.difference == 0.5
    assert 0.3 < outcome.held.low < 0.5
    told = json.loads(json.dumps(outcome.described()))
    assert told["held out, ours less theirs"]["points"] == 50.0
    assert told["right"]["limner"]["guidance 1"]["binding, held out"]["right"] == 40
    pictures, words = outcome.page()
    assert len(pictures) == len(words) == 2 * peer_command.SHOWN
    assert words[0].startswith("limner, RIGHT")
    assert words[-1].startswith("diffusers, wrong")


def test_shapes_are_asked_for_alone_and_by_twos(shop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peer_command, "PROMPTS", 2)
    bundle = shop.bundle(tiny.fill(UNet(shop.sizes.unet), 5))
    who = KnownEye()  # sees nothing in any picture
    prompts = peer_command.asked(who)
    assert [(each.task, each.held) for each in prompts] == [
        (task, held) for held in (False, True) for task in peer_command.TASKS for _ in range(2)
    ]
    rivals = {name: peer_command.Rival(bundle, "euler") for name in ("limner", "diffusers")}
    outcome = peer_command.contested(rivals, prompts, who)
    assert set(outcome.right) == {(name, guidance) for name in rivals for guidance in peer_command.GUIDANCES}
    assert not any(map(any, outcome.right.values()))
    for guidance in peer_command.GUIDANCES:
        ours, theirs = (outcome.pictures[name, guidance] for name in rivals)
        assert all(np.array_equal(*both) for both in zip(ours, theirs, strict=True))  # one network, the same noise


def test_a_peer_goes_on_and_is_the_network_that_diffusers_wrote(shop: Workshop) -> None:
    from diffusers import UNet2DConditionModel

    peer = Peer(sys.executable, 1e-4, 5.0)
    assert [heard.step for heard in taught(peer, shop, None)] == [1, 2, 3, 3]
    assert [heard.step for heard in taught(peer, shop, None)] == [3]  # nothing is learnt twice
    theirs = UNet2DConditionModel.from_pretrained(peer.folder(shop) / "unet")
    ours, of = peering.denoiser(trained(peer, shop)), ground(shop, 1)
    sigma = torch.full((2,), 2.0)
    x = of.held.latents[:2].float() + 2
    said = theirs(x / 5**0.5, ours.schedule.t_of(sigma), of.held.states[:2].float()).sample
    there = ours(x, sigma, Context(of.held.states[:2].float()))
    torch.testing.assert_close(there, x - 2 * said, rtol=1e-3, atol=1e-4)  # two implementations in float32
