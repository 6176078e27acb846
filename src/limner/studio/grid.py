"""Pictures that were asked for at once, laid out by what differs between them."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from limner.recipe import FIELDS, Recipe, Value


@dataclass(frozen=True, slots=True)
class Axis:
    """A field of a recipe, and the values that it takes, in the order in which they were asked for."""

    field: str
    values: tuple[Value, ...]


def axes(recipes: Sequence[Recipe]) -> tuple[Axis, ...]:
    """The fields that differ, the one that changes first at first: the columns, the rows, the sheets of a grid.

    One whose value another decides is none of them: a sampler brings its own eta.
    """
    said: list[Mapping[str, Value]] = [asdict(recipe) for recipe in recipes]
    columns = {name: [each[name] for each in said] for name in FIELDS}
    differ = {name: column for name, column in columns.items() if len(set(column)) > 1}
    ordered = sorted(
        differ, key=lambda name: next(k for k, value in enumerate(differ[name]) if value != differ[name][0])
    )
    chosen = list[str]()
    for name in ordered:
        if not any(_decides(differ[other], differ[name]) for other in chosen):
            chosen.append(name)
    return tuple(Axis(name, tuple(dict.fromkeys(differ[name]))) for name in chosen)


def _decides(one: Sequence[Value], other: Sequence[Value]) -> bool:
    """Whether who knows the one knows the other."""
    return len(set(zip(one, other, strict=True))) == len(set(one))
