"""A job of `limner measure`: is a picture of what was asked for recognised as that, for every noun in every style?"""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from limner.cli import drawn
from limner.errors import LimnerError

if TYPE_CHECKING:
    from limner.evaluation.figures import Figure, Value
    from limner.evaluation.prevalence import Count, Share
    from limner.evaluation.recognition import Judged
    from limner.evaluation.seen import Eye

TARGETS = {"taught": 0.95, "all": 0.95}
SHOWN = 100
WORST = 30


def flags(job: argparse.ArgumentParser) -> None:
    drawn.flags(job)
    job.add_argument(
        "--nouns", choices=list(TARGETS), default="taught", help="those the model was taught, or the whole vocabulary"
    )


def figures(args: argparse.Namespace) -> "Sequence[Figure]":
    """One picture a noun and style, and its answer."""
    from limner.evaluation.charts import bars
    from limner.evaluation.figures import Figure, record
    from limner.evaluation.prevalence import wilson
    from limner.evaluation.reading import taught
    from limner.evaluation.recognition import count, judged, questions, shares
    from limner.pictures.nouns import nouns
    from limner.recipe import Wish

    name = "recognition" if args.nouns == "taught" else "recognition-all"
    who, drawing = drawn.eye(), drawn.Drawing(args)
    certified = certificate(args.figures / "oracle.json", who)
    words, styles = taught(drawing.bundle.folder)
    words, unknown = known(list(nouns()) if args.nouns == "all" else words, who)
    asked = questions(words, styles)
    recipes = [drawing.recipe(Wish(prompt=each.prompt, seed=each.seed)) for each in asked]
    files = drawing.files(recipes, name)
    found = [judged(*pair, who) for pair in zip(asked, drawing.seen(files, who, name), strict=True)]
    share, value = wilson(count(found)), best(count(found), certified)
    told = [Figure(name.replace("-", "_"), round(share.value, 4), TARGETS[args.nouns], "at least")]
    panels = {
        "by style": {each: share for each, (_, share) in shares(found, lambda asked: asked.style).items()},
        "by kind of noun": {each: share for each, (_, share) in shares(found, lambda asked: asked.kind).items()},
    }
    details = {
        **drawing.described(recipes[0], who),
        "unknown to the oracle": unknown,
        "seeds": [asked[0].seed, asked[-1].seed],
        "apparent": {"recognised": count(found).right, "of": len(found), "interval": drawn.interval(share)},
        "corrected": {"recognised": round(value.value, 4), "interval": drawn.interval(value)} if certified else None,
        **described(found),
    }
    record(args.figures / f"{name}.json", told, drawing.bundle.identity, details)
    bars(panels, "share recognised, and its 95% interval", args.figures / f"{name}.png")
    page(found, files, args.figures / f"{name}-pictures.png")
    return told


def known(words: Sequence[str], who: "Eye") -> tuple[list[str], list[str]]:
    """Which words the eye can be asked about, and which not; LimnerError if it knows none."""
    able = [word for word in words if who.knows(word)]
    if not able:
        raise LimnerError("the oracle knows none of these nouns", "train one that does")
    return able, sorted(set(words) - set(able))


def certificate(file: Path, who: "Eye") -> "tuple[Count, Count] | None":
    """The oracle's sensitivity and specificity in naming, as its own certificate counts them; None without one.

    Its details hold {"oracle": identity, "naming": {"sensitivity": [right, of], "specificity": [right, of]}}.
    """
    import json

    from limner.evaluation.prevalence import Count

    details = json.loads(file.read_text(encoding="utf-8")).get("details") if file.exists() else None
    if not isinstance(details, Mapping) or details.get("oracle") != who.identity:
        return None
    naming = details.get("naming")
    if not isinstance(naming, Mapping):
        return None
    counts = list[Count]()
    for name in ("sensitivity", "specificity"):
        match naming.get(name):
            case [int(right), int(of)]:
                counts.append(Count(right, of))
            case _:
                raise LimnerError(f"{file} does not count {name} as [right, of]", "certify the oracle again")
    return counts[0], counts[1]


def best(found: "Count", certified: "tuple[Count, Count] | None") -> "Share":
    """The share as it is, as far as is known: corrected where there is a certificate."""
    from limner.evaluation.prevalence import corrected, wilson

    return corrected(found, *certified) if certified else wilson(found)


def described(found: "Sequence[Judged]") -> "dict[str, Value]":
    from limner.evaluation.recognition import answers, in_style, shares, worst

    def table(rows: "Mapping[str, tuple[Count, Share]]") -> "Value":
        return {
            name: {"recognised": count.right, "of": count.of, "interval": drawn.interval(share)}
            for name, (count, share) in rows.items()
        }

    style = in_style(found)
    return {
        "answers": answers(found),
        "in the style asked for": [style.right, style.of] if style else None,
        "by style": table(shares(found, lambda asked: asked.style)),
        "by kind": table(shares(found, lambda asked: asked.kind)),
        "by training": table(shares(found, lambda asked: "held out" if asked.held else "seen")),
        "worst": [
            {"noun": noun, "recognised": right, "of": of, "said": said} for noun, right, of, said in worst(found, WORST)
        ],
    }


def page(found: "Sequence[Judged]", files: Sequence[Path], file: Path) -> None:
    """A hundred of them, evenly spread over the list, with what was asked and what was said."""
    from limner.evaluation.drawn import opened
    from limner.evaluation.recognition import spread
    from limner.pictures.contact import sheet

    places = spread(len(found), SHOWN)
    words = [f"{found[k].asked.noun}: {found[k].said or 'nothing'} ({found[k].answer})" for k in places]
    sheet([opened(files[k]) for k in places], words, 10).save(file)
