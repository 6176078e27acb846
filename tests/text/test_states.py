"""States of a weighted prompt, worked by hand."""

import pytest
import tiny
import torch
from torch import Tensor
from torch.testing import assert_close

from limner.errors import LimnerError
from limner.text.clip import TextTower
from limner.text.states import emphasised, final, lengthened, penultimate, read
from limner.types import Context

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def tower() -> TextTower:
    return tiny.fill(TextTower(tiny.text(tiny.tokenizer(), 16)), 0)  # type: ignore[return-value]


def counting(tokens: Tensor) -> tuple[Tensor, Tensor]:
    """A tower that says of each token its id and 1, and of a sentence the id of its first word."""
    return torch.stack([tokens.float(), torch.ones(tokens.shape)], dim=-1), tokens[:, 1:2].float()


def test_weights_by_hand() -> None:
    """z' = ((1, 3), (2, 2), (4, 0)) has the mean 2.  By 1, 2 and 1 it is ((1, 3), (4, 4), (4, 0)), of mean 16 / 6: so
    all is taken back by 2 / (16 / 6) = 3/4."""
    states = torch.tensor([[[1.0, 3.0], [2.0, 2.0], [4.0, 0.0]]])
    expected = torch.tensor([[[0.75, 2.25], [3.0, 3.0], [3.0, 0.0]]])
    assert_close(emphasised(states, torch.tensor([[1.0, 2.0, 1.0]])), expected)


def test_each_row_has_a_mean_of_its_own() -> None:
    states, weights = torch.tensor([[[1.0], [3.0]], [[2.0], [2.0]]]), torch.tensor([[3.0, 1.0], [1.0, 0.0]])
    # means 2 and 2 become 3 and 1: factors 2/3 and 2
    assert_close(emphasised(states, weights), torch.tensor([[[2.0], [2.0]], [[4.0], [0.0]]]))


def test_a_weighted_prompt_by_hand() -> None:
    """Read by a tower that says the ids themselves: each chunk weighed by itself, the first one's vector kept."""
    words = tiny.tokenizer()
    sentence = "a (red:3) BREAK apple"
    a, red, apple = (word.ids[0] for word in words.words("a red apple"))
    bos, eos = words.id_of(words.bos), words.id_of(words.eos)
    states, pooled = read(words, counting, [sentence], CPU)
    assert states.shape == (1, 32, 2)
    assert pooled is not None
    assert pooled.tolist() == [[a]]
    total = bos + a + red + 13 * eos + 16
    factor = total / (total + 2 * red + 2)
    assert_close(states[0, :4, 0], factor * torch.tensor([bos, a, 3 * red, eos]))
    assert_close(states[0, :4, 1], factor * torch.tensor([1.0, 1.0, 3.0, 1.0]))
    assert states[0, 16:, 0].tolist() == [bos, apple, *[eos] * 14]


def test_a_plain_prompt_is_what_the_tower_says_bit_for_bit(tower: TextTower) -> None:
    words = tiny.tokenizer()
    said = tower(torch.tensor([words.encode("a red apple")]))
    assert torch.equal(read(words, final(tower), ["a red apple"], CPU)[0], said.states)
    states, pooled = read(words, penultimate(tower), ["a red apple"], CPU)
    assert torch.equal(states, said.penultimate)
    assert torch.equal(pooled, said.pooled)
    assert torch.equal(read(words, final(tower), ["(a red apple:1.0)"], CPU)[0], said.states)


def test_chunks_are_read_alone_and_short_rows_are_lengthened_by_nothing(tower: TextTower) -> None:
    words, say = tiny.tokenizer(), final(tower)
    together, _ = read(words, say, ["a red apple BREAK two cats", "a blue boat"], CPU)
    parts = [read(words, say, [part], CPU)[0][0] for part in ("a red apple", "two cats", "a blue boat", "")]
    # rows of another batch size may differ in their last bits
    assert_close(together[0], torch.cat(parts[:2]))
    assert_close(together[1], torch.cat(parts[2:]))
    short, nothing = (Context(each[None]) for each in parts[2:])
    assert_close(lengthened(short, nothing, 32).states[0], together[1])
    assert torch.equal(lengthened(short, nothing, 16).states, short.states)


def test_a_weight_is_heard_and_more_of_it_more(tower: TextTower) -> None:
    words = tiny.tokenizer()
    plain, some, more = (
        read(words, final(tower), [f"a (red:{weight}) apple"], CPU)[0] for weight in ("1.0", "1.2", "1.6")
    )
    assert 0 < (some - plain).abs().mean() < (more - plain).abs().mean()
    assert_close(more.mean(), plain.mean())


def test_clip_skip_reads_an_earlier_layer_through_the_final_norm(tower: TextTower) -> None:
    words = tiny.tokenizer()
    tokens = torch.tensor([words.encode("a red apple")])
    skipped, _ = read(words, final(tower, 2), ["a red apple"], CPU)
    assert_close(skipped, tower.text_model.final_layer_norm(tower(tokens).penultimate))
    assert torch.equal(tower(tokens, 2).pooled, tower(tokens).pooled)
    with pytest.raises(LimnerError, match="clip_skip 3: the text tower has 2 layers; choose 1 to 2"):
        tower(tokens, 3)
