"""What `limner explain` draws: sheets of heat by word, by step or by layer, and the diagram of a single look."""

import argparse
import io
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from textwrap import shorten

import numpy as np
from numpy.typing import NDArray

from limner.cli.shown import Page, Shown
from limner.control.closeup import Closeup
from limner.control.heatmaps import Heatmaps
from limner.control.record import Record, worded
from limner.engine.explain import Heat, columns, heat, labels, layer_of, sentence, sides
from limner.errors import LimnerError
from limner.metadata import place
from limner.pictures.diagram import Scene, attended
from limner.pictures.diagram import diagram as drawn
from limner.pictures.heat import heats, overlay
from limner.text.prompt import Span
from limner.text.subjects import subjects

MOST = 10  # steps beside each other
Heats = list[tuple[str, Heat]]


def sheet(args: argparse.Namespace, what: Shown, words: Sequence[Span]) -> Page:
    """The picture, and over it what each word looked at; in all steps, layers and heads, or as it was asked for."""
    picture, seen, record = watched(args, what, words)
    if not seen.sums:
        raise LimnerError("the prompt was never looked at", "guidance 0 ignores it")
    together = _captioned(words, seen, (what.recipe.height, what.recipe.width))
    report: dict[str, object] = {"words": [word.word for word in words]}
    rows, name = [together], "words"
    if record is not None:
        report |= {"layers": [site.name for site in record.looks[0]], "sigmas": record.sigmas}
        if args.by_step or args.by_layer:
            rows, name = _beside(args, what, words, record), "steps" if args.by_step else "layers"
        if args.maps:
            report["maps"] = str(args.maps)
            _save(args.maps, picture, record, together)
    file = io.BytesIO()
    heats(picture, rows).save(file, "PNG")
    return Page(name, file.getvalue(), picture, report)


def watched(
    args: argparse.Namespace, what: Shown, words: Sequence[Span]
) -> tuple[NDArray[np.uint8], Heatmaps, Record | None]:
    """The picture, the maps of what was asked for, and the record where that is not simply everything: a record of all
    words of a long prompt is large."""
    heights = sides(what.bundle, what.recipe, args.share)
    if all(
        each in (None, False) for each in (args.layer, args.head, args.step, args.by_step, args.by_layer, args.maps)
    ):
        plain = Heatmaps(sides=heights)
        return what.watch(plain.control), worded(plain, columns(words)), None
    record = Record(columns(words), heights)
    picture = what.watch(record.control)
    if args.step is not None and args.step > len(record.looks):
        raise LimnerError(f"the prompt was not looked at in step {args.step}", "choose another --step")
    return picture, record.heatmaps(*only(args)), record


def only(args: argparse.Namespace) -> tuple[list[str], list[int], list[int]]:
    """The layers, heads and steps that were asked for, counted from 0; none for all."""
    heads, steps = ([] if each is None else [each - 1] for each in (args.head, args.step))
    return [] if args.layer is None else [args.layer], heads, steps


def _beside(args: argparse.Namespace, what: Shown, words: Sequence[Span], record: Record) -> list[Heats]:
    """For each word a row of steps, at most so many, or of layers."""
    layers, heads, steps = only(args)
    if args.by_step:
        some = np.unique(np.linspace(0, len(record.looks) - 1, MOST).round().astype(int)).tolist()
        beside = {f"noise {record.sigmas[step]:.4g}": record.heatmaps(layers, heads, [step]) for step in some}
    else:
        beside = {site.name: record.heatmaps([site.name], heads, steps) for site in record.looks[0]}
    size = what.recipe.height, what.recipe.width
    maps = {title: heat(seen, size) for title, seen in beside.items() if seen.sums}
    return [
        [(f"{word.word}, {title}", each[number]) for title, each in maps.items()] for number, word in enumerate(words)
    ]


def _captioned(words: Sequence[Span], seen: Heatmaps, size: tuple[int, int]) -> Heats:
    return [(word.word, each) for word, each in zip(words, heat(seen, size), strict=True)]


