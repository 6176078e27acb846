"""`limner measure`: figures, each with its target, drawn where there is something to see and kept as JSON."""

import argparse
import csv
import json
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from limner.cli import (
    asked,
    clip,
    composition,
    costs,
    distance,
    edits,
    equal,
    excite,
    filtered,
    guidance,
    heat,
    inversion,
    labels,
    lecture,
    nearest,
    oracle,
    outlines,
    peer,
    recognition,
    statistics,
    twin,
    unpicked,
    whole,
)
from limner.cli.whole import Job
from limner.errors import LimnerError

if TYPE_CHECKING:
    from limner.evaluation.figures import Figure, Value

FIGURES = Path("docs/figures")
JOBS: Mapping[str, Job] = {  # what --all runs, in this order; each writes NAME.json
    "recognition": Job(
        "draw every taught noun in every style, and have it named", recognition.flags, recognition.figures
    ),
    "composition": Job(
        "draw counts, colours, pairs and relations, seen and unseen", composition.flags, composition.figures
    ),
    "guidance": Job("sweep the scale of guidance: alignment against diversity", guidance.flags, guidance.figures),
    "distance": Job("compare drawn pictures with composed scenes, as crowds", distance.flags, distance.figures),
    "nearest": Job("find what the model copies from its training pictures", nearest.flags, nearest.figures),
    "clip": Job("ask CLIP to find, name and tell apart what it never saw", clip.flags, clip.measured),
}
OTHERS: Mapping[str, Job] = {  # what trains, draws for somebody, or asks a reader
    "lecture": Job("draw the lecture's prompts on one sheet", lecture.flags, lecture.figures),
    "unpicked": Job("draw a hundred pictures that nobody picks, and for a reader", unpicked.flags, unpicked.figures),
    "oracle": Job("train and examine whoever says what is in a picture", oracle.flags, oracle.oracle),
    "outlines": Job("name every noun's outline, to know which an outline tells", outlines.flags, outlines.figures),
    "labelled": Job("count where the oracle and a reader agree", labels.labelled_flags, labels.labelled),
    "twin": Job("train with and without captions, and compare", twin.flags, twin.twin),
    "peer": Job("train beside diffusers' own recipe, and compare", peer.flags, peer.peer),
    "costs": Job("time heat maps, an edit and excitement in plain pictures", costs.flags, costs.figures),
    "filter": Job("count the harmless pictures that a class's filter withholds", filtered.flags, filtered.figures),
    "statistics": Job(
        "sum how often intervals hold and tests find, and compare with scipy", statistics.flags, statistics.figures
    ),
    "equal": Job("find how few steps are recognised as often as 50", equal.flags, equal.figures),
}
ATTENTION: Mapping[str, Job] = {  # what measure attention runs
    "heat": Job("lay heat maps over masks that are known", heat.flags, heat.figures),
    "edits": Job("edit what came out right, and see what else changes", edits.flags, edits.figures),
    "inversion": Job("find the noise of pictures that are given, and come back", inversion.flags, inversion.figures),
    "excite": Job("excite things that go missing, on prompts chosen beforehand", excite.flags, excite.figures),
}


def flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--all", nargs=argparse.REMAINDER, metavar="...", help="the same as measure all, whose flags may follow"
    )
    jobs = parser.add_subparsers(
        metavar=" | ".join(["draw", "read", "label", "speed", *JOBS, *OTHERS, *ATTENTION, "attention", "all", "card"])
    )
    draw = jobs.add_parser("draw", help="draw 100 nouns, one picture each, as shuffled files for a reader to name")
    asked.bundle_flags(draw)
    asked.backend_flag(draw)
    draw.add_argument(
        "--out", type=Path, default=Path("outputs/reading"), metavar="DIR", help="new folder (%(default)s)"
    )
    draw.set_defaults(job=_draw)
    read = jobs.add_parser("read", help="count how many a reader named rightly")
    read.add_argument("names", type=Path, metavar="NAMES.csv", help="lines file,name as the reader wrote them")
    read.add_argument(
        "--key", type=Path, required=True, metavar="KEY.json", help="what measure draw wrote beside the files"
    )
    read.add_argument("--reader", required=True, metavar="TEXT", help="who or what looked")
    read.set_defaults(job=_read)
    speed = jobs.add_parser("speed", help="time the command line from process start, and its memory")
    asked.bundle_flags(speed)
    asked.backend_flag(speed)
    speed.add_argument("--rounds", type=int, default=5, metavar="N", help="of which the median counts (%(default)s)")
    speed.set_defaults(job=_speed)
    shown = jobs.add_parser("label", help="draw 300 pictures for a reader who labels them, to compare the oracle with")
    labels.label_flags(shown)
    shown.set_defaults(job=labels.label)
    for name, job in {**JOBS, **OTHERS, **ATTENTION}.items():
        each = jobs.add_parser(name, help=job.about)
        job.flags(each)
        each.set_defaults(job=partial(_figures, job))
    everything = jobs.add_parser("all", help=f"take {', '.join(JOBS)}, as far as they are not of these weights")
    whole.flags(everything)
    everything.set_defaults(job=_all)
    looks = jobs.add_parser("attention", help=f"take {', '.join(ATTENTION)}, as far as they are not of these weights")
    whole.flags(looks)
    looks.set_defaults(job=_attention)
    card = jobs.add_parser("card", help="write the model card from limner.json and the figures")
    card.add_argument("--model", default="limner-mini", metavar="NAME|PATH", help="the model (%(default)s)")
    card.add_argument(
        "--check", action="store_true", help="write nothing; say whether its card is what the figures say"
    )
    card.set_defaults(job=_card)
    for each in jobs.choices.values():
        ended(each)


