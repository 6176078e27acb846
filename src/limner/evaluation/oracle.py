"""An oracle is somebody who can be asked what is in a picture, who never saw a drawn one, and who may say: nothing."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from PIL import Image
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor
from torch.nn import functional as F

from limner.bundle.catalogue import SHIPPED
from limner.engine.run import Picture
from limner.errors import LimnerError
from limner.evaluation.exercises import GENDERS, SIDE, SKINS, Vocabulary
from limner.evaluation.reader import Cut, Reader, Said, cut
from limner.evaluation.seen import Found, Mask, Seen
from limner.evaluation.segmenter import Segmenter, View, masks
from limner.metadata import read
from limner.pictures.nouns import nouns

FOLDER, FILE = "oracle", "oracle.safetensors"
FEW = 64  # pictures looked at at once


@dataclass(frozen=True, slots=True)
class Presented:
    """How a depicted figure is perceived, never who anybody is: "woman", "man" or "" and a skin tone of the emoji's.

    The tone "" is emoji yellow.  `sure` is the smaller of the two probabilities.
    """

    gender: str
    skin: str
    sure: float


@dataclass(frozen=True, slots=True)
class Thing:
    """A thing cut out of a picture: where it is, and the probabilities of all that was asked."""

    mask: Mask
    word: Float[np.ndarray, " words"]
    style: int
    colour: int
    gender: Float[np.ndarray, " genders"]
    skin: Float[np.ndarray, " skins"]


@dataclass(frozen=True, slots=True)
class Oracle:
    """A segmenter and a reader, trained on renders alone, with what the two cannot tell apart.

    `groups` are words that look alike; below `threshold` no word is given.  They share no weights with any model.
    """

    segmenter: Segmenter
    reader: Reader
    known: Vocabulary
    groups: tuple[tuple[str, ...], ...] = ()
    threshold: float = 0.0
    identity: str = ""
    group: Mapping[str, int] = field(default_factory=dict)

    def knows(self, word: str) -> bool:
        return word in self.group

    def alike(self, one: str, other: str) -> bool:
        return one == other or (self.knows(one) and self.group[one] == self.group.get(other))

    def see(self, pictures: Sequence[Picture]) -> list[Seen]:
        """What is in each picture.  Of people no more is said than that they are there: see `presented`."""
        return [self._seen(things) for things in self.look(pictures)]

    def presented(self, files: Sequence[Path]) -> list[tuple[Presented, ...]]:
        """How the figures in pictures that limner drew are perceived, the largest first.

        LimnerError where a picture carries no recipe of limner's: it may show a person, of whom nothing is said.
        """
        pictures = []
        for file in files:
            found = read(file)
            if found.recipe is None:
                raise LimnerError(
                    f"{file} was not drawn by limner, and of people in other pictures nothing is said",
                    "ask about pictures that limner make drew",
                )
            with Image.open(file) as picture:
                pictures.append(np.asarray(picture.convert("RGB")))
        return [self.figures(things) for things in self.look(pictures)]

    def figures(self, things: Sequence["Thing"]) -> tuple[Presented, ...]:
        """Of the things those that are people; for pictures of which the caller knows that a model drew them."""
        people = [thing for thing in things if self.named(thing)[0] in _people()]
        return tuple(
            Presented(
                GENDERS[int(thing.gender.argmax())],
                SKINS[int(thing.skin.argmax())],
                float(min(thing.gender.max(), thing.skin.max())),
            )
            for thing in people
        )

    @torch.no_grad()
    def features(self, pictures: Sequence[Picture]) -> Float[Tensor, "n d"]:
        """All things of a picture as one, read; beside it the segmenter's coarsest map, averaged."""
        out = list[Tensor]()
        for few in batches(pictures):
            x = views(few)
            solid = [
                torch.stack(found).any(0) if found else torch.ones(SIDE, SIDE, dtype=torch.bool)
                for found in masks(self.segmenter, x)
            ]
            out.append(torch.cat([self.reader(cut(x, torch.stack(solid))).features, self.segmenter.summary(x)], 1))
        return torch.cat(out) if out else torch.zeros(0, 0)

    @torch.no_grad()
    def look(self, pictures: Sequence[Picture]) -> list[list[Thing]]:
        """The things of each picture, the largest first, with every probability."""
        out = list[list[Thing]]()
        for few in batches(pictures):
            x = views(few)
            found = masks(self.segmenter, x)
            whose = [n for n, parts in enumerate(found) for _ in parts]
            out += [[] for _ in few]
            if not whose:
                continue
            solid = torch.stack([part for parts in found for part in parts])
            said = self.reader(cut(x[whose], solid))
            for n, thing in zip(whose, taken_apart(said, solid, [few[n].shape[:2] for n in whose]), strict=True):
                out[len(out) - len(few) + n].append(thing)
        return out

    def _seen(self, things: Sequence[Thing]) -> Seen:
        found, broken = list[Found](), False
        for thing in things:
            word, sure = self.named(thing)
            broken |= not word
            found.append(
                Found(
                    word if sure >= self.threshold else "",
                    sure,
                    self.known.colours[thing.colour],
                    self.known.styles[thing.style],
                    thing.mask,
                )
            )
        return Seen(tuple(found), broken)

    def named(self, thing: Thing) -> tuple[str, float]:
        """The likeliest word of the likeliest group, "" if it is broken, and the group's probability."""
        numbers = np.array([*(self.group[word] for word in self.known.words), len(self.known.words)])
        shares = np.bincount(numbers, thing.word)
        best = int(shares.argmax())
        own = np.flatnonzero(numbers == best)
        top = int(own[thing.word[own].argmax()])
        return "" if top == len(self.known.words) else self.known.words[top], float(shares[best])

    @torch.no_grad()
    def read_cuts(self, x: Cut) -> list[Thing]:
        """Things that are cut out already."""
        solid = x[:, 3] > 0.5
        return [thing for few in torch.split(torch.arange(len(x)), FEW) for thing in self._things(x[few], solid[few])]

    def _things(self, x: Cut, solid: Tensor) -> list[Thing]:
        return taken_apart(self.reader(x), solid, [each.shape for each in solid])


