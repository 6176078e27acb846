"""A job of `limner measure`: does an edit change what its words change, and nothing else?"""

import argparse
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

from limner.cli import asked, doses, drawn
from limner.cli.heat import STEPS
from limner.cli.progress import above_zero, told
from limner.errors import LimnerError

if TYPE_CHECKING:
    import numpy as np

    from limner.engine.run import Picture
    from limner.evaluation.composition import Vocabulary
    from limner.evaluation.edits import Edit
    from limner.evaluation.figures import Figure, Value
    from limner.evaluation.seen import Eye, Seen
    from limner.recipe import Wish

TRIES = 8  # candidates for each edit that is wanted, at most
SHOWN = 16  # rows of the sheet
ENOUGH, SUCCESS, KEPT, BELOW, ABOVE, RHO = 100, 0.8, 0.85, 1.5, 6.0, 0.9
ARMS = ("edit", "no blend", "everything kept", "re-prompted")
CROSS, LAYOUT = (0.4, 0.6, 0.8), (0.4, 0.6, 0.8)  # shares of the steps that --calibrate tries


def flags(job: argparse.ArgumentParser) -> None:
    asked.bundle_flags(job)
    job.add_argument("--steps", type=int, default=STEPS, metavar="N", help="a picture takes (%(default)s)")
    job.add_argument("--out", type=Path, default=drawn.FOLDER, metavar="DIR", help="pictures, which are kept")
    job.add_argument("--edits", type=int, default=100, metavar="N", help="edits (%(default)s)")
    job.add_argument("--edit-cross", type=float, metavar="X", help="the model's own if left out")
    job.add_argument("--edit-layout", type=float, metavar="X", help="the model's own if left out")
    job.add_argument(
        "--calibrate", action="store_true", help="measure nothing: try these two on other edits, --edits of them"
    )


@dataclass(frozen=True, slots=True)
class Row:
    """An edit whose source came out right, and what was drawn and found in each way."""

    edit: "Edit"
    before: Path
    source: "Seen"
    files: Mapping[str, Path]
    found: "Mapping[str, Seen]"


@dataclass(frozen=True, slots=True)
class Quality:
    """What became of it: how near the background is to the source's, in dB, None where there is none to compare."""

    succeeded: bool
    stayed: bool | None
    background: float | None


def figures(args: argparse.Namespace) -> "Sequence[Figure]":
    """Edits from pictures that came out right, beside edits without a mask, with all kept, and plain pictures."""
    from limner.evaluation.composition import vocabulary
    from limner.evaluation.figures import record
    from limner.evaluation.reading import taught

    above_zero("edits", args.edits)
    said = ways(args.edit_cross, args.edit_layout)
    who, drawing = drawn.eye(), drawn.Drawing(args, "eager")
    words = vocabulary(*taught(drawing.bundle.folder), who)
    if args.calibrate:
        calibrated(args, drawing, who, words)
        return []
    rows, tried = edited(drawing, who, words, args.edits, "judged", said)
    quality = {arm: [qualified(row, arm, who) for row in rows] for arm in ARMS}
    own = [ceiling(row, drawing, who) for row in rows]
    dosed = doses.weighed(drawing, [(row.edit, row.source) for row in rows])
    taken = judgement(quality, own, dosed)
    details: dict[str, Value] = {
        **drawing.described(drawing.recipe(rows[0].edit.wish()), who),
        "interval": "95%; shares Wilson's, decibels bootstrapped over edits, differences of shares Tango's",
        "sources": tried,
        "background": "outside of the things that are edited, in source and edit; the same places in all ways",
        "ways": {arm: described(quality[arm], quality["re-prompted"], own) for arm in ARMS},
        "kinds": {kind: by_kind(rows, quality["edit"], own, kind) for kind in sorted({row.edit.kind for row in rows})},
        "doses of a colour": dosed,
        "edits": [one(row, quality["edit"][k]) for k, row in enumerate(rows)],
    }
    record(args.figures / "edits.json", taken, drawing.bundle.identity, details)
    page(rows, args.figures / "edits.png")
    return taken


def ways(cross: float | None, layout: float | None) -> "dict[str, dict[str, float | str | None]]":
    """What each way says of an edit besides its prompts and its noise; with nothing kept it is a new picture.

    LimnerError where one is out of its range.
    """
    from limner.recipe import Wish

    Wish(edit_cross=cross, edit_layout=layout)
    own: dict[str, float | str | None] = {"edit_cross": cross, "edit_layout": layout}
    return {"edit": own, "no blend": own, "everything kept": {"edit_cross": 1.0, "edit_layout": 1.0}}


