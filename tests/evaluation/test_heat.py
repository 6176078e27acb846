"""A map that lies on its thing scores well, a planted wrong one badly, and what is chosen is what was planted."""

from argparse import ArgumentParser
from collections.abc import Sequence
from dataclasses import replace
from math import inf
from pathlib import Path

import numpy as np
import pytest
import torch
from eyes import KnownEye

from limner.bundle import Bundle, open_bundle
from limner.cli import drawn
from limner.errors import LimnerError
from limner.evaluation import heat, looks
from limner.evaluation.composition import Prompt, Wanted
from limner.evaluation.drawn import shelf
from limner.evaluation.heat import Choice, Look
from limner.evaluation.seen import Found, Mask
from limner.evaluation.seen import Seen as Sight
from limner.pictures.scenes import FULL
from limner.pictures.sets import Corpus
from limner.recipe import Wish, resolve

LEFT = np.repeat([[True] * 4 + [False] * 4], 8, 0)
RIGHT = ~LEFT
EVERYTHING = Choice(0.0, inf, (8,), 0.5)


def look(picture: int, thing: int, mask: Mask, seen: Mask, kin: str = "animal", trait: bool = False) -> Look:
    maps = {(1.0, 8): torch.from_numpy(seen).float()}
    return Look(picture, "two things", "cat", thing, maps, mask, trait, "" if trait else kin)


def test_numbers_worked_by_hand() -> None:
    """Four of eight places are hot, three of them on the thing, which has four."""
    warm, mask = np.array([[0.9, 0.8, 0.7, 0.1], [0.6, 0.2, 0.0, 0.3]]), np.zeros((2, 4), bool)
    mask[0] = True
    assert heat.iou(warm, mask, 0.5) == 3 / 5
    assert heat.pointed(warm, mask)
    assert not heat.pointed(1 - warm, mask)
    assert heat.energy(warm, mask) == pytest.approx(2.5 / 3.6)
    assert heat.auroc(warm, mask) == 13 / 16  # pairs of a place on the thing and one beside it
    assert heat.auroc(np.ones((2, 4)), mask) == 0.5
    assert heat.iou(np.zeros((2, 4)), np.zeros((2, 4), bool), 0.5) == 0


def test_own_maps_beat_everybody_elses() -> None:
    both = [look(k, n, mask, mask) for k in range(4) for n, mask in enumerate((LEFT, RIGHT))]
    found = heat.judged(both, EVERYTHING, 0.5)
    assert found["own"].iou.value == 1
    assert found["own"].pointed.value == found["own"].auroc.value == 1
    assert found["other word"].iou.value == found["other word"].pointed.value == 0
    assert found["whole picture"].iou.value == 0.5
    assert found["centred Gaussian"].iou.value < 0.6
    crossed = [look(k, n, mask, ~mask) for k in range(4) for n, mask in enumerate((LEFT, RIGHT))]
    planted = heat.judged(crossed, EVERYTHING, 0.5)
    assert (planted["own"].iou.value, planted["other word"].iou.value) == (0, 1)


def test_nobody_is_compared_with_themselves() -> None:
    both = [look(0, 0, LEFT, LEFT), look(0, 1, RIGHT, RIGHT), look(1, 0, LEFT, LEFT)]
    assert [heat.beside(both, k) for k in range(3)] == [1, 0, None]
    assert [heat.strangers(both, k) for k in range(3)] == [2, 2, 0]
    assert "other word" not in heat.judged([both[2], replace(both[2], picture=2)], EVERYTHING, 0.5)


def test_the_planted_level_height_and_threshold_are_chosen() -> None:
    def noisy(mask: Mask) -> Look:
        good, flat = torch.from_numpy(mask).float(), torch.ones(8, 8)
        seen = {(0.5, 8): flat - good, (2.0, 8): good, (0.5, 4): torch.eye(4), (2.0, 4): torch.eye(4)}
        return replace(look(0, 0, mask, mask), seen=seen)

    found = heat.choose([noisy(LEFT), noisy(RIGHT)])
    assert (found.low, found.high, found.sides) == (2.0, 2.0, (8,))
    assert heat.iou(found.heat(noisy(LEFT).seen, (8, 8)), LEFT, found.tau) == 1
    everywhere = heat.choose([noisy(LEFT)], every_level=False)
    assert (everywhere.low, everywhere.high) == (0, inf)
    with pytest.raises(LimnerError, match="nothing to choose by"):
        heat.choose([])
    with pytest.raises(LimnerError, match="nothing was seen"):
        replace(found, low=9.0, high=9.0).heat(noisy(LEFT).seen, (8, 8))


def test_coarse_maps_cannot_show_small_things() -> None:
    fine, coarse = np.zeros((64, 64), bool), np.zeros((64, 64), bool)
    fine[16:48:2, 16:48] = coarse[16:48, 16:48] = True  # stripes, and the square that they lie in
    assert heat.ceiling(coarse, 8) > 0.9
    assert heat.ceiling(fine, 8) < 0.6 < 0.95 < heat.ceiling(fine, 64)


