"""What was asked for: the flags that a recipe's fields become, and the wish, the model and the picture they name."""

import argparse
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from re import fullmatch
from typing import TYPE_CHECKING

from limner.cli import adapters
from limner.errors import LimnerError
from limner.recipe import FIELDS, Recipe, Wish, said

if TYPE_CHECKING:
    from limner.bundle import Bundle
    from limner.engine.backends import Backend
    from limner.engine.foreign import Foreign
    from limner.metadata import Reading

BACKENDS = ("eager", "openvino-f32", "openvino-bf16", "compiled")
METAVARS = {int: "N", float: "X", str: "TEXT"}
FLAGS = tuple(n for n in FIELDS if n not in ("version", "model", "prompt") and not n.startswith("edit_"))


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

    typed = {name: getattr(args, name) for name in ("prompt", *FLAGS)}
    typed["prompt"] = adapters.prompt(args)
    if args.size:
        if typed["width"] is not None or typed["height"] is not None:
            raise LimnerError("--size says width and height already", "leave out --width and --height")
        typed["width"], typed["height"] = args.size
    sampler, ladder = named(args.sampler or "", args.ladder or "")  # other programs' names serve too
    return Wish(**typed | {"sampler": sampler or args.sampler, "ladder": ladder or args.ladder})


def bundle_flags(parser: argparse.ArgumentParser) -> None:
    """Which weights, and on what they run."""
    parser.add_argument("--model", metavar="NAME|PATH", default="limner-mini", help="a model's name or its folder")
    parser.add_argument("--device", help="cpu, cuda or mps; the best there is if left out")
    parser.add_argument("--dtype", help="float32, bfloat16 or float16; the device's own if left out")


def weights_flags(parser: argparse.ArgumentParser) -> None:
    """Which of a model's weights, and where it has to be told what they are."""
    parser.add_argument("--vae", metavar="PATH", help="another autoencoder, as a folder or a file")
    parser.add_argument("--variant", metavar="NAME", help="of a folder's weights, such as fp16")
    parser.add_argument(
        "--prediction", choices=("epsilon", "v_prediction"), help="what the network says, where its file does not tell"
    )
    parser.add_argument("--offload", action="store_true", help="on a small GPU: one network there at a time; slower")


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
    found = origin(path)
    if isinstance(found, Borrowed):
        raise LimnerError(f"{path} carries no recipe of limner's", f"limner read {path} shows what it does carry")
    return found


@dataclass(frozen=True, slots=True)
class Borrowed:
    """A picture that another program made."""

    path: Path
    reading: "Reading"


def origin(path: Path) -> Source | Borrowed:
    """Whoever made it; LimnerError if it does not say how."""
    from limner.metadata import read

    found = read(path)
    if found.recipe:
        return Source(path, found.recipe, found.settings)
    if not any(said(found.wish).values()):
        raise LimnerError(f"{path} does not say how it was made", 'describe it: limner make "a red apple"')
    return Borrowed(path, found)


def bundle(args: argparse.Namespace, made: Source | None = None) -> "Bundle":
    """The model asked for; LimnerError if it is not the one that made the picture."""
    from limner.bundle import open_bundle
    from limner.bundle.bundle import offloaded
    from limner.bundle.vae import with_vae
    from limner.engine.device import choose

    permit(args.model)
    place = choose(args.device, args.dtype)
    offload = getattr(args, "offload", False)  # not all commands have it
    if offload and place.device.type == "cpu":
        raise LimnerError("there is nothing to offload from a CPU", "leave out --offload")
    device, told = "cpu" if offload else place.device, (getattr(args, each, None) for each in ("variant", "prediction"))
    opened = open_bundle(args.model, device, place.dtype, *told)
    opened = with_vae(opened, args.vae) if getattr(args, "vae", None) else opened
    opened = adapters.laid_over(opened, args, *((str(made.path), made.settings) if made else ("", {})))
    same(opened.name, opened.identity, made, bool(opened.adapters))
    return offloaded(opened, place.device) if offload else opened


def model(args: argparse.Namespace, made: Source | None = None) -> "Bundle | Foreign":
    """`bundle`; where limner's networks do not read it diffusers computes, the U-Net alone if that will do, or all."""
    from limner.bundle.catalogue import find
    from limner.engine.border import stranger
    from limner.engine.device import choose
    from limner.engine.foreign import open_foreign
    from limner.engine.untapped import open_untapped, strange_unet

    try:
        return bundle(args, made)
    except LimnerError:
        folder = find(args.model)
        if stranger(folder) is None:
            raise
        adapters.none(args, folder.name)
    place = choose(args.device, args.dtype)
    opening = open_untapped if strange_unet(folder) else open_foreign
    opened = opening(folder, place.device, place.dtype)
    same(opened.name, opened.identity, made)
    return opened


def same(name: str, identity: str, made: Source | None, adapted: bool = False) -> None:
    """LimnerError if this is not the model that made the picture."""
    if made and made.recipe.model != identity:
        wanted = f"{made.path} was made by {made.settings.get('Model', 'a model')} ({made.recipe.model[:10]})"
        here = f"{name} ({identity[:10]})"
        over = ", and with --lora and --embedding what was laid over it" if adapted else ""
        raise LimnerError(f"{wanted}, which is not {here}", f"name that model, or its folder, with --model{over}")


def permit(model: str) -> None:
    """Nothing, if the model's licence asks for nothing or was accepted; a question on a terminal, else LimnerError."""
    from limner.bundle import acceptance

    terms = acceptance.licence(model)
    if terms is None or acceptance.accepted(terms):
        return
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        acceptance.require(model)
    print(terms.text(), file=sys.stderr)
    if not agreed(f"Do you accept this licence for {model}?"):
        acceptance.require(model)
    acceptance.accept(terms, model)


def agreed(question: str) -> bool:
    """Whether somebody at the terminal says yes."""
    print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")


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


def steered(args: argparse.Namespace, recipe: Recipe, opened: "Bundle") -> "Backend | None":
    """The eager network, for a recipe with controls; LimnerError where another was asked for."""
    if not (recipe.excite or recipe.edit_of):
        return None
    from limner.engine import backends

    if args.backend not in (None, backends.EAGER):
        raise LimnerError(f"--backend {args.backend} can be neither watched nor steered", "leave it out")
    return backends.eager(opened)


def folder_flag(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--out", metavar="DIR", type=Path, default=Path("outputs"), help="folder for what is drawn")


def format_flag(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--format", choices=("png", "jpeg", "webp"), default="png", help="of the files (%(default)s)")


def workers_flag(parser: argparse.ArgumentParser, what: str) -> None:
    """--workers: how many processes do `what` beside this one."""
    parser.add_argument(
        "--workers", type=_processes, metavar="N", default=0, help=f"processes that {what} (%(default)s)"
    )


def json_flag(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print JSON")


def print_json(report: object) -> None:
    print(json.dumps(report, indent=2))


def printable(line: str) -> str:
    """A picture's text is anybody's: no control sequence of it reaches the terminal."""
    return "".join(each if each.isprintable() else " " for each in line)


def _processes(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is no number of processes; choose 0 or more")
    return int(text)


def _size(text: str) -> tuple[int, int]:
    if not (match := fullmatch(r"(\d{1,5})[xX](\d{1,5})", text)):
        raise argparse.ArgumentTypeError(f"{text!r} is not WIDTHxHEIGHT, such as 256x256")
    return int(match[1]), int(match[2])
