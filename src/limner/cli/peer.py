"""A job of `limner measure`: our recipe and diffusers' own, on the same pictures and networks of the same size.

With `--preset pairs` both are taught coloured shapes, and asked for pairs of them that neither was shown.
"""

import argparse
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from limner.cli import drawn as drawings
from limner.cli import twin as twins
from limner.cli.progress import told
from limner.errors import LimnerError

if TYPE_CHECKING:
    from limner.bundle import Bundle
    from limner.engine.run import Picture
    from limner.evaluation.composition import Prompt
    from limner.evaluation.figures import Figure, Value
    from limner.evaluation.paired import Paired
    from limner.evaluation.peering import Heard, Peer
    from limner.evaluation.seen import Eye
    from limner.evaluation.twin import Ground, Twin
    from limner.training.workshop import Workshop

OURS, THEIRS = "limner", "diffusers"
SHOWN = 8
TASKS = ("colours", "binding")  # that coloured shapes can be asked for
PROMPTS = 50  # of a task, seen and held out
GUIDANCES = 1.0, twins.GUIDANCE


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
    here = shop.bundle(ours.grown())
    rivals = {
        OURS: Rival(here, "dpmpp_2m"),
        THEIRS: Rival(replace(here, denoiser=peering.denoiser(net)), "euler"),
    }
    name = "peer"
    more: dict[str, Value] = {}
    if args.preset == "pairs":
        name, who = "peer-pairs", drawings.eye()
        outcome = contested(rivals, asked(who), who)
        figures.append(Figure("held_out_more_than_peers", round(100 * outcome.held.low, 2), 0, "at least", " points"))
        more = {"pairs": outcome.described(), "oracle": who.identity}
        sheet(*outcome.page()).save(args.figures / f"{name}-pictures.png")
    else:
        sheet(*shown(rivals, of)).save(args.figures / f"{name}-pictures.png")
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
        **more,
    }  # fmt: skip
    record(args.figures / f"{name}.json", figures, shop.warm.identity if shop.warm else None, details)
    learning(args.figures / f"{name}.json", args.figures / f"{name}.png")
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


@dataclass(frozen=True, slots=True)
class Rival:
    """One of the two, and the sampler it draws with: ours its own, the peer's DDIM."""

    bundle: "Bundle"
    sampler: str


def shown(rivals: "Mapping[str, Rival]", of: "Ground") -> "tuple[list[Picture], list[str]]":
    """A row each way, of the same captions and seeds, twenty steps."""
    from limner.evaluation.twin import drawn

    captions = [of.captions[row] for row in of.rows[:SHOWN].tolist()]
    pictures: list[Picture] = []
    words: list[str] = []
    for name, each in rivals.items():
        for guidance in GUIDANCES:
            pictures += drawn(each.bundle, captions, guidance, each.sampler)
            words += [f"{caption}: {name}, guidance {guidance:g}" for caption in captions]
    return pictures, words


def asked(who: "Eye") -> "list[Prompt]":
    """Colours on shapes, and on two shapes at once: pairs that are shown in training, and pairs that never are."""
    from limner.evaluation.composition import prompts, shapes_alone

    words = shapes_alone(who)
    return [each for held in (False, True) for task in TASKS for each in prompts(task, held, words, PROMPTS)]


@dataclass(frozen=True, slots=True)
class Outcome:
    """Which pictures are right, by rival and guidance; of each rival the guidance that is best for what it was shown.

    `held` compares the two on what neither was shown.
    """

    prompts: "Sequence[Prompt]"
    pictures: "Mapping[tuple[str, float], Sequence[Picture]]"
    right: Mapping[tuple[str, float], Sequence[bool]]

    def best(self, name: str) -> float:
        """By seen pairs alone, so that the held-out ones choose nothing."""
        return max(GUIDANCES, key=lambda guidance: sum(self.of(self.right[name, guidance], False)))

    def of(self, right: Sequence[bool], held: bool, task: str | None = None) -> list[bool]:
        return [
            is_right
            for is_right, prompt in zip(right, self.prompts, strict=True)
            if prompt.held == held and task in (None, prompt.task)
        ]

    @property
    def held(self) -> "Paired":
        from limner.evaluation.paired import paired

        ours, theirs = (self.of(self.right[name, self.best(name)], True) for name in (OURS, THEIRS))
        return paired(ours, theirs)

    def described(self) -> "Value":
        return {
            "rule": "each at the guidance at which it draws most seen pairs rightly; the same prompts and seeds",
            "right": {
                name: {
                    f"guidance {guidance:g}": {
                        f"{task}, {'held out' if held else 'seen'}": drawings.share(
                            self.of(self.right[name, guidance], held, task)
                        )
                        for task in TASKS
                        for held in (False, True)
                    }
                    for guidance in GUIDANCES
                }
                for name in (OURS, THEIRS)
            },
            "guidance": {name: self.best(name) for name in (OURS, THEIRS)},
            "held out, ours less theirs": {
                "points": round(100 * self.held.difference, 2),
                "interval": [round(100 * self.held.low, 2), round(100 * self.held.high, 2)],
                "p": self.held.p,
            },
        }

    def page(self) -> "tuple[list[Picture], list[str]]":
        """A row each rival, of the same held-out prompts, evenly spread."""
        from limner.evaluation.recognition import spread

        held = [k for k, prompt in enumerate(self.prompts) if prompt.held]
        some = [held[k] for k in spread(len(held), SHOWN)]
        pictures: list[Picture] = []
        words: list[str] = []
        for name in (OURS, THEIRS):
            way = name, self.best(name)
            pictures += [self.pictures[way][k] for k in some]
            words += [f"{name}, {'RIGHT' if self.right[way][k] else 'wrong'}: {self.prompts[k].text}" for k in some]
        return pictures, words


def contested(rivals: "Mapping[str, Rival]", prompts: "Sequence[Prompt]", who: "Eye") -> Outcome:
    """Both draw everything at both guidances, and the oracle looks."""
    from limner.evaluation.composition import right
    from limner.evaluation.twin import drawn

    pictures: dict[tuple[str, float], Sequence[Picture]] = {}
    verdicts: dict[tuple[str, float], Sequence[bool]] = {}
    for name, each in rivals.items():
        for guidance in GUIDANCES:
            made = drawn(each.bundle, [prompt.text for prompt in prompts], guidance, each.sampler)
            seen = who.see(made)
            pictures[name, guidance] = made
            verdicts[name, guidance] = [right(*both, who) for both in zip(prompts, seen, strict=True)]
            told(f"{name}, guidance {guidance:g}: {sum(verdicts[name, guidance])} of {len(prompts)} are right")
    return Outcome(prompts, pictures, verdicts)
