"""What the stages of `limner train` share: the folder they train in, one of them at work, the model at last."""

import argparse
import sys
import time
from contextlib import ExitStack
from dataclasses import replace
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from limner.cli import schooling
from limner.cli.progress import some_minutes, told
from limner.errors import LimnerError
from limner.recipe import checked

if TYPE_CHECKING:
    from limner.network.config import Json
    from limner.training.preset import Preset, Stage
    from limner.training.workshop import Study, Workshop

N = TypeVar("N", int, float)
SHARES = {"autoencoder": 0.15, "clip": 0.1, "diffusion": 0.7, "tiny": 0.05}
"""The stages that `limner train all` goes through, and what each may take of the minutes."""
STAGES = {
    "autoencoder": "pictures to latents and back; comes first",
    "clip": "captions to vectors, by the pictures they belong to; comes second",
    "diffusion": "noise to latents, told by captions; comes third",
    "decoder": "latents to pictures, further, while everything else stays as it is; at any time after the first",
    "tiny": "latents to small pictures, to look at while others are being drawn; at any time after the first",
}


def sensible(args: argparse.Namespace) -> None:
    """LimnerError where a flag that a stage may have makes no sense, before anything is opened or made."""
    checked("seed", args.seed)
    for name in ("minutes", "look"):
        if getattr(args, name, None) is not None:
            some_minutes(name, getattr(args, name))
    for name in ("steps", "rows", "chunks", "beside", "rate", "exercises", "limit"):
        if getattr(args, name, None) is not None:
            positive(name, getattr(args, name))


def part(shop: "Workshop", stage: str, minutes: float | None, args: argparse.Namespace) -> None:
    """One of the STAGES, to its plan's end or for so many minutes, what has to be composed for it included."""
    from limner.training.processes import in_turn

    began = time.monotonic()
    with ExitStack() as stack:
        with in_turn():  # what the first process keeps, composes and learns to spell, the others find
            shop.begin()
            if stage == "diffusion":
                prepare(shop, args, stack)
            study: Study = getattr(shop, stage)()
        left = None if minutes is None else minutes - (time.monotonic() - began) / 60
        try:
            schooling.learn(study, shop.folder / stage, left, args.look, args.fit)
        except KeyboardInterrupt as stop:
            raise KeyboardInterrupt(f"step {study.run.number} is kept in {study.run.file}") from stop


def workshop(args: argparse.Namespace) -> "Workshop":
    """The folder, the pictures, the preset with what the flags change, the machine, and what it began with."""
    from limner.bundle import open_bundle
    from limner.bundle.catalogue import home
    from limner.engine.device import choose
    from limner.pictures.sets import Corpus
    from limner.training.begun import remembered
    from limner.training.precision import half_pays
    from limner.training.workshop import Workshop

    place, folder = choose(args.device, None), args.out or home() / "training" / args.preset
    asked_for = getattr(args, "dtype", None)
    return Workshop(
        folder=folder,
        corpus=Corpus(args.corpus or home() / "pictures"),
        preset=preset(args),
        device=place.device,
        seed=args.seed,
        workers=getattr(args, "workers", 0),
        half=half_pays(place.device) if asked_for is None else asked_for == "bfloat16",
        warm=open_bundle(args.warm) if args.warm else remembered(folder),
        network=network(getattr(args, "network", None), place.device.type),
        tell=told,
    )


def network(asked_for: str | None, device: str) -> str:
    """How a step asks the network: recorded on one GPU, unless something else was asked for."""
    from limner.training.processes import world

    if asked_for == "graphs" and device != "cuda":
        raise LimnerError(f"a network cannot be recorded on {device}", "leave out --network")
    return asked_for or ("graphs" if device == "cuda" and world() == 1 else "eager")


