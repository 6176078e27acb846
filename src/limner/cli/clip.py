"""One job of `limner measure`: what CLIP finds, names and mixes up among pictures that it never saw."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from limner.cli import asked
from limner.cli.progress import above_zero, told
from limner.errors import LimnerError

if TYPE_CHECKING:
    from torch import Tensor

    from limner.bundle.clip import Clip
    from limner.evaluation.alignment import Count
    from limner.evaluation.figures import Figure, Value
    from limner.pictures.scenes import Mix, Scene
    from limner.pictures.sets import Corpus

LEAST = 1000  # captions without which nothing is said
SHOWN = 24  # pictures on the sheet, the first of the gallery
RIGHT, NAMED = 0.80, 0.97
Counts = dict[str, "Count"]


def flags(job: argparse.ArgumentParser) -> None:
    asked.bundle_flags(job)
    job.add_argument("--corpus", type=Path, metavar="DIR", help="the pictures; ~/.limner/pictures if left out")
    job.add_argument(
        "--preset", choices=("mini", "base"), default="mini", help="whose captions CLIP was taught (%(default)s)"
    )
    job.add_argument("--gallery", type=int, default=LEAST, metavar="N", help="captions to find among (%(default)s)")
    job.add_argument("--questions", type=int, default=500, metavar="N", help="of each other kind (%(default)s)")


def measured(args: argparse.Namespace) -> "Sequence[Figure]":
    """Everything is composed anew from seeds; it takes minutes, and there is nothing to go on from."""
    from limner.bundle.catalogue import home
    from limner.bundle.clip import open_clip
    from limner.evaluation import alignment, atlas
    from limner.evaluation.figures import record
    from limner.pictures.sets import Corpus
    from limner.training.preset import PRESETS

    size, questions = (above_zero(name, getattr(args, name)) for name in ("gallery", "questions"))
    if size < 2:
        raise LimnerError("gallery 1 is no choice", "choose at least 2")
    bundle = asked.bundle(args)
    clip, corpus = open_clip(bundle), Corpus(args.corpus or home() / "pictures")
    mix = PRESETS[args.preset].sayings
    told(f"{size} captions and their pictures")
    scenes, passed = alignment.scenes(corpus, mix, clip.side, size)
    seen = clip.pictures(alignment.floats([scene.image for scene in scenes]))
    said = clip.captions([scene.caption for scene in scenes])
    counts = retrieval(seen, said)
    for apart, pairs in ((False, "trained"), (True, "held-out")):
        told(f"{size} captions of {pairs} pairs")
        few = alignment.paired(corpus, mix, clip.side, size, apart)
        shown = clip.pictures(alignment.floats([scene.image for scene in few]))
        counts |= retrieval(shown, clip.captions([scene.caption for scene in few]), f", of {pairs} pairs")
    named, nouns = by_noun(clip, corpus, mix, questions)
    counts |= named | by_choice(clip, corpus, mix, questions)
    figures = judged(counts, size)
    details: dict[str, Value] = {
        "weights": clip.identity,
        "captions": f"composed by the {args.preset} preset's mix from seeds that no training has ({alignment.UNSEEN}); "
        "the short ones among them were said in training, of other pictures",
        "captions of pairs": "each names a colour with a shape or silhouette, or two things in their places; if they "
        "are held out, such as no training says",
        "duplicates": f"{passed} scenes were passed over because their caption was in the gallery; a caption that is "
        "true of another picture, too, still counts as wrong",
        "nouns": nouns,
        "counts": {name: count.described() for name, count in counts.items()},
        "space": space(seen, said),
    }
    record(args.figures / "clip.json", figures, bundle.identity, details)
    atlas.bars(counts, args.figures / "clip.png")
    draw(scenes, seen, said, args.figures)
    return figures


def retrieval(seen: "Tensor", said: "Tensor", of: str = "") -> Counts:
    """Both directions, and the negative control."""
    from limner.evaluation.alignment import UNSEEN, recall, shuffled

    pairs = {"picture to caption": (seen, said), "caption to picture": (said, seen)}
    pairs["picture to shuffled caption"] = (seen, shuffled(said, UNSEEN))
    return {f"{name}{of}, R@{k}": recall(*both, min(k, len(said))) for name, both in pairs.items() for k in (1, 5)}


def by_noun(clip: "Clip", corpus: "Corpus", mix: "Mix", questions: int) -> tuple[Counts, int]:
    """Zero-shot classification over all nouns of which the mix has pictures, and how many they are."""
    from limner.evaluation.alignment import centres, floats, named, sayings, thing, things

    scenes, words = things(corpus, mix, clip.side, questions)
    told(f"{questions} pictures of {len(words)} nouns")
    seen = clip.pictures(floats([scene.image for scene in scenes]))
    right = [words.index(scene.things[0].word) for scene in scenes]
    classes, bare = (centres(clip, [say(word) for word in words]) for say in (sayings, lambda word: [thing(word)]))
    k = min(5, len(words))
    counts = {"noun": named(seen, classes, right), f"noun, of the first {k}": named(seen, classes, right, k)}
    return counts | {"noun, one template": named(seen, bare, right)}, len(words)


def by_choice(clip: "Clip", corpus: "Corpus", mix: "Mix", questions: int) -> Counts:
    """Colours, colours exchanged and places exchanged: pairs that training composes, and pairs that it does not."""
    from limner.evaluation import choices as ask

    counts, side = Counts(), clip.side
    for apart, pairs in ((False, "trained"), (True, "held out")):
        asked_for = {
            "colour of a shape": ask.shape_colours(questions, side, apart),
            "colour of a silhouette": ask.tinted_colours(corpus, mix, questions, side, apart),
            "colours exchanged, and": ask.bindings(questions, side, apart, related=False),
            "colours exchanged, related": ask.bindings(questions, side, apart, related=True),
            "places exchanged": ask.relations(questions, side, apart),
        }
        for name, choices in asked_for.items():
            told(f"{name}, {pairs} pairs: {len(choices)} pictures")
            counts[f"{name}, {pairs}"] = ask.chosen(clip, choices)
    return counts


def judged(counts: Counts, size: int) -> "list[Figure]":
    """Binding has no target: that CLIP guesses there is a finding (docs/lecture/text.md)."""
    from limner.evaluation.alignment import together
    from limner.evaluation.figures import Figure

    colour = together([count for name, count in counts.items() if name.startswith("colour of")])
    control = counts["picture to shuffled caption, R@1"]
    shares = {
        "caption_found_first": (counts["picture to caption, R@1"].share, RIGHT),
        "picture_found_first": (counts["caption to picture, R@1"].share, RIGHT),
        "held_out_caption_found_first": (counts["picture to caption, of held-out pairs, R@1"].share, RIGHT),
        "held_out_picture_found_first": (counts["caption to picture, of held-out pairs, R@1"].share, RIGHT),
        "noun_named": (counts["noun"].share, NAMED),
        "colour_named": (colour.share, NAMED),
    }
    return [
        *(Figure(name, round(share, 3), target, "at least") for name, (share, target) in shares.items()),
        Figure("control_above_chance", round(control.interval[0], 4), round(control.chance, 4), "at most"),
        Figure("gallery", size, LEAST, "at least"),
    ]


def space(seen: "Tensor", said: "Tensor") -> "dict[str, Value]":
    """What is measured of the space: of each kind's vectors, and between the two."""
    from limner.evaluation.space import isoscore, mean_cosine, modality_gap

    parts = {"pictures": seen, "captions": said}
    return {
        "mean cosine": {name: round(mean_cosine(each), 4) for name, each in parts.items()},
        "mean cosine of pairs": round(float((seen * said).sum(1).mean()), 4),
        "isoscore": {name: round(isoscore(each), 4) for name, each in parts.items()},
        "modality gap": round(modality_gap(seen, said), 4),
    }


def draw(scenes: "Sequence[Scene]", seen: "Tensor", said: "Tensor", folder: Path) -> None:
    """The first pictures with the captions that CLIP chose for them among all; and the map of both."""
    from limner.evaluation.atlas import both
    from limner.evaluation.space import modality_gap
    from limner.pictures.contact import sheet

    best = (seen[:SHOWN] @ said.T).argmax(1).tolist()
    words = [f"{'right' if k == place else 'wrong'}: {scenes[k].caption}" for place, k in enumerate(best)]
    sheet([scene.image.repeat(2, 0).repeat(2, 1) for scene in scenes[: len(best)]], words).save(
        folder / "clip-pictures.png"
    )
    title = f"{len(seen)} pictures and their captions, {modality_gap(seen, said):.2f} between the centres"
    (folder / "clip-space.png").write_bytes(both(seen, said, title))
