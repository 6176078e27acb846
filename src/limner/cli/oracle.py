"""`limner measure oracle`: train whoever says what is in a picture, as far as it is not yet, and examine it."""

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from limner.cli import asked
from limner.cli.progress import above_zero, told
from limner.errors import LimnerError

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Module

    from limner.bundle import Bundle
    from limner.evaluation.certificate import Share
    from limner.evaluation.exercises import Exercises, Vocabulary
    from limner.evaluation.figures import Figure, Value
    from limner.evaluation.oracle import Oracle
    from limner.evaluation.reader import Reader
    from limner.evaluation.segmenter import Segmenter
    from limner.training.loop import Run

Seen = TypeVar("Seen")
PERCENT = 100
PRECISION = 0.99  # of the words that are given, on calibration renders with spoilt ones among them
CALIBRATION, EXAMINATION = 24, 24  # chunks of 64 scenes
SHOWN = 32
NAMES = ("plain", "decoded")
TRAINED, SHIPPED = "trained", "shipped"  # what may be examined besides a file
TARGETS = {
    "found": 98,
    "counted": 98,
    "word": 98,
    "word where given": 98,
    "style": 99,
    "colour": 99,
    "gender": 95,
    "skin": 95,
}


def flags(job: argparse.ArgumentParser) -> None:
    asked.bundle_flags(job)
    job.add_argument("--corpus", type=Path, metavar="DIR", help="the pictures; ~/.limner/pictures if left out")
    job.add_argument("--out", type=Path, metavar="DIR", help="its folder; ~/.limner/oracle if left out")
    job.add_argument("--chunks", type=int, default=224, metavar="N", help="of 64 scenes to learn from (%(default)s)")
    job.add_argument("--steps", type=int, metavar="N", help="of the reader's training; as the docs have it if left out")
    job.add_argument("--from", type=Path, dest="begin", metavar="FILE", help="an oracle to begin with")
    job.add_argument("--rows", type=int, default=1, metavar="N", help="times the usual in a step (%(default)s)")
    asked.workers_flag(job, "make batches")
    job.add_argument(
        "--examine",
        nargs="?",
        const=TRAINED,
        metavar="FILE",
        help=f"train nothing: examine what was trained in its folder, or FILE, or the one that ships ({SHIPPED})",
    )
    job.add_argument("--examined", type=int, metavar="N", help="chunks to calibrate and to examine by; 24 if left out")


