"""What a picture's file carries beside its recipe: the receipt that was signed for it, and content credentials."""

import argparse
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from limner.recipe import Recipe

if TYPE_CHECKING:
    from limner.audit.credentials import Credentials
    from limner.audit.issuing import Issuer
    from limner.engine.run import Picture


@dataclass(frozen=True, slots=True)
class Stamps:
    """Who signs, and by which certificates; None, where nobody does."""

    issuer: "Issuer | None" = None
    credentials: "Credentials | None" = None

    def file(self, picture: "Picture", form: str, recipe: Recipe, extras: Mapping[str, str]) -> bytes:
        """The picture's file; its receipt is in the ledger before there is one."""
        from limner.metadata import encode

        receipt = None
        if self.issuer:
            from PIL import Image

            receipt = self.issuer.issue(Image.fromarray(picture), recipe, extras)
            bare = encode(picture, form, recipe, extras) if form == "jpeg" else b""
            receipt = self.issuer.about(receipt, bare)
        data = encode(picture, form, recipe, extras, receipt.text() if receipt else "")
        return self.credentials.added(data, form, recipe, receipt) if self.credentials else data


NONE = Stamps()


def flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--no-receipt", action="store_true", help="sign no receipt: nobody can tell then who drew it")
    parser.add_argument(
        "--credentials",
        action="store_true",
        help="also sign content credentials (C2PA) into the files, for any program",
    )


def stamps(args: argparse.Namespace) -> Stamps:
    """As it was asked for; LimnerError, before anything is drawn, where nothing can be signed."""
    credentials = None
    if args.credentials:
        from limner.audit import credentials as c2pa
        from limner.audit.keyring import own

        credentials = c2pa.credentials(own().folder)
    return Stamps(None if args.no_receipt else signing(), credentials)


def signing() -> "Issuer":
    """Whoever signs on this machine."""
    from limner.audit.issuing import issuer

    return issuer(lambda line: print("limner:", line, file=sys.stderr))
