"""Equal captions share the answer; otherwise the loss is CLIP's."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.testing import assert_close

from limner.training.clip import contrastive_loss

SCALE = torch.tensor(2.0)


def features(seed: int, rows: int = 5) -> Tensor:
    return torch.rand(rows, 8, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) - 0.5


def equal(captions: list[str]) -> Tensor:
    return torch.tensor([[one == other for other in captions] for one in captions])


def test_without_duplicates_it_is_the_symmetric_cross_entropy():
    images, texts = features(0), features(1)
    cosines = F.cosine_similarity(images[:, None], texts[None], dim=-1)
    answer = torch.arange(5)
    expected = (F.cross_entropy(SCALE.exp() * cosines, answer) + F.cross_entropy(SCALE.exp() * cosines.T, answer)) / 2
    assert_close(contrastive_loss(images, texts, SCALE, equal(list("abcde"))), expected)


@pytest.mark.parametrize("captions", ["abcde", "aabca"])
def test_the_order_of_the_batch_does_not_matter(captions):
    images, texts, order = features(0), features(1), torch.tensor([3, 0, 4, 1, 2])
    shuffled = contrastive_loss(images[order], texts[order], SCALE, equal([captions[i] for i in order]))
    assert_close(shuffled, contrastive_loss(images, texts, SCALE, equal(list(captions))))


def test_a_duplicate_weighs_its_positives_evenly():
    """Two equal captions: each of their pictures should be half as certain of either."""
    images, texts = features(0, 2), features(1, 2)
    logits = SCALE.exp() * F.cosine_similarity(images[:, None], texts[None], dim=-1)
    expected = -(logits.log_softmax(0).mean() + logits.log_softmax(1).mean()) / 2
    assert_close(contrastive_loss(images, texts, SCALE, equal(["a", "a"])), expected)


def test_duplicates_are_not_pushed_apart():
    """Two pictures 0.2 rad apart draw together in a step if their captions are equal, and part if they are not."""
    angles = torch.tensor([0.1, -0.1, torch.pi], dtype=torch.float64)
    start = torch.stack([angles.cos(), angles.sin()], dim=1)

    def cosine_after_a_step(captions: str) -> Tensor:
        images = start.clone().requires_grad_()
        contrastive_loss(images, start, SCALE, equal(list(captions))).backward()
        moved = images.detach() - 0.1 * images.grad
        return F.cosine_similarity(moved[0], moved[1], dim=0)

    assert cosine_after_a_step("abc") < torch.tensor(0.2).double().cos() < cosine_after_a_step("aab")


def test_the_best_features_reach_the_entropy_of_the_answer():
    """With two equal captions of three, certainty ends at ln 2 for those two and at 0 for the third: 2/3 ln 2."""
    images = torch.tensor([[1.0, 0.0], [1.0, 0.0], [-1.0, 0.0]], dtype=torch.float64)
    loss = contrastive_loss(images, images, torch.tensor(5.0), equal(list("aab")))
    assert_close(loss, torch.tensor(2 / 3).double() * torch.tensor(2.0).double().log())
