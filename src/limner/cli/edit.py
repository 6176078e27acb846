"""`limner edit`: the same picture with other words."""

import argparse
import sys
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

from limner.cli import adapters, asked, stamps
from limner.cli.make import EMPTY
from limner.errors import LimnerError
from limner.metadata.tags import untagged
from limner.recipe import FIELDS, GROUPS, Recipe, Wish, digest, resolve, said_of

if TYPE_CHECKING:
    from limner.bundle import Bundle

RULED = tuple(name for name in GROUPS["edit_of"] if name != "edit_picture")
SHARED = tuple(name for name in asked.FLAGS if name not in ("excite", *GROUPS["excite"]))
"""What an edit has of its source: by another value, another picture would be edited."""


def flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("picture", nargs="?", type=Path, metavar="PICTURE", help="what to edit; drawn if left out")
    parser.add_argument("--prompt", metavar="TEXT", help="what the picture shows, where its file does not say")
    parser.add_argument("--to", metavar="TEXT", help="what it is to show instead")
    for name in RULED:
        about = FIELDS[name]
        extent = f"such as {about.example}" if about.kind is str else about.range
        flag, metavar = f"--{name.removeprefix('edit_')}", asked.METAVARS[about.kind]
        parser.add_argument(flag, dest=name, type=about.kind, metavar=metavar, help=f"{about.help} ({extent})")
    asked.recipe_flags(parser)
    parser.add_argument(
        "--from", dest="source", type=Path, metavar="PICTURE", help="edit as this edit did, of the same picture"
    )
    asked.bundle_flags(parser)
    adapters.flags(parser)
    asked.weights_flags(parser)
    asked.folder_flag(parser)
    asked.format_flag(parser)
    stamps.flags(parser)
    asked.json_flag(parser)


def run(args: argparse.Namespace) -> int:
    """Draws the edit; and before it the picture that is edited, if it was not given."""
    made, wish = _source(args), _wish(args)
    own = None if args.source else made
    _as_drawn(args, wish, own)
    from limner.metadata import prepare

    prepare(args.out)
    signed = stamps.stamps(args)
    bundle = asked.bundle(args, made)
    recipe = _resolved(args, wish, bundle, made)
    picture = None
    if recipe.edit_picture:
        from limner.engine.given import name_of
        from limner.evaluation.album import whole

        picture = whole(args.picture, recipe.width, recipe.height)
        found = name_of(picture)
        if args.source and recipe.edit_picture != found:
            raise LimnerError(f"{args.source} is no edit of {args.picture}", "give the picture that it was made from")
        recipe = replace(recipe, edit_picture=found)
    from limner.cli.drawing import draw
    from limner.engine.backends import eager
    from limner.engine.controls import eulers
    from limner.engine.run import sound, source_of

    turned = picture is not None and not eulers(recipe)
    recipe = replace(recipe, sampler="euler") if turned else recipe
    sound(recipe, bundle)
    _recognised(own, bundle)
    for note in _notes(recipe, turned):
        print("limner:", note, file=sys.stderr)
    recipes = [recipe] if args.picture else [source_of(recipe), recipe]
    drawn = []
    for each in draw(recipes, bundle, eager(bundle), args.out, args.format, picture, signed):
        drawn.append(each.report())
        if not args.json:
            print(each.path, flush=True)
    if args.json:
        asked.print_json({"model": bundle.name, "recipe": asdict(recipe), "pictures": drawn})
    return 0


def _source(args: argparse.Namespace) -> asked.Source | None:
    """Whose recipe the edit begins from: the picture's own, or that of an edit made before."""
    if args.source:
        made = asked.source(args.source)
        if args.picture is None and made.recipe.edit_picture:
            raise LimnerError(f"{args.source} is an edit of a picture that was given", "give that picture, too")
        if args.picture is not None and not made.recipe.edit_of:
            raise LimnerError(f"{args.source} is no edit", "limner make --from draws it again")
        if args.picture is not None and not made.recipe.edit_picture:
            raise LimnerError(f"{args.source} is an edit of a picture that was drawn", f"leave out {args.picture}")
        return made
    if args.picture is None:
        return None
    found = asked.origin(args.picture) if args.prompt is None and args.edit_inversion is None else None
    if isinstance(found, asked.Borrowed):
        raise LimnerError(f"{args.picture} was not made by limner", "say what it shows with --prompt")
    if found and (found.recipe.edit_of or found.recipe.excite):
        how = "itself an edit" if found.recipe.edit_of else "excited, which an edit of its recipe would undo"
        raise LimnerError(f"{args.picture} is {how}", "say what it shows with --prompt")
    return found


