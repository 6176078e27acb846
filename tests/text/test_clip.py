"""What holds of the towers whatever their weights are."""

import json
import math
from dataclasses import replace

import pytest
import torch
from torch.testing import assert_close

from limner.errors import LimnerError
from limner.text.clip import (
    ClipPair,
    ImageConfig,
    ImageTower,
    TextConfig,
    TextTower,
    clip_logits,
    initialise,
    quick_gelu,
)

TEXT = TextConfig(
    vocab_size=40,
    hidden_size=32,
    intermediate_size=64,
    num_hidden_layers=2,
    num_attention_heads=4,
    max_position_embeddings=12,
    hidden_act="quick_gelu",
    layer_norm_eps=1e-5,
    eos_token_id=39,
    projection_dim=16,
)
IMAGE = ImageConfig(
    hidden_size=32,
    intermediate_size=64,
    num_hidden_layers=2,
    num_attention_heads=4,
    num_channels=3,
    image_size=16,
    patch_size=8,
    hidden_act="quick_gelu",
    layer_norm_eps=1e-5,
    projection_dim=16,
)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def tower() -> TextTower:
    tower = TextTower(TEXT)
    initialise(tower, seeded())
    return tower


def test_a_token_does_not_see_what_comes_later(tower):
    tokens = torch.randint(0, 38, (1, 12), generator=seeded())
    changed = tokens.clone()
    changed[0, 7] = 38 - tokens[0, 7]
    one, other = tower(tokens), tower(changed)
    assert_close(one.states[:, :7], other.states[:, :7], rtol=0, atol=0)
    assert (one.states[:, 7:] != other.states[:, 7:]).any(-1).all()


def test_pooled_is_read_at_the_first_eos(tower):
    tokens = torch.tensor([[1, 5, 6, 39, 39, 39], [1, 39, 7, 8, 9, 39]])
    encoded = tower(tokens)
    expected = tower.text_projection(encoded.states[[0, 1], [3, 1]])
    assert_close(encoded.pooled, expected)


def test_older_configs_pool_at_the_largest_id(tower):
    """A reserved id above EOS therefore moves the pool: the reason why they come before EOS here."""
    legacy = TextTower(replace(TEXT, eos_token_id=2))
    legacy.load_state_dict(tower.state_dict())
    tokens = torch.tensor([[1, 2, 38, 0, 0], [1, 38, 39, 0, 0]])
    encoded = legacy(tokens)
    assert_close(encoded.pooled, legacy.text_projection(encoded.states[[0, 1], [2, 2]]))


def test_padding_does_not_reach_the_pool(tower):
    short = torch.tensor([[1, 5, 6, 39]])
    padded = torch.nn.functional.pad(short, (0, 8), value=39)
    assert_close(tower(short).pooled, tower(padded).pooled)


def test_quick_gelu_is_near_gelu():
    x = torch.linspace(-6, 6, 601, dtype=torch.float64)
    # 0.0203 is the largest gap between the two functions, at |x| = 2.27.
    assert_close(quick_gelu(x), torch.nn.functional.gelu(x), rtol=0, atol=0.0204)


@pytest.mark.parametrize(("kind", "config"), [(TextTower, TEXT), (ImageTower, IMAGE)])
def test_initialise_draws_every_weight_from_its_generator(kind, config):
    towers = [kind(config) for _ in range(3)]
    for tower, seed in zip(towers, (0, 0, 1), strict=True):
        for weight in tower.parameters():
            weight.data.fill_(math.nan)
        initialise(tower, seeded(seed))
    for name, weight in towers[0].state_dict().items():
        assert_close(weight, towers[1].state_dict()[name], rtol=0, atol=0)
        assert weight.isfinite().all(), name
        drawn = not name.endswith("bias") and "norm" not in name and "layrnorm" not in name
        assert drawn == bool((weight != towers[2].state_dict()[name]).any()), name


def test_logits_are_scaled_cosines():
    images, texts = torch.tensor([[3.0, 4.0], [0.0, 2.0]]), torch.tensor([[1.0, 0.0], [0.0, 0.5], [-7.0, 0.0]])
    expected = torch.tensor([[6.0, 8.0, -6.0], [0.0, 10.0, 0.0]])
    assert_close(clip_logits(images, texts, torch.tensor(10.0).log()), expected)


def test_scale_starts_where_the_paper_does_and_is_bounded():
    pair = ClipPair(TextTower(TEXT), ImageTower(IMAGE))
    assert_close(pair.logit_scale.exp(), torch.tensor(1 / 0.07))
    pair.bound()
    assert_close(pair.logit_scale.exp(), torch.tensor(1 / 0.07))
    pair.logit_scale.data.fill_(9.0)
    pair.bound()
    assert_close(pair.logit_scale.exp(), torch.tensor(100.0))


@pytest.mark.parametrize("config", [TEXT, replace(TEXT, projection_dim=None), IMAGE])
def test_configs_survive_their_file(config):
    assert type(config).from_json(config.to_json()) == config


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"vocab_size": None, "hidden_size": "32"}, r"lacks a usable vocab_size, hidden_size; fetch"),
        ({"hidden_act": "gelu_new"}, r"hidden_act 'gelu_new' is unknown; known are quick_gelu, gelu"),
        ({"eos_token_id": [39, 40]}, r"lacks a usable eos_token_id"),
    ],
)
def test_a_config_no_tower_follows_is_one_clear_line(change, message):
    with pytest.raises(LimnerError, match=message):
        TextConfig.from_json(json.dumps(json.loads(TEXT.to_json()) | change))


def test_a_config_that_is_no_json_is_one_clear_line():
    with pytest.raises(LimnerError, match="is not JSON"):
        TextConfig.from_json("version https://git-lfs.github.com/spec/v1")
