"""Which training picture is a picture most like?  Who drew that one has a claim to be named."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float

from limner.bundle.layout import read_tensors, write_tensors
from limner.engine.run import Picture
from limner.evaluation.cutout import COARSE, Cutout, coarse, cutouts, likeness, standing
from limner.pictures.scenes import kept_apart
from limner.pictures.sets import Corpus, Record, Shard

COPY = 0.857
"""The likeness from which a picture is a copy of one drawing; `docs/figures/nearest.json` says how it was chosen."""
CANDIDATES = 8  # drawings that are looked at closely, of each thing in a picture
VERSION = 1  # of what is kept on disk


@dataclass(frozen=True, slots=True)
class Match:
    """A training picture, by its place in the corpus, and how like it a picture is: `cutout.likeness`."""

    place: int
    likeness: float

    @property
    def copy(self) -> bool:
        return self.likeness >= COPY


class Index:
    """The drawings of a corpus at `places`, to be found by what they look like.

    No network has a say in it: it is the same for every model, and the same before and after a training.  Candidates
    are near in `cutout.coarse` (cosine); among them `cutout.likeness` decides.
    """

    def __init__(self, corpus: Corpus, folder: Path, places: Sequence[int]) -> None:
        self.corpus, self.places = corpus, np.asarray(places, np.int64)
        kept = [read_tensors(file(folder, shard))["coarse"].numpy() for shard in corpus.manifest.shards]
        self.vectors = normed(np.concatenate(kept)[self.places])

    def nearest(self, picture: Picture, without: Collection[int] = ()) -> list[Match]:
        """The drawings that the picture is most like, the nearest first; none if nothing stands out from its ground.

        `without` are places that are passed over.
        """
        best = dict[int, float]()
        for cutout in cutouts(picture):
            for place in self.candidates(cutout, without):
                best[place] = max(best.get(place, -1.0), likeness(cutout, self.cutout(place)))
        return sorted((Match(place, value) for place, value in best.items()), key=lambda each: -each.likeness)

    def candidates(self, cutout: Cutout, without: Collection[int]) -> list[int]:
        near = self.vectors @ normed(coarse(cutout)[None])[0]
        near[np.isin(self.places, list(without))] = -np.inf
        order = np.argsort(-near, kind="stable")[:CANDIDATES]
        return [int(self.places[k]) for k in order if near[k] > -np.inf]

    def cutout(self, place: int) -> Cutout:
        return standing(self.corpus.image(place, self.corpus.manifest.size))


def build(corpus: Corpus, folder: Path) -> Iterator[int]:
    """Write what `Index` looks drawings up by, a file a shard; yields how many pictures are done.

    A file is named after its shard's bytes: what is there stays, and what the corpus no longer has is not looked at.
    """
    folder.mkdir(parents=True, exist_ok=True)
    done = 0
    for shard in corpus.manifest.shards:
        goal = file(folder, shard)
        if not goal.exists():
            rows = [coarse(standing(corpus.image(done + k, corpus.manifest.size))) for k in range(shard.count)]
            write_tensors(goal, {"coarse": torch.from_numpy(np.stack(rows))})
        done += shard.count
        yield done


def file(folder: Path, shard: Shard) -> Path:
    return folder / f"{shard.sha256[:24]}-{COARSE}-{VERSION}.safetensors"


def learnt(corpus: Corpus, styles: Collection[str]) -> list[int]:
    """The places of what a model that was taught these styles may have learnt from.

    A preset may leave out some nouns of a set; what it was never shown is then counted among what it was.
    """
    records = enumerate(corpus.records)
    return [place for place, record in records if record.style in styles and not kept_apart(record)]


def credit(record: Record) -> str:
    """Who is to be named for a drawing, in one line: Creative Commons asks for author, source and licence."""
    return f'"{record.label}", {record.style}, by {record.author} ({record.licence}), {record.source}'


def credited(corpus: Corpus, matches: Sequence[Match]) -> list[str]:
    """The credit lines that a picture owes: of its copies the nearest by each artist."""
    owed = dict[tuple[str, str], str]()
    for match in matches:
        record = corpus.records[match.place]
        if match.copy:
            owed.setdefault((record.author, record.source), credit(record))
    return list(owed.values())


def normed(rows: np.ndarray) -> Float[np.ndarray, "n d"]:
    """Of length one, grey being nothing."""
    numbers = rows.astype(np.float32) / 255 - 0.5
    return np.asarray(numbers / (np.linalg.norm(numbers, axis=1, keepdims=True) + 1e-6))
