"""A ledger's file, as whoever verifies asks it."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence

from limner.audit.keys import Public
from limner.audit.likeness import distance
from limner.audit.receipt import Entry


class FileBook:
    """Receipts in memory; `originals` gives the file that was drawn, where somebody has it."""

    def __init__(
        self,
        entries: Iterable[Entry],
        keys: Mapping[str, Public],
        originals: Callable[[Entry], bytes | None] = lambda entry: None,
    ) -> None:
        self.entries = list(entries)
        self._keys, self._originals = keys, originals
        self._pixels, self._recipes = defaultdict[str, list[Entry]](list), defaultdict[str, list[Entry]](list)
        for entry in self.entries:
            self._pixels[entry.receipt.statement.pixels].append(entry)
            self._recipes[entry.receipt.statement.recipe].append(entry)

    def keys(self) -> Mapping[str, Public]:
        return self._keys

    def exact(self, pixels: str) -> Sequence[Entry]:
        return self._pixels.get(pixels, [])

    def drawn(self, recipe: str) -> Sequence[Entry]:
        return self._recipes.get(recipe, [])

    def alike(self, perceptual: str, most: int) -> Sequence[Entry]:
        near = [(distance(perceptual, entry.receipt.statement.likeness), entry) for entry in self.entries]
        return [entry for bits, entry in sorted(near, key=lambda pair: pair[0]) if bits <= most]

    def original(self, entry: Entry) -> bytes | None:
        return self._originals(entry)
