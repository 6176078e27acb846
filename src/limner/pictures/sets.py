"""What the small model sees: pictures with their words, their author and their licence, kept in a few zip files."""

import hashlib
import io
import json
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from limner.errors import LimnerError
from limner.pictures.catalogue import SETS, WORDS, Package, PictureSet
from limner.pictures.render import decode, fit

__all__ = ["SETS", "WORDS", "Corpus", "Manifest", "Package", "PictureSet", "Record", "Shard", "read_manifest"]

Rgba = UInt8[np.ndarray, "size size 4"]
VERSION = 1


@dataclass(frozen=True)
class Record:
    """What is known of one picture.

    `label` is a noun phrase in lower case; `code` the emoji's code points without variation selectors, or "";
    `tone`, `gender` and `colour` are "" where the words do not say them.
    """

    key: str
    set: str
    style: str
    label: str
    tags: tuple[str, ...]
    group: str
    subgroup: str
    code: str
    tone: str
    gender: str
    colour: str
    author: str
    source: str
    licence: str


@dataclass(frozen=True)
class Shard:
    """One zip file of `count` pictures; `plan` is the digest of everything that decided its bytes."""

    file: str
    set: str
    count: int
    plan: str
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """The table of contents of a corpus: `records` in the order of `shards`, and what is never to be composed."""

    version: int
    size: int
    seed: int
    sets: tuple[PictureSet, ...]
    shards: tuple[Shard, ...]
    records: tuple[Record, ...]
    held_out: tuple[tuple[str, ...], ...]

    @cached_property
    def identity(self) -> str:
        """SHA-256 of all that it says: the bytes of the pictures, and what is known of each."""
        return hashlib.sha256(repr(self).encode()).hexdigest()


class Corpus:
    """The pictures that `build` wrote, read from its shards; each shard is read once and kept compressed in memory.

    Raises `LimnerError` if `folder` holds no manifest.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = Path(folder)
        self.manifest = read_manifest(self.folder)
        self.records: Sequence[Record] = self.manifest.records
        self._shard = cache(self._open)
        self._where = [shard.file for shard in self.manifest.shards for _ in range(shard.count)]

    def __len__(self) -> int:
        return len(self.records)

    @property
    def identity(self) -> str:
        """SHA-256 of all that it is: the bytes of its pictures, as the manifest has them, and what is known of each."""
        return self.manifest.identity

    def _open(self, file: str) -> zipfile.ZipFile:
        try:
            return zipfile.ZipFile(io.BytesIO((self.folder / file).read_bytes()))
        except (OSError, zipfile.BadZipFile) as error:
            what = f"{self.folder / file} is missing or damaged"
            raise LimnerError(what, "run `limner pictures build` again") from error

    def image(self, i: int, size: int) -> Rgba:
        """Picture `i` at `size` x `size` pixels, straight alpha."""
        pixels = decode(self._shard(self._where[i]).read(f"{self.records[i].key}.webp"))
        return pixels if pixels.shape[0] == size else fit(pixels, size)


def read_manifest(folder: Path) -> Manifest:
    """The manifest in `folder`; raises `LimnerError` if it is missing or of another version."""
    path = folder / "manifest.json"
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise LimnerError(f"no picture corpus in {folder}", "run `limner pictures build`") from error
    if raw.get("version") != VERSION:
        raise LimnerError(f"{path} was written by another version of limner", "run `limner pictures build` again")
    tags = raw["fields"].index("tags")
    return Manifest(
        version=raw["version"],
        size=raw["size"],
        seed=raw["seed"],
        sets=tuple(
            PictureSet(
                **{
                    **each,
                    "package": Package(**each["package"]),
                    "needs": tuple(Package(**need) for need in each["needs"]),
                }
            )
            for each in raw["sets"]
        ),
        shards=tuple(Shard(**shard) for shard in raw["shards"]),
        records=tuple(
            Record(**{**dict(zip(raw["fields"], row, strict=True)), "tags": tuple(row[tags])}) for row in raw["records"]
        ),
        held_out=tuple(tuple(words) for words in raw["held_out"]),
    )
