"""Whoever draws on their own machine signs what they drew, before its file has a name: no picture without a receipt."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from limner.audit import keyring, ledger, likeness
from limner.audit.keyring import Keyring
from limner.audit.keys import Key
from limner.audit.ledger import Ledger
from limner.audit.receipt import Entry, Receipt, Seen, for_jpeg, signed, stated
from limner.recipe import Recipe

if TYPE_CHECKING:
    from PIL.Image import Image

ABOUT = ("Device", "Precision", "Backend")  # the settings of a picture that say on what class of device it was drawn


@dataclass(frozen=True, slots=True)
class Issuer:
    """A key that signs, whose owner is called so, and the ledger that it fills."""

    key: Key
    owner: str
    ledger: Ledger

    def issue(self, image: "Image", recipe: Recipe, settings: Mapping[str, str]) -> Receipt:
        """The receipt of a picture that was just drawn; it is in the ledger, on the disk, when this returns."""
        statement = stated(recipe, seen(image, settings), self.owner, time.time())
        return self.ledger.add(Entry(signed(self.key, statement), recipe)).receipt

    def about(self, receipt: Receipt, data: bytes) -> Receipt:
        """The receipt as it belongs into this file: a JPEG's own pixels are not those that were drawn."""
        coded = likeness.coded(data)
        return for_jpeg(self.key, receipt, coded) if coded else receipt


def seen(image: "Image", settings: Mapping[str, str]) -> Seen:
    """What a receipt says of a picture whose file says this of itself."""
    device = " ".join(settings[name] for name in ABOUT if settings.get(name))
    plain = "".join(letter for letter in device if letter.isprintable())[:100]
    return Seen(likeness.pixels(image), likeness.perceptual(image), plain)


def issuer(say: Callable[[str], None]) -> Issuer:
    """The one of whoever uses this machine; LimnerError where keys or ledger cannot be written."""
    ring: Keyring = keyring.own()
    return Issuer(ring.key(time.time(), say), ring.owner, ledger.own())
