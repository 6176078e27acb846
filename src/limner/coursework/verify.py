"""Who made a picture that was handed in: what its pixels say comes first, what it says of itself second, and a
likeness to another picture is a question for a person and never an answer.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from io import BytesIO
from typing import TYPE_CHECKING, Protocol, TypeAlias

from limner.audit import likeness, receipt
from limner.audit.keys import Public
from limner.audit.receipt import Entry, Held, Receipt
from limner.errors import LimnerError
from limner.metadata import Reading, read_from
from limner.recipe import Recipe, digest

if TYPE_CHECKING:
    from PIL.Image import Image

ALIKE = 16  # bits of 256: at most so far apart, two pictures are shown to a person as alike
NEAR = 16.0  # levels of 255: at most so far apart, in every cell, two pictures are one picture saved anew
TRUSTED = (Held.OURS, Held.TRUSTED)
LIKENESS = "MEASURED"
LOOKED = 8  # pictures that look alike which are compared; more are only told


class Verdict(StrEnum):
    """What is said of a picture."""

    YOURS = "made here by you"
    OTHERS = "made here, not by you"
    REMADE = "re-made from its recipe and equal within tolerance"
    ALTERED = "altered"
    UNKNOWN = "unknown"


Redraw: TypeAlias = Callable[[Recipe], "Image | None"]
"""Draws a recipe; None where its model is not here."""


class Book(Protocol):
    """A ledger as it is asked, whose lines nobody has checked yet."""

    def keys(self) -> Mapping[str, Public]: ...

    def exact(self, pixels: str) -> Sequence[Entry]:
        """The receipts of these very pixels."""
        ...

    def drawn(self, recipe: str) -> Sequence[Entry]:
        """Those of the recipe of this digest."""
        ...

    def alike(self, perceptual: str, most: int) -> Sequence[Entry]:
        """Those whose perceptual hash is at most so many bits away, the nearest first."""
        ...

    def original(self, entry: Entry) -> bytes | None:
        """The file as it was drawn, where it is still kept."""
        ...


@dataclass(frozen=True, slots=True)
class Judged:
    """A verdict, how many others have drawn the same pixels, the reasons, and what a person should look at."""

    name: str
    verdict: Verdict
    others: int = 0
    why: tuple[str, ...] = ()
    look: tuple[str, ...] = ()
    recipe: Recipe | None = None  # by which it was drawn, where that is proven

    @property
    def words(self) -> str:
        """The verdict as people read it."""
        if self.verdict == Verdict.YOURS and self.others:
            return f"{self.verdict.value} and {self.others} other{'s' if self.others > 1 else ''}"
        return self.verdict.value

    @property
    def good(self) -> bool:
        """Whether its author made it, as far as can be told."""
        return self.verdict in (Verdict.YOURS, Verdict.REMADE)


    @property
    def grave(self) -> bool:
        """Whether it speaks against somebody: they have to be asked before it counts."""
        return self.verdict in (Verdict.OTHERS, Verdict.ALTERED)


@dataclass
class Case:
    """One picture that was handed in, and what can be found out about it.  `you` is whatever its author is called."""

    name: str
    data: bytes
    book: Book
    you: Collection[str]
    redraw: Redraw | None = None
    why: list[str] = field(default_factory=list)
    look: list[str] = field(default_factory=list)
    apart: float = 0.0  # levels from the original, where that was found

    @cached_property
    def image(self) -> "Image":
        return likeness.opened(self.data, self.name)

    @cached_property
    def reading(self) -> Reading:
        try:
            return read_from(BytesIO(self.data), self.name)
        except LimnerError as fault:
            self.look.append(f"what it says of itself cannot be read: {fault.what}")
            return Reading()

    @cached_property
    def receipt(self) -> Receipt | None:
        if not self.reading.receipt:
            return None
        try:
            return receipt.read(self.reading.receipt)
        except LimnerError as fault:
            self.look.append(fault.what)
            return None

    @cached_property
    def held(self) -> Held | None:
        return self.receipt.held(self.book.keys()) if self.receipt else None

    @cached_property
    def bound(self) -> bool:
        """Whether its receipt is of these very pixels, or of this very JPEG."""
        if self.receipt is None:
            return False
        said = self.receipt.statement
        return said.pixels == likeness.pixels(self.image) or said.jpeg == likeness.coded(self.data) != ""

    @cached_property
    def perceptual(self) -> str:
        return likeness.perceptual(self.image)

    def mine(self, entry: Entry) -> bool:
        key = self.book.keys().get(entry.receipt.statement.key)
        return bool({entry.owner, entry.receipt.statement.owner, key.name if key else ""} & {*self.you})


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
