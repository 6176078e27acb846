"""Who made a picture that was handed in: what its pixels say comes first, what it says of itself second, and a
likeness to another picture is a question for a person and never an answer.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from limner.audit import likeness
from limner.audit.receipt import Entry, Held
from limner.coursework.case import ALIKE, LIKENESS, LOOKED, NEAR, TRUSTED, Book, Case, Judged, Redraw, Verdict
from limner.recipe import Recipe, digest

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["ALIKE", "LIKENESS", "NEAR", "Book", "Judged", "Redraw", "Verdict", "verify"]


def verify(
    name: str, data: bytes, book: Book, you: Collection[str], redraw: Redraw | None = None, recipe: Recipe | None = None
) -> Judged:
    """What is to be said of a picture's file; LimnerError where it is none.  Without `redraw` nothing is drawn again.

    `recipe` is one that is stated elsewhere, to be drawn where the file states none.
    """
    case = Case(name, data, book, you, redraw)
    _ = case.image
    if same := _exact(case):
        return _made(case, same)
    if resaved := list(_resaved(case)):
        return _made(case, resaved)
    return _remade(case, case.reading.recipe or recipe) or _unproven(case)


def _exact(case: Case) -> list[Entry]:
    """The receipts of these very pixels: the ledger's, and the one that it carries."""
    found = {each.receipt.statement.id: each for each in _holding(case, case.book.exact(likeness.pixels(case.image)))}
    carried, recipe = case.receipt, case.reading.recipe
    if carried and case.bound and case.held in TRUSTED:
        theirs = _holding(case, case.book.exact(carried.statement.pixels))
        found |= {each.receipt.statement.id: each for each in theirs}
        if recipe and digest(recipe) == carried.statement.recipe and case.mine(own := Entry(carried, recipe)):
            found.setdefault(carried.statement.id, own)
    return list(found.values())


def _holding(case: Case, entries: Iterable[Entry]) -> Iterator[Entry]:
    """Those of a ledger's lines that were signed as they stand."""
    for entry in entries:
        if entry.receipt.held(case.book.keys()) in TRUSTED:
            yield entry
        else:
            case.look.append("a line of the ledger about it does not hold: the ledger was changed")


def _resaved(case: Case) -> Iterator[Entry]:
    """Receipts of pictures of which this one differs no more than by being saved anew or scaled."""
    for entry in _candidates(case):
        original = _original(case, entry)
        apart = likeness.difference(case.image, original) if original else None
        if apart is not None and apart <= NEAR:
            case.apart = max(case.apart, apart)
            yield entry


def _candidates(case: Case) -> Iterator[Entry]:
    """What it may be a copy of: by what it says of itself, and by what it looks like; yours first."""
    found = dict[str, Entry]()
    if case.receipt and case.held in TRUSTED:
        found |= {each.receipt.statement.id: each for each in case.book.exact(case.receipt.statement.pixels)}
    if case.reading.recipe:
        found |= {each.receipt.statement.id: each for each in case.book.drawn(digest(case.reading.recipe))}
    alike = case.book.alike(case.perceptual, ALIKE)
    found |= {each.receipt.statement.id: each for each in alike[:LOOKED]}
    yield from _holding(case, sorted(found.values(), key=lambda entry: not case.mine(entry)))


def _original(case: Case, entry: Entry) -> "Image | None":
    """The picture as it was drawn: it is kept, or drawn again."""
    data = case.book.original(entry)
    if data is not None:
        return likeness.opened(data, "the original")
    return case.redraw(entry.recipe) if case.redraw else None


def _made(case: Case, entries: Sequence[Entry]) -> Judged:
    """By whom; and whether what it says of itself fits its pixels."""
    yours = [entry for entry in entries if case.mine(entry)]
    others = len({entry.owner or entry.receipt.statement.owner for entry in entries if not case.mine(entry)})
    recipe = (yours or entries)[0].recipe
    exact = any(entry.receipt.statement.pixels == likeness.pixels(case.image) for entry in entries) or case.bound
    close = f"it is what was drawn but for {_levels(case.apart)} in any part, as after saving it anew or scaling it"
    case.why.append("its pixels are those drawn, to the last bit" if exact else close)
    proven = list(_contradictions(case, entries))
    case.look.extend(proven)
    case.look.extend(_oddities(case, entries))
    if not yours:
        return _judged(case, Verdict.OTHERS, others, recipe)
    return _judged(case, Verdict.ALTERED if proven else Verdict.YOURS, others, recipe)


def _contradictions(case: Case, entries: Sequence[Entry]) -> Iterator[str]:
    """What a file of proven pixels says of itself that is certainly not so."""
    said, carried = case.reading.recipe, case.receipt
    recipes = {entry.receipt.statement.recipe for entry in entries}
    strange = said is not None and digest(said) not in recipes
    if said and strange and carried and carried.statement.recipe != digest(said):
        yield f"the recipe that it carries was changed: {_changed(said, entries[0].recipe)}"
    elif said and strange and _draws_another(case, said, entries):
        yield f"the recipe that it carries draws another picture: {_changed(said, entries[0].recipe)}"
    if case.held == Held.BROKEN:
        yield "the receipt that it carries was forged: its signature does not hold"
    elif carried and case.held in TRUSTED and not case.bound and carried.statement.recipe not in recipes:
        yield "the receipt that it carries belongs to another picture"


