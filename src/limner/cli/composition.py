"""A job of `limner measure`: GenEval's six tasks, on pairs that were seen in training and on pairs that were not."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from limner.cli import drawn
from limner.cli.progress import above_zero

if TYPE_CHECKING:
    from limner.evaluation.composition import Prompt, Vocabulary
    from limner.evaluation.figures import Figure, Value
    from limner.evaluation.prevalence import Share
    from limner.evaluation.seen import Eye

SHOWN = 10  # pictures in a row of the sheet
WORDS = {False: "seen", True: "held out"}


def flags(job: argparse.ArgumentParser) -> None:
    drawn.flags(job)
    job.add_argument("--prompts", type=int, default=100, metavar="N", help="a task, seen and held out (%(default)s)")
    job.add_argument("--seeds", type=int, default=4, metavar="N", help="pictures a prompt (%(default)s)")


@dataclass(frozen=True, slots=True)
class Group:
    """One task's prompts, all seen or all held out, each with its seeds, its pictures, and which of them are right."""

    task: str
    held: bool
    prompts: "Sequence[Prompt]"
    seeds: Sequence[range]
    files: Sequence[Sequence[Path]]
    right: Sequence[Sequence[bool]]
    share: "Share"

    @property
    def target(self) -> float | None:
        from limner.evaluation.composition import TARGETS

        return TARGETS.get((self.task, self.held))


def figures(args: argparse.Namespace) -> "Sequence[Figure]":
    """The six tasks' shares, seen and held out where there is something to hold out."""
    from limner.evaluation.composition import TASKS, vocabulary
    from limner.evaluation.figures import Figure, record
    from limner.evaluation.reading import taught
    from limner.recipe import Wish

    for name in ("prompts", "seeds"):
        above_zero(name, getattr(args, name))
    who, drawing = drawn.eye(), drawn.Drawing(args)
    words = vocabulary(*taught(drawing.bundle.folder), who)
    asked = [(task, held) for task in TASKS for held in WORDS]
    answers = [answered(drawing, who, words, *each, args.prompts, args.seeds) for each in asked]
    groups = [group for group in answers if group]
    told = [
        Figure(f"{each.task} {WORDS[each.held]}".replace(" ", "_"), round(each.share.value, 4), each.target, "at least")
        for each in groups
        if each.target is not None
    ]
    example = drawing.recipe(Wish(prompt=groups[0].prompts[0].text, seed=groups[0].seeds[0][0]))
    details: dict[str, Value] = {
        **drawing.described(example, who),
        "interval": "95%, Wilson's, on as many pictures as those of one prompt are worth",
        "tasks": {f"{each.task}, {WORDS[each.held]}": described(each) for each in groups},
    }
    record(args.figures / "composition.json", told, drawing.bundle.identity, details)
    chart(groups, args.figures / "composition.png")
    page(groups, args.figures / "composition-pictures.png")
    return told


def answered(
    drawing: drawn.Drawing, who: "Eye", words: "Vocabulary", task: str, held: bool, most: int, each: int
) -> Group | None:
    """A group's pictures, drawn and looked at; None where no such prompt can be made."""
    from limner.evaluation.composition import prompts, right, seeds
    from limner.evaluation.prevalence import clustered
    from limner.recipe import Wish

    asked = prompts(task, held, words, most)
    if not asked:
        return None
    noises = [seeds(task, held, number, each) for number in range(len(asked))]
    pairs = [(prompt, seed) for prompt, few in zip(asked, noises, strict=True) for seed in few]
    name = f"composition, {task}, {WORDS[held]}"
    files = drawing.files([drawing.recipe(Wish(prompt=prompt.text, seed=seed)) for prompt, seed in pairs], name)
    found = drawing.seen(files, who, name)
    verdicts = [right(prompt, seen, who) for (prompt, _), seen in zip(pairs, found, strict=True)]
    cut = range(0, len(pairs), each)
    groups = [verdicts[k : k + each] for k in cut]
    return Group(task, held, asked, noises, [files[k : k + each] for k in cut], groups, clustered(groups))


def described(group: Group) -> "dict[str, Value]":
    return {
        "right": sum(map(sum, group.right)),
        "of": sum(map(len, group.right)),
        "share": round(group.share.value, 4),
        "interval": drawn.interval(group.share),
        "prompts": [
            {"prompt": prompt.text, "seeds": [seeds[0], seeds[-1]], "right": sum(right)}
            for prompt, seeds, right in zip(group.prompts, group.seeds, group.right, strict=True)
        ],
    }


def chart(groups: Sequence[Group], file: Path) -> None:
    from limner.evaluation.charts import grouped
    from limner.evaluation.prevalence import Share

    rows, marks = dict[str, dict[str, Share]](), dict[str, dict[str, float]]()
    for each in groups:
        rows.setdefault(each.task, {})[WORDS[each.held]] = each.share
        if each.target is not None:
            marks.setdefault(each.task, {})[WORDS[each.held]] = each.target
    grouped(rows, marks, file)


def page(groups: Sequence[Group], file: Path) -> None:
    """A row a group: the first picture of as many prompts, evenly spread."""
    from limner.evaluation.drawn import opened
    from limner.evaluation.recognition import spread
    from limner.pictures.contact import sheet

    columns = min(SHOWN, *(len(group.prompts) for group in groups))
    pictures, words = [], []
    for group in groups:
        for k in spread(len(group.prompts), columns):
            pictures.append(opened(group.files[k][0]))
            words.append(f"{'RIGHT' if group.right[k][0] else 'wrong'}: {group.prompts[k].text}")
    sheet(pictures, words, columns).save(file)
