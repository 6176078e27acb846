"""A prompt becomes states: each chunk is read by itself, weighed, and laid beside the others."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeAlias

import torch
from jaxtyping import Float, Int
from torch import Tensor

from limner.text.clip import TextTower
from limner.text.prompt import Chunk, chunks, empty
from limner.text.tokenizer import Tokenizer
from limner.types import Context

Said: TypeAlias = tuple[Float[Tensor, "b l _"], Float[Tensor, "b _"] | None]
"""What a tower says of tokens: a state each, and the whole of them in one vector, if the network is told that."""
Tower: TypeAlias = Callable[[Int[Tensor, "b l"]], Said]


def final(tower: TextTower, clip_skip: int = 1) -> Tower:
    """A tower as Stable Diffusion 1 and 2 read it: the `clip_skip`-th layer from the last, after the final norm."""
    return lambda tokens: (tower(tokens, clip_skip).states.float(), None)


def penultimate(tower: TextTower) -> Tower:
    """A tower as SDXL reads it: before the last layer, without a norm, and the sentence in one vector.

    Podell et al. 2023 (arXiv:2307.01952), section 2.1.
    """

    def say(tokens: Int[Tensor, "b l"]) -> Said:
        encoded = tower(tokens)
        return encoded.penultimate.float(), encoded.pooled.float()

    return say


def read(tokenizer: Tokenizer, tower: Tower, sentences: Sequence[str], device: torch.device) -> Said:
    """A row a sentence, as wide as the longest: shorter ones are lengthened by the chunk that says nothing.

    A sentence in one vector is that of its first chunk.  Raises LimnerError as `chunks` does.
    """
    rows = [chunks(tokenizer, sentence) for sentence in sentences]
    columns = [
        [row[number] if number < len(row) else empty(tokenizer) for row in rows]
        for number in range(max(map(len, rows)))
    ]
    said = [_column(tower, column, device) for column in columns]
    return torch.cat([states for states, _ in said], dim=1), said[0][1]


def emphasised(states: Float[Tensor, "b l d"], weights: Float[Tensor, "b l"]) -> Float[Tensor, "b l d"]:
    """z = w z', times mean(z') / mean(z): each token's state by its weight, then the chunk's mean as it was.

    AUTOMATIC1111's rule (modules/sd_emphasis.py, "Original"), the means over all tokens and numbers of a row.
    """
    heavier = weights[..., None].to(states.dtype) * states
    return heavier * (states.mean((1, 2), keepdim=True) / heavier.mean((1, 2), keepdim=True))


def lengthened(context: Context, nothing: Context, length: int) -> Context:
    """The context with as many copies of `nothing`, which is one chunk long, as make it `length` columns long."""
    missing = (length - context.states.shape[1]) // nothing.states.shape[1]
    return replace(context, states=torch.cat([context.states, *[nothing.states] * missing], dim=1))


def _column(tower: Tower, column: Sequence[Chunk], device: torch.device) -> Said:
    states, pooled = tower(torch.tensor([chunk.ids for chunk in column], device=device))
    if all(weight == 1 for chunk in column for weight in chunk.weights):
        return states, pooled
    return emphasised(states, torch.tensor([chunk.weights for chunk in column], device=device)), pooled
