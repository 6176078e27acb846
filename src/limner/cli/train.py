"""`limner train`: the small model's parts, trained one after another in one folder and put together."""

import argparse
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from limner.cli import asked
from limner.errors import LimnerError

if TYPE_CHECKING:
    from limner.network.config import Json
    from limner.training.loop import Plan
    from limner.training.preset import Preset, Stage
    from limner.training.workshop import Study, Workshop

AGAIN = 25  # steps between two looks at how long the plan may be
SPOKEN = 10  # steps between two losses that are waited for, to be shown
N = TypeVar("N", int, float)
SHARES = {"autoencoder": 0.15, "clip": 0.1, "diffusion": 0.7, "tiny": 0.05}
"""The stages that `limner train all` goes through, and what each may take of the minutes."""
OVER = {"autoencoder": "vae.safetensors", "clip": "diffusion.safetensors"}
"""The file of a later stage that relies on what a stage was."""
STAGES = {
    "autoencoder": "pictures to latents and back; comes first",
    "clip": "captions to vectors, by the pictures they belong to; comes second",
    "diffusion": "noise to latents, told by captions; comes third",
    "decoder": "latents to pictures, further, while everything else stays as it is; at any time after the first",
    "tiny": "latents to small pictures, to look at while others are being drawn; at any time after the first",
}


def flags(parser: argparse.ArgumentParser) -> None:
    jobs = parser.add_subparsers(required=True, dest="stage", metavar=" | ".join([*STAGES, "all", "export"]))
    for stage, line in STAGES.items():
        job = jobs.add_parser(stage, help=line, description=f"{line}; a second call goes on where the first stopped")
        _shared(job)
        _learning(job)
        job.add_argument("--rate", type=float, metavar="X", help="peak learning rate; the preset's if left out")
    line = f"{', '.join(SHARES)} and export, one after another"
    shares = ", ".join(f"{stage} {100 * share:g}%%" for stage, share in SHARES.items())
    whole = jobs.add_parser("all", help=line, description=f"{line}; a second call goes on; of the minutes: {shares}")
    _shared(whole)
    _learning(whole)
    export = jobs.add_parser("export", help="write the model, as limner and diffusers open it, into OUT/limner-mini")
    _shared(export)


def _shared(job: argparse.ArgumentParser) -> None:
    job.add_argument("--preset", choices=("mini", "base"), default="mini", help="mini for a CPU, base for a GPU")
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
    job.add_argument("--from", dest="warm", metavar="NAME|PATH", help="begin with the weights of this model")


def _learning(job: argparse.ArgumentParser) -> None:
    job.add_argument("--steps", type=int, metavar="N", help="steps in all; the preset's if left out")
    job.add_argument("--rows", type=int, metavar="N", help="pictures a step and process; the preset's if left out")
    job.add_argument("--minutes", type=float, metavar="X", help="stop after so long; nothing is lost")
    job.add_argument(
        "--fit", action="store_true", help="the plan's end is where the minutes end: its rate falls in time"
    )
    job.add_argument("--look", type=float, metavar="X", default=10, help="minutes between sheets (%(default)s)")
    asked.workers_flag(job, "make batches")
    job.add_argument("--dtype", choices=("float32", "bfloat16"), help="of the arithmetic; the faster one if left out")


def run(args: argparse.Namespace) -> int:
    with joined():
        return work(args)


def work(args: argparse.Namespace) -> int:
    from limner.training.processes import rank

    if getattr(args, "fit", False) and args.minutes is None:
        raise LimnerError("there are no minutes to fit the plan to", "say --minutes too")
    shop = workshop(args)
    if args.stage == "all":
        chain(shop, args.minutes, args.look, args.fit)
    elif args.stage != "export":
        part(shop, args.stage, args.minutes, args.look, args.fit)
    if args.stage in ("all", "export") and rank() == 0:
        print(export(shop))
    return 0


