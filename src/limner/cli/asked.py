"""What was asked for: the flags that a recipe's fields become, and the wish, the model and the picture they name."""

import argparse
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from re import fullmatch
from typing import TYPE_CHECKING

from limner.cli import adapters
from limner.errors import LimnerError
from limner.recipe import FIELDS, Recipe, Wish

if TYPE_CHECKING:
    from limner.bundle import Bundle
    from limner.engine.backends import Backend

BACKENDS = ("eager", "openvino-f32", "openvino-bf16", "compiled")
METAVARS = {int: "N", float: "X", str: "TEXT"}
FLAGS = tuple(name for name in FIELDS if name not in ("version", "model", "prompt"))


def recipe_flags(parser: argparse.ArgumentParser) -> None:
    """One flag for each field of a recipe that may be wished for, and --size for two."""
    for name in FLAGS:
        about = FIELDS[name]
        extent = f"such as {about.example}" if about.kind is str else about.range
        parser.add_argument(
            f"--{name.replace('_', '-')}",
            type=about.kind,
            metavar=METAVARS[about.kind],
            help=f"{about.help} ({extent})",
        )
    parser.add_argument("--size", type=_size, metavar="WxH", help="width and height in one, such as 256x256")


def wish(args: argparse.Namespace) -> Wish:
    """What the flags say, within its ranges; LimnerError otherwise."""
    from limner.metadata import named

    said = {name: getattr(args, name) for name in ("prompt", *FLAGS)}
    said["prompt"] = adapters.prompt(args)
    if args.size:
        if said["width"] is not None or said["height"] is not None:
            raise LimnerError("--size says width and height already", "leave out --width and --height")
        said["width"], said["height"] = args.size
    sampler, ladder = named(args.sampler or "", args.ladder or "")  # other programs' names serve too
    return Wish(**said | {"sampler": sampler or args.sampler, "ladder": ladder or args.ladder})


def bundle_flags(parser: argparse.ArgumentParser) -> None:
    """Which weights, and on what they run."""
    parser.add_argument("--model", metavar="NAME|PATH", default="limner-mini", help="a model's name or its folder")
    parser.add_argument("--device", help="cpu, cuda or mps; the best there is if left out")
    parser.add_argument("--dtype", help="float32, bfloat16 or float16; the device's own if left out")


def backend_flag(parser: argparse.ArgumentParser) -> None:
    """Who computes, where nobody watches."""
    parser.add_argument("--backend", metavar="NAME", help=f"{', '.join(BACKENDS)}; the fastest known here if left out")


@dataclass(frozen=True, slots=True)
class Source:
    """A picture that limner made: its recipe, and the settings beside it (`Model`, `Device`, `Precision`)."""

    path: Path
    recipe: Recipe
    settings: Mapping[str, str]


def source(path: Path) -> Source:
    """LimnerError unless the picture carries a recipe."""
    from limner.metadata import parse, read

    recipe, text = read(path)
    if recipe is None:
        raise LimnerError(f"{path} carries no recipe of limner's", f"limner read {path} shows what it does carry")
    return Source(path, recipe, parse(text).settings)


def bundle(args: argparse.Namespace, made: Source | None = None) -> "Bundle":
    """The model asked for; LimnerError if it is not the one that made the picture."""
    from limner.bundle import open_bundle
    from limner.engine.device import choose

    place = choose(args.device, args.dtype)
    opened = open_bundle(args.model, place.device, place.dtype)
    opened = adapters.laid_over(opened, args, *((str(made.path), made.settings) if made else ("", {})))
    if made and made.recipe.model != opened.identity:
        wanted = f"{made.path} was made by {made.settings.get('Model', 'a model')} ({made.recipe.model[:10]})"
        here = f"{opened.name} ({opened.identity[:10]})"
        over = ", and with --lora and --embedding what was laid over it" if opened.adapters else ""
        raise LimnerError(f"{wanted}, which is not {here}", f"name that model, or its folder, with --model{over}")
    return opened


def backend(args: argparse.Namespace, opened: "Bundle", made: Source | None = None) -> "Backend":
    """Who computes: what was asked for, else what made the picture, else what won here."""
    from limner.engine import backends

    before = made.settings.get("Backend") if made else None
    if args.backend is None and before in BACKENDS:
        try:
            return backends.choose(opened, before)
        except LimnerError:
            pass  # not here: another one makes it, which the notes say
    return backends.choose(opened, args.backend)


def folder_flag(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--out", metavar="DIR", type=Path, default=Path("outputs"), help="folder for what is drawn")


def json_flag(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print JSON")


def print_json(report: object) -> None:
    print(json.dumps(report, indent=2))


def _size(text: str) -> tuple[int, int]:
    if not (match := fullmatch(r"(\d{1,5})[xX](\d{1,5})", text)):
        raise argparse.ArgumentTypeError(f"{text!r} is not WIDTHxHEIGHT, such as 256x256")
    return int(match[1]), int(match[2])