def _save(folder: Path, picture: NDArray[np.uint8], record: Record, over: Heats) -> None:
    """`maps.npz`, and one overlay a word."""
    from PIL import Image

    file = io.BytesIO()
    np.savez(file, **arrays(picture, record, [word for word, _ in over]))  # type: ignore[arg-type]
    place(file.getvalue(), folder / "maps.npz")
    for number, (word, each) in enumerate(over, start=1):
        file = io.BytesIO()
        Image.fromarray(overlay(picture, each)).save(file, "PNG")
        name = re.sub(r"[^\w-]+", "_", word)[:40]
        place(file.getvalue(), folder / f"{number:02}-{name}.png")


def arrays(picture: NDArray[np.uint8], record: Record, words: Sequence[str]) -> Mapping[str, NDArray[np.generic]]:
    """`picture`, `words`, `layers` and `sigmas`, and for each layer by its name: [step, head, word, row, column]."""
    return {
        "picture": picture,
        "words": np.array(words),
        "layers": np.array([site.name for site in record.looks[0]]),
        "sigmas": np.array(record.sigmas),
        **{site.name: np.stack([look[site].numpy() for look in record.looks]) for site in record.looks[0]},
    }


def _word(args: argparse.Namespace, what: Shown, words: Sequence[Span]) -> Span:
    """The one word that the diagram is of: the first thing of the prompt, if nobody says; LimnerError for several."""
    names = {word.word.casefold() for word in words}
    if args.words is not None and len(names) > 1:
        raise LimnerError("a diagram is of one word", f"choose one of {', '.join(word.word for word in words)}")
    if args.words is not None:
        return words[0]
    found = subjects(what.bundle.tokenizer, sentence(what.recipe))
    return found[0].thing if found else words[0]


def marked(point: tuple[int, int], picture: tuple[int, ...], grid: tuple[int, int]) -> tuple[int, int]:
    """Row and column of the place in which a pixel lies; LimnerError where it is outside."""
    (x, y), (height, width) = point, picture[:2]
    if x >= width or y >= height:
        raise LimnerError(f"place {x},{y} is outside the picture", f"it is {width}x{height}")
    return y * grid[0] // height, x * grid[1] // width


def diagram(args: argparse.Namespace, what: Shown, words: Sequence[Span]) -> Page:
    """One word, layer, step, head and place; where nothing is said, the place and head where it is looked at most."""
    bundle, recipe = what.bundle, what.recipe
    word = _word(args, what, words)
    layer, step = layer_of(bundle, recipe, args.layer), (args.step or what.looks // 2 + 1) - 1
    closeup = Closeup(layer, step)
    picture = what.watch(closeup.control)
    if closeup.look is None or closeup.at is None:
        raise LimnerError(f"the prompt was not looked at in step {step + 1}", "choose another --step")
    seen = attended(closeup.look, columns([word])[0])
    head = int(seen.max(1).argmax()) if args.head is None else args.head - 1
    row, column = divmod(int(seen[head].argmax()), closeup.at.width)
    if args.place:
        row, column = marked(args.place, picture.shape[:2], (closeup.at.height, closeup.at.width))
    prompt = shorten(recipe.prompt, 70, placeholder="...")
    about = (
        f"\u201c{prompt}\u201d, layer {layer}, head {head + 1} of {len(seen)}, "
        f"step {step + 1} of {what.looks}, at noise level {closeup.sigma:.4g}"
    )
    scene = Scene(
        picture, closeup.at, closeup.look, head, (row, column), labels(recipe, bundle), columns([word])[0], about
    )
    file = io.BytesIO()
    drawn(scene).savefig(file, format="png", dpi=100)
    report = {"words": [word.word], "layer": layer, "head": head + 1, "step": step + 1, "sigma": closeup.sigma}
    share = float(seen[head, scene.index])
    return Page("diagram", file.getvalue(), picture, report | {"place": [row, column], "share": share})
