"""A hand-in is files without folders, however it comes; it is read in place, in bounds, and never unpacked."""

import os
import unicodedata
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from limner.coursework import archive
from limner.coursework.finding import WHOLE, Finding, shown
from limner.coursework.spec import MIB, Limits
from limner.errors import LimnerError

BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, NotImplementedError, RuntimeError)


@dataclass(frozen=True, slots=True)
class File:
    """One file: its name without folders, where it lay, and how it is read.

    `read` raises LimnerError, whose `what` is a sentence's end, where it cannot be read or is larger than it may be.
    """

    name: str
    lay: str
    size: int
    read: Callable[[], bytes]


@dataclass(frozen=True, slots=True)
class HandIn:
    """All that was handed in: its files by their names, and what is wrong with how it was packed."""

    name: str
    files: tuple[File, ...] = ()
    findings: tuple[Finding, ...] = ()

    def file(self, name: str) -> File | None:
        return next((file for file in self.files if file.name == name), None)

    def alike(self, name: str) -> File | None:
        """The file of this name but for case, or for how its accents are written."""
        return next((file for file in self.files if folded(file.name) == folded(name)), None)


@dataclass(slots=True)
class _Budget:
    """The bytes that may still be read: each file may be read twice."""

    left: int


def folded(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()


@dataclass(frozen=True, slots=True)
class Source:
    """A file somewhere on this machine, and what it is called in the hand-in."""

    path: Path
    name: str


def gathered(paths: Sequence[Path]) -> list[tuple[str, list[Source]]]:
    """The hand-ins among these paths: each zip and each folder is one, and loose files are one together."""
    handins, loose = list[tuple[str, list[Source]]](), list[Source]()
    for path in paths:
        if path.is_dir() or path.suffix.lower() == ".zip":
            handins.append((str(path), [Source(path, path.name)]))
        else:
            loose.append(Source(path, path.name))
    return [*handins, *([(str(loose[0].path) if len(loose) == 1 else f"{len(loose)} files", loose)] if loose else [])]


@contextmanager
def opened(name: str, sources: Sequence[Source], limits: Limits) -> Iterator[HandIn]:
    """The hand-in of a zip, a folder or single files, as long as it is read; what is wrong with it is a finding."""
    only = sources[0] if len(sources) == 1 else None
    try:
        if only and only.path.is_dir():
            yield _folder(name, only.path, limits)
        elif only and (only.name.lower().endswith(".zip") or archive.looks(only.path)):
            with open(only.path, "rb") as stream:
                yield _zip(name, stream, limits)
        else:
            yield _settled(name, [(s.name, s.name, _size(s.path), _reader(s.path)) for s in sources], [], limits)
    except OSError as fault:
        missing = isinstance(fault, FileNotFoundError)
        what = f"no file {fault.filename}" if missing else f"cannot read {fault.filename}: {fault.strerror or fault}"
        raise LimnerError(what, "give a zip, a folder or the files") from fault


def _size(path: Path) -> int:
    return path.stat().st_size


def _reader(path: Path) -> Callable[[int], bytes]:
    def read(most: int) -> bytes:
        with open(path, "rb") as file:
            return file.read(most)

    return read


def _folder(name: str, folder: Path, limits: Limits) -> HandIn:
    """What lies in a folder and in those below; a link is not followed."""
    found, findings = list[tuple[str, str, int, Callable[[int], bytes]]](), list[Finding]()
    for place, folders, names in os.walk(folder):
        folders.sort()
        for each in sorted(names):
            path = Path(place, each)
            lay = path.relative_to(folder).as_posix()
            if path.is_symlink() or not path.is_file():
                findings.append(
                    Finding(shown(lay), WHOLE, "zip.link", "this is a link, not a file", "hand in the file")
                )
            else:
                found.append((archive.flat(lay), lay, _size(path), _reader(path)))
        if len(found) + len(findings) > limits.files:
            return HandIn(name, (), (large(name, f"more than {limits.files} files"),))
    return _settled(name, found, findings, limits)


def _zip(name: str, stream: BinaryIO, limits: Limits) -> HandIn:
    """A zip's entries, those left out that are no files of its student's."""
    try:
        if what := archive.swollen(stream, limits):
            return HandIn(name, (), (large(name, what),))
        with_entries = zipfile.ZipFile(stream)
        entries = with_entries.infolist()
    except BROKEN as fault:
        return HandIn(name, (), (_damaged(name, fault),))
    found, findings = list[tuple[str, str, int, Callable[[int], bytes]]](), list[Finding]()
    for entry in entries:
        if finding := archive.refused(entry):
            findings.append(finding)
        elif not entry.filename.endswith("/") and not archive.backslashed_folder(entry):
            found.append(
                (archive.flat(entry.filename), entry.filename, entry.file_size, _inflater(with_entries, entry))
            )
    if any(finding.rule in ("zip.encrypted", "zip.method") for finding in findings):
        return HandIn(name, (), tuple(findings))
    return _settled(name, found, findings, limits)


def _inflater(source: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Callable[[int], bytes]:
    def read(most: int) -> bytes:
        with source.open(entry) as file:
            return file.read(most)

    return read


def _settled(
    name: str, found: Sequence[tuple[str, str, int, Callable[[int], bytes]]], findings: list[Finding], limits: Limits
) -> HandIn:
    """The files by their names, each once, with what is to be said of how they lay."""
    budget, files = _Budget(2 * limits.total), dict[str, File]()
    if sum(size for _, _, size, _ in found) > limits.total:
        return HandIn(name, (), (large(name, f"more than {limits.total // MIB} MiB"),))
    if len(found) > limits.files:
        return HandIn(name, (), (large(name, f"more than {limits.files} files"),))
    findings.extend(archive.folders(lay for _, lay, _, _ in found))
    for flat, lay, size, read in found:
        if archive.of_a_mac(lay):
            continue
        findings.extend(archive.named(flat, lay))
        if flat in files:
            findings.append(Finding(shown(lay), WHOLE, "zip.duplicate", f"a second file is called {shown(flat)}",
                                    "call one of them something else, in the JSON too"))  # fmt: skip
            continue
        files[flat] = File(flat, lay, size, _bounded(read, size, limits, budget))
    findings.extend(_clashes(list(files)))
    return HandIn(name, tuple(files.values()), tuple(findings))


def _clashes(names: Sequence[str]) -> Iterator[Finding]:
    seen = dict[str, str]()
    for name in names:
        if (other := seen.setdefault(folded(name), name)) != name:
            what = f"it differs from {shown(other)} in capitals alone: on many machines one of them is lost"
            yield Finding(shown(name), WHOLE, "zip.case", what, "call one of them something else, in the JSON too")


def _bounded(read: Callable[[int], bytes], size: int, limits: Limits, budget: _Budget) -> Callable[[], bytes]:
    """Reads a file whole, if it is no larger than it may be, whatever size it claims, and the budget lasts."""

    def whole() -> bytes:
        most = min(limits.file, budget.left)
        try:
            data = read(most + 1)
        except BROKEN as fault:
            raise LimnerError("cannot be read: it is damaged", "pack it again") from fault
        budget.left -= min(len(data), budget.left)
        if len(data) > most:
            raise LimnerError(f"is larger than {limits.file // MIB} MiB", "make it smaller")
        return data

    return whole


def large(name: str, what: str) -> Finding:
    return Finding(
        shown(name), WHOLE, "zip.large", f"it holds {what}", "hand in the JSON files and their pictures alone"
    )


def _damaged(name: str, fault: Exception) -> Finding:
    what = f"this is no zip that can be read ({' '.join(str(fault).split())[:80] or type(fault).__name__})"
    return Finding(shown(name), WHOLE, "zip.damaged", what, "pack it again, and open it once to see")
