"""What `measure excite` does before it measures: prompts are chosen and written down, and two numbers calibrated."""

import argparse
from collections.abc import Mapping
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

from limner.cli import drawn
from limner.cli.progress import told
from limner.errors import LimnerError

if TYPE_CHECKING:
    from limner.evaluation.excite import Failing, Registered
    from limner.evaluation.figures import Value
    from limner.evaluation.seen import Eye

SET = Path("docs/figures/excite-prompts.json")


def flags(job: argparse.ArgumentParser) -> None:
    job.add_argument("--set", type=Path, default=SET, metavar="FILE", help="prompts chosen beforehand (%(default)s)")
    job.add_argument(
        "--select", action="store_true", help="measure nothing: choose them on other seeds, and write FILE"
    )
    job.add_argument(
        "--pool", type=int, default=150, metavar="N", help="prompts of each task to choose from (%(default)s)"
    )
    job.add_argument("--seeds", type=int, default=4, metavar="N", help="pictures of each to choose by (%(default)s)")
    job.add_argument(
        "--calibrate",
        action="store_true",
        help="measure nothing: propose temperature and step, on prompts not measured",
    )
    job.add_argument("--calibration", type=int, default=32, metavar="N", help="pictures to calibrate by (%(default)s)")


def way(drawing: drawn.Drawing) -> "Mapping[str, Value]":
    """How pictures are drawn, which must not change between choosing and measuring."""
    from limner.recipe import Wish

    recipe = drawing.recipe(Wish(prompt=""))
    return {name: getattr(recipe, name) for name in ("sampler", "ladder", "steps", "guidance", "width", "height")}


def select(args: argparse.Namespace, drawing: drawn.Drawing, who: "Eye") -> None:
    """LimnerError, and no file, where no prompt wavers; where there is a file it stays."""
    from limner.evaluation.excite import registered, write

    if args.set.exists():
        raise LimnerError(
            f"{args.set} is there already", "what was chosen beforehand is not chosen again: move it away"
        )
    chosen = registered(tried(args, drawing, who), drawing.bundle.identity, who.identity, way(drawing))
    write(chosen, args.set)
    right, of = (sum(getattr(each, name) for each in chosen.measured) for name in ("right", "of"))
    print(f"{args.set}: {len(chosen.measured)} prompts to measure, {right} of {of} right when they were chosen")
    print(f"{len(chosen.calibration)} others to calibrate by; commit it before measuring")


def tried(args: argparse.Namespace, drawing: drawn.Drawing, who: "Eye") -> "list[Failing]":
    """Each task's prompts in turn, drawn as often as they are to be chosen by."""
    from limner.evaluation.composition import vocabulary
    from limner.evaluation.excite import SELECTION, TASKS, Failing, candidates, present
    from limner.evaluation.reading import taught
    from limner.recipe import Wish

    words = vocabulary(*taught(drawing.bundle.folder), who)
    lists = [candidates(task, words, args.pool) for task in TASKS]
    found: list[Failing] = []
    for number in range(max(map(len, lists))):
        for prompt in (each[number] for each in lists if number < len(each)):
            begin = SELECTION + len(found) * args.seeds
            wishes = [Wish(prompt=prompt.text, seed=begin + k) for k in range(args.seeds)]
            files = drawing.files([drawing.recipe(wish) for wish in wishes], "")
            right = sum(present(prompt, seen, who) for seen in drawing.seen(files, who, ""))
            found.append(Failing(prompt, right, args.seeds))
        told(f"excite, prompts: {len(found)} of {sum(map(len, lists))}, {sum(each.wavers for each in found)} waver")
    return found


def calibrate(args: argparse.Namespace, drawing: drawn.Drawing, who: "Eye", chosen: "Registered") -> None:
    """Say what the loss of failing plain pictures would be at each temperature, then how often each step succeeds.

    Tried are all temperatures whose median loss is as it should be, or the nearest; the fewest broken decide a tie.
    """
    from limner.evaluation.drawn import opened
    from limner.evaluation.excite import (
        CALIBRATION,
        GOOD_LOSS,
        PACES,
        exciting,
        medians,
        names,
        present,
        proposed,
        traced,
    )
    from limner.evaluation.excite import neglects as watched
    from limner.recipe import Wish

    if not chosen.calibration:
        raise LimnerError(f"{args.set} has no prompts to calibrate by", "choose from a larger --pool")
    pairs = [(chosen.calibration[k % len(chosen.calibration)].prompt, CALIBRATION + k) for k in range(args.calibration)]
    plain, losses = [], []
    for number, (prompt, seed) in enumerate(pairs, 1):
        picture, loss = watched(drawing.recipe(Wish(prompt=prompt.text, seed=seed)), names(prompt), drawing.bundle)
        plain.append(present(prompt, who.see([picture])[0], who))
        losses.append(loss)
        told(f"excite, temperature: {number} of {len(pairs)}")
    failed = [loss for loss, right in zip(losses, plain, strict=True) if not right] or losses
    middle = medians(failed)
    for temperature, value in middle.items():
        nought = sum(loss[temperature][0] == 0 for loss in failed)
        print(f"temperature {temperature:g}: median loss {value:.3f} where a thing is missing, at first 0 in {nought}")
    if args.excite_temperature:
        temperatures = [args.excite_temperature]
    else:
        temperatures = [each for each, value in middle.items() if GOOD_LOSS[0] <= value <= GOOD_LOSS[1]]
    if not temperatures:
        temperatures = [proposed(middle)]
        print(f"at {temperatures[0]:g} the median is nearest to where it should be, not there")
    print(f"plain: {sum(plain)} of {len(plain)} show both things", flush=True)
    found = dict[tuple[float, float], tuple[int, int]]()
    for temperature, step in product(temperatures, PACES):
        settings = {"temperature": temperature, "step": step}
        recipes = [drawing.recipe(exciting(prompt, seed, names(prompt), settings)) for prompt, seed in pairs]
        files = [traced(recipe, drawing.bundle, drawing.folder / "excite")[0] for recipe in recipes]
        seen = who.see([opened(file) for file in files])
        rights = sum(present(prompt, each, who) for (prompt, _), each in zip(pairs, seen, strict=True))
        broken = sum(each.broken for each in seen)
        found[temperature, step] = rights, -broken
        print(f"temperature {temperature:g} step {step:g}: {rights} of {len(pairs)}, {broken} broken", flush=True)
    temperature, step = max(found, key=lambda each: found[each])
    print(f'for limner.json: "excite_temperature": {temperature:g}, "excite_step": {step:g}')