def ended(job: argparse.ArgumentParser) -> None:
    """The flags that every job has."""
    job.add_argument("--figures", type=Path, default=FIGURES, metavar="DIR", help="where JSON goes (%(default)s)")
    asked.json_flag(job)


def run(args: argparse.Namespace) -> int:
    """Without a job there has to be --all, which is the job of that name."""
    args = args if hasattr(args, "job") else _all_of(args)
    if args.job is not _card:  # which reads figures
        writable(args.figures)
    code: int = args.job(args)
    return code


def writable(folder: Path) -> None:
    """LimnerError unless the folder is there, or can be made, and can be written to: before a job works for minutes."""
    there = next(each for each in (folder, *folder.parents) if each.exists())
    if not there.is_dir():
        raise LimnerError(f"{there} is no folder, so that no figures go to {folder}", "choose another --figures")
    if not os.access(there, os.W_OK | os.X_OK):
        raise LimnerError(f"{there} cannot be written to", "choose another folder with --figures")


def _all_of(args: argparse.Namespace) -> argparse.Namespace:
    """What stands after --all."""
    from limner.cli import Parser

    if args.all is None:
        raise LimnerError("measure what?", "see limner measure --help")
    parser = Parser(prog="limner measure --all", allow_abbrev=False)
    whole.flags(parser)
    ended(parser)
    parser.set_defaults(job=_all)
    return parser.parse_args(args.all)


def _figures(job: Job, args: argparse.Namespace) -> int:
    return conclude(args, job.figures(args))


def _all(args: argparse.Namespace) -> int:
    """1 if a job failed, too."""
    figures, failed = whole.figures(args, JOBS)
    return conclude(args, figures) or int(failed)


def _attention(args: argparse.Namespace) -> int:
    """1 if a job failed, too."""
    figures, failed = whole.figures(args, ATTENTION, "attention")
    return conclude(args, figures) or int(failed)


def conclude(args: argparse.Namespace, figures: "Sequence[Figure]") -> int:
    """Say the figures last, a line each; the exit code is 1 if one is short of its target."""
    if args.json:
        asked.print_json([asdict(figure) | {"ok": figure.ok} for figure in figures])
    elif figures:
        print("\n".join(figure.line() for figure in figures))
    return 0 if all(figure.ok for figure in figures) else 1


def _draw(args: argparse.Namespace) -> int:
    from PIL import Image

    from limner.cli.make import resolved
    from limner.engine import run as draw
    from limner.evaluation.reading import cards, taught
    from limner.metadata import prepare
    from limner.recipe import Wish

    bundle = asked.bundle(args)
    key = args.out.with_suffix(".json")
    if args.out.exists() or key.exists():
        raise LimnerError(f"{args.out} is there already", "name a new folder with --out")
    asked_for = cards(*taught(bundle.folder))
    prepare(args.out)
    recipes = [resolved(Wish(prompt=card.prompt, seed=card.seed), bundle, None) for card in asked_for]
    for index, picture in draw(recipes, bundle, backend=asked.backend(args, bundle)):
        Image.fromarray(picture).save(args.out / asked_for[index].file)  # no recipe in it: the reader is not told
    key.write_text(json.dumps({"model": bundle.identity, "cards": [asdict(card) for card in asked_for]}, indent=2))
    print(f"{len(asked_for)} pictures without names are in {args.out}; which is which stands in {key}")
    return 0