def oracle(args: argparse.Namespace) -> "Sequence[Figure]":
    """Compose what there is to learn, train both networks, merge look-alikes, examine; each goes on where it was."""
    from limner.bundle.catalogue import home
    from limner.evaluation import certificate, exercises
    from limner.evaluation.figures import record
    from limner.evaluation.oracle import FILE, opened, write
    from limner.pictures.sets import Corpus

    chunks, examined = above_zero("chunks", args.chunks), above_zero("examined", args.examined or CALIBRATION)
    bundle, folder = asked.bundle(args), args.out or home() / "oracle"
    corpus = Corpus(args.corpus or home() / "pictures")
    known = exercises.vocabulary(corpus)
    kept, painter = exercises.kept(folder, corpus, known, bundle.identity), Elsewhere(bundle)

    def given() -> "Exercises":
        for done in exercises.prepare(corpus, painter, known, kept, chunks, 0):
            told(f"{done} of {chunks} chunks of exercises")
        return exercises.gathered(kept, chunks)

    learnt: dict[str, Value] = {}
    if args.examine in (None, TRAINED):
        learnt["steps"] = dict(taught(given, known, folder, args, begun(args.begin, known)))
        if not args.examine:
            learnt |= {"rows a step, times the usual": args.rows, "scenes to learn from": chunks * exercises.CHUNK}
        told("calibrating")
        seen = exercises.several(corpus, painter, known, exercises.CALIBRATED, examined, 0)
        write(calibrated(*trained(folder, known), known, seen), folder / FILE)
        final = opened(folder / FILE)
    else:
        final = answering(opened(None if args.examine == SHIPPED else Path(args.examine)), args.examine, known)
    told("examining")
    seen = exercises.several(corpus, painter, known, exercises.EXAMINED, examined, 0)
    said = {name: certificate.examine(final, seen, name == "decoded") for name in NAMES}
    found = {name: certificate.shares(final, *each) for name, each in said.items()}
    refused = {name: certificate.refused(final, each) for name, each in certificate.spoilt(final, seen, 1).items()}
    figures = certified(found, refused)
    right, spoilt_refused = found["decoded"][0]["named rightly"], refused.values()
    details: dict[str, Value] = {
        "oracle": final.identity,
        "naming": {
            "sensitivity": [right.right, right.count],
            "specificity": [sum(each.right for each in spoilt_refused), sum(each.count for each in spoilt_refused)],
        },
        "renders": {
            name: certificate.described(each)
            | {"mask overlap": overlap, "styles mistaken": certificate.mistaken(final, said[name][0])}
            for name, (each, overlap) in found.items()
        },
        "spoilt things that got no word": certificate.described(refused),
        "look-alikes": [list(group) for group in final.groups],
        "threshold": round(final.threshold, 4),
        "words": len(known.words),
        "styles": list(known.styles),
        "decoded by": bundle.identity,
        **learnt,
        "parameters": sum(weights.numel() for net in (final.segmenter, final.reader) for weights in net.parameters()),
        "seeds": {
            "learnt": 0,
            "calibrated": 0,
            "examined": 0,
            "streams": [exercises.LEARNT, exercises.CALIBRATED, exercises.EXAMINED],
        },
    }
    record(args.figures / "oracle.json", figures, final.identity, details)
    shown(final, seen, args.figures / "oracle.png")
    return figures


def begun(file: Path | None, known: "Vocabulary") -> "Oracle | None":
    """The oracle to begin with; LimnerError where it answers with other words."""
    from limner.evaluation.oracle import opened

    return answering(opened(file), str(file), known) if file else None


def answering(found: "Oracle", name: str, known: "Vocabulary") -> "Oracle":
    if found.known != known:
        raise LimnerError(
            f"the oracle {name} answers with other words than this corpus has", "train one on this corpus"
        )
    return found


def calibrated(segmenter: "Segmenter", reader: "Reader", known: "Vocabulary", seen: "Exercises") -> "Oracle":
    """Both networks, what looks alike to them merged, with the probability from which on a word is given."""
    from limner.evaluation import certificate
    from limner.evaluation.oracle import made

    bare = made(segmenter, reader, known, [], 0.0)
    answers = [each for decoded in (False, True) for each in certificate.examine(bare, seen, decoded)[0]]
    groups = certificate.lookalikes(bare, answers)
    merged = made(segmenter, reader, known, groups, 0.0)
    spoilt = [thing for things in certificate.spoilt(merged, seen, 0).values() for thing in things]
    return made(segmenter, reader, known, groups, certificate.threshold(merged, answers, spoilt, PRECISION))


def taught(
    made: "Callable[[], Exercises]", known: "Vocabulary", folder: Path, args: argparse.Namespace, warm: "Oracle | None"
) -> dict[str, int]:
    """Both networks' trainings, to their ends, on what is made only if one has not come there; the steps each took.

    Where they are to be examined as they are, LimnerError if one was never begun.
    """
    from limner.engine.device import choose
    from limner.evaluation import reader, segmenter
    from limner.training.precision import half_pays

    if args.examine and not all((folder / f"{name}.safetensors").exists() for name in ("segmenter", "reader")):
        raise LimnerError(f"no oracle was trained in {folder}", "leave out --examine to train one")
    place, times = choose(args.device, None).device, above_zero("rows", args.rows)
    half = half_pays(place)
    first = segmenter.study(folder / "segmenter.safetensors", warm=warm.segmenter if warm else None, device=place)
    plan = reader.PLAN if args.steps is None else replace(reader.PLAN, steps=above_zero("steps", args.steps))
    last = reader.study(known, folder / "reader.safetensors", plan, warm=warm.reader if warm else None, device=place)
    if not args.examine and (first.number < first.plan.steps or last.number < last.plan.steps):
        given = made()
        seen = partial(segmenter.batch, given, 0, rows=times * segmenter.ROWS)
        read = partial(reader.batch, given, known, 0, rows=times * reader.ROWS)
        schooled("segmenter", first, seen, partial(segmenter.lesson, device=place), args.workers, half)
        schooled("reader", last, read, partial(reader.lesson, device=place), args.workers, half)
    return {"segmenter": first.number, "reader": last.number}


