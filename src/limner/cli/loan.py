"""`limner train pack | loan | join`: a training on a machine that is lent for minutes and has no network."""

import argparse
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from limner.cli import baggage, schooling, stages
from limner.cli.progress import told
from limner.errors import LimnerError

if TYPE_CHECKING:
    from limner.training.workshop import Workshop

LAST = 25.0  # seconds at the end for a last sheet and the results
SHARE = 0.1  # of the minutes, for a part that is taught beside the diffusion model's turn
FEWEST = 256  # rows a step below which memory is not the matter
KEPT = ("decoder", "clip", "diffusion", "tiny")
TAUGHT = ("segmenter", "reader")
SHOWN = "loan.json", "diffusion-sheet.png"  # to look at first, beside the parts
PART = 16  # MiB of a part of the results
Flags = Callable[[argparse.ArgumentParser], None]


def flags(
    jobs: "argparse._SubParsersAction[argparse.ArgumentParser]", shared: Flags, learning: Flags, composing: Flags
) -> None:
    line = "gather what a machine without network needs for a training, in parts, with a run.py that starts it there"
    pack = jobs.add_parser("pack", help=line, description=line)
    baggage.flags(pack)
    line = "on a machine lent for minutes: pictures, the diffusion model beside the oracle, and results in small files"
    loan = jobs.add_parser("loan", help=line, description=line)
    for given in (shared, learning, composing):
        given(loan)
    loan.add_argument("--results", type=Path, default=Path("results"), metavar="DIR", help="what to take home")
    loan.add_argument("--also", nargs="+", choices=("clip", "decoder", "tiny"), default=[], help="to teach further")
    loan.add_argument("--no-oracle", action="store_true", help="teach no oracle beside it")
    loan.add_argument("--exercises", type=int, default=448, metavar="N", help="times 64 scenes for it (%(default)s)")
    loan.add_argument("--limit", type=int, metavar="N", help="at most so many drawings of each set, for a rehearsal")
    loan.set_defaults(preset="loan", warm="limner-mini", fit=True, beside=256, look=3.0, minutes=10.0)
    line = "put the results together at home: a model, and what the oracle has learnt"
    join = jobs.add_parser("join", help=line, description=line)
    join.add_argument("results", type=Path, metavar="RESULTS", help="the folder that was taken home")
    shared(join)
    join.set_defaults(preset="loan", warm="limner-mini")


