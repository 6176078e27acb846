"""What is to be explained: a picture that limner made, one that is given, or one that is yet to be drawn."""

import argparse
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from limner.cli import asked
from limner.errors import LimnerError
from limner.recipe import Recipe, check, said

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from limner.bundle import Bundle
    from limner.sampler import Control

GIVEN = {"prompt", "seed", "steps", "ladder", "clip_skip", "width", "height"}  # what counts for a picture that is given


@dataclass(frozen=True, slots=True)
class Shown:
    """`watch` has a control watch so many `looks` of the model, and gives the picture.

    `stem` is its file's name, if there is one yet; `made` how limner made it before; `notes` what had to be done.
    """

    recipe: Recipe
    bundle: "Bundle"
    watch: "Callable[[Control], NDArray[np.uint8]]"
    looks: int
    stem: str
    made: asked.Source | None = None
    notes: tuple[str, ...] = ()


def shown(args: argparse.Namespace) -> Shown:
    """LimnerError where nothing is to be explained, or flags say what has no effect."""
    if args.picture is None and args.prompt is None:
        raise LimnerError("nothing to explain", 'name a picture, or draw one: limner explain --prompt "a red apple"')
    if args.original and (args.picture is None or args.prompt is not None):
        raise LimnerError("--original is the picture that an edit was made from", "name the edit, without --prompt")
    if args.by and (args.picture is None or args.prompt is None):
        raise LimnerError("--by is for a picture that is given", "name it, and say what it shows with --prompt")
    if args.picture is None:
        return _drawn(args)
    return _made(args) if args.prompt is None else _given(args)


def _made(args: argparse.Namespace) -> Shown:
    """By its own recipe."""
    if wished := said(asked.wish(args)):
        name = next(iter(wished)).replace("_", "-")
        raise LimnerError(f"{args.picture} is drawn again as it was: --{name} has no effect", "leave it out")
    found = asked.origin(args.picture)
    if isinstance(found, asked.Borrowed):
        raise LimnerError(f"{args.picture} carries no recipe of limner's", "say what it shows with --prompt")
    from limner.engine.explain import drawn, looks
    from limner.evaluation.album import whole
    from limner.process.ladder import LADDERS
    from limner.sampler import SAMPLERS

    recipe, original = found.recipe, None
    if recipe.edit_picture:
        if args.original is None:
            raise LimnerError(f"{args.picture} is an edit of a picture that was given", "give it with --original")
        original = whole(args.original, recipe.width, recipe.height)
    elif args.original:
        raise LimnerError(f"{args.picture} is no edit of a picture that was given", "leave out --original")
    bundle = asked.bundle(args, found)
    check(recipe, bundle.factor, SAMPLERS, LADDERS)
    watch = partial(drawn, recipe, bundle, original=original)
    return Shown(recipe, bundle, watch, looks(recipe), args.picture.stem, found)


def _drawn(args: argparse.Namespace) -> Shown:
    """By the recipe that the flags make."""
    from limner.cli.make import resolved
    from limner.engine.explain import drawn, looks

    wish, bundle = asked.wish(args), asked.bundle(args)
    recipe = resolved(wish, bundle, None)
    return Shown(recipe, bundle, partial(drawn, recipe, bundle), looks(recipe), "")


def _given(args: argparse.Namespace) -> Shown:
    """Looked at as it is."""
    wish = asked.wish(args)
    if idle := [name for name in said(wish) if name not in GIVEN]:
        raise LimnerError(f"--{idle[0].replace('_', '-')} has no effect on a picture that is given", "leave it out")
    from limner.cli.make import resolved
    from limner.engine.explain import LEVELS, looked_at
    from limner.evaluation.album import whole

    bundle = asked.bundle(args)
    recipe, way = resolved(wish, bundle, None), args.by or "noise"
    size = recipe.width, recipe.height
    picture, original = whole(args.picture, *size), _size(args.picture)
    fitted = "{}x{}: fitted into {}x{} (--size)".format(*original, *size)
    notes = (f"{args.picture} is {fitted}",) if original != size else ()
    watch = partial(looked_at, picture, recipe, bundle, way)
    return Shown(recipe, bundle, watch, len(LEVELS[way](bundle, recipe)), args.picture.stem, None, notes)


def _size(path: Path) -> tuple[int, int]:
    """Width and height of a picture that can be opened, upright."""
    from PIL import Image, ImageOps

    with Image.open(path) as file:
        return ImageOps.exif_transpose(file).size


@dataclass(frozen=True, slots=True)
class Page:
    """What was drawn of it: a PNG file's bytes, what to `name` it, the picture itself, and what to `report`."""

    name: str
    data: bytes
    picture: "NDArray[np.uint8]"
    report: Mapping[str, object]
