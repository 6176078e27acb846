"""A job of `limner measure`: our recipe and diffusers' own, on the same pictures and networks of the same size."""

import argparse
import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from limner.cli import twin as twins
from limner.cli.progress import told
from limner.errors import LimnerError

if TYPE_CHECKING:
    from limner.engine.run import Picture
    from limner.evaluation.figures import Figure, Value
    from limner.evaluation.peering import Heard, Peer
    from limner.evaluation.twin import Ground, Twin
    from limner.network.unet import UNet
    from limner.training.workshop import Workshop

OURS, THEIRS = "limner", "diffusers"
SHOWN = 8


def flags(job: argparse.ArgumentParser) -> None:
    twins.shared_flags(job, "peer")
    job.add_argument(
        "--python", metavar="PATH", default=sys.executable, help="one that has diffusers; this one if left out"
    )
    job.add_argument(
        "--peer-rate", type=float, default=1e-4, metavar="X", help="the peer's; its script's own (%(default)s)"
    )
    job.add_argument(
        "--peer-gamma", type=float, default=0.0, metavar="X", help="the peer's min-SNR weighting, such as 5 (none)"
    )


def peer(args: argparse.Namespace) -> "Sequence[Figure]":
    """Both learn as many pictures, as far as they have not yet; --minutes are halved between them."""
    from limner.evaluation import peering, unseen
    from limner.evaluation.figures import Figure, record
    from limner.evaluation.learning import learning
    from limner.evaluation.twin import denoiser, twin
    from limner.pictures.contact import sheet

    if not args.peer_rate > 0 or args.peer_gamma < 0:
        raise LimnerError("the peer's rate is more than 0, and its gamma not below", "see measure peer --help")
    shop = twins.workshop(args, "peer")
    of, rival = twins.prepared(shop, args.held), peering.Peer(args.python, args.peer_rate, args.peer_gamma)
    half = None if args.minutes is None else args.minutes / 2
    ours = twin(shop, of.taught, "ours")
    seconds = learnt(ours, half)
    heard = listened(rival, shop, half)
    net = peering.trained(rival, shop)
    found = {
        OURS: unseen.errors(denoiser(shop, ours.grown()), of.held, of.rows, unseen.LEVELS, shop.seed, told=True),
        THEIRS: unseen.errors(peering.denoiser(net), of.held, of.rows, unseen.LEVELS, shop.seed, told=True),
    }
    overall = unseen.difference(found[OURS].mean(0), found[THEIRS].mean(0))
    figures = [
        Figure("error_lower_than_peers", round(overall.low, 2), 0, "at least", " %"),
        Figure("steps_of_ours", ours.run.number, shop.preset.diffusion.plan.steps, "at least"),
        Figure("steps_of_peers", heard.step, shop.preset.diffusion.plan.steps, "at least"),
    ]
    details: dict[str, Value] = {
        "what": "squared error of x0 of unseen pictures, mean over noise levels; the low end of the interval",
        "peer": {
            "rate": rival.rate, "gamma": rival.gamma, "steps": heard.step, "seconds in all": round(heard.seconds, 1),
            "parameters": sum(weights.numel() for weights in net.parameters()),
        },
        "error": {name: round(float(each.mean()), 5) for name, each in found.items()},
        "lower": twins.described(overall),
        "levels": twins.by_level(found, unseen.LEVELS),
        "pictures": len(of.rows),
        "left out": f"{args.held * 64 - len(of.rows)} compositions that were taught too",
        "seconds of ours in this call": round(seconds, 1),
        **twins.both(shop, ours),
    }  # fmt: skip
    record(args.figures / "peer.json", figures, shop.warm.identity if shop.warm else None, details)
    learning(args.figures / "peer.json", args.figures / "peer.png")
    sheet(*shown(ours, net, shop, of)).save(args.figures / "peer-pictures.png")
    return figures


def learnt(ours: "Twin", minutes: float | None) -> float:
    """To the plan's end, or for so many minutes; the seconds that it took."""
    began, steps = time.monotonic(), ours.run.train(ours.loss)
    for step in steps:
        if step.number % 50 == 0:
            told(f"ours: step {step.number} of {ours.run.plan.steps}, loss {step.loss:.3f}")
        if minutes is not None and time.monotonic() - began > 60 * minutes:
            steps.close()
    return time.monotonic() - began


def listened(rival: "Peer", shop: "Workshop", minutes: float | None) -> "Heard":
    """What the peer said last."""
    from limner.evaluation.peering import taught

    last: Heard | None = None
    for last in taught(rival, shop, minutes):
        if last.step % 50 == 0 and last.loss is not None:
            told(f"peer: step {last.step} of {shop.preset.diffusion.plan.steps}, loss {last.loss:.3f}")
    if last is None:
        raise LimnerError("the peer said nothing", "name a Python that has diffusers with --python")
    return last


def shown(ours: "Twin", net: "UNet", shop: "Workshop", of: "Ground") -> "tuple[list[Picture], list[str]]":
    """A row each way, of the same captions and seeds, twenty steps: ours by its own sampler, theirs by DDIM."""
    from dataclasses import replace

    from limner.evaluation.peering import denoiser
    from limner.evaluation.twin import drawn

    captions = [of.captions[row] for row in of.rows[:SHOWN].tolist()]
    here = shop.bundle(ours.grown())
    there = replace(here, denoiser=denoiser(net))
    pictures: list[Picture] = []
    words: list[str] = []
    for name, bundle, sampler in ((OURS, here, "dpmpp_2m"), (THEIRS, there, "euler")):
        for guidance in (1.0, twins.GUIDANCE):
            pictures += drawn(bundle, captions, guidance, sampler)
            words += [f"{caption}: {name}, guidance {guidance:g}" for caption in captions]
    return pictures, words
