"""`limner explain`: where each word of the prompt looked while the picture was drawn."""

import argparse
import sys
from pathlib import Path

from limner.cli import adapters, asked
from limner.cli.shown import Page, Shown, shown
from limner.errors import LimnerError


def flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "picture", nargs="?", type=Path, metavar="PICTURE", help="one that limner made; any other with --prompt"
    )
    parser.add_argument("--prompt", metavar="TEXT", help="what PICTURE shows; without one, what to draw and explain")
    parser.add_argument("--by", choices=("noise", "inversion"), help="how a given PICTURE is looked at (noise)")
    parser.add_argument("--original", type=Path, metavar="PICTURE", help="the given picture that PICTURE is an edit of")
    parser.add_argument("--words", metavar="TEXT", help="only these, such as cat, dog")
    parser.add_argument("--layer", metavar="NAME", help="only this, such as mid.cross")
    parser.add_argument("--head", type=int, metavar="N", help="only this of each layer, counted from 1")
    parser.add_argument("--step", type=int, metavar="N", help="only this, counted from 1")
    parser.add_argument(
        "--share", type=float, default=0.0, metavar="X", help="only maps of at least this share of the latent's side"
    )
    sheets = parser.add_mutually_exclusive_group()
    sheets.add_argument("--by-step", action="store_true", help="the steps beside each other")
    sheets.add_argument("--by-layer", action="store_true", help="the layers beside each other")
    sheets.add_argument(
        "--diagram", action="store_true", help="how one word is looked at, step by step: Q, K, softmax, V, residual"
    )
    parser.add_argument("--place", type=_place, metavar="X,Y", help="marked in the diagram, in pixels")
    parser.add_argument("--maps", type=Path, metavar="DIR", help="save the maps there, as arrays and as pictures")
    asked.recipe_flags(parser)
    asked.bundle_flags(parser)
    adapters.flags(parser)
    asked.weights_flags(parser)
    asked.folder_flag(parser)
    asked.json_flag(parser)


def run(args: argparse.Namespace) -> int:
    """A picture that limner made is drawn again, by the eager network; 1 if it came out other than in its file."""
    sensible(args)
    from limner.metadata import prepare

    prepare(args.out)
    if args.maps:
        prepare(args.maps)
    what = shown(args)
    bounded(args, what)
    for note in what.notes:
        print("limner:", asked.printable(note), file=sys.stderr)
    from limner.cli.sheets import diagram, sheet
    from limner.engine.explain import words_of

    words = words_of(what.recipe, what.bundle, args.words)
    return _kept(args, what, (diagram if args.diagram else sheet)(args, what, words))


def sensible(args: argparse.Namespace) -> None:
    """LimnerError where flags do not go together, or would overwrite what is there."""
    if args.place and not args.diagram:
        raise LimnerError("--place is of a diagram", "say --diagram too, or leave it out")
    if not args.share >= 0:  # nor is what is no number
        raise LimnerError(f"--share {args.share:g} is no share of the latent's side", "choose 0 to 1")
    if args.diagram and (args.maps or args.share):
        raise LimnerError("a diagram is of one layer in one step", "leave out --maps and --share")
    for one in ("step", "layer"):
        if getattr(args, one) is not None and getattr(args, f"by_{one}"):
            raise LimnerError(f"--{one} is one of those that --by-{one} shows", "leave out one of them")
    if args.maps and args.maps.is_dir() and any(args.maps.iterdir()):
        raise LimnerError(f"{args.maps} is not empty", "nothing is overwritten: choose another folder")


def bounded(args: argparse.Namespace, what: Shown) -> None:
    """LimnerError for a layer, a head or a step that there is not, before anything is drawn."""
    from limner.engine.explain import layer_of, layers, sides

    heights, known = sides(what.bundle, what.recipe, args.share), layers(what.bundle, what.recipe)
    heads = {each.name: each.heads for each in what.bundle.unet.listeners() if known[each.name][0] in heights}
    if args.layer is not None or args.diagram:
        layer = layer_of(what.bundle, what.recipe, args.layer)
        heads = {layer: heads[layer]} if layer in heads else {}
        if not heads:
            raise LimnerError(f"{layer} has not {args.share:g} of the latent's side", "leave out --share")
    for name, number, most in (("head", args.head, max(heads.values())), ("step", args.step, what.looks)):
        if number is not None and not 1 <= number <= most:
            raise LimnerError(f"there is no {name} {number}", f"choose 1 to {most}")


def _kept(args: argparse.Namespace, what: Shown, page: Page) -> int:
    """The page as a file, and before it a picture that was drawn for it."""
    from limner.metadata import deposit

    report, stem, code = dict(page.report), what.stem, 0
    if not stem:
        path = _picture(args, what, page)
        report, stem = {"picture": str(path), **report}, path.stem
    report = {"path": str(deposit(page.data, args.out, f"-{page.name}-{stem}.png")), **report}
    if what.made:
        difference, maker = _difference(what.made.path, page), what.made.settings.get("Backend", "eager")
        report |= {"made_by": maker, "largest_pixel_difference": difference}
        code = int(difference is None or (difference != 0 and maker == "eager"))
    if args.json:
        asked.print_json(report)
        return code
    print(*(report[name] for name in ("picture", "path", "maps") if name in report), sep="\n")
    if what.made:
        other = "" if maker == "eager" else f", which {maker} made"
        much = "other size" if difference is None else difference
        print(f"largest pixel difference from {what.made.path}{other}: {much}")
    return code


def _picture(args: argparse.Namespace, what: Shown, page: Page) -> Path:
    """The file of a picture that was drawn to be explained, as `limner make` writes it."""
    from limner.engine.backends import circumstances, eager
    from limner.metadata import deposit, encode

    bundle = what.bundle
    extras = {"Model": bundle.name, **adapters.settings(bundle), **circumstances(bundle, eager(bundle))}
    return deposit(encode(page.picture, "png", what.recipe, extras), args.out, f"-{what.recipe.seed}.png")


def _difference(path: Path, page: Page) -> int | None:
    """The largest difference of one channel of one pixel, of 255; None if the sizes differ."""
    import numpy as np
    from PIL import Image

    with Image.open(path) as file:
        before = np.asarray(file.convert("RGB")).astype(np.int16)
    return int(np.abs(before - page.picture).max()) if before.shape == page.picture.shape else None


def _place(text: str) -> tuple[int, int]:
    x, _, y = text.partition(",")
    if not (x.strip().isdecimal() and y.strip().isdecimal()):
        raise argparse.ArgumentTypeError(f"{text!r} is not X,Y, such as 64,100")
    return int(x), int(y)
