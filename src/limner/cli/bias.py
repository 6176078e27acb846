"""`limner bias`: ask whether a model favours something, count blind, and say no more than the count allows."""

import argparse
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from secrets import token_hex
from shutil import rmtree
from typing import TYPE_CHECKING

from limner.cli import asked
from limner.errors import LimnerError
from limner.home import beside

if TYPE_CHECKING:
    from limner.audit.finding import Finding
    from limner.audit.folder import Folder
    from limner.audit.shares import Reference
    from limner.bundle import Bundle
    from limner.recipe import Recipe, Value


def flags(parser: argparse.ArgumentParser) -> None:
    jobs = parser.add_subparsers(metavar="new | draw | tally | report | export", required=True)
    _new_flags(jobs.add_parser("new", help="write a study down: prompts, categories, and what they are held against"))
    draw = jobs.add_parser("draw", help="draw its pictures, those that are not there yet")
    draw.add_argument("study", type=Path, metavar="STUDY", help="the study's folder")
    asked.bundle_flags(draw)
    draw.set_defaults(job=_draw, model=None)
    asked.backend_flag(draw)
    tally = jobs.add_parser("tally", help="label the pictures on a page, by keys, blind and shuffled")
    tally.add_argument("study", type=Path, metavar="STUDY", help="the study's folder")
    tally.add_argument("--rater", default="first", metavar="NAME", help="who labels (%(default)s); a second is another")
    tally.add_argument("--port", type=int, default=0, metavar="N", help="of the page on 127.0.0.1; any if left out")
    tally.add_argument("--from", dest="table", type=Path, metavar="CSV", help="columns picture,answer: no page then")
    tally.set_defaults(job=_tally)
    report = jobs.add_parser("report", help="say what the tallies show; several studies are one family of tests")
    report.add_argument("studies", nargs="+", type=Path, metavar="STUDY", help="a study's folder")
    report.add_argument(
        "--plot", type=Path, metavar="FILE", help="draw the shares beside their references: .png or .svg"
    )
    report.add_argument(
        "--automatic",
        choices=("gender", "colour"),
        help="say beside it what the oracle sees; limner-mini's pictures only",
    )
    report.add_argument(
        "--certificate", type=Path, default=Path("docs/figures/oracle.json"), metavar="FILE",
        help="how often the oracle errs, as measure oracle wrote it (%(default)s)",
    )  # fmt: skip
    asked.json_flag(report)
    report.set_defaults(job=_report)
    export = jobs.add_parser("export", help="write bias.json and its pictures, as the assignment has them")
    export.add_argument("studies", nargs="+", type=Path, metavar="STUDY", help="a study's folder")
    export.add_argument("--out", type=Path, default=Path("bias"), metavar="DIR", help="new folder (%(default)s)")
    export.set_defaults(job=_export)


def _new_flags(new: argparse.ArgumentParser) -> None:
    new.add_argument("study", type=Path, metavar="STUDY", help="new folder")
    new.add_argument("--prompt", required=True, metavar="TEXT", help="what the pictures show")
    new.add_argument("--beside", metavar="TEXT", help="another prompt, drawn at the same seeds, to compare it with")
    new.add_argument("--categories", required=True, metavar="A,B", help="what a picture may be called: two to nine")
    new.add_argument("--counted", metavar="A", help="the category that it is about; the first if left out")
    new.add_argument("--question", metavar="TEXT", help="put above each picture; how the figure presents, if left out")
    new.add_argument(
        "--reference",
        metavar="SHARE",
        help="of that category, such as 0.45, or a range such as 0.40-0.50; or all: a=0.5,b=0.5",
    )
    new.add_argument("--source", default="", metavar="TEXT", help="who found the reference, where and when")
    new.add_argument("--count", type=int, default=100, metavar="N", help="pictures of each prompt (%(default)s)")
    new.add_argument(
        "--seed", type=int, default=42, metavar="N", help="of the first; the others count up (%(default)s)"
    )
    new.add_argument("--model", default="limner-mini", metavar="NAME|PATH", help="what draws (%(default)s)")
    new.add_argument("--steps", type=int, metavar="N", help="noise levels walked down; the model's own if left out")
    new.add_argument("--guidance", type=float, metavar="X", help="the model's own if left out")
    new.add_argument("--harm", default="", metavar="TEXT", help="whom it harms, and how; may be written later")
    new.set_defaults(job=_new)


def run(args: argparse.Namespace) -> int:
    code: int = args.job(args)
    return code


