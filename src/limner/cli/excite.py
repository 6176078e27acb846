"""A job of `limner measure`: do things that go missing come back by Attend-and-Excite, on prompts chosen beforehand?"""

import argparse
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from limner.cli import asked, drawn, failing
from limner.cli.heat import STEPS
from limner.cli.progress import above_zero, told

if TYPE_CHECKING:
    from limner.bundle.clip import Clip
    from limner.engine.run import Picture
    from limner.evaluation.composition import Prompt
    from limner.evaluation.excite import Registered, Trace
    from limner.evaluation.figures import Figure, Value
    from limner.evaluation.seen import Eye, Seen
    from limner.recipe import Wish

BEST = 3  # plain pictures of which CLIP takes one
FAIR = 2  # as many of them as take about as long as an excited one
MORE, CHANCE, BEYOND, AHEAD, STILL, LESS = 15.0, 0.01, 0.5, 5.0, 3.0, 2.0
LOW, HIGH = 0.3, 0.8  # share of plain pictures that may be right, for anything to be claimed
SHOWN = 12
POINTS = 100


def flags(job: argparse.ArgumentParser) -> None:
    asked.bundle_flags(job)
    job.add_argument("--steps", type=int, default=STEPS, metavar="N", help="a picture takes (%(default)s)")
    job.add_argument("--out", type=Path, default=drawn.FOLDER, metavar="DIR", help="pictures, which are kept")
    job.add_argument("--pairs", type=int, default=200, metavar="N", help="prompts and seeds (%(default)s)")
    job.add_argument("--single", type=int, default=100, metavar="N", help="pictures of one thing (%(default)s)")
    job.add_argument("--excite-temperature", type=float, metavar="X", help="the model's own if left out")
    job.add_argument("--excite-step", type=float, metavar="X", help="the model's own if left out")
    job.add_argument("--excite-binding", type=float, default=1.0, metavar="X", help="measured apart (%(default)s)")
    failing.flags(job)


@dataclass(frozen=True, slots=True)
class Arm:
    """A way of drawing the same prompts from the same noise: its pictures, what was found, and how the loss went."""

    files: Sequence[Path]
    seen: "Sequence[Seen]"
    traces: "Sequence[Trace]"


def figures(args: argparse.Namespace) -> "Sequence[Figure]":
    """Plain, excited, excited for a word that is no thing, bound, and the best of three: all from the same noise."""
    from limner.bundle.clip import open_clip
    from limner.evaluation.excite import pairs, read
    from limner.evaluation.figures import record

    for name in ("pairs", "single", "pool", "seeds", "calibration"):
        above_zero(name, getattr(args, name))
    settings = settings_of(args)
    who, drawing = drawn.eye(), drawn.Drawing(args, "eager")
    if args.select:
        failing.select(args, drawing, who)
        return []
    chosen = read(args.set, drawing.bundle.identity, who.identity, failing.way(drawing))
    if args.calibrate:
        failing.calibrate(args, drawing, who, chosen)
        return []
    asked_for, clip = pairs(chosen.measured, args.pairs), open_clip(drawing.bundle)
    arms = drawings(drawing, who, asked_for, settings, args.excite_binding)
    tries = [arms["plain"], *(arms.pop(f"again {k}") for k in range(1, BEST))]
    for few in (FAIR, BEST):
        arms[f"best of {few}"] = picked(clip, asked_for, tries[:few])
    alone = singles(drawing, who, args.single, settings)
    taken = judgement(asked_for, arms, alone, who)
    details = described(args, drawing, chosen, asked_for, arms, alone, who)
    record(args.figures / "excite.json", taken, drawing.bundle.identity, details)
    page(asked_for, arms, who, args.figures / "excite-pictures.png")
    plot(arms, args.figures / "excite.png")
    return taken


def drawings(
    drawing: drawn.Drawing,
    who: "Eye",
    asked_for: "Sequence[tuple[Prompt, int]]",
    settings: Mapping[str, float | None],
    binding: float,
) -> dict[str, Arm]:
    from limner.evaluation.excite import AGAIN, exciting, names, wrong
    from limner.recipe import Wish

    def ways(prompt: "Prompt", seed: int) -> "Iterator[tuple[str, Wish]]":
        yield "plain", Wish(prompt=prompt.text, seed=seed)
        for k in range(1, BEST):
            yield f"again {k}", Wish(prompt=prompt.text, seed=k * AGAIN + seed)
        yield "excited", exciting(prompt, seed, names(prompt), settings)
        yield "wrong word", exciting(prompt, seed, wrong(prompt), settings)
        told = any(each.colour for each in prompt.wanted)  # without a colour there is nothing to bind
        yield "bound", exciting(prompt, seed, names(prompt), settings, binding if told else 0.0)

    wishes = [list(ways(*each)) for each in asked_for]
    return {name: arm(drawing, who, [row[k][1] for row in wishes], name) for k, (name, _) in enumerate(wishes[0])}


