"""A part of `limner measure edits`: a colour's word counts less or more, and its thing has less or more of it."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from limner.cli import drawn
from limner.cli.progress import told

if TYPE_CHECKING:
    from limner.evaluation.edits import Edit
    from limner.evaluation.figures import Value
    from limner.evaluation.seen import Seen

WEIGHED = 20  # pictures whose colour is weighed, at most


def weighed(drawing: drawn.Drawing, sources: "Sequence[tuple[Edit, Seen]]") -> "dict[str, Value]":
    """How much of its colour a thing has, by how much the colour's word counts: the dose and the response."""
    from scipy.stats import spearmanr

    from limner.evaluation.drawn import opened
    from limner.evaluation.edits import DOSES, coloured, tint
    from limner.evaluation.guidance import over
    from limner.recipe import Wish

    some = [each for each in sources if coloured(each[0]) and each[0].kept is None][:WEIGHED]
    responses: list[list[float]] = []
    for number, (edit, seen) in enumerate(some):
        text, colour = edit.source.text, edit.before.colour
        wishes = [Wish(prompt=text, seed=edit.seed, edit_of=text, edit_weights=f"{colour}:{each}") for each in DOSES]
        files = drawing.files([drawing.recipe(wish) for wish in wishes], "")
        responses.append([tint(opened(file), seen.things[0].mask, colour) for file in files])
        told(f"edits: {number + 1} of {len(some)} colours weighed")
    if not responses:
        return {}
    means = [over(list(each)) for each in zip(*responses, strict=True)]
    moved = [each for each in responses if len(set(each)) > 1]
    each = [float(spearmanr(DOSES, row).statistic) for row in moved]
    middle = [mean.value for mean in means]
    return {
        "doses": list(DOSES),
        "pictures": len(responses),
        "response, 0 as of grey, 1 as of the colour": [
            {"mean": round(mean.value, 4), "interval": drawn.interval(mean)} for mean in means
        ],
        "spearman of means": round(float(spearmanr(DOSES, middle).statistic), 4) if len(set(middle)) > 1 else 0.0,
        "spearman of pictures": {"mean": round(over(each).value, 4), "interval": drawn.interval(over(each))}
        if each
        else None,
    }
