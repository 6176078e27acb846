"""What a client asks for: a recipe's own fields, so that the command line, the form and the schema say the same."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, create_model

from limner.recipe import FIELDS, About, Wish
from limner.studio.rules import USUAL

UNASKED = ("version", "model", "edit_picture", "edit_inversion")  # edits of given pictures need a file
WISHED = tuple(name for name in FIELDS if name not in UNASKED)


def _field(about: About) -> tuple[object, object]:
    unit = f" ({about.unit})" if about.unit and "(" not in about.unit else ""
    text = f"{about.help}{unit}; as the model likes it if left out"
    if about.kind is str:
        bounds = Field(min_length=about.low, max_length=about.high)
    else:
        bounds = Field(ge=about.low, le=about.high)
    return Annotated[about.kind | None, bounds], Field(default=None, description=text, examples=[about.example])


Asked: type[BaseModel] = create_model(  # type: ignore[call-overload]  # its fields are the recipe's
    "Asked",
    __config__=ConfigDict(extra="forbid", strict=True),
    __doc__="A wish, and how many pictures of it: with seed, seed + 1 and so on.",
    model=(str, Field("", description="a model's name or identity; the studio's own if left out", max_length=64)),
    assignment=(str, Field("", description="what it is for, where a class has several", max_length=200)),
    count=(int, Field(1, description="pictures", ge=1, le=USUAL.cap)),
    **{name: _field(FIELDS[name]) for name in WISHED},
)


def wish(asked: Mapping[str, object]) -> Wish:
    """The fields of a recipe among what was asked."""
    return Wish(**{name: asked[name] for name in WISHED if asked.get(name) is not None})  # type: ignore[arg-type]