def _draws_another(case: Case, said: Recipe, entries: Sequence[Entry]) -> bool:
    """Whether that is certain: it was drawn again."""
    again = case.redraw(said) if case.redraw else None
    return again is not None and likeness.pixels(again) not in {each.receipt.statement.pixels for each in entries}


def _oddities(case: Case, entries: Sequence[Entry]) -> Iterator[str]:
    """What may be so for good reasons: two recipes may draw the same pixels, and somebody may draw at home, too."""
    said, recipes = case.reading.recipe, {entry.receipt.statement.recipe for entry in entries}
    if said and digest(said) not in recipes and case.receipt is None and case.redraw is None:
        differs = _changed(said, entries[0].recipe)
        yield f"the recipe that it carries is not one that these pixels are known by ({differs}): --remake draws it"
    if case.held == Held.STRANGE:
        yield f"the receipt that it carries is by a key that is not known here, {_key(case)}"


def _changed(said: Recipe, drawn: Recipe) -> str:
    names = [name for name in ("prompt", "negative", "seed", "model", "steps", "sampler", "guidance", "width", "height")
             if getattr(said, name) != getattr(drawn, name)]  # fmt: skip
    return ", ".join(names) or "settings"


def _remade(case: Case, recipe: Recipe | None) -> Judged | None:
    """The recipe that it carries, or that was handed in with it, is drawn again."""
    if recipe is None or case.redraw is None:
        return None
    again = case.redraw(recipe)
    if again is None:
        case.why.append("it was not re-made: its model is not here")
        return None
    apart = likeness.difference(case.image, again)
    if apart is None or apart > NEAR:
        case.look.append(f"its recipe draws another picture here: a part of it is {_levels(apart)} away")
        return None
    same = likeness.pixels(case.image) == likeness.pixels(again)
    case.why.append("re-made here, equal to the last bit" if same else f"re-made here, {_levels(apart)} away at most")
    faults = ["the receipt that it carries was forged: its signature does not hold"] if case.held == Held.BROKEN else []
    case.look.extend(faults)
    return _judged(case, Verdict.ALTERED if faults else Verdict.REMADE, 0, recipe)


def _unproven(case: Case) -> Judged:
    """No pixels speak for it: what it carries may speak against it, and what it looks like is for a person."""
    alike = case.book.alike(case.perceptual, ALIKE)
    for whose, mine in (("yours", True), ("somebody else's", False)):
        if near := next((entry for entry in alike if case.mine(entry) == mine), None):
            bits = likeness.distance(case.perceptual, near.receipt.statement.likeness)
            apart = f"{bits} of {likeness.BITS} bits apart"
            case.look.append(f"it looks like a picture of {whose}, {apart}: look at both before you ask")
    if case.receipt is None:
        case.why.append("it carries no receipt, and nothing in the ledger has its pixels")
        return _judged(case, Verdict.UNKNOWN)
    said = case.receipt.statement
    if case.held == Held.BROKEN:
        case.why.append("the receipt that it carries was forged or damaged: its signature does not hold")
        return _judged(case, Verdict.ALTERED)
    if case.held == Held.STRANGE:
        case.why.append(f"it carries a receipt by a key that is not known here, {_key(case)}")
        return _judged(case, Verdict.UNKNOWN)
    if case.bound:
        return _elsewhere(case)
    return _unbound(case, likeness.distance(case.perceptual, said.likeness))


def _elsewhere(case: Case) -> Judged:
    """Signed here or in a setup that is trusted, for somebody whom this ledger does not know."""
    owner, key = case.receipt.statement.owner if case.receipt else "", case.book.keys()[_key(case)]
    if case.reading.recipe and case.receipt and digest(case.reading.recipe) != case.receipt.statement.recipe:
        case.why.append("the recipe that it carries is not the one that was signed")
        return _judged(case, Verdict.ALTERED)
    where = "here" if key.ours else f"in a setup that is trusted, {key.name or key.id}"
    case.why.append(f"it was signed {where} for {owner}, who is not in this ledger: --as {owner} if that is its author")
    return _judged(case, Verdict.UNKNOWN)


def _unbound(case: Case, bits: int) -> Judged:
    """A receipt that holds, in a file of other pixels."""
    if bits > ALIKE:
        case.why.append(
            "the receipt that it carries belongs to another picture, or this one was changed beyond likeness"
        )
        return _judged(case, Verdict.ALTERED)
    compared = [
        _original(case, entry) for entry in case.book.exact(case.receipt.statement.pixels if case.receipt else "")
    ]
    if apart := [likeness.difference(case.image, each) for each in compared if each is not None]:
        case.why.append(f"it was changed after it was drawn: a part of it is {_levels(apart[0])} away")
        return _judged(case, Verdict.ALTERED)
    case.look.append(
        f"its pixels are not those of its receipt, {bits} of {likeness.BITS} bits apart, as after saving it anew"
    )
    case.why.append("whether it was only saved anew cannot be told without the original: --remake draws it")
    return _judged(case, Verdict.UNKNOWN)


def _levels(apart: float | None) -> str:
    return "of other proportions" if apart is None else f"{apart:.0f} levels of 255"


def _key(case: Case) -> str:
    return case.receipt.statement.key if case.receipt else ""


def _judged(case: Case, verdict: Verdict, others: int = 0, recipe: Recipe | None = None) -> Judged:
    return Judged(case.name, verdict, others, tuple(case.why), tuple(dict.fromkeys(case.look)), recipe)
