"""A receipt says that pixels came from a recipe, a model and an owner, here and then, and is signed by who drew them.

Equal recipes make equal pixels, so a picture may have many receipts: one for each owner who has drawn it, and none of
them says anything of the others.
"""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, datetime
from enum import StrEnum
from hashlib import sha256
from re import fullmatch

from limner import __version__
from limner.audit.keys import Key, Public, holds, named
from limner.errors import LimnerError
from limner.recipe import Recipe, digest, from_json, to_json

VERSION = 1
PURPOSE = b"limner receipt 1\n"  # before what is signed, so that no signature of ours is taken for one of another kind
HEX = "[0-9a-f]"
PLAIN = r"[^\x00-\x1f\x7f\ud800-\udfff]"  # a letter that can be written down: half of a pair cannot
PATTERNS: Mapping[str, str] = {
    "recipe": f"{HEX}{{64}}", "model": f"{HEX}{{64}}", "pixels": f"{HEX}{{64}}", "likeness": f"{HEX}{{64}}",
    "owner": f"{HEX}{{16}}", "at": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "device": f"{PLAIN}{{0,100}}",
    "limner": f"{PLAIN}{{1,40}}", "key": f"{HEX}{{16}}", "jpeg": f"(?:{HEX}{{64}})?",
}  # fmt: skip
LONGEST = 4096  # characters of a receipt in a file


class Held(StrEnum):
    """What becomes of a signature when it is looked at."""

    OURS = "ours"
    TRUSTED = "trusted"  # of another setup's, whose key was registered here
    STRANGE = "strange"  # it holds, by a key that nobody here knows
    BROKEN = "broken"


@dataclass(frozen=True, slots=True)
class Statement:
    """What is signed.  `recipe` is its digest; `likeness` the perceptual hash; `owner` a pseudonym, never a name.

    `jpeg` is the hash of the coded picture, where the receipt lies in a JPEG file, whose pixels are not those drawn.
    """

    recipe: str
    model: str
    pixels: str
    likeness: str
    owner: str
    at: str
    device: str
    limner: str
    key: str
    jpeg: str = ""
    version: int = VERSION

    def __post_init__(self) -> None:
        for name, pattern in PATTERNS.items():
            value = getattr(self, name)
            if not isinstance(value, str) or not fullmatch(pattern, value):
                raise LimnerError(f"the receipt's {name} is none", "take the file as limner wrote it")
        if type(self.version) is not int or self.version != VERSION:
            raise LimnerError(f"the receipt is of version {self.version!r:.20}; this limner reads {VERSION}", "update")

    def canonical(self) -> bytes:
        """The one spelling: RFC 8785 (JCS) for objects of ASCII keys, texts without lone surrogates, small integers."""
        text = json.dumps(asdict(self), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return text.encode()

    @property
    def id(self) -> str:
        """sha256 (hex): what the ledger calls it."""
        return sha256(self.canonical()).hexdigest()


@dataclass(frozen=True, slots=True)
class Receipt:
    """A statement, its Ed25519 signature (RFC 8032) and the public key to it, which proves nothing by itself."""

    statement: Statement
    signature: bytes
    public: bytes

    def text(self) -> str:
        """As it lies in a file: one line of JSON."""
        said = {
            "statement": asdict(self.statement), "signature": _spelt(self.signature), "public": _spelt(self.public),
        }  # fmt: skip
        return json.dumps(said, sort_keys=True, separators=(",", ":"))

    def held(self, keys: Mapping[str, Public]) -> Held:
        """Whose signature it is, by the keys that are known here; BROKEN whenever statement and signature differ."""
        known = keys.get(self.statement.key)
        public = known.raw if known else self.public
        whole = named(public) == self.statement.key and holds(public, self.signature, _signed(self.statement))
        if not whole:
            return Held.BROKEN
        if known is None:
            return Held.STRANGE
        return Held.OURS if known.ours else Held.TRUSTED


@dataclass(frozen=True, slots=True)
class Entry:
    """A receipt in a ledger, with the recipe itself, and the file or job that it came with, where that is known."""

    receipt: Receipt
    recipe: Recipe
    owner: str = ""  # as the ledger calls them: it may know more than the pseudonym
    source: str = ""

    def line(self) -> str:
        """As a ledger on a disk has it."""
        return json.dumps({"receipt": json.loads(self.receipt.text()), "recipe": json.loads(to_json(self.recipe))})


def signed(key: Key, statement: Statement) -> Receipt:
    """The statement under this key, whose name it then bears."""
    mine = replace(statement, key=key.id)
    return Receipt(mine, key.sign(_signed(mine)), key.public)


def stated(recipe: Recipe, seen: "Seen", owner: str, at: float) -> Statement:
    """What is said of a picture that was drawn `at` that moment (seconds since 1970); no key has signed it yet."""
    return Statement(
        digest(recipe), recipe.model, seen.pixels, seen.likeness, owner, moment(at), seen.device, __version__, "0" * 16
    )


@dataclass(frozen=True, slots=True)
class Seen:
    """What is seen of a picture before anything is said of it."""

    pixels: str
    likeness: str
    device: str


def for_jpeg(key: Key, receipt: Receipt, coded: str) -> Receipt:
    """The same statement about the JPEG file that codes the picture like this."""
    return signed(key, replace(receipt.statement, jpeg=coded))


def read(text: str) -> Receipt:
    """What `text` wrote; LimnerError where that is no receipt.  Whether it holds is another question."""
    if len(text) > LONGEST:
        raise LimnerError("the receipt is too long to be one", "take the file as limner wrote it")
    try:
        said = json.loads(text)
    except (ValueError, RecursionError) as fault:
        raise LimnerError("the receipt is not JSON", "take the file as limner wrote it") from fault
    return from_mapping(said)


def from_mapping(said: object) -> Receipt:
    """The same of JSON that was read."""
    names = {each.name for each in fields(Statement)}
    statement = said.get("statement") if isinstance(said, dict) else None
    if not isinstance(said, dict) or not isinstance(statement, dict) or not statement.keys() <= names:
        raise LimnerError("the receipt has other fields than one has", "take the file as limner wrote it")
    try:
        found = Statement(**statement)
        return Receipt(found, _bytes(said.get("signature")), _bytes(said.get("public")))
    except (TypeError, Error, ValueError) as fault:
        raise LimnerError("the receipt lacks a field", "take the file as limner wrote it") from fault


def entry(line: str) -> Entry:
    """A ledger's line; LimnerError where it is none, or its recipe is not the one that was signed."""
    try:
        said = json.loads(line)
        receipt, recipe = from_mapping(said["receipt"]), from_json(json.dumps(said["recipe"]))
    except (ValueError, RecursionError, TypeError, KeyError) as fault:
        raise LimnerError("it is no receipt with its recipe", "take the ledger as limner wrote it") from fault
    if digest(recipe) != receipt.statement.recipe:
        raise LimnerError("its recipe is not the one that was signed", "take the ledger as limner wrote it")
    return Entry(receipt, recipe)


def moment(at: float) -> str:
    """Seconds since 1970 as ISO 8601 has them, to the second."""
    return datetime.fromtimestamp(int(at), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _signed(statement: Statement) -> bytes:
    return PURPOSE + statement.canonical()


def _spelt(data: bytes) -> str:
    return urlsafe_b64encode(data).decode().rstrip("=")


def _bytes(text: object) -> bytes:
    if not isinstance(text, str) or not text.isascii():
        raise ValueError("no text")
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))
