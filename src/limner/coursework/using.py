"""Pictures are put to use: as a new entry, in another's place, or beside those that it has; its words stay."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from limner.coursework.drafts import Draft, key_of, typed
from limner.coursework.recipes import Told, derived, filled
from limner.coursework.spec import Key, Kind, Spec
from limner.errors import LimnerError
from limner.metadata import Reading


@dataclass(frozen=True, slots=True)
class Used:
    """The draft with them, the number of their entry, and why they leave keys open."""

    draft: Draft
    number: int
    open: Mapping[str, str]


def use(
    spec: Spec, draft: Draft, key: Key, pictures: Sequence[tuple[str, Reading]], number: int = 0, beside: bool = False
) -> Used:
    """`pictures` by their names in the hand-in; `number` 0 is a new entry.

    LimnerError where the key takes one picture and there are more.
    """
    if key.kind != Kind.PICTURES and len(pictures) != 1:
        raise LimnerError(f"{key.name} takes one picture, and there are {len(pictures)}", "use them one by one")
    before = draft.entry(number) if number else {}
    made = filled(spec, draft.task, key, pictures)
    if beside and key.kind == Kind.PICTURES:
        said = _joined(before, made.said)
    else:
        kept = {name: value for name, value in before.items() if name not in derived(draft.task)}
        said = {**kept, **made.said}
    grown = draft.put(number, said) if number else draft.added(said)
    return Used(grown, number or len(grown.entries), made.open)


def _joined(before: Told, made: Told) -> Told:
    """More pictures for an entry: what it says stays, and its lists of pictures and of their recipes grow."""
    grown = {
        name: [*old, *new]
        for name, new in made.items()
        if isinstance(new, list) and isinstance(old := before.get(name), list)
    }
    return {**made, **{name: value for name, value in before.items() if value}, **grown}


def worded(spec: Spec, draft: Draft, number: int, words: Mapping[str, Sequence[str]]) -> Draft:
    """The draft with those words behind their keys: the entry's of that number, or else the task's own.

    LimnerError where there is no such key, or its value cannot be that.
    """
    task = draft.task
    for name, texts in words.items():
        key = key_of([*(task.entries.keys if number else ()), *task.keys], name, task.name)
        value = typed(spec, key, texts)
        if number and key in task.entries.keys:
            draft = draft.put(number, {**draft.entry(number), key.name: value})
        else:
            draft = replace(draft, said={**draft.said, key.name: value})
    return draft