def wishes(edit: "Edit", said: "Mapping[str, Mapping[str, float | str | None]]") -> "dict[str, Wish]":
    """The pictures of an edit, by way."""
    from limner.recipe import Wish

    out = {"re-prompted": Wish(prompt=edit.text, seed=edit.seed)}
    for arm, settings in said.items():
        where = edit.where if arm == "edit" else None
        out[arm] = replace(
            Wish(prompt=edit.text, seed=edit.seed, edit_of=edit.source.text, edit_where=where),
            **settings,  # type: ignore[arg-type]
        )
    return out


def edited(
    drawing: drawn.Drawing,
    who: "Eye",
    words: "Vocabulary",
    count: int,
    purpose: str,
    said: "Mapping[str, Mapping[str, float | str | None]]",
) -> "tuple[list[Row], dict[str, Value]]":
    """Of each kind the first candidates whose source comes out right, edited in every way.

    The choice sees sources alone.  LimnerError if there are none.
    """
    from limner.evaluation.edits import KINDS, quota

    rows: list[Row] = []
    tried: dict[str, Value] = {}
    for kind in KINDS:
        wanted = quota(kind, count)
        good, asked_for = sources(drawing, who, words, kind, wanted, purpose)
        tried[kind] = {"wanted": wanted, "right": len(good), "tried": asked_for}
        for edit, file, seen in good:
            recipes = {arm: drawing.recipe(wish) for arm, wish in wishes(edit, said).items()}
            files = dict(zip(recipes, drawing.files(list(recipes.values()), ""), strict=True))
            found = dict(zip(files, drawing.seen(list(files.values()), who, ""), strict=True))
            rows.append(Row(edit, file, seen, files, found))
            told(f"edits: {len(rows)} made; {kind}")
    if not rows:
        raise LimnerError("no picture came out right, so there is nothing to edit", "measure a model that draws better")
    return rows, tried


def sources(
    drawing: drawn.Drawing, who: "Eye", words: "Vocabulary", kind: str, wanted: int, purpose: str
) -> "tuple[list[tuple[Edit, Path, Seen]], int]":
    """The first `wanted` edits of a kind whose source is right, and how many were tried."""
    from limner.evaluation.edits import begun, candidates

    good: list[tuple[Edit, Path, Seen]] = []
    most = TRIES * wanted
    for number, edit in enumerate(candidates(kind, words, most, purpose)):
        (file,) = drawing.files([drawing.recipe(edit.wish())], "")
        (seen,) = drawing.seen([file], who, "")
        if begun(edit, seen, who):
            good.append((edit, file, seen))
        if len(good) == wanted:
            return good, number + 1
    told(f"edits: {len(good)} of {most} sources came out right, {wanted} were wanted: {kind}")
    return good, most


def qualified(row: Row, arm: str, who: "Eye") -> Quality:
    from limner.evaluation.drawn import opened
    from limner.evaluation.edits import stayed, succeeded
    from limner.evaluation.fidelity import psnr

    after, where = row.found[arm], free(row, who)
    return Quality(
        succeeded(row.edit, after, who),
        stayed(row.edit, row.source, after, who) if row.edit.kept else None,
        None if where is None else psnr(opened(row.before), opened(row.files[arm]), where),
    )


def free(row: Row, who: "Eye") -> "np.ndarray | None":
    """The background: outside of what the source and the edit show, whichever way it is compared."""
    from limner.evaluation.edits import other
    from limner.evaluation.fidelity import background

    kept = other(row.edit, row.source, who)
    return background(row.source, row.found["edit"], None if kept is None else kept.mask)


def ceiling(row: Row, drawing: drawn.Drawing, who: "Eye") -> float | None:
    """How near the source comes to itself in the background, through the autoencoder."""
    from limner.evaluation.drawn import opened
    from limner.evaluation.fidelity import psnr, round_trip

    where, picture = free(row, who), opened(row.before)
    return None if where is None else psnr(picture, round_trip(picture, drawing.bundle), where)