def _new(args: argparse.Namespace) -> int:
    from limner.audit.folder import create
    from limner.audit.power import needed
    from limner.audit.study import PRESENTS, Study

    categories = tuple(each.strip() for each in args.categories.split(","))
    reference, shares = referred(args.reference)
    settings: Mapping[str, Value] = {
        name: value for name in ("steps", "guidance") if (value := getattr(args, name)) is not None
    }
    prompts = (args.prompt.strip(), *([args.beside.strip()] if args.beside else []))
    study = Study(
        prompts, categories, args.counted or categories[0], args.question or PRESENTS, args.model, args.seed,
        args.count, reference, shares, args.source, args.harm, settings,
    )  # fmt: skip
    create(args.study, study)
    print(args.study)
    if reference and (wide := needed(reference.middle, _apart(reference.middle))) and wide > args.count:
        print(f"limner: {args.count} pictures find a share 20 points off in less than 80% of studies; {wide} would",
              file=sys.stderr)  # fmt: skip
    return 0


def _apart(share: float) -> float:
    """Twenty points away, towards the middle."""
    return share - 0.2 if share >= 0.5 else share + 0.2


def referred(text: str | None) -> "tuple[Reference | None, Mapping[str, float]]":
    """A share, a range, or one for each category; LimnerError where it is none."""
    from limner.audit.shares import Reference

    if text is None:
        return None, {}
    try:
        if "=" in text:
            pairs = (each.rpartition("=") for each in text.split(","))
            return None, {name.strip(): float(share) for name, _, share in pairs}
        low, high = (re.split(r"\s*(?:-|\.\.)\s*", text.strip()) * 2)[:2]
        return Reference(float(low), float(high)), {}
    except ValueError as fault:
        raise LimnerError(f"{text!r} is no reference", "such as 0.45, 0.40-0.50, or female=0.5,male=0.5") from fault


def _draw(args: argparse.Namespace) -> int:
    from limner.audit.folder import opened

    folder = opened(args.study)
    args.model = args.model or folder.study.model or "limner-mini"
    missing = [each for each in folder.study.pictures if not folder.picture(each.name).is_file()]
    bundle = asked.bundle(args)
    recipes = {each.name: _recipe(folder, bundle, each.arm, each.seed) for each in folder.study.pictures}
    for name in folder.there():
        if asked.source(folder.picture(name)).recipe != recipes[name]:
            raise LimnerError(
                f"{folder.picture(name)} was made by another model, or in another way",
                "one study, one model: see --model",
            )
    for path in _drawn(args, folder, bundle, {each.name: recipes[each.name] for each in missing}):
        print(path, flush=True)
    return 0


def _recipe(folder: "Folder", bundle: "Bundle", arm: int, seed: int) -> "Recipe":
    from limner.cli.make import resolved
    from limner.recipe import Wish

    return resolved(Wish(prompt=folder.study.prompts[arm], seed=seed, **folder.study.settings), bundle, None)  # type: ignore[arg-type]  # each was checked


def _drawn(
    args: argparse.Namespace, folder: "Folder", bundle: "Bundle", recipes: "Mapping[str, Recipe]"
) -> "list[Path]":
    """Each as a file of its own as soon as it is finished, so what was stopped goes on there."""
    from tqdm import tqdm

    from limner import engine
    from limner.cli.adapters import settings
    from limner.engine.backends import circumstances
    from limner.metadata import encode, place

    names, out = list(recipes), list[Path]()
    if not names:
        return out
    backend = asked.backend(args, bundle)
    extras = {"Model": bundle.name, **settings(bundle), **circumstances(bundle, backend)}
    with tqdm(total=len(names), disable=not sys.stderr.isatty(), leave=False, unit="picture") as bar:
        for index, picture in engine.run([*recipes.values()], bundle, backend=backend):
            name = names[index]
            place(encode(picture, "png", recipes[name], extras), folder.picture(name))
            out.append(folder.picture(name))
            bar.update()
    return out


def _tally(args: argparse.Namespace) -> int:
    from limner.audit.folder import imported, opened

    folder = opened(args.study)
    if args.table:
        import csv

        try:
            rows = list(csv.DictReader(args.table.read_text(encoding="utf-8-sig").splitlines()))
        except (OSError, UnicodeDecodeError, csv.Error) as fault:
            raise LimnerError(f"cannot read {args.table}", "a CSV file with the columns picture,answer") from fault
        print(f"{imported(folder, args.rater, rows)} answers of {args.rater} are in {args.study}")
        return 0
    from limner.cli.tallying import serve

    return serve(folder, args.rater, args.port)


def findings(paths: "list[Path]") -> "list[tuple[Folder, Finding]]":
    """Those of several studies, as one family of tests."""
    from limner.audit.finding import count, judge
    from limner.audit.folder import opened

    if len({path.resolve() for path in paths}) < len(paths):
        raise LimnerError("a study is named twice", "name each once: together they are one family of tests")
    folders = [opened(path) for path in paths]
    return list(zip(folders, judge([count(each.study, each.answers()) for each in folders]), strict=True))


