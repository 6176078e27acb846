"""An assignment's rules for each JSON file, as JSON Schema (draft 2020-12), for editors and other validators."""

from collections.abc import Mapping, Sequence
from re import escape
from typing import TypeAlias

from limner.coursework.spec import Key, Kind, Spec, Task
from limner.recipe import SEEDS

Schema: TypeAlias = "Mapping[str, Schema] | Sequence[Schema] | str | int | float | bool"
DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schema(spec: Spec, task: Task) -> dict[str, Schema]:
    """What the task's file has to be, as far as a schema can say it.

    It knows nothing of pictures, of left-over text in other words, or of what may be used once.
    """
    entries = task.entries
    most: dict[str, Schema] = {} if entries.most is None else {"maxItems": entries.most}
    entry = _object(spec, entries.keys, {})
    pairs: dict[str, Schema] = {"type": "array", "minItems": entries.least, **most, "items": entry}
    return {"$schema": DIALECT, "title": f"{spec.name}: {task.title}", **_object(spec, task.keys, {entries.key: pairs})}


def _object(spec: Spec, keys: Sequence[Key], more: Mapping[str, Schema]) -> dict[str, Schema]:
    return {
        "type": "object",
        "required": [*(key.name for key in keys if not key.optional), *more],
        "properties": {**{key.name: _value(spec, key) for key in keys}, **more},
    }


def _value(spec: Spec, key: Key) -> dict[str, Schema]:
    about: dict[str, Schema] = {"description": key.about} if key.about else {}
    text: dict[str, Schema] = {"type": "string", "pattern": r"\S"}
    path: dict[str, Schema] = {"type": "string", "pattern": r"^[^/\\]+$"}
    kinds: Mapping[Kind, dict[str, Schema]] = {
        Kind.TEXT: {**text, **_unformed(spec)},
        Kind.TEXTS: {"type": "array", "minItems": 1, "items": {**text, **_unformed(spec)}},
        Kind.MODEL: {"enum": list(spec.models)},
        Kind.SEED: {"type": "integer", "minimum": 0, "maximum": SEEDS - 1},
        Kind.PICTURE: path,
        Kind.PICTURES: {"type": "array", "minItems": 1, "uniqueItems": True, "items": path},
    }
    return {**about, **kinds[key.kind]}


def _unformed(spec: Spec) -> dict[str, Schema]:
    """No text that was left over from a form, in small letters or as a heading."""
    words = [word for each in spec.templates for word in dict.fromkeys((each, each.capitalize(), each.upper()))]
    return {"not": {"pattern": "|".join(map(escape, words))}} if words else {}
