"""A recipe without controls, by its other fields."""

from limner.recipe import NEUTRAL, Recipe, Value


def plain(*fields: Value) -> Recipe:
    """The fields in order, those of controls left neutral."""
    return Recipe(*fields, *NEUTRAL.values())  # type: ignore[arg-type]