@cache
def _people() -> frozenset[str]:
    return frozenset(word for word, noun in nouns().items() if noun.kind == "people" and noun.number == "count")


def grouped(words: Sequence[str], groups: Sequence[Sequence[str]]) -> dict[str, int]:
    """The number of each word's group: words that look alike have the same."""
    out = {word: k for k, word in enumerate(words)}
    for group in groups:
        out |= dict.fromkeys(group, min(out[word] for word in group))
    return out


def batches(pictures: Sequence[Picture]) -> list[Sequence[Picture]]:
    return [pictures[start : start + FEW] for start in range(0, len(pictures), FEW)]


def views(pictures: Sequence[Picture]) -> View:
    """As the oracle sees them: square, SIDE pixels a side."""
    pixels = [torch.tensor(picture).movedim(-1, 0)[None].float() / 255 for picture in pictures]
    return torch.cat([F.interpolate(each, (SIDE, SIDE), mode="area") for each in pixels])


def taken_apart(said: Said, solid: Tensor, sizes: Sequence[tuple[int, ...]]) -> list[Thing]:
    word, gender, skin = (each.softmax(1).double().numpy() for each in (said.word, said.gender, said.skin))
    style, colour = said.style.argmax(1).tolist(), said.colour.argmax(1).tolist()
    large = [
        F.interpolate(one[None, None].float(), size, mode="nearest")[0, 0] > 0
        for one, size in zip(solid, sizes, strict=True)
    ]
    rows = zip(large, word, style, colour, gender, skin, strict=True)
    return [Thing(mask.numpy(), *rest) for mask, *rest in rows]


def write(oracle: Oracle, file: Path) -> None:
    """In half precision, with what it knows."""
    about = {
        "words": oracle.known.words,
        "styles": oracle.known.styles,
        "groups": oracle.groups,
        "threshold": oracle.threshold,
    }
    kept = {
        f"{part}.{name}": weights.half().contiguous()
        for part, net in (("segmenter", oracle.segmenter), ("reader", oracle.reader))
        for name, weights in net.state_dict().items()
    }
    save_file(kept, file, {"oracle": json.dumps(about)})


def opened(file: Path | None = None) -> Oracle:
    """The shipped oracle, or the one in a file; LimnerError where that is not what `write` wrote."""
    if file is None:
        file = SHIPPED / FOLDER / FILE
    try:
        with safe_open(file, "pt") as f:
            about = json.loads((f.metadata() or {})["oracle"])
            kept = {name: f.get_tensor(name).float() for name in f.keys()}  # noqa: SIM118 - a safetensors file is no mapping
        return assembled(kept, about, hashlib.sha256(Path(file).read_bytes()).hexdigest())
    except (OSError, SafetensorError, KeyError, ValueError, RuntimeError) as error:
        raise LimnerError(f"{file} is no oracle", "train one: limner measure oracle") from error


def assembled(kept: Mapping[str, Tensor], about: Mapping[str, object], identity: str) -> Oracle:
    words, styles, groups = ([*about[name]] for name in ("words", "styles", "groups"))  # type: ignore[misc]
    known = Vocabulary(tuple(words), tuple(styles))
    segmenter, reader = Segmenter(), Reader(known)
    for part, net in (("segmenter", segmenter), ("reader", reader)):
        own = {name.removeprefix(f"{part}."): weights for name, weights in kept.items() if name.startswith(f"{part}.")}
        net.load_state_dict(own)
        net.requires_grad_(False).eval()
    threshold = float(str(about["threshold"]))
    return made(segmenter, reader, known, [tuple(group) for group in groups], threshold, identity)


def made(
    segmenter: Segmenter,
    reader: Reader,
    known: Vocabulary,
    groups: Sequence[Sequence[str]],
    threshold: float,
    identity: str = "",
) -> Oracle:
    alike = tuple(tuple(group) for group in groups)
    return Oracle(segmenter, reader, known, alike, threshold, identity, grouped(known.words, alike))