def schooled(
    name: str,
    run: "Run",
    make: "Callable[[int], Seen]",
    lesson: "Callable[[Module, Seen], Tensor]",
    workers: int,
    half: bool,
) -> None:
    """To the plan's end, each step on the batch of its number, which other processes may make ahead."""
    from limner.training.feed import feed
    from limner.training.precision import autocast

    batches = feed(make, run.number + 1, run.plan.steps, workers)
    device = next(run.net.parameters()).device

    def loss(net: "Module", number: int) -> "Tensor":
        with autocast(device, half):
            return lesson(net, next(batches))

    for step in run.train(loss):
        if step.number % 50 == 0:
            told(f"{name}: step {step.number} of {run.plan.steps}, loss {step.loss:.3f}")


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """A painter whose autoencoder may be on another device than the pictures and latents here."""

    painter: "Bundle"

    def encode(self, image: "Tensor") -> "Tensor":
        return self.painter.encode(image.to(self.painter.device)).float().cpu()

    def decode(self, x0: "Tensor") -> "Tensor":
        return self.painter.decode(x0.to(self.painter.device)).float().cpu()


def trained(folder: Path, known: "Vocabulary") -> "tuple[Segmenter, Reader]":
    """The averaged weights of both, in half precision as they will be kept."""
    from limner.evaluation.reader import Reader, foreseen
    from limner.evaluation.segmenter import Segmenter
    from limner.training.loop import averaged

    nets = Segmenter(), Reader(known)
    for net, name in zip(nets, ("segmenter", "reader"), strict=True):
        net.load_state_dict({key: weights.half() for key, weights in averaged(folder / f"{name}.safetensors").items()})
        net.requires_grad_(False).eval()
    return nets[0], foreseen(nets[1], known)


def certified(found: "dict[str, tuple[dict[str, Share], float]]", refused: "dict[str, Share]") -> "list[Figure]":
    from limner.evaluation.figures import Figure

    figures = list[Figure]()
    for name, (shares, overlap) in found.items():
        for what, target in TARGETS.items():
            each = shares[what]
            value = round(PERCENT * each.right / max(1, each.count), 2)
            figures.append(Figure(f"{name}_{what}".replace(" ", "_"), value, target, "at least", " %"))
        figures.append(Figure(f"{name}_mask_overlap", round(overlap, 4), 0.95, "at least"))
    worst = min(each.right / max(1, each.count) for each in refused.values())
    return [*figures, Figure("spoilt_refused_at_least", round(PERCENT * worst, 2), 80, "at least", " %")]


def shown(oracle: "Oracle", given: "Exercises", file: Path) -> None:
    """The first scenes of the examination, with what the oracle said of each, and in red where the things are."""
    import numpy as np
    from scipy.ndimage import binary_erosion

    from limner.pictures.contact import sheet

    pictures = list(given.decoded[:SHOWN].movedim(1, -1).numpy())
    seen = oracle.see(pictures)
    outlined, words = [], []
    for picture, each in zip(pictures, seen, strict=True):
        drawn = np.ascontiguousarray(picture).copy()
        for thing in each.things:
            edge = thing.mask & ~binary_erosion(thing.mask)
            drawn[edge] = (255, 0, 0)
        outlined.append(drawn)
        words.append(
            "; ".join(f"{thing.colour} {thing.word or '?'}, {thing.style}".strip() for thing in each.things)
            or "nothing"
        )
    sheet(outlined, words).save(file)
