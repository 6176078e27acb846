"""A word learned from pictures: the vectors that stand for it in the prompt.

Gal et al. 2022 (arXiv:2208.01618), section 3: nothing else of the model changes.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from limner.bundle.adapters.reading import embedding_mark, opened
from limner.bundle.bundle import Bundle
from limner.bundle.identity import identify
from limner.bundle.source import TOWERS
from limner.errors import LimnerError
from limner.text.clip import TextTower
from limner.text.tokenizer import Tokenizer

Tower = tuple[Tokenizer, TextTower]
NAMELESS = ("emb_params", "clip_l")
"""What AUTOMATIC1111's web UI and kohya's trainer call the vectors, whose word is then the file's name."""
SECOND = "clip_g"
FAMILIES: Mapping[int, str] = {768: "SD 1.x", 1024: "SD 2.x", 1280: "SDXL's second text tower"}
"""Whose tokens are vectors of this width."""


@dataclass(frozen=True, slots=True, eq=False)
class Embedding:
    """The word of one file and its vectors for each text tower, checked against a model.

    `sha256` is over the vectors; `mark` is what AUTOMATIC1111's web UI writes as its hash.
    """

    file: Path
    word: str
    sha256: str
    mark: str
    vectors: Mapping[str, Float[Tensor, "n d"]]


def read_embedding(file: Path, bundle: Bundle, word: str | None = None) -> Embedding:
    """A textual-inversion embedding for this model: AUTOMATIC1111's, kohya's, or diffusers'.

    Its word is the one that the file says, else the file's name, unless another is given.  Raises LimnerError naming
    the file for what is damaged, holds nan, is no embedding, or is meant for another family of models.
    """
    tensors, _ = opened(file)
    said, vectors = taken(file, tensors)
    widths = [tower.config.hidden_size for _, tower in bundle.towers]
    if [each.shape[1] for each in vectors] != widths:
        made, reads = (described([each.shape[1] for each in vectors]), described(widths))
        raise LimnerError(
            f"{file}: this embedding was made for {made}, the model is {reads}", "get the one for this model"
        )
    named = dict(zip(TOWERS, vectors, strict=False))
    digest = hashlib.sha256()
    for part, each in named.items():
        identify(digest, part, {"embedding": each})
    return Embedding(file, word or said, digest.hexdigest(), embedding_mark(file), named)


def taken(file: Path, tensors: Mapping[str, Tensor]) -> tuple[str, list[Float[Tensor, "n d"]]]:
    """The word and its vectors, one tower after the other."""
    names = [name for name in tensors if name != SECOND]
    if len(names) != 1 or not all(each.ndim in (1, 2) and each.numel() for each in tensors.values()):
        raise LimnerError(
            f"{file} is no embedding: its tensors are {', '.join(sorted(tensors)[:3])}",
            "a word's vectors are one tensor, or clip_l and clip_g for SDXL",
        )
    found = [each.reshape(-1, each.shape[-1]) for each in (tensors[names[0]], tensors.get(SECOND)) if each is not None]
    if len({len(each) for each in found}) > 1:
        raise LimnerError(f"{file}: its {len(found[0])} and {len(found[1])} vectors are of two words", "get it again")
    return file.stem if names[0] in NAMELESS else names[0], found


def described(widths: Sequence[int]) -> str:
    if len(widths) > 1:
        return f"SDXL ({' and '.join(map(str, widths))} numbers a token)"
    return f"{FAMILIES.get(widths[0], 'another model')} ({widths[0]} numbers a token)"


def learnt(towers: Sequence[Tower], embeddings: Sequence[Embedding]) -> Iterator[Tower]:
    """The text towers with the new words in their vocabularies; LimnerError where a word is taken."""
    for part, (tokenizer, tower) in zip(TOWERS, towers, strict=False):
        first = tokenizer.vocab_size
        words = tokenizer.learn((each.word, len(each.vectors[part])) for each in embeddings)
        yield words, widened(tower, first, torch.cat([each.vectors[part] for each in embeddings]), words)


def widened(tower: TextTower, first: int, vectors: Float[Tensor, "n d"], words: Tokenizer) -> TextTower:
    """The tower with these vectors as the tokens `first`, `first` + 1, ...; its other tensors are shared.

    An older tower looks for EOS at the largest id, which may now be a learned word's: it is told EOS's own.
    """
    tensors, name = tower.state_dict(), "text_model.embeddings.token_embedding.weight"
    table = tensors[name]
    rows = torch.zeros(max(len(table), first + len(vectors)), table.shape[1], dtype=table.dtype, device=table.device)
    rows[: len(table)] = table
    rows[first : first + len(vectors)] = vectors.to(table)
    with torch.device("meta"):
        out = TextTower(replace(tower.config, vocab_size=len(rows), eos_token_id=words.id_of(words.eos)))
    out.load_state_dict({**tensors, name: rows}, strict=True, assign=True)
    return out.requires_grad_(False).eval()
