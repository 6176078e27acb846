"""What a zip says of its entries is anybody's word: names that lead elsewhere, links, locks and bombs are refused."""

import re
import stat
import zipfile
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from limner.coursework.finding import LONGEST, WHOLE, Finding, shown
from limner.coursework.spec import MIB, Limits

_DIRECTORY = b"PK\x01\x02"  # begins what a zip's directory says of an entry (APPNOTE 6.3.10, 4.3.12)
_HEADS = (b"PK\x03\x04", b"PK\x05\x06")
_CHUNK = 4 * MIB
_OUTSIDE = re.compile(r"(?:^|/)\.\.(?:/|$)|^/|^[A-Za-z]:")
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
ARCHIVES = (".zip", ".rar", ".7z", ".tar", ".gz", ".tgz", ".bz2", ".xz")
RATIO, SMALL = 150, MIB  # deflate's own bound is 1032: what shrinks so far is no picture


def looks(path: Path) -> bool:
    """Whether a file is a zip by its first bytes."""
    with open(path, "rb") as file:
        return file.read(4) in _HEADS


def swollen(stream: BinaryIO, limits: Limits) -> str:
    """What there is too much of, "" if nothing is: counted in the bytes themselves, before anything believes them."""
    size, entries, tail = stream.seek(0, 2), 0, b""
    if size > limits.total:
        return f"more than {limits.total // MIB} MiB"
    stream.seek(0)
    while chunk := stream.read(_CHUNK):
        entries += (tail + chunk).count(_DIRECTORY)
        tail = chunk[-3:]
    return f"more than {limits.files} files" if entries > limits.files else ""


def refused(entry: zipfile.ZipInfo) -> Finding | None:
    """Why an entry is not read at all."""
    name, mode = entry.filename, entry.external_attr >> 16
    if not name.strip("/\\ "):
        return _found("?", "zip.entry", "a file has no name", "pack it anew")
    if _OUTSIDE.search(name.replace("\\", "/")):
        return _found(name, "zip.outside", "its name leads out of the hand-in", "pack it without folders")
    if stat.S_ISLNK(mode):
        return _found(name, "zip.link", "this is a link, not a file", "hand in the file")
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
        return _found(name, "zip.link", "this is a device, not a file", "hand in a file")
    if entry.flag_bits & 0x1:
        return _found(name, "zip.encrypted", "it is locked by a password", "pack it without one")
    if entry.compress_type not in _METHODS:
        return _found(
            name, "zip.method", "it is packed in a way that many programs cannot read", "pack it as a plain zip"
        )
    if entry.file_size > SMALL and entry.file_size > RATIO * max(entry.compress_size, 1):
        times = entry.file_size // max(entry.compress_size, 1)
        return _found(name, "zip.entry", f"it would become {times} times as large", "leave it out: it is no picture")
    return None


def folders(lays: Iterable[str]) -> Iterator[Finding]:
    """A finding for each folder with files in it, with one for all that a Mac put there."""
    plain = [lay.replace("\\", "/") for lay in lays]
    if macs := [lay for lay in plain if of_a_mac(lay)]:
        what = "a Mac put this here" if len(macs) == 1 else f"a Mac put this and {len(macs) - 1} like it here"
        yield _found(macs[0], "zip.mac", f"{what}; it is nobody's work", "leave it out", mends=True)
    counts = Counter(lay.rpartition("/")[0] for lay in plain if "/" in lay and not of_a_mac(lay))
    for folder, count in counts.items():
        what = "a file lies" if count == 1 else f"{count} files lie"
        yield _found(
            f"{folder}/", "zip.folder", f"{what} in this folder", "put all files beside each other", mends=True
        )


def named(flat: str, lay: str) -> Iterator[Finding]:
    """What is to be said of what a file is called."""
    if flat.lower().endswith(ARCHIVES):
        yield _found(
            lay, "zip.nested", "an archive inside the hand-in is not opened", "put its files beside the others"
        )
    if len(flat) > LONGEST or any(not each.isprintable() for each in flat):
        yield _found(lay, "zip.entry", "its name cannot be written down", "call it something shorter, in plain letters")


def of_a_mac(lay: str) -> bool:
    """What the Finder and other desktops put into zips by themselves."""
    parts = lay.replace("\\", "/").split("/")
    return "__MACOSX" in parts or parts[-1] in (".DS_Store", "Thumbs.db", "desktop.ini") or parts[-1].startswith("._")


def flat(lay: str) -> str:
    """A file's name without folders, of whichever system."""
    return lay.replace("\\", "/").rpartition("/")[2]


def backslashed_folder(entry: zipfile.ZipInfo) -> bool:
    """A folder in a zip of old Windows programs."""
    return entry.filename.endswith("\\") and entry.file_size == 0


def _found(name: str, rule: str, sentence: str, fix: str, mends: bool = False) -> Finding:
    return Finding(shown(name), WHOLE, rule, sentence, fix, mends)
