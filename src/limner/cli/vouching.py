"""Who signed for a picture, and whether that holds: its receipt, and the content credentials of whatever program."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from limner.errors import LimnerError

if TYPE_CHECKING:
    from limner.audit.credentials import Told
    from limner.audit.receipt import Receipt
    from limner.metadata import Reading

WORDS = {
    "ours": "signed by this setup",
    "trusted": "signed by a setup that is trusted here",
    "strange": "its signature holds, by a key that is not known here",
    "broken": "forged: its signature does not hold",
}


@dataclass(frozen=True, slots=True)
class Vouched:
    """What was found: nothing, or a receipt and whether it is of these very pixels, and what credentials say."""

    receipt: "Receipt | None" = None
    held: str = ""
    fits: bool = False
    fault: str = ""
    credentials: "Told | None" = None

    def lines(self) -> Iterator[str]:
        if self.receipt:
            said = self.receipt.statement
            yield f"  {'receipt':11} {WORDS[self.held]} ({said.key}), for {said.owner}, {said.at}, {said.device}"
            whose = (
                "these very pixels" if self.fits else "other pixels than these: the picture was changed or saved anew"
            )
            yield f"  {'':11} of {whose}"
        if self.fault:
            yield f"  {'receipt':11} {self.fault}"
        if self.credentials:
            found = self.credentials
            whole = "changed since" if found.state == "Invalid" else "whole"
            vouched = "vouched for" if found.state == "Trusted" else "by a certificate that nobody here vouches for"
            yield f"  {'credentials':11} C2PA by {found.by or 'nobody named'}: the file is {whole}, {vouched}"

    def report(self) -> dict[str, object] | None:
        if not (self.receipt or self.fault or self.credentials):
            return None
        import json
        from dataclasses import asdict

        said = json.loads(self.receipt.text()) if self.receipt else None
        told = asdict(self.credentials) if self.credentials else None
        return {"receipt": said, "signature": self.held, "fits": self.fits, "fault": self.fault, "credentials": told}


def vouched(path: Path, reading: "Reading") -> Vouched:
    """By the keys that whoever uses this machine knows."""
    data = path.read_bytes()
    told = _credentials(data)
    if not reading.receipt:
        return Vouched(credentials=told)
    from limner.audit import keyring, likeness, receipt

    try:
        found = receipt.read(reading.receipt)
        image = likeness.opened(data, str(path))
    except LimnerError as fault:
        return Vouched(fault=fault.what, credentials=told)
    said = found.statement
    fits = said.pixels == likeness.pixels(image) or said.jpeg == likeness.coded(data) != ""
    return Vouched(found, found.held(keyring.own().known()).value, fits, credentials=told)


def _credentials(data: bytes) -> "Told | None":
    """Looked at only where there seem to be some, as the library takes its time to come."""
    from limner.audit import credentials, keyring

    form = {b"\x89PN": "png", b"\xff\xd8\xff": "jpeg", b"RIF": "webp"}.get(data[:3])
    if form is None or b"c2pa" not in data or not credentials.installed():
        return None
    file = keyring.own().folder / credentials.FILE
    root = credentials.credentials(file.parent).chain if file.exists() else ""
    return credentials.told(data, form, root)