def judgement(
    quality: Mapping[str, Sequence[Quality]], own: Sequence[float | None], dosed: "Mapping[str, Value]"
) -> "list[Figure]":
    from statistics import mean

    from limner.evaluation.figures import Figure

    edits, plain = quality["edit"], quality["re-prompted"]
    kept = [each.stayed for each in edits if each.stayed is not None]
    near = [
        (top - each.background, each.background - other.background)
        for top, each, other in zip(own, edits, plain, strict=True)
        if top is not None and each.background is not None and other.background is not None
    ]
    taken = [Figure("edits", len(edits), ENOUGH, "at least")]
    taken += [Figure("edit_success", round(mean(each.succeeded for each in edits), 4), SUCCESS, "at least")]
    if kept:
        taken.append(Figure("other_thing_kept", round(mean(kept), 4), KEPT, "at least"))
    if near:
        below, above = (mean(pair[k] for pair in near) for k in (0, 1))
        taken.append(Figure("background_below_ceiling", round(below, 2), BELOW, "at most", " dB"))
        taken.append(Figure("background_above_reprompting", round(above, 2), ABOVE, "at least", " dB"))
    if isinstance(rho := dosed.get("spearman of means"), float):
        taken.append(Figure("dose_response", rho, RHO, "at least"))
    return taken


def described(found: Sequence[Quality], plain: Sequence[Quality], own: Sequence[float | None]) -> "dict[str, Value]":
    """A way's shares and decibels, and each beside re-prompting."""
    from limner.evaluation.paired import paired

    against = paired([each.succeeded for each in found], [each.succeeded for each in plain])
    grounds = [(each.background, other.background) for each, other in zip(found, plain, strict=True)]
    return {
        **marks(found, own),
        "above re-prompting": drawn.decibels([b - c for b, c in grounds if b is not None and c is not None]),
        "success less re-prompting's": {
            "difference": round(against.difference, 4),
            "interval": [round(against.low, 4), round(against.high, 4)],
            "McNemar's p": against.p,
        },
    }


def by_kind(
    rows: Sequence[Row], found: Sequence[Quality], own: Sequence[float | None], kind: str
) -> "dict[str, Value]":
    places = [place for place, row in enumerate(rows) if row.edit.kind == kind]
    return marks([found[place] for place in places], [own[place] for place in places])


def marks(found: Sequence[Quality], own: Sequence[float | None]) -> "dict[str, Value]":
    """Shares of what was to change and of what was to stay, and the ground in decibels, beside the autoencoder's."""
    near = [
        (each.background, top)
        for each, top in zip(found, own, strict=True)
        if each.background is not None and top is not None
    ]
    return {
        "succeeded": drawn.share([each.succeeded for each in found]),
        "other thing kept": drawn.share([each.stayed for each in found if each.stayed is not None]),
        "background": drawn.decibels([background for background, _ in near]),
        "autoencoder's": drawn.decibels([top for _, top in near]),
        "below the autoencoder's": drawn.decibels([top - background for background, top in near]),
    }


def one(row: Row, found: Quality) -> "dict[str, Value]":
    return {
        "kind": row.edit.kind,
        "from": row.edit.source.text,
        "to": row.edit.text,
        "seed": row.edit.seed,
        "succeeded": found.succeeded,
        "other thing kept": found.stayed,
        "background": None if found.background is None else round(found.background, 2),
    }


def calibrated(args: argparse.Namespace, drawing: drawn.Drawing, who: "Eye", words: "Vocabulary") -> None:
    """Say how edits that are not measured fare, by the shares of the steps in which words and places are kept."""
    for cross, layout in product(CROSS, LAYOUT):
        said = {name: each for name, each in ways(cross, layout).items() if name == "edit"}
        rows, _ = edited(drawing, who, words, args.edits, "choice", said)
        found = [qualified(row, "edit", who) for row in rows]
        near = [each.background for each in found if each.background is not None]
        kept = [each.stayed for each in found if each.stayed is not None]
        line = f"cross {cross:g} layout {layout:g}: {sum(each.succeeded for each in found)} of {len(found)} edits made"
        line += f", {sum(kept)} of {len(kept)} other things kept"
        print(f"{line}, background {sum(near) / len(near):.1f} dB" if near else line, flush=True)


def page(rows: Sequence[Row], file: Path) -> None:
    """A row an edit: its source, and the edit in every way."""
    from limner.evaluation.drawn import opened
    from limner.evaluation.recognition import spread
    from limner.pictures.contact import sheet

    def cells() -> "Iterator[tuple[Picture, str]]":
        for k in spread(len(rows), SHOWN):
            row = rows[k]
            yield opened(row.before), f"source: {row.edit.source.text}"
            for arm in ARMS:
                yield opened(row.files[arm]), f"{arm}: {row.edit.text}"

    shown = list(cells())
    sheet([picture for picture, _ in shown], [words for _, words in shown], 1 + len(ARMS), 4).save(file)
