"""Eyes of known answers, by which scorers are tried."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from limner.engine.run import Picture
from limner.evaluation.seen import Seen
from limner.pictures.nouns import nouns
from limner.pictures.shapes import SHAPES

NOTHING = Seen((), False)


@dataclass(frozen=True)
class KnownEye:
    """Says what it was told of each picture's bytes, and of all others the same; `strange` words it does not know."""

    answers: Mapping[bytes, Seen] = field(default_factory=dict)
    otherwise: Seen = NOTHING
    same: frozenset[frozenset[str]] = frozenset()
    strange: frozenset[str] = frozenset()
    identity: str = "0" * 64

    def see(self, pictures: Sequence[Picture]) -> list[Seen]:
        return [self.answers.get(picture.tobytes(), self.otherwise) for picture in pictures]

    def features(self, pictures: Sequence[Picture]) -> Float[Tensor, "n d"]:
        """The picture itself, 4 x 4."""
        pixels = torch.stack([torch.from_numpy(picture.copy()).movedim(-1, 0).float() / 255 for picture in pictures])
        return F.interpolate(pixels, (4, 4), mode="area").flatten(1)

    def knows(self, word: str) -> bool:
        return word not in self.strange and (word in nouns() or word in SHAPES)

    def alike(self, one: str, other: str) -> bool:
        return one == other or frozenset((one, other)) in self.same
