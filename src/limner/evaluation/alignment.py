"""Do pictures and words point the same way?  What CLIP finds among many, and what it calls what it sees."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from random import Random

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from scipy.stats import binomtest
from torch import Tensor

from limner.bundle.clip import Clip
from limner.engine.run import Picture
from limner.errors import LimnerError
from limner.evaluation.figures import Value
from limner.pictures.nouns import head_noun, nouns, with_article
from limner.pictures.scenes import Mix, Scene, compose, index
from limner.pictures.sets import Corpus
from limner.process.noise import key
from limner.types import Image

Features = Float[Tensor, "n p"]
UNSEEN = 3_000_000  # the first seed of what is composed here; training's are small
LEADS = ("{}", "an icon of {}", "a picture of {}", "a drawing of {}")
PATIENCE = 20  # scenes for each caption that is wanted, before the mix is said to have too few


@dataclass(frozen=True, slots=True)
class Count:
    """How many of how many were right, beside the share that chance alone gets right."""

    right: int
    of: int
    chance: float

    @property
    def share(self) -> float:
        return self.right / self.of

    @property
    def interval(self) -> tuple[float, float]:
        """The 95% interval of the share: Wilson 1927 (Journal of the American Statistical Association 22, 209-212)."""
        low, high = binomtest(self.right, self.of).proportion_ci(method="wilson")
        return float(low), float(high)

    def described(self) -> dict[str, Value]:
        low, high = self.interval
        return {
            "right": self.right,
            "of": self.of,
            "share": round(self.share, 4),
            "interval": [round(low, 4), round(high, 4)],
            "chance": round(self.chance, 4),
        }


def counted(right: Sequence[bool], chance: float) -> Count:
    """LimnerError where nothing was asked."""
    if not right:
        raise LimnerError("nothing was asked", "ask at least one question")
    return Count(sum(right), len(right), chance)


def together(counts: Sequence[Count]) -> Count:
    """Questions of several kinds as one count; chance is their mean, by how many they are."""
    of = sum(each.of for each in counts)
    return Count(sum(each.right for each in counts), of, sum(each.chance * each.of for each in counts) / of)


def ranks(similarity: Float[Tensor, "q q"]) -> Int[Tensor, " q"]:
    """Which place each row's own column takes, the first being 1; of equals it takes the last."""
    return (similarity >= similarity.diagonal()[:, None]).sum(1)


def recall(asked: Features, found: Features, k: int) -> Count:
    """R@k: how many rows of `asked` have the same row of `found` among the k nearest of all rows.

    Radford et al. 2021 (arXiv:2103.00020), section 3.1 and table 13.
    """
    return counted((ranks(asked @ found.T) <= k).tolist(), min(k / len(found), 1))


def shuffled(captions: Features, seed: int) -> Features:
    """The negative control: each picture is given the caption of one drawn by lot, itself not excluded."""
    order = list(range(len(captions)))
    Random(key(seed, "shuffled", 0)).shuffle(order)
    return captions[order]


def named(pictures: Features, classes: Features, told: Sequence[int], k: int = 1) -> Count:
    """How many pictures have their class among the k nearest."""
    found = (pictures @ classes.T).topk(k, dim=1).indices
    right = (found == torch.tensor(told)[:, None]).any(1)
    return counted(right.tolist(), k / len(classes))


def thing(word: str) -> str:
    """A word as a thing in a sentence, "an owl"; what begins with an article stays as it is."""
    if word.split()[0].lower() in ("a", "an", "the", "some", "two", "three", "four"):
        return word
    noun = nouns().get(word) or head_noun(word)
    plural = word in {each.plural for each in nouns().values()}
    return with_article(word, "plural" if plural else noun.number if noun else "count")


def sayings(word: str, styles: Sequence[str] = ()) -> list[str]:
    """The ways in which captions speak of a thing: after each lead, and in each style."""
    said = thing(word)
    return [lead.format(said) for lead in LEADS] + [f"{said}, {style}" for style in styles]


def centres(clip: Clip, classes: Sequence[Sequence[str]]) -> Features:
    """Each class's direction: the mean of its sentences' unit vectors, again of unit length.

    Ensembling over prompts, in the space of embeddings: Radford et al. 2021, section 3.1.4.
    """
    flat = clip.captions([said for each in classes for said in each])
    parts = torch.split(flat, [len(each) for each in classes])
    return F.normalize(torch.stack([part.mean(0) for part in parts]), dim=-1)


def probabilities(clip: Clip, pictures: Features, classes: Features) -> Float[Tensor, "n c"]:
    """The softmax of the scaled cosines: what CLIP's loss makes of them, as if one of the classes had to be true."""
    return (clip.scale * pictures @ classes.T).softmax(-1)


def scenes(corpus: Corpus, mix: Mix, side: int, count: int, seed: int = UNSEEN) -> tuple[list[Scene], int]:
    """Scenes of which no two have the same caption, and how many were passed over because their caption was there.

    A function of (corpus, mix, side, seed); the first n are the same whatever the count.  LimnerError where the mix has
    too few captions.
    """
    kept = dict[str, Scene]()
    for number in range(PATIENCE * count):
        scene = compose(corpus, Random(key(seed, "gallery", number)), side, mix)
        kept.setdefault(scene.caption, scene)
        if len(kept) == count:
            return list(kept.values()), number + 1 - count
    raise LimnerError(f"only {len(kept)} different captions in {PATIENCE * count} scenes", "ask for fewer")


def paired(corpus: Corpus, mix: Mix, side: int, count: int, apart: bool, seed: int = UNSEEN) -> list[Scene]:
    """Scenes as `scenes` has them, each of whose captions names a colour of an outline, or two things in their places.

    `apart`: each names a pair that is held out, so that no training says it.
    """
    return scenes(corpus, replace(mix, single=0, people=0, faces=0, count=0, apart=apart), side, count, seed)[0]


def things(corpus: Corpus, mix: Mix, side: int, count: int, seed: int = UNSEEN) -> tuple[list[Scene], list[str]]:
    """Scenes of one thing, whose word is in the list of nouns; and all such words of which the mix has pictures."""
    alone = replace(
        mix, tinted=0, shapes=0, count=0, pair=0, faces=0, words="nouns" if mix.words == "labels" else mix.words
    )
    seen = index(corpus, alone)
    words = sorted({*seen.objects.pictures, *seen.people.pictures} & nouns().keys())
    return [compose(corpus, Random(key(seed, "thing", k)), side, alone) for k in range(count)], words


def floats(pictures: Sequence[Picture]) -> Image:
    return torch.from_numpy(np.stack(pictures)).movedim(-1, 1).float() / 255
