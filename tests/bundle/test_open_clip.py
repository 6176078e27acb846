"""CLIP is opened whole or not at all, and what it says of a thing does not depend on its company."""

from pathlib import Path

import pair
import pytest
import torch
from torch.testing import assert_close

from limner.bundle import Bundle, open_bundle
from limner.bundle.clip import Clip, open_clip
from limner.bundle.layout import read_tensors, write_tensors
from limner.errors import LimnerError
from limner.process.noise import draw


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    return open_clip(open_bundle(pair.write(tmp_path_factory.mktemp("clip") / "paired")))


def test_features_are_unit_vectors_whatever_the_company(clip: Clip) -> None:
    said = ["a red apple", "two cats", "a blue boat and a cat on a table", "a", ""] * 30
    found = clip.captions(said)
    assert_close(found.norm(dim=-1), torch.ones(len(said)))
    alone = torch.cat([clip.captions([each]) for each in said[:5]])
    assert_close(found[:5], alone, rtol=1e-4, atol=1e-5)  # other batch sizes have other kernels
    assert (alone @ alone.T).fill_diagonal_(0).max() < 0.9999  # they do differ
    pictures = draw(0, "pictures", 0, (70, 3, clip.side, clip.side)).sigmoid()
    seen = clip.pictures(pictures)
    assert_close(seen[-1:], clip.pictures(pictures[-1:]), rtol=1e-4, atol=1e-5)
    assert clip.captions([]).shape == clip.pictures(pictures[:0]).shape == (0, 12)


def test_it_says_what_the_pair_says(clip: Clip) -> None:
    pixels, words = draw(1, "pixels", 0, (2, 3, clip.side, clip.side)).sigmoid(), "a red apple"
    ids = torch.tensor([clip.tokenizer.encode(words)])
    ours = clip.scale * clip.pictures(pixels) @ clip.captions([words]).T
    assert_close(ours, clip.net(2 * pixels - 1, ids), rtol=1e-4, atol=1e-4)


def test_other_weights_are_another_space(clip: Clip, tmp_path: Path) -> None:
    other = pair.write(tmp_path / "other")
    assert open_clip(open_bundle(other)).identity == clip.identity
    file = other / "clip" / "model.safetensors"
    kept = {k: v.clone() for k, v in read_tensors(file).items()}
    kept["logit_scale"] += 1
    write_tensors(file, kept)
    assert open_clip(open_bundle(other)).identity != clip.identity


def test_a_model_without_or_with_half_a_tower_is_refused(bundle: Bundle, tmp_path: Path) -> None:
    with pytest.raises(LimnerError, match="brings no picture tower"):
        open_clip(bundle)
    folder = pair.write(tmp_path / "half")
    file = folder / "clip" / "model.safetensors"
    kept = {k: v.clone() for k, v in read_tensors(file).items()}
    write_tensors(file, {k: v for k, v in kept.items() if k != "logit_scale"})
    with pytest.raises(LimnerError, match="tensor logit_scale is missing"):
        open_clip(open_bundle(folder))
    write_tensors(file, kept | {"more": kept["logit_scale"]})
    with pytest.raises(LimnerError, match="tensor more belongs to no part"):
        open_clip(open_bundle(folder))
    write_tensors(file, kept)
    (folder / "clip" / "config.json").write_text("{}")
    with pytest.raises(LimnerError, match=r"config\.json.* lacks a usable"):
        open_clip(open_bundle(folder))