def loan(args: argparse.Namespace) -> int:
    """All that is to be done there, results included, within the minutes."""
    from limner.bundle.catalogue import home

    began, heard, seconds = time.monotonic(), list[str](), dict[str, float]()
    cleared(args.results)
    end = began + 60 * args.minutes - LAST
    cores = os.cpu_count() or 1
    args.corpus = args.corpus or home() / "pictures"
    pictures(args, cores)
    seconds["pictures"] = time.monotonic() - began
    args.workers = args.workers or max(1, (cores - 2) // (1 if args.no_oracle else 2))

    def tell(line: str) -> None:
        told(line)
        heard.append(line)

    shop = replace(stages.workshop(args), tell=tell)
    try:
        with ExitStack() as stack:
            if not args.no_oracle:
                oracle(stack, shop, args, end)
            for stage in [each for each in KEPT if each in args.also] + ["diffusion"]:
                told(stage)
                taught(shop, stage, args, end)
                seconds[stage] = time.monotonic() - began
    finally:
        gathered(shop, args.results, described(shop, args, seconds, heard))
    print(args.results)
    return 0


def cleared(results: Path) -> None:
    """Nothing of an earlier attempt, which whoever waits for the results would take for these."""
    for file in (*results.glob("result.*"), *(results / name for name in ("manifest.json", *SHOWN))):
        file.unlink(missing_ok=True)


def taught(shop: "Workshop", stage: str, args: argparse.Namespace, end: float) -> None:
    """The diffusion model until the end, another part for its share; with half the rows where there is no memory."""
    from torch import OutOfMemoryError
    from torch.cuda import empty_cache

    rows = getattr(shop.preset, "autoencoder" if stage == "decoder" else stage).rows
    try:
        left = (end - time.monotonic()) / 60
        stages.part(shop, stage, left if stage == "diffusion" else SHARE * left, args)
        return
    except OutOfMemoryError:
        if stage != "diffusion" or rows < FEWEST:
            raise
    shop.tell(f"no memory for {rows} rows a step: half as many")
    empty_cache()
    half = replace(shop.preset.diffusion, rows=rows // 2)
    taught(replace(shop, preset=replace(shop.preset, diffusion=half)), stage, args, end)


def pictures(args: argparse.Namespace, workers: int) -> None:
    """The sets that the training and the oracle draw from, by all cores."""
    from limner.pictures.build import build

    side = stages.preset(args).side
    for progress in build(args.corpus, baggage.sets(args.preset), side, args.limit, workers=workers):
        if progress.done == progress.total:
            told(f"{progress.kept} pictures of {progress.set}")


def oracle(stack: ExitStack, shop: "Workshop", args: argparse.Namespace, end: float) -> None:
    """Teach one in another process, which lives as long as the stack."""
    from limner.cli.lodger import Lodger, teach
    from limner.training.beside import beside

    assert shop.warm is not None
    lodger = Lodger(
        corpus=args.corpus,
        folder=shop.folder / "oracle",
        model=args.warm,
        identity=shop.warm.identity,
        device=str(shop.device),
        workers=args.workers,
        chunks=args.exercises,
        steps=args.steps,
        rows=4 if shop.device.type == "cuda" else 1,
        seconds=end - time.monotonic(),
    )
    process = stack.enter_context(beside(schooling.alone, teach, lodger))
    stack.callback(process.join, LAST / 2)  # its plan ends with ours, a little later or sooner


def described(
    shop: "Workshop", args: argparse.Namespace, seconds: Mapping[str, float], heard: list[str]
) -> dict[str, object]:
    """What was done, where, and how long it took."""
    import torch

    from limner.training.diffusion import CHUNK, there

    name = torch.cuda.get_device_name(shop.device) if shop.device.type == "cuda" else "CPU"
    latents = sorted(shop.folder.glob("latents-*"))
    return {
        "machine": f"{name}, {os.cpu_count()} CPU cores, torch {torch.__version__}",
        "minutes": args.minutes,
        "side": shop.preset.side,
        "began with": args.warm,
        "rows": {stage: getattr(shop.preset, stage).rows for stage in ("clip", "diffusion", "tiny")},
        "seconds from the start to the end of": {part: round(each, 1) for part, each in seconds.items()},
        "scenes composed": CHUNK * max((there(folder, shop.preset.chunks) for folder in latents), default=0),
        "parts": {stage: shop.done(stage) for stage in KEPT if (shop.folder / f"{stage}.json").exists()},
        "heard": heard,
    }


def gathered(shop: "Workshop", results: Path, about: Mapping[str, object]) -> None:
    """The weights in half precision, sheets, curves and losses, in parts; a sheet and what was done lie beside them."""
    from limner.training.parcels import MIB, parcel, slim

    (shop.folder / "loan.json").write_text(json.dumps(about, indent=1), encoding="utf-8")
    with tempfile.TemporaryDirectory() as scratch:
        files = {each.name: each for end in ("json", "png") for each in shop.folder.glob(f"*.{end}")}
        for name in [*KEPT, *(f"oracle/{each}" for each in TAUGHT)]:
            checkpoint = shop.folder / f"{name}.safetensors"
            if checkpoint.exists():
                files[f"{name}.safetensors"] = Path(scratch) / checkpoint.name
                slim(checkpoint, files[f"{name}.safetensors"])
        parcel(files, results, "result", PART * MIB)
    for name in SHOWN:
        if (shop.folder / name).exists():
            shutil.copy(shop.folder / name, results / name)


def join(args: argparse.Namespace) -> int:
    """The checkpoints again, without an optimiser's memory, and the model; the oracle still wants its examination."""
    from limner.training.arrival import Damaged, unpacked
    from limner.training.parcels import restored

    shop, steps = stages.workshop(args), dict[str, int]()
    shop.folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        try:
            unpacked(args.results, Path(scratch))
        except Damaged as error:
            raise LimnerError(str(error), "copy the results again, all of them") from error
        emptied(shop.folder)
        for file in Path(scratch).rglob("*.safetensors"):
            steps[file.stem] = restored(file, shop.folder / file.relative_to(scratch))
        for file in (*Path(scratch).glob("*.json"), *Path(scratch).glob("*.png")):
            if file.name != "manifest.json":
                shutil.copy(file, shop.folder / file.name)
    print(stages.export(shop))
    if "reader" in steps:
        told(f"the oracle's segmenter has taken {steps['segmenter']} steps, its reader {steps['reader']}; examine it:")
        told(f"limner measure oracle --examine --out {shop.folder / 'oracle'}")
    return 0


def emptied(folder: Path) -> None:
    """No part of an earlier join, which would be exported with what these results bring, as if it were theirs.

    LimnerError where an autoencoder was trained: the results' latents are of the model's that they began with.
    """
    if (folder / "autoencoder.safetensors").exists():
        raise LimnerError(
            f"an autoencoder was trained in {folder}, and the results have another", "choose another --out"
        )
    for name in ("vae", *KEPT):
        for file in folder.glob(f"{name}[.-]*"):
            file.unlink()
    for name in ("begun", "tokenizer"):
        shutil.rmtree(folder / name, ignore_errors=True)


JOBS: Mapping[str, Callable[[argparse.Namespace], int]] = {"pack": baggage.pack, "loan": loan, "join": join}
