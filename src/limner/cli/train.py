"""`limner train`: the small model's parts, trained one after another in one folder and put together."""

import argparse
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from limner.cli import asked, loan
from limner.cli.progress import told
from limner.cli.stages import SHARES, STAGES, export, part, sensible, workshop
from limner.errors import LimnerError

if TYPE_CHECKING:
    from limner.training.workshop import Workshop

FIRST = 256  # chunks that a diffusion model begins with, where the others are composed beside it
PRESETS = "mini", "base", "loan"
KINDS = "single", "people", "tinted", "shapes", "count", "pair", "faces"
OVER = {"autoencoder": "vae.safetensors", "clip": "diffusion.safetensors"}
"""The file of a later stage that relies on what a stage was."""


def flags(parser: argparse.ArgumentParser) -> None:
    jobs = parser.add_subparsers(
        required=True, dest="stage", metavar=" | ".join([*STAGES, "all", "export", *loan.JOBS])
    )
    for stage, line in STAGES.items():
        job = jobs.add_parser(stage, help=line, description=f"{line}; a second call goes on where the first stopped")
        shared(job)
        learning(job)
        if stage == "diffusion":
            composing(job)
        job.add_argument("--rate", type=float, metavar="X", help="peak learning rate; the preset's if left out")
    line = f"{', '.join(SHARES)} and export, one after another"
    shares = ", ".join(f"{stage} {100 * share:g}%%" for stage, share in SHARES.items())
    whole = jobs.add_parser("all", help=line, description=f"{line}; a second call goes on; of the minutes: {shares}")
    shared(whole)
    learning(whole)
    composing(whole)
    export = jobs.add_parser("export", help="write the model, as limner and diffusers open it, into OUT/limner-mini")
    shared(export)
    loan.flags(jobs, shared, learning, composing)


def shared(job: argparse.ArgumentParser) -> None:
    job.add_argument(
        "--preset", choices=PRESETS, default="mini", help="mini for a CPU, base for a GPU, loan for a GPU and minutes"
    )
    job.add_argument("--corpus", type=Path, metavar="DIR", help="the pictures; ~/.limner/pictures if left out")
    job.add_argument(
        "--side",
        type=int,
        choices=(128, 256),
        metavar="N",
        help="of the pictures, 128 or 256; the preset's if left out",
    )
    job.add_argument("--out", type=Path, metavar="DIR", help="the workshop; ~/.limner/training/PRESET if left out")
    job.add_argument("--chunks", type=int, metavar="N", help="times 64 pictures composed; the preset's if left out")
    job.add_argument("--seed", type=int, metavar="N", default=0, help="of everything random (%(default)s)")
    job.add_argument("--device", help="cpu, cuda or mps; the best there is if left out")
    job.add_argument(
        "--from",
        dest="warm",
        metavar="NAME|PATH",
        help="begin with the weights of this model, which is kept in the workshop",
    )


def learning(job: argparse.ArgumentParser) -> None:
    job.add_argument("--steps", type=int, metavar="N", help="steps in all; the preset's if left out")
    job.add_argument("--rows", type=int, metavar="N", help="pictures a step and process; the preset's if left out")
    job.add_argument("--minutes", type=float, metavar="X", help="stop after so long; nothing is lost")
    job.add_argument(
        "--fit", action="store_true", help="the plan's end is where the minutes end: its rate falls in time"
    )
    job.add_argument("--look", type=float, metavar="X", default=10, help="minutes between sheets (%(default)s)")
    asked.workers_flag(job, "make batches")
    job.add_argument("--dtype", choices=("float32", "bfloat16"), help="of the arithmetic; the faster one if left out")


def composing(job: argparse.ArgumentParser) -> None:
    job.add_argument(
        "--mix",
        type=share,
        nargs="+",
        metavar="KIND=SHARE",
        help=f"how often a kind of scene is composed, of {', '.join(KINDS)}; the preset's where left out",
    )
    job.add_argument(
        "--beside",
        type=int,
        nargs="?",
        const=FIRST,
        metavar="N",
        help=f"begin with N chunks ({FIRST} if N is left out), while --workers compose the others",
    )
    job.add_argument(
        "--network",
        choices=("eager", "graphs", "compiled"),
        help="how a step asks the network: kernel by kernel, recorded (on one GPU, if left out) or by torch.compile",
    )


def share(text: str) -> tuple[str, float]:
    """ "pair=0.4": a kind of scene and its share, of as much as all shares together are."""
    kind, _, said = text.partition("=")
    try:
        value = float(said)
    except ValueError:
        value = -1.0
    if kind not in KINDS or not 0 <= value < float("inf"):
        raise argparse.ArgumentTypeError(
            f"{text!r} is no kind of scene and its share; choose KIND=SHARE such as pair=0.4, of {', '.join(KINDS)}"
        )
    return kind, value


def run(args: argparse.Namespace) -> int:
    if args.stage != "pack":  # which trains nothing
        sensible(args)
    if args.stage in loan.JOBS:
        return loan.JOBS[args.stage](args)
    with joined():
        return work(args)


def work(args: argparse.Namespace) -> int:
    from limner.training.processes import rank

    if getattr(args, "fit", False) and args.minutes is None:
        raise LimnerError("there are no minutes to fit the plan to", "say --minutes too")
    shop = workshop(args)
    if args.stage == "all":
        chain(shop, args)
    elif args.stage != "export":
        part(shop, args.stage, args.minutes, args)
    if args.stage in ("all", "export") and rank() == 0:
        print(export(shop))
    return 0


def chain(shop: "Workshop", args: argparse.Namespace) -> None:
    """All of SHARES in order; what a stage leaves of its share the later ones have.

    A stage is over, whatever its plan, once a later one that relies on what it was has begun.
    """
    began = time.monotonic()
    for stage in left_of(shop.folder):
        left = None if args.minutes is None else args.minutes - (time.monotonic() - began) / 60
        told(stage)
        part(shop, stage, None if left is None else allotted(stage, left), args)


def left_of(folder: Path) -> list[str]:
    """The stages that are not over."""
    return [stage for stage in SHARES if not (stage in OVER and (folder / OVER[stage]).exists())]


def allotted(stage: str, minutes: float) -> float:
    """Of the minutes that are left what this stage may take, as those after it want theirs."""
    later = [*SHARES][[*SHARES].index(stage) :]
    return max(minutes, 0.0) * SHARES[stage] / sum(SHARES[each] for each in later)


@contextmanager
def joined() -> Iterator[None]:
    """One of several processes, where torchrun started several.

    They part in order: a process that ends while its sockets still have threads is aborted now and then.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield
        return
    import torch.distributed

    gpu = torch.cuda.is_available()
    if gpu:
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    torch.distributed.init_process_group("nccl" if gpu else "gloo")
    yield
    torch.distributed.destroy_process_group()