def part(shop: "Workshop", stage: str, minutes: float | None, look: float, fit: bool = False) -> None:
    """One of the STAGES, to its plan's end or for so many minutes, what has to be composed for it included."""
    from limner.training.processes import in_turn

    began = time.monotonic()
    with in_turn():  # what the first process composes and learns to spell, the others find
        if stage == "diffusion":
            prepare(shop)
        study: Study = getattr(shop, stage)()
    left = None if minutes is None else minutes - (time.monotonic() - began) / 60
    try:
        learn(study, shop.folder / stage, left, look, fit)
    except KeyboardInterrupt as stop:
        raise KeyboardInterrupt(f"step {study.run.number} is kept in {study.run.file}") from stop


def chain(shop: "Workshop", minutes: float | None, look: float, fit: bool = False) -> None:
    """All of SHARES in order; what a stage leaves of its share the later ones have.

    A stage is over, whatever its plan, once a later one that relies on what it was has begun.
    """
    began = time.monotonic()
    for stage in left_of(shop.folder):
        left = None if minutes is None else minutes - (time.monotonic() - began) / 60
        print(f"limner: {stage}", file=sys.stderr, flush=True)
        part(shop, stage, None if left is None else allotted(stage, left), look, fit)


def left_of(folder: Path) -> list[str]:
    """The stages that are not over."""
    return [stage for stage in SHARES if not (stage in OVER and (folder / OVER[stage]).exists())]


def allotted(stage: str, minutes: float) -> float:
    """Of the minutes that are left what this stage may take, as those after it want theirs."""
    later = [*SHARES][[*SHARES].index(stage) :]
    return max(minutes, 0.0) * SHARES[stage] / sum(SHARES[each] for each in later)


def workshop(args: argparse.Namespace) -> "Workshop":
    """The folder, the pictures, the preset with what the flags change, and the machine."""
    from limner.bundle import open_bundle
    from limner.bundle.catalogue import home
    from limner.engine.device import choose
    from limner.pictures.sets import Corpus
    from limner.training.precision import half_pays
    from limner.training.workshop import Workshop

    place = choose(args.device, None)
    asked_for = getattr(args, "dtype", None)
    return Workshop(
        folder=args.out or home() / "training" / args.preset,
        corpus=Corpus(args.corpus or home() / "pictures"),
        preset=preset(args),
        device=place.device,
        seed=args.seed,
        workers=getattr(args, "workers", 0),
        half=half_pays(place.device) if asked_for is None else asked_for == "bfloat16",
        warm=open_bundle(args.warm) if args.warm else None,
    )


def preset(args: argparse.Namespace) -> "Preset":
    from limner.training.preset import PRESETS

    chosen = PRESETS[args.preset]
    if args.chunks is not None:
        chosen = replace(chosen, chunks=positive("chunks", args.chunks))
    if args.side is not None:
        chosen = replace(chosen, side=args.side)
    if args.stage == "export":
        return chosen
    parts = [*SHARES] if args.stage == "all" else ["autoencoder" if args.stage == "decoder" else args.stage]
    autoencoder, clip, diffusion, tiny = (
        as_asked(stage, args) if name in parts else stage
        for name, stage in zip(SHARES, (chosen.autoencoder, chosen.clip, chosen.diffusion, chosen.tiny), strict=True)
    )
    return replace(chosen, autoencoder=autoencoder, clip=clip, diffusion=diffusion, tiny=tiny)


def as_asked(stage: "Stage", args: argparse.Namespace) -> "Stage":
    """A stage of the preset, with what the flags change."""
    rate, plan = getattr(args, "rate", None), stage.plan
    plan = plan if args.steps is None else replace(plan, steps=positive("steps", args.steps))
    plan = plan if rate is None else replace(plan, rate=positive("rate", rate))
    return replace(stage, plan=plan, rows=stage.rows if args.rows is None else positive("rows", args.rows))


def positive(name: str, value: N) -> N:
    if not value > 0:
        raise LimnerError(f"{name} {value} is out of range", "choose more than 0")
    return value


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