def arm(drawing: drawn.Drawing, who: "Eye", wishes: "Sequence[Wish]", name: str) -> Arm:
    from limner.evaluation.excite import traced

    files, traces = list[Path](), []
    for number, wish in enumerate(wishes, 1):
        file, trace = traced(drawing.recipe(wish), drawing.bundle, drawing.folder / "excite")
        files.append(file)
        traces.append(trace)
        if number % 20 == 0 or number == len(wishes):
            told(f"excite, {name}: {number} of {len(wishes)}")
    return Arm(files, list(drawing.seen(files, who, "")), traces)


def picked(clip: "Clip", asked_for: "Sequence[tuple[Prompt, int]]", tries: Sequence[Arm]) -> Arm:
    """Of each prompt's tries the one in which CLIP finds both things; it has not asked whoever judges."""
    from limner.evaluation.drawn import opened
    from limner.evaluation.excite import best

    files, seen = list[Path](), []
    for k, (prompt, _) in enumerate(asked_for):
        which = tries[best(prompt, [opened(each.files[k]) for each in tries], clip)]
        files.append(which.files[k])
        seen.append(which.seen[k])
    return Arm(files, seen, ())


def singles(
    drawing: drawn.Drawing, who: "Eye", count: int, settings: Mapping[str, float | None]
) -> "tuple[Sequence[Prompt], Arm, Arm]":
    """Prompts of one thing, plain and excited."""
    from limner.evaluation.composition import prompts, vocabulary
    from limner.evaluation.excite import SINGLE, exciting, names
    from limner.evaluation.reading import taught
    from limner.recipe import Wish

    asked_for = prompts("single", False, vocabulary(*taught(drawing.bundle.folder), who), count)
    plain = [Wish(prompt=prompt.text, seed=SINGLE + k) for k, prompt in enumerate(asked_for)]
    lit = [exciting(prompt, SINGLE + k, names(prompt), settings) for k, prompt in enumerate(asked_for)]
    return asked_for, arm(drawing, who, plain, "one thing, plain"), arm(drawing, who, lit, "one thing, excited")


def verdicts(
    asked_for: "Sequence[tuple[Prompt, int]]", arm: Arm, judge: "Callable[[Prompt, Seen, Eye], bool]", who: "Eye"
) -> list[bool]:
    return [judge(prompt, seen, who) for (prompt, _), seen in zip(asked_for, arm.seen, strict=True)]


def judgement(
    asked_for: "Sequence[tuple[Prompt, int]]",
    arms: Mapping[str, Arm],
    alone: "tuple[Sequence[Prompt], Arm, Arm]",
    who: "Eye",
) -> "list[Figure]":
    from limner.evaluation.composition import right
    from limner.evaluation.excite import present
    from limner.evaluation.figures import Figure
    from limner.evaluation.paired import paired

    found = {name: verdicts(asked_for, each, present, who) for name, each in arms.items()}
    plain = found["plain"]
    gain, idle = paired(found["excited"], plain), paired(found["wrong word"], plain)
    fair, rival = (paired(found["excited"], found[f"best of {few}"]) for few in (FAIR, BEST))
    prompts, *both = alone
    one, lit = ([right(p, seen, who) for p, seen in zip(prompts, arm.seen, strict=True)] for arm in both)
    begun = round(sum(plain) / len(plain), 4)

    def points(value: float) -> float:
        return round(POINTS * value, 2) + 0.0

    return [
        Figure("pairs", len(plain), 200, "at least"),
        Figure("plain_not_too_rare", begun, LOW, "at least"),
        Figure("plain_not_too_often", begun, HIGH, "at most"),
        Figure("excited_more", points(gain.difference), MORE, "at least", " points"),
        Figure("excited_p", round(gain.p, 6), CHANCE, "at most"),
        Figure(f"above_best_of_{FAIR}", points(fair.difference), AHEAD, "at least", " points"),
        Figure(f"above_best_of_{BEST}", points(rival.difference), BEYOND, "at least", " points"),
        Figure("wrong_word_differs", points(abs(idle.difference)), STILL, "at most", " points"),
        Figure("single_lost", points(-paired(lit, one).difference), LESS, "at most", " points"),
    ]