def test_adjectives_that_spread_are_found_and_narrow_ones_are_not() -> None:
    half = LEFT.copy()
    half[:4] = False

    def pairs(wide: Mask, narrow: Mask) -> Sequence[Look]:
        return [
            look(k, 0, narrow, seen, trait=trait) for k in range(8) for seen, trait in ((wide, True), (narrow, False))
        ]

    wide = heat.spread(pairs(LEFT, half), EVERYTHING)
    assert wide is not None
    assert (wide.one, wide.other, wide.count) == (0.5, 0.25, 8)
    assert wide.p < 0.01
    narrow = heat.spread(pairs(half, LEFT), EVERYTHING)
    assert narrow is not None
    assert narrow.p > 0.99
    assert heat.spread([look(0, 0, LEFT, LEFT)], EVERYTHING) is None


def test_kindred_things_are_told_apart_from_strangers() -> None:
    def scene(k: int, kins: Sequence[str], seen: Mask) -> list[Look]:
        return [look(k, n, LEFT, seen, kin) for n, kin in enumerate(kins)]

    mixed = [each for k in range(6) for each in scene(k, ("animal", "food"), LEFT)]
    alike = [each for k in range(6, 12) for each in scene(k, ("animal", "animal"), RIGHT)]
    found = heat.kindred([*mixed, *alike], EVERYTHING)
    assert found is not None
    assert (found.one, found.other, found.count) == (1, 0, 12)
    assert found.p < 0.01
    assert heat.kindred(mixed, EVERYTHING) is None


def test_words_are_found_with_their_colours(bundle: Bundle) -> None:
    tokenizer = bundle.tokenizer
    things = [("apple", "red", LEFT), ("boat", "blue", RIGHT), ("dog", "", LEFT)]
    found = looks.words(tokenizer, "a red apple and a boat", things)
    assert [(each.word, each.thing, each.trait) for each in found] == [
        ("apple", 0, False),
        ("red", 0, True),
        ("boat", 1, False),
    ]
    assert found[1].stop == found[0].start
    outline = looks.words(tokenizer, "a red silhouette of a cat", [("cat", "red", LEFT)])
    assert [each.word for each in outline] == ["cat", "red"]
    assert outline[1].stop < outline[0].start
    assert looks.words(tokenizer, "a cat", [("cat", "", np.ones((8, 8), bool))]) == []  # nothing lies beside it


def test_a_scene_is_looked_at_once_a_level(bundle: Bundle, corpus: Corpus) -> None:
    (scene,) = looks.scenes(corpus, FULL, 64, 1, "test")
    assert len(scene.things) == 2
    assert next(each.caption for each in looks.scenes(corpus, FULL, 64, 2, "test")) == scene.caption
    found = looks.composed(scene, 0, bundle)
    assert {each.thing for each in found} == {0, 1}
    for each in found:
        assert {sigma for sigma, _ in each.seen} == set(looks.LEVELS)
        assert {side for _, side in each.seen} == {8, 4, 2}
        assert all(maps.shape == (side, side) for (_, side), maps in each.seen.items())
        assert 0 < each.mask.mean() < 1
    assert not torch.equal(found[0].seen[0.5, 8], found[0].seen[8.0, 8])
    again = looks.composed(scene, 0, bundle)
    torch.testing.assert_close(found[0].seen[0.5, 8], again[0].seen[0.5, 8], rtol=0, atol=0)


def test_pictures_of_another_precision_lie_in_another_folder(folder: Path, tmp_path: Path) -> None:
    parser, places = ArgumentParser(), dict[str, Path]()
    drawn.flags(parser)
    for dtype in ("float32", "bfloat16"):
        words = ["--model", str(folder), "--device", "cpu", "--dtype", dtype, "--out", str(tmp_path)]
        places[dtype] = drawn.Drawing(parser.parse_args(words), "eager").folder
    assert places == {"float32": tmp_path / "eager", "bfloat16": tmp_path / "eager-cpu-bfloat16"}
    assert shelf("openvino-bf16", open_bundle(folder)) == "openvino-bf16"  # the network that it began from is float32


def test_what_is_drawn_is_watched_once_and_kept(bundle: Bundle, tmp_path: Path) -> None:
    wish = Wish(model=bundle.identity, prompt="a cat", seed=3, steps=2)
    recipe = resolve(wish, bundle.defaults)
    ((picture, every),) = looks.watched([recipe], bundle, tmp_path)
    assert len({sigma for sigma, _ in every}) == 2
    before = {file: file.stat().st_mtime_ns for file in tmp_path.iterdir()}
    assert {file.suffix for file in before} == {".png", ".safetensors"}
    ((again, kept),) = looks.watched([recipe], bundle, tmp_path)
    assert {file: file.stat().st_mtime_ns for file in tmp_path.iterdir()} == before
    assert np.array_equal(picture, again)
    assert kept.keys() == every.keys()
    mask = np.zeros(picture.shape[:2], bool)
    mask[:8] = True
    prompt = Prompt("single", False, "a cat", (Wanted("cat"),))
    cat = Sight((Found("cat", 1.0, "", "", mask),), broken=False)
    (look,) = looks.generated(prompt, cat, every, 5, bundle, KnownEye())
    assert (look.picture, look.word, look.kind) == (5, "cat", "one thing")
    assert looks.generated(prompt, replace(cat, broken=True), every, 5, bundle, KnownEye()) == []
    assert looks.generated(prompt, Sight((), broken=False), every, 5, bundle, KnownEye()) == []
