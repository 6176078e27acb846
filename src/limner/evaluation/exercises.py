"""What the oracle learns from: composed scenes, the same through the autoencoder, and pictures that are of nothing."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Protocol

import numpy as np
import torch
from jaxtyping import Int, UInt8
from safetensors.torch import save_file
from torch import Tensor

from limner.bundle.layout import read_tensors
from limner.evaluation.spoiling import spoil
from limner.home import beside
from limner.pictures.scenes import COMPOSING, MINI, Mix, Scene, Thing, compose, index
from limner.pictures.sets import Corpus, Record
from limner.pictures.shapes import SHAPES
from limner.pictures.words import COLOURS, TONES
from limner.process.noise import draw, generator, key
from limner.types import Image, Latent

SIDE = 128  # of what the oracle sees, in pixels
CHUNK = 64  # scenes of a file
SPOILT = 16  # of them are also broken
ROUGH = 0.15  # at most so much noise is in a latent that is decoded to learn from; none to be examined by
MIX = replace(
    MINI,
    single=0.46,
    people=0.14,
    tinted=0.1,
    shapes=0.12,
    count=0.07,
    pair=0.11,
    words="nouns",
    white=0.45,
    plain=0.3,
    pale=0.1,
    scenery=0.15,
    scale=(0.5, 1.0),
)
MOTLEY = ""  # the colour of a thing that is not of one colour
UNTOLD = -1  # nothing is known of this, so nothing is to be learnt from it
COLOUR_NEAR, OF_ONE, OF_MANY = 60.0, 0.85, 0.5  # distance in RGB; shares of a thing within it of one colour
GENDERS = ("woman", "man", "")  # as perceived; the last where the drawing does not say
SKINS = TONES  # the first is emoji yellow
LEARNT, EXAMINED, CALIBRATED = "exercises", "exercises held out", "exercises to calibrate by"


class Painter(Protocol):
    """The half of a bundle through which drawn pictures come: the autoencoder."""

    def encode(self, image: Image) -> Latent: ...
    def decode(self, x0: Latent) -> Image: ...


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The words an oracle may answer with."""

    words: tuple[str, ...]
    styles: tuple[str, ...]
    colours: tuple[str, ...] = (*COLOURS, MOTLEY)

    def row(self, thing: Thing, record: Record | None, colour: int) -> tuple[int, int, int, int, int]:
        """Word, style, colour, gender and skin of a thing as numbers; the last two of people alone."""
        person = record is not None and record.group == "people-body" and " and " not in record.tone
        gender = GENDERS.index(record.gender) if person and record else UNTOLD
        skin = SKINS.index(record.tone) if person and record else UNTOLD
        return self.words.index(thing.word), self.styles.index(thing.style), colour, gender, skin


def vocabulary(corpus: Corpus, mix: Mix = MIX) -> Vocabulary:
    """Every noun that the mix has a picture of, and the shapes."""
    seen = index(corpus, mix)
    words = {*seen.objects.pictures, *seen.people.pictures, *SHAPES}
    by_set = {record.set: record.style for record in corpus.records}
    styles = [*(by_set[name] for name in mix.sets or by_set if name in by_set), "silhouette", "shape"]
    return Vocabulary(tuple(sorted(words)), tuple(dict.fromkeys(styles)))


@dataclass(frozen=True, slots=True)
class Exercises:
    """Scenes, plain and decoded; `where` is 0 on the ground and k on a scene's k-th thing; `things` has a row each.

    A row of `things` is: scene, k, word, style, colour, gender, skin; UNTOLD where nothing is known.
    """

    pictures: UInt8[Tensor, "n 3 side side"]
    decoded: UInt8[Tensor, "n 3 side side"]
    where: UInt8[Tensor, "n side side"]
    things: Int[Tensor, "m 7"]
    spoilt: UInt8[Tensor, "s 3 side side"]
    spoilt_where: UInt8[Tensor, "s side side"]