def _notes(recipe: Recipe, turned: bool) -> Iterator[str]:
    """What is done otherwise than might be expected."""
    if not recipe.prompt.strip():
        yield EMPTY
    if turned:
        yield "drawn by euler, whose steps an inversion turns back"


def _as_drawn(args: argparse.Namespace, wish: Wish, own: asked.Source | None) -> None:
    """LimnerError where a flag asks for another picture than the one that is to be edited by its own recipe."""
    for name, value in said_of(wish, SHARED).items():
        if own and value != getattr(own.recipe, name):
            flag = "size" if args.size and name in ("width", "height") else name.replace("_", "-")
            raise LimnerError(
                f"{args.picture} is edited as it was drawn: by --{flag} it would be another picture",
                "leave it out; or leave out PICTURE, and say with --prompt what to draw",
            )


def _recognised(made: asked.Source | None, bundle: "Bundle") -> None:
    """LimnerError where the file shows something else than its recipe, of which the edit would be; a note where it
    does not do so to the last bit.

    A receipt knows its pixels again; where there is none, the recipe is drawn.
    """
    if made is None:
        return
    from PIL import Image

    from limner.audit import likeness, receipt
    from limner.coursework.case import NEAR
    from limner.engine import run
    from limner.engine.backends import eager
    from limner.evaluation.album import itself
    from limner.metadata import read

    image, signed = Image.fromarray(itself(made.path)), read(made.path).receipt
    if signed:
        statement, pixels = receipt.read(signed).statement, likeness.pixels(image)
        coded = likeness.coded(made.path.read_bytes())
        if statement.recipe == digest(made.recipe) and (statement.pixels == pixels or statement.jpeg == coded != ""):
            return
    ((_, drawn),) = run([made.recipe], bundle, backend=eager(bundle))
    again = Image.fromarray(drawn)
    apart = likeness.difference(image, again)
    if apart is None or apart > NEAR:
        how = "has other proportions" if apart is None else f"is up to {apart:.0f} levels of 255 away"
        raise LimnerError(
            f"{made.path} {how} from what its recipe draws, and would not be what is edited",
            "say what it shows with --prompt: its pixels are edited then",
        )
    if likeness.pixels(image) != likeness.pixels(again):
        print(f"limner: {made.path} is not to the last bit what its recipe draws, which is edited", file=sys.stderr)


def _wish(args: argparse.Namespace) -> Wish:
    """What the flags say; the prompt is what the edit is to show."""
    said, args.prompt = args.prompt, args.to
    wish = asked.wish(args)
    args.prompt = said
    ruled = {name: getattr(args, name) for name in RULED}
    return replace(wish, **ruled)


def _resolved(args: argparse.Namespace, wish: Wish, bundle: "Bundle", made: asked.Source | None) -> Recipe:
    """The edit as a recipe; LimnerError where a prompt is missing."""
    before = made.recipe if made else None
    again = before is not None and bool(before.edit_of) and bool(args.source)
    if wish.prompt is None and not again:
        raise LimnerError("no other words", 'say what it is to show: --to "a blue apple"')
    of = untagged(args.prompt or "")[0] or (before.edit_of if again and before else before.prompt if before else None)
    if not of:
        raise LimnerError("no prompt", 'say what the picture shows: --prompt "a red apple"')
    given = bool(args.picture) and (before is None or (again and bool(before.edit_picture)))
    wish = replace(wish, model=bundle.identity, edit_of=of)
    if given:
        known = before.edit_picture if again and before else "0" * 64
        wish = replace(wish, edit_picture=known, edit_inversion=wish.edit_inversion or _inverted(before) or "direct")
    return resolve(wish, asdict(before) if before else bundle.defaults)


def _inverted(before: Recipe | None) -> str:
    return before.edit_inversion if before else ""