def described(
    args: argparse.Namespace,
    drawing: drawn.Drawing,
    chosen: "Registered",
    asked_for: "Sequence[tuple[Prompt, int]]",
    arms: Mapping[str, Arm],
    alone: "tuple[Sequence[Prompt], Arm, Arm]",
    who: "Eye",
) -> "dict[str, Value]":
    from limner.evaluation.composition import right
    from limner.evaluation.excite import bound, exciting, names, present

    prompts, *both = alone
    one, lit = ([right(p, seen, who) for p, seen in zip(prompts, arm.seen, strict=True)] for arm in both)
    recipe = drawing.recipe(exciting(*asked_for[0], names(asked_for[0][0]), settings_of(args)))
    shapes = [pair for pair in asked_for if pair[0].task == "binding"]
    own = {name: of_task(arm, asked_for) for name, arm in arms.items()}
    return {
        **drawing.described(recipe, who),
        "excite": {
            "temperature": recipe.excite_temperature,
            "step": recipe.excite_step,
            "binding": args.excite_binding,
        },
        "prompts": {"file": args.set.name, "measured": len(chosen.measured)},
        "seeds": [asked_for[0][1], asked_for[-1][1]],
        "interval": "95%; shares Wilson's, differences Tango's; p is McNemar's, exact, two-sided: of pictures of these "
        "prompts; p over prompts is that of flipped signs, one for each prompt: of prompts such as these",
        "both present": against_plain(
            {k: verdicts(asked_for, each, present, who) for k, each in arms.items()},
            [prompt.text for prompt, _ in asked_for],
        ),
        "both present in their colours": against_plain(
            {k: verdicts(shapes, each, bound, who) for k, each in own.items()}, [prompt.text for prompt, _ in shapes]
        ),
        "excited against": rivals(
            {name: verdicts(asked_for, each, present, who) for name, each in arms.items()},
            [prompt.text for prompt, _ in asked_for],
        ),
        "one thing": against_plain({"plain": one, "excited": lit}, [prompt.text for prompt in prompts]),
        "broken": {name: drawn.share([seen.broken for seen in each.seen]) for name, each in arms.items()},
        "losses": {name: losses(arms[name]) for name in ("excited", "wrong word")},
        "processor's seconds a picture": {
            name: seconds(arms[name]) for name in ("plain", "excited", "wrong word", "bound")
        },
    }


def settings_of(args: argparse.Namespace) -> Mapping[str, float | None]:
    """The two numbers; LimnerError, and nothing drawn, where one is out of its range."""
    from limner.recipe import Wish, moving

    moving(
        Wish(
            excite_temperature=args.excite_temperature,
            excite_step=args.excite_step,
            excite_binding=args.excite_binding,
        )
    )
    return {"temperature": args.excite_temperature, "step": args.excite_step}


def of_task(arm: Arm, asked_for: "Sequence[tuple[Prompt, int]]") -> Arm:
    """The pairs whose things have colours."""
    some = [k for k, (prompt, _) in enumerate(asked_for) if prompt.task == "binding"]
    return Arm([arm.files[k] for k in some], [arm.seen[k] for k in some], ())


def against_plain(found: Mapping[str, Sequence[bool]], texts: Sequence[str]) -> "Value":
    """The share of each way, and beside plain pictures what is gained and lost; each answers a prompt's text."""
    if not found["plain"]:
        return None
    return {name: {"right": drawn.share(each)} | beside(each, found["plain"], texts) for name, each in found.items()}


def rivals(found: Mapping[str, Sequence[bool]], texts: Sequence[str]) -> "Value":
    """Excited pictures beside the best of several plain ones."""
    names = [f"best of {few}" for few in (FAIR, BEST)]
    return {name: beside(found["excited"], found[name], texts, name) for name in names}


def beside(one: Sequence[bool], other: Sequence[bool], texts: Sequence[str], name: str = "plain") -> "dict[str, Value]":
    """What the one way gains and loses beside the other, which has a name."""
    from limner.evaluation.paired import over_groups, paired

    told = paired(one, other)
    return {
        "only this": told.only_one,
        f"only {name}": told.only_other,
        "difference": round(told.difference, 4),
        "difference interval": [round(told.low, 4), round(told.high, 4)],
        "p": told.p,
        "p over prompts": round(over_groups(one, other, texts), 6),
    }


def losses(arm: Arm) -> "Value":
    """How often there was anything to move at first, and the median loss before and after each step's moves."""
    from statistics import median

    steps = [trace.by_step() for trace in arm.traces]
    return {
        "not nought at first": drawn.share([trace.first() > 0 for trace in arm.traces]),
        "median, before and after the moves at each noise level": {
            f"{sigma:.4g}": [round(median(row[sigma][k] for row in steps if sigma in row), 4) for k in (0, 1)]
            for sigma in sorted({sigma for row in steps for sigma in row}, reverse=True)
        },
    }


def seconds(arm: Arm) -> "Value":
    from statistics import median

    return round(median(trace.seconds for trace in arm.traces), 2)


def page(asked_for: "Sequence[tuple[Prompt, int]]", arms: Mapping[str, Arm], who: "Eye", file: Path) -> None:
    """A row a pair, evenly spread, a column a way."""
    from limner.evaluation.drawn import opened
    from limner.evaluation.excite import present
    from limner.evaluation.recognition import spread
    from limner.pictures.contact import sheet

    def cells() -> "Iterator[tuple[Picture, str]]":
        for k in spread(len(asked_for), SHOWN):
            prompt = asked_for[k][0]
            for name, each in arms.items():
                word = "BOTH" if present(prompt, each.seen[k], who) else "not both"
                yield opened(each.files[k]), f"{name}, {word}: {prompt.text}"

    shown = list(cells())
    sheet([picture for picture, _ in shown], [words for _, words in shown], len(arms), 4).save(file)


def plot(arms: Mapping[str, Arm], file: Path) -> None:
    from limner.evaluation.charts import descents

    traces = {name: [trace.by_step() for trace in arms[name].traces] for name in ("excited", "wrong word", "bound")}
    descents(traces, "loss after the moves", file)
