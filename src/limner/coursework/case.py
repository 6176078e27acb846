"""A picture that was handed in, the ledger that is asked about it, and the words in which it is judged."""

from collections.abc import Callable, Collection, Mapping, Sequence
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
from limner.recipe import Recipe

if TYPE_CHECKING:
    from PIL.Image import Image

ALIKE = 16  # bits of 256: at most so far apart, two pictures are shown to a person as alike
NEAR = 16.0  # levels of 255: at most so far apart, in every cell, two pictures are one picture saved anew
TRUSTED = (Held.OURS, Held.TRUSTED)
LIKENESS = (  # as measured: docs/figures/receipts.json
    "so near came none of 6,840 pairs of limner-mini's pictures of two prompts, and 1 of 300 of two seeds of one prompt"
)
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