def prepare(shop: "Workshop") -> None:
    from tqdm import tqdm

    hidden = not sys.stderr.isatty()
    for _ in tqdm(shop.prepare(), total=shop.preset.chunks, desc="composing", disable=hidden, leave=False):
        pass


def learn(study: "Study", stem: Path, minutes: float | None, look: float, fit: bool = False) -> None:
    """Train to the plan's end, or for so many minutes; a sheet and the curve are drawn now and then and at the end.

    To `fit` is to shorten the plan to what the minutes allow, by the time that steps have taken so far.
    """
    from tqdm import tqdm

    from limner.training.processes import agreed

    began = looked = time.monotonic()
    steps, seen = study.steps(), list[tuple[int, float]]()
    with tqdm(
        total=study.run.plan.steps, initial=study.run.number, disable=not sys.stderr.isatty(), unit="step"
    ) as bar:
        for step in steps:
            bar.update()
            if fit and minutes is not None and step.number % AGAIN == 0:
                step.loss  # noqa: B018 - whoever asks for it waits until the device has come so far
                seen.append((step.number, time.monotonic() - began))
                study.run.plan = fitted(study.run.plan, 60 * minutes, seen)
            if not bar.disable and step.number % SPOKEN == 0:
                bar.set_postfix(loss=f"{step.loss:.4f}", rate=f"{step.rate:.1e}", refresh=False)
            if minutes is not None and agreed(time.monotonic() - began > 60 * minutes):
                steps.close()
            elif time.monotonic() - looked > 60 * look:
                show(study, stem)
                looked = time.monotonic()
    show(study, stem)


def fitted(plan: "Plan", seconds: float, seen: list[tuple[int, float]]) -> "Plan":
    """The plan shortened to end with these seconds; `seen` are numbers of steps and when each was over.

    Once its rate falls it stays as it is.
    """
    (first, then), (number, now) = seen[0], seen[-1]
    if number == first or number > (1 - plan.fall) * plan.steps:
        return plan
    return replace(plan, steps=min(plan.steps, number + int((seconds - now) * (number - first) / (now - then))))


def show(study: "Study", stem: Path) -> None:
    from limner.pictures.contact import sheet
    from limner.training.chart import curve
    from limner.training.processes import rank

    if rank() == 0 and study.run.losses:
        curve(study.run.losses, stem.with_name(f"{stem.name}-curve.png"), stem.name)
        pictures, words = study.look()
        sheet(pictures, words).save(stem.with_name(f"{stem.name}-sheet.png"))
        mean = sum(study.run.losses[-100:]) / len(study.run.losses[-100:])
        print(f"step {study.run.number} loss {mean:.4f} {stem.with_name(f'{stem.name}-sheet.png')}", flush=True)


def export(shop: "Workshop") -> Path:
    """The trained parts as one model in half precision; LimnerError names the part that is missing."""
    from limner.bundle import layout, open_bundle
    from limner.bundle.save import save_bundle
    from limner.training.preset import DEFAULTS

    net = shop.trained_unet()
    made, folder, side = shop.bundle(net), shop.folder / "limner-mini", shop.preset.side
    defaults = DEFAULTS | {"width": side, "height": side}
    parts = {"text_encoder": made.text, "unet": net, "vae": made.autoencoder}
    about: dict[str, Json] = {
        "nouns": [*shop.nouns()],
        "styles": [*shop.styles()],
        "parameters": {name: sum(p.numel() for p in part.parameters()) for name, part in parts.items()},
        "training": {name: shop.done(name) for name in STAGES if shop.done(name)},
    }
    save_bundle(
        folder, made.tokenizer, made.text, made.autoencoder, net, defaults=defaults, licence="Apache-2.0", about=about
    )
    shop.save_clip(folder / "clip")
    shop.save_tiny(folder)
    file = folder / "limner.json"
    layout.write_json(file, layout.read_json(file) | {"identity": open_bundle(folder).identity})
    return folder