def preset(args: argparse.Namespace) -> "Preset":
    from limner.pictures.scenes import KINDS
    from limner.training.preset import PRESETS

    chosen = PRESETS[args.preset]
    if args.chunks is not None:
        chosen = replace(chosen, chunks=args.chunks)
    if args.side is not None:
        chosen = replace(chosen, side=args.side)
    if args.stage in ("export", "join"):
        return chosen
    if shares := dict(getattr(args, "mix", None) or ()):
        mix = replace(chosen.mix, **shares)
        positive("all shares together: mix", sum(getattr(mix, kind) for kind in KINDS))
        chosen = replace(chosen, mix=mix)
    parts = [*SHARES] if args.stage in ("all", "loan") else ["autoencoder" if args.stage == "decoder" else args.stage]
    autoencoder, clip, diffusion, tiny = (
        as_asked(stage, args) if name in parts else stage
        for name, stage in zip(SHARES, (chosen.autoencoder, chosen.clip, chosen.diffusion, chosen.tiny), strict=True)
    )
    return replace(chosen, autoencoder=autoencoder, clip=clip, diffusion=diffusion, tiny=tiny)


def as_asked(stage: "Stage", args: argparse.Namespace) -> "Stage":
    """A stage of the preset, with what the flags change."""
    rate, plan = getattr(args, "rate", None), stage.plan
    plan = plan if args.steps is None else replace(plan, steps=args.steps)
    if rate is not None:  # Muon's goes with it
        plan = replace(plan, rate=rate, hidden=plan.hidden * rate / plan.rate)
    return replace(stage, plan=plan, rows=stage.rows if args.rows is None else args.rows)


def positive(name: str, value: N) -> N:
    if not 0 < value < inf:
        raise LimnerError(f"{name} {value} is out of range", "choose more than 0")
    return value


def prepare(shop: "Workshop", args: argparse.Namespace, stack: ExitStack) -> None:
    """Compose what a diffusion model learns from; where it may begin with less, the rest until the stack is left."""
    from tqdm import tqdm

    from limner.training.beside import beside
    from limner.training.processes import rank

    chunks, folder = shop.preset.chunks, shop.latents()
    if args.beside is None or schooling.composed(folder, chunks) == chunks:
        hidden = not sys.stderr.isatty()
        for _ in tqdm(shop.prepare(), total=chunks, desc="composing", disable=hidden, leave=False):
            pass
    elif rank() == 0:
        process = stack.enter_context(beside(schooling.alone, compose, args))
        schooling.awaited(process, folder, min(args.beside, chunks))


def compose(args: argparse.Namespace) -> None:
    """What `prepare` does, for another process, until that one ends."""
    from limner.training.beside import orphaned

    for _ in workshop(args).prepare():
        if orphaned():
            return


def export(shop: "Workshop") -> Path:
    """The trained parts as one model in half precision, with the defaults of the model it began with.

    LimnerError names the part that is missing.
    """
    from limner.bundle import layout, open_bundle
    from limner.bundle.save import save_bundle
    from limner.training.preset import DEFAULTS

    shop.begin()
    net = shop.trained_unet()
    made, folder, side = shop.bundle(net), shop.folder / "limner-mini", shop.preset.side
    defaults = {**(shop.warm.defaults if shop.warm else DEFAULTS), "width": side, "height": side}
    about: dict[str, Json] = {
        "nouns": [*shop.nouns()],
        "styles": [*shop.styles()],
        "training": {name: shop.done(name) for name in STAGES if shop.done(name)},
    }
    save_bundle(
        folder, made.tokenizer, made.text, made.autoencoder, net, defaults=defaults, licence="Apache-2.0", about=about
    )
    shop.save_clip(folder / "clip")
    shop.save_tiny(folder)
    counts: dict[str, Json] = {
        each.parent.name: sum(tensor.numel() for tensor in layout.read_tensors(each).values())
        for each in sorted(folder.glob("*/*.safetensors"))
    }
    file = folder / "limner.json"
    written: dict[str, Json] = {"identity": open_bundle(folder).identity, "parameters": counts}
    layout.write_json(file, layout.read_json(file) | written)
    return folder
