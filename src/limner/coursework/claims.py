"""What a hand-in says of each picture, held against what is proven of it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePath

from limner.coursework.handin import HandIn
from limner.coursework.shape import work
from limner.coursework.spec import Key, Kind, Spec
from limner.coursework.validate import found_in
from limner.coursework.verify import Book, Judged, Redraw, Verdict, verify
from limner.coursework.works import Entry
from limner.errors import LimnerError
from limner.recipe import Recipe

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp")


@dataclass(frozen=True, slots=True)
class Claim:
    """What an entry says made its picture; None where it does not say."""

    where: str
    prompt: str | None = None
    seed: int | None = None


@dataclass(frozen=True, slots=True)
class Handed:
    """A picture of a hand-in, and every entry that names it."""

    name: str
    read: Callable[[], bytes]
    claims: tuple[Claim, ...] = ()


def handed(handin: HandIn, spec: Spec) -> list[Handed]:
    """The pictures: first those that a task names, in its order, then the others."""
    found = dict[str, Handed]()
    for task, file in found_in(handin, spec):
        done = work(spec, task, file, handin)
        for entry in done.entries:
            for shot in entry.shots:
                if shot.file:
                    known = found.get(shot.file.name, Handed(shot.file.name, shot.file.read))
                    claims = (*known.claims, _claim(f"{file.name}, number {entry.number}", task.entries.keys, entry))
                    found[shot.file.name] = replace(known, claims=claims)
    for each in handin.files:
        if PurePath(each.name).suffix.lower() in SUFFIXES:
            found.setdefault(each.name, Handed(each.name, each.read))
    return list(found.values())


def judged(picture: Handed, book: Book, you: Sequence[str], redraw: Redraw | None = None) -> Judged:
    """What is to be said of it; one that cannot be read keeps nobody from the others."""
    try:
        found = verify(picture.name, picture.read(), book, you, redraw)
    except LimnerError as fault:
        return Judged(picture.name, Verdict.UNKNOWN, look=(f"it cannot be read: {fault.what}",))
    unmet = [line for claim in picture.claims for line in _unmet(claim, found.recipe)] if found.recipe else []
    return replace(found, look=(*found.look, *unmet))


def _unmet(claim: Claim, drawn: Recipe) -> Iterator[str]:
    if claim.prompt is not None and _plain(claim.prompt) != _plain(drawn.prompt):
        yield f"{claim.where} says another prompt: it was drawn by {drawn.prompt[:120]!r}"
    if claim.seed is not None and claim.seed != drawn.seed:
        yield f"{claim.where} says seed {claim.seed}: it was drawn from {drawn.seed}"


def _plain(prompt: str) -> str:
    return " ".join(prompt.split())


def _claim(where: str, keys: Sequence[Key], entry: Entry) -> Claim:
    seeds = [entry.fields[key.name].value for key in keys if key.kind == Kind.SEED and key.name in entry.fields]
    prompt, seed = entry.fields.get("prompt"), next((each for each in seeds if type(each) is int), None)
    return Claim(where, prompt.text if prompt and prompt.text else None, seed)