def _report(args: argparse.Namespace) -> int:
    """1 where a tally is not finished."""
    from limner.audit.finding import Verdict
    from limner.audit.report import report
    from limner.audit.sentence import sentence

    found = findings(args.studies)
    if args.plot:
        plotted([finding for _, finding in found], args.plot)
    seen = [automatic(args, folder) if args.automatic else "" for folder, _ in found]
    if args.json:
        told = [report(finding) for _, finding in found]
        asked.print_json(
            [{**each, "automatic": words} if words else each for each, words in zip(told, seen, strict=True)]
        )
    else:
        for (folder, finding), words in zip(found, seen, strict=True):
            print(f"{folder.path}: {asked.printable(sentence(finding))}")
            for line in [*about(finding), *([words] if words else [])]:
                print(f"  {line}")
    return int(any(finding.verdict == Verdict.INCOMPLETE for _, finding in found))


def automatic(args: argparse.Namespace, folder: "Folder") -> str:
    """What the oracle makes of the pictures of the first prompt, with its error."""
    from limner.audit.automatic import automatic, called, certificate, looked
    from limner.audit.study import UNTOLD
    from limner.studio.staff import SHIPPED, stated

    card = stated(SHIPPED)
    names = [each.name for each in folder.study.pictures if not each.arm]
    files = [folder.picture(name) for name in names if folder.picture(name).is_file()]
    said, known, whose = looked(files, args.automatic, card.identity if card else "")
    labels = called(folder.study, args.automatic, said, known)
    right = certificate(args.certificate, args.automatic, whose)
    if {*labels} <= {UNTOLD}:
        return f"The oracle, a machine, could tell the {args.automatic} of none of {len(labels)} pictures."
    return automatic(folder.study, args.automatic, labels, right).sentence()


def about(finding: "Finding") -> list[str]:
    """What stands below the sentence."""
    from limner.audit.agreement import words
    from limner.audit.report import power_of
    from limner.audit.sentence import chance, span

    one, lines = finding.counted, []
    for row in one.rows:
        lines.append(
            f"{row.category} in {row.prompt!r}: {row.count} of {row.of}, Wilson {span(row.wilson)}, Clopper-Pearson "
            f"{span(row.exact)}; {100 * row.least:.0f}% to {100 * row.most:.0f}% as the unclear ones fall"
        )
    if finding.adjusted is not None:
        lines.append(
            f"{chance(one.p)} however the unclear fall; {chance(finding.adjusted)} of {finding.family} by Holm"
        )
    raters = len(one.labels.raters)
    agreed = "" if one.alpha is None else f"; Krippendorff's alpha {one.alpha:.2f}: {words(one.alpha)}"
    lines.append(f"labelled by {raters}{agreed}")
    power = power_of(finding)
    found = [f"{power[key]:.0%} or {word}" for key, word in (("noticed_below", "less"), ("noticed_above", "more"))
             if isinstance(power.get(key), float)]  # fmt: skip
    if found:
        lines.append(f"so many pictures find a share of {', or of '.join(found)}, in 80% of studies")
    return lines


def plotted(found: "list[Finding]", file: Path) -> None:
    """As SVG, or as PNG in matplotlib's own letters; LimnerError for any other ending."""
    from limner.audit.plot import plot

    svg = plot(found)
    if file.suffix == ".svg":
        data = svg.encode()
    elif file.suffix == ".png":
        import matplotlib
        import resvg_py

        fonts = str(Path(matplotlib.get_data_path()) / "fonts" / "ttf")
        data = bytes(resvg_py.svg_to_bytes(
            svg_string=svg, background="#ffffff", skip_system_fonts=True, font_dirs=[fonts], zoom=2))  # fmt: skip
    else:
        raise LimnerError(f"{file} is neither .png nor .svg", "choose one of them")
    with beside(file) as part:
        part.write_bytes(data)


def _export(args: argparse.Namespace) -> int:
    from limner.audit.handin import FILE, Entry, entry, image, written
    from limner.coursework.resaved import stored
    from limner.metadata import place, prepare

    found, entries, files = findings(args.studies), list[Entry](), dict[str, Path]()
    for number, (folder, finding) in enumerate(found, 1):
        names = folder.there()
        if len(names) < len(folder.study.pictures):
            raise LimnerError(
                f"{folder.path} lacks {len(folder.study.pictures) - len(names)} pictures", "limner bias draw"
            )
        entries.append(entry(finding, [image(number, name) for name in names]))
        files |= {image(number, name): folder.picture(name) for name in names}
    if args.out.exists():
        raise LimnerError(f"{args.out} is there already", "name a new folder with --out")
    part = args.out.with_name(f".{args.out.name}.{token_hex(4)}.part")
    prepare(part)
    try:
        for name, path in files.items():
            place(stored(path.read_bytes(), path.name).data, part / name)
        place(written(entries), part / FILE)
        part.rename(args.out)
    finally:
        rmtree(part, ignore_errors=True)
    print(args.out / FILE)
    return 0
