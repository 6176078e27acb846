"""`limner make`: a sentence becomes pictures."""

import argparse
import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from limner.cli import adapters, asked, stamps
from limner.errors import LimnerError
from limner.recipe import Recipe, Wish, check, resolve, said, series

if TYPE_CHECKING:
    from limner.bundle import Bundle
    from limner.cli.drawing import Drawn
    from limner.engine.backends import Backend
    from limner.engine.foreign import Foreign

MOST = 10_000
EMPTY = "the prompt is empty: the model draws whatever comes"


def flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("prompt", nargs="?", metavar="PROMPT", help='what to draw; "" draws whatever comes')
    asked.recipe_flags(parser)
    parser.add_argument("--count", type=int, default=1, metavar="N", help=f"pictures; the seed counts up (1 to {MOST})")
    parser.add_argument(
        "--from", dest="source", type=Path, metavar="PICTURE", help="make this picture again, whoever made it"
    )
    asked.bundle_flags(parser)
    adapters.flags(parser)
    asked.weights_flags(parser)
    asked.backend_flag(parser)
    asked.folder_flag(parser)
    asked.format_flag(parser)
    stamps.flags(parser)
    asked.json_flag(parser)


def run(args: argparse.Namespace) -> int:
    wish = _wish(args)
    from limner.bundle import Bundle
    from limner.metadata import prepare

    source, foreign = _sources(args.source)
    prepare(args.out)  # before anything is drawn: an unwritable folder costs nobody a picture
    signed = stamps.stamps(args)
    bundle = asked.model(args, source)
    if not isinstance(bundle, Bundle):
        return _foreign(args, bundle, wish if foreign is None else _over(wish, foreign), source, signed)
    recipe = resolved(wish if foreign is None else _over(wish, foreign), bundle, source.recipe if source else None)
    backend = asked.steered(args, recipe, bundle) or asked.backend(args, bundle, source)
    notes = [*_strange(recipe, bundle, foreign), *_notes(recipe, bundle, backend, source)]
    recipes = series(recipe, args.count)
    from limner.cli.drawing import draw

    drawing = draw(recipes, bundle, backend, args.out, args.format, stamps=signed)
    return _kept(args, drawing, {"model": bundle.name, "backend": backend.name, "recipe": asdict(recipe)}, notes)


def _foreign(
    args: argparse.Namespace, foreign: "Foreign", wish: Wish, source: asked.Source | None, signed: stamps.Stamps
) -> int:
    """Pictures that diffusers draws."""
    from limner.cli.drawing import filed
    from limner.engine.foreign import circumstances, run

    if args.backend is not None:
        raise LimnerError(f"--backend {args.backend} computes limner's own networks", "leave it out: diffusers draws")
    wish = replace(wish, model=foreign.identity)
    recipe = resolve(wish, asdict(source.recipe) if source else foreign.defaults)
    foreign.check(recipe)
    recipes, about = series(recipe, args.count), circumstances(foreign)
    notes = [f"{foreign.kind} is drawn by diffusers as a whole, without {', '.join(foreign.cannot)}"]
    extras = {"Model": foreign.name, **about, "Without": ", ".join(foreign.cannot)}
    drawing = filed(recipes, partial(run, recipes, foreign), extras, args.out, args.format, signed)
    report = {"model": foreign.name, "backend": about["Backend"], "recipe": asdict(recipe)}
    return _kept(args, drawing, report, notes)


def _kept(args: argparse.Namespace, drawing: "Iterator[Drawn]", report: Mapping[str, object], notes: list[str]) -> int:
    """Say what was made, as it is made."""
    made = []
    for note in notes:
        print("limner:", asked.printable(note), file=sys.stderr)
    try:
        for drawn in drawing:
            made.append(drawn.report())
            for note in drawn.notes:
                print(f"limner: {drawn.path}: {note}", file=sys.stderr)
            if not args.json:
                print(drawn.path, flush=True)
    except KeyboardInterrupt as stop:
        raise KeyboardInterrupt(f"{len(made)} of {args.count} pictures are finished, in {args.out}") from stop
    if args.json:
        asked.print_json({**report, "notes": notes, "pictures": made})
    return 0