def _read(args: argparse.Namespace) -> int:
    from scipy.stats import binomtest

    from limner.evaluation.figures import Figure, record
    from limner.evaluation.reading import Card, score
    from limner.evaluation.unpicked import rightly
    from limner.pictures.contact import sheet

    text = labels.written(args.key, "draw")
    try:
        key = json.loads(text)
        model, asked_for = str(key["model"]), [Card(**card) for card in key["cards"]]
        answers = {row[0].strip(): row[1] for row in csv.reader(args.names.read_text().splitlines()) if len(row) > 1}
    except OSError as error:
        raise LimnerError(f"{args.names} cannot be read: {error.strerror}", "write lines file,name there") from error
    except (ValueError, KeyError, TypeError, csv.Error) as error:
        raise LimnerError(
            f"{args.key} or {args.names} is not what measure draw wrote and asks for", "see measure --help"
        ) from error
    if not asked_for:
        raise LimnerError(f"{args.key} is not what measure draw wrote: it has no cards", "see measure --help")
    right = score(answers, asked_for, rightly)
    pictures = labels.shown(args.key, [card.file for card in asked_for], "draw")
    count = sum(right.values())
    low, high = binomtest(count, len(right)).proportion_ci(method="wilson")
    named = Figure("named_rightly", count, 0.6 * len(right), "at least", f" of {len(right)}")
    kinds = {
        kind: f"{sum(right[card.file] for card in asked_for if card.kind == kind)} of {number}"
        for kind, number in Counter(card.kind for card in asked_for).items()
    }
    details = {
        "reader": args.reader,
        "interval": [round(low, 3), round(high, 3)],
        "kinds": kinds,
        "cards": [asdict(card) | {"answer": answers[card.file], "right": right[card.file]} for card in asked_for],
    }
    report = args.figures / f"{key.get('figure', 'reading')}.json"
    record(report, [named], model, details)
    words = [f"{card.noun}: {answers[card.file]} ({'right' if right[card.file] else 'wrong'})" for card in asked_for]
    sheet(pictures, words).save(report.with_suffix(".png"))
    return conclude(args, [named])


def _speed(args: argparse.Namespace) -> int:
    import tempfile
    from statistics import median

    from limner.engine.backends import eager
    from limner.evaluation.figures import Figure, record
    from limner.evaluation.speed import command, picture
    from limner.recipe import Wish, resolve

    if args.rounds < 1:
        raise LimnerError(f"rounds {args.rounds} is out of range", "choose at least 1")
    bundle = asked.bundle(args)
    with tempfile.TemporaryDirectory() as out:
        words = ["make", "a red apple", "--model", str(bundle.folder), "--steps", "20", "--out", out]
        words += ["--backend", asked.backend(args, bundle).name]
        command(words)  # warm: the files are in the system's memory from here on
        made = [command(words) for _ in range(args.rounds)]
    helped = [command(["--help"]) for _ in range(args.rounds)]
    recipe = resolve(Wish(model=bundle.identity, prompt="a red apple", seed=42, steps=20), bundle.defaults)
    drawn = {"engine": asked.backend(args, bundle), "eager": eager(bundle)}
    spent = {
        name: [picture(recipe, bundle, backend) for _ in range(args.rounds + 1)][1:]  # the first one warms
        for name, backend in drawn.items()
    }
    figures = [
        Figure("make_seconds", round(median(each.seconds for each in made), 2), 5, "at most", " s"),
        Figure("make_megabytes", round(max(each.megabytes for each in made)), 2000, "at most", " MB"),
        Figure("help_seconds", round(median(each.seconds for each in helped), 3), 0.3, "at most", " s"),
        Figure("engine_seconds", round(median(spent["engine"]), 2), 2, "at most", " s"),
        Figure("eager_seconds", round(median(spent["eager"]), 2), 3.5, "at most", " s"),
    ]
    rounds: dict[str, Value] = {"backend": drawn["engine"].name, "steps": recipe.steps, "guidance": recipe.guidance}
    rounds |= {name: [round(each, 3) for each in some] for name, some in spent.items()}
    rounds |= {"make": [round(each.seconds, 2) for each in made], "help": [round(each.seconds, 3) for each in helped]}
    record(args.figures / "speed.json", figures, bundle.identity, rounds)
    return conclude(args, figures)


def _card(args: argparse.Namespace) -> int:
    from limner.bundle import catalogue
    from limner.evaluation.card import card, faults

    if args.figures != FIGURES and not args.figures.is_dir():
        raise LimnerError(f"{args.figures} is no folder", "name the one in which the figures are")
    folder = catalogue.find(args.model)
    file, text = folder / "README.md", card(folder, args.figures)
    if args.check:
        wrong = faults(file, text, args.figures)
        print("\n".join(wrong or [f"{file} is what the figures say"]))
        return int(bool(wrong))
    file.write_text(text, encoding="utf-8")
    print(file)
    return 0
