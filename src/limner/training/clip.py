"""A caption and its picture are told from all others of the batch, and so come to point the same way."""

from collections.abc import Sequence
from random import Random

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor, nn

from limner.bundle.clip import read as read
from limner.pictures.scenes import Mix, compose
from limner.pictures.sets import Corpus
from limner.process.noise import key
from limner.text.clip import ClipPair, clip_logits
from limner.text.tokenizer import Tokenizer
from limner.types import Image


def contrastive_loss(
    image_features: Float[Tensor, "b p"],
    text_features: Float[Tensor, "b p"],
    logit_scale: Float[Tensor, ""],
    same: Bool[Tensor, "b b"],
) -> Float[Tensor, ""]:
    """The cross-entropy of finding each picture's captions and each caption's pictures in the batch, averaged, in nats.

    InfoNCE in both directions (van den Oord et al. 2018, arXiv:1807.03748, Eq. 4; Radford et al. 2021,
    arXiv:2103.00020, figure 3), with several right answers (Khosla et al. 2020, arXiv:2004.11362, Eq. 2): `same[i, j]`
    says that captions i and j are equal, and the answer is shared evenly among them.  So two pictures of one caption
    are not pushed apart; without duplicates `same` is the identity and this is CLIP's loss.
    """
    logits = clip_logits(image_features, text_features, logit_scale)
    targets = same / same.sum(1, keepdim=True)
    return (F.cross_entropy(logits, targets) + F.cross_entropy(logits.T, targets)) / 2


def pairs(corpus: Corpus, mix: Mix, seed: int, number: int, rows: int, side: int) -> tuple[Image, list[str]]:
    """The pictures and captions of one step, composed on the spot: a function of (seed, number)."""
    scenes = [compose(corpus, Random(key(seed, f"pair {row}", number)), side, mix) for row in range(rows)]
    pixels = torch.from_numpy(np.stack([scene.image for scene in scenes]))
    return pixels.movedim(-1, 1).float() / 255, [scene.caption for scene in scenes]


def clip_loss(net: nn.Module, tokenizer: Tokenizer, pictures: Image, captions: Sequence[str]) -> Float[Tensor, ""]:
    """The contrastive loss of one batch, in nats."""
    assert isinstance(net, ClipPair)
    net.bound()
    said = {caption: i for i, caption in enumerate(captions)}
    which = torch.tensor([said[caption] for caption in captions], device=pictures.device)
    text = net.text(read(tokenizer, captions).to(pictures.device)).pooled
    return contrastive_loss(net.image(2 * pictures - 1), text, net.logit_scale, which[:, None] == which)