def resolved(wish: Wish, bundle: "Bundle", source: Recipe | None) -> Recipe:
    """What is left open in the wish is the source's, else the bundle's; LimnerError if this bundle cannot draw it."""
    from limner.process.ladder import LADDERS
    from limner.sampler import SAMPLERS

    recipe = resolve(replace(wish, model=bundle.identity), asdict(source) if source else bundle.defaults)
    check(recipe, bundle.factor, SAMPLERS, LADDERS)
    if recipe.excite or recipe.edit_of:
        from limner.engine.run import sound

        sound(recipe, bundle)
    return recipe


def _sources(path: Path | None) -> tuple[asked.Source | None, asked.Borrowed | None]:
    """The picture to make again: limner's own, of which the pixels are promised, or another program's."""
    found = asked.origin(path) if path else None
    return (None, found) if isinstance(found, asked.Borrowed) else (found, None)


def _over(wish: Wish, foreign: asked.Borrowed) -> Wish:
    """The wish, its open fields as the other program's picture says; LimnerError if it says no prompt either."""
    both = Wish(**{**said(foreign.reading.wish), **said(wish)})  # type: ignore[arg-type]
    if both.prompt is None:
        raise LimnerError(f"{foreign.path} says no prompt that limner understands", "give one before --from")
    return both


def _strange(recipe: Recipe, bundle: "Bundle", foreign: asked.Borrowed | None) -> Iterator[str]:
    """Why the picture will not be the other program's."""
    if foreign:
        reading, (width, height) = foreign.reading, (bundle.defaults["width"], bundle.defaults["height"])
        with_model = f" with {reading.model}" if reading.model else ""
        yield f"{foreign.path} was made by {reading.maker}{with_model}, this is {bundle.name}: another picture"
        loras = [each for each in reading.unmet if each.startswith("LoRA ")]
        if loras and not bundle.adapters:
            yield f"{foreign.path} was made with {'; '.join(loras)}: nothing is laid over here (--lora NAME:SCALE does)"
        if rest := [each for each in reading.unmet if each not in loras]:
            yield f"{foreign.path} asks for more than limner does: {'; '.join(rest)}"
        if (recipe.width, recipe.height) != (width, height):
            yield f"{bundle.name} is at its best at {width}x{height}, this is {recipe.width}x{recipe.height} (--size)"


def _wish(args: argparse.Namespace) -> Wish:
    if not 1 <= args.count <= MOST:
        raise LimnerError(f"count {args.count} is out of range", f"choose 1 to {MOST}")
    wish = asked.wish(args)
    if wish.prompt is None and not args.source:
        raise LimnerError("no prompt", 'say limner make "a red apple", or "" to draw whatever comes')
    return wish


def _notes(recipe: Recipe, bundle: "Bundle", backend: "Backend", source: asked.Source | None) -> Iterator[str]:
    """What is done otherwise than might be expected."""
    from limner.engine.backends import circumstances
    from limner.text.prompt import most_chunks

    if not recipe.prompt.strip():
        yield EMPTY
    for name, text in (("prompt", recipe.prompt), ("negative prompt", recipe.negative)):
        if (parts := most_chunks(bundle.tokenizer, text, recipe.steps)) > 1:
            yield f"the {name} is longer than the model reads at once: it reads {parts} parts, each by itself"
    if recipe.clip_skip != 1 and len(bundle.towers) > 1:
        yield f"clip_skip {recipe.clip_skip} is without effect: this model is told the states before the last layer"
    here = circumstances(bundle, backend)
    there = {key: source.settings.get(key, value) for key, value in here.items()} if source else here
    if source and there != here:
        was, now = (f"{each['Device']} in {each['Precision']} by {each['Kernels']}" for each in (there, here))
        yield f"{source.path} was made on {was}, this is {now}: pixels may differ a little"