@torch.no_grad()
def prepare(
    corpus: Corpus,
    painter: Painter,
    known: Vocabulary,
    folder: Path,
    chunks: int,
    seed: int,
    first: int = 0,
    every: int = 1,
) -> Iterator[int]:
    """Write the chunks that are not there yet, a file each, or of them each so-manieth.  Yields how many are done."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(first, chunks, every):
        file = folder / f"{number:05}.safetensors"
        if not file.exists():
            made = chunk(corpus, painter, known, LEARNT, number, seed, ROUGH)
            with beside(file) as part:
                save_file({name: getattr(made, name).contiguous() for name in Exercises.__slots__}, part)
        yield number + 1


def kept(folder: Path, corpus: Corpus, known: Vocabulary, model: str, mix: Mix = MIX) -> Path:
    """Where in a folder they are kept: those of other drawings, words, scenes or of another model lie elsewhere.

    A thing's word and style are numbers, which say nothing without the vocabulary.
    """
    told = corpus.identity, COMPOSING, mix, known, model, SIDE, CHUNK, SPOILT, ROUGH
    return folder / f"exercises-{hashlib.sha256(repr(told).encode()).hexdigest()[:12]}"


def gathered(folder: Path, chunks: int) -> Exercises:
    """What `prepare` wrote."""
    return joined([Exercises(**read_tensors(folder / f"{number:05}.safetensors")) for number in range(chunks)])


def several(corpus: Corpus, painter: Painter, known: Vocabulary, purpose: str, chunks: int, seed: int) -> Exercises:
    """Exercises that are not kept, through the autoencoder as it is."""
    return joined([chunk(corpus, painter, known, purpose, number, seed, 0.0) for number in range(chunks)])


def joined(parts: Sequence[Exercises]) -> Exercises:
    things, first = list[Tensor](), 0
    for part in parts:
        moved = part.things.clone()
        moved[:, 0] += first
        things.append(moved)
        first += len(part.pictures)
    others = {
        name: torch.cat([getattr(part, name) for part in parts]) for name in Exercises.__slots__ if name != "things"
    }
    return Exercises(things=torch.cat(things), **others)


@torch.no_grad()
def chunk(
    corpus: Corpus,
    painter: Painter,
    known: Vocabulary,
    purpose: str,
    number: int,
    seed: int,
    rough: float,
    mix: Mix = MIX,
) -> Exercises:
    """One chunk: a function of its arguments."""
    records = by_key(corpus)
    scenes = [compose(corpus, Random(key(seed, f"{purpose} {row}", number)), SIDE, mix) for row in range(CHUNK)]
    where, rows = list[Tensor](), list[tuple[int, ...]]()
    for n, scene in enumerate(scenes):
        where.append(numbered(scene))
        for k, (thing, mask) in enumerate(zip(scene.things, scene.masks, strict=True), 1):
            if mask.any():
                rows.append((n, k, *known.row(thing, records.get(thing.key), coloured(scene, thing, mask, known))))
    pixels = torch.stack([torch.from_numpy(np.ascontiguousarray(each.image)) for each in scenes]).movedim(-1, 1)
    latents = painter.encode(pixels.float() / 255)
    amount = rough * torch.rand((CHUNK, 1, 1, 1), generator=generator(seed, f"{purpose}, rough", number))
    noise = draw(seed, f"{purpose}, rough noise", number, tuple(latents.shape))
    ids = torch.stack(where)
    few = ids[:SPOILT]
    return Exercises(
        pictures=pixels.contiguous(),
        decoded=whole(painter.decode(latents + amount * noise)),
        where=ids,
        things=torch.tensor(rows),
        spoilt=whole(painter.decode(spoil(latents[:SPOILT], seed, f"{purpose}, spoilt", number))),
        spoilt_where=torch.maximum(few, few.roll(1, 0)).clamp(max=1),
    )


def by_key(corpus: Corpus) -> Mapping[str, Record]:
    return {record.key: record for record in corpus.records}


def numbered(scene: Scene) -> UInt8[Tensor, "side side"]:
    out = torch.zeros(scene.image.shape[:2], dtype=torch.uint8)
    for k, mask in enumerate(scene.masks, 1):
        out[torch.from_numpy(mask)] = k
    return out


def coloured(scene: Scene, thing: Thing, mask: np.ndarray, known: Vocabulary) -> int:
    """The number of a thing's colour: as said, MOTLEY if no colour covers half of it, UNTOLD in between."""
    if thing.colour:
        return known.colours.index(thing.colour)
    pixels = scene.image[mask].astype(float)
    near = np.linalg.norm(pixels[:, None] - np.array(list(COLOURS.values())), axis=2) < COLOUR_NEAR
    return known.colours.index(MOTLEY) if near.mean(0).max() < OF_MANY else UNTOLD


def whole(pixels: Tensor) -> UInt8[Tensor, "n 3 side side"]:
    return (pixels.clamp(0, 1) * 255).round().to(torch.uint8)
