"""What is safe to mend goes into a new zip: how a hand-in is packed and spelt, never what its student wrote or drew."""

import io
import os
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from secrets import token_hex

from limner.coursework import archive, look
from limner.coursework.finding import Severity, shown
from limner.coursework.handin import File, HandIn, Source, opened
from limner.coursework.shape import work
from limner.coursework.spec import Limits, Spec, Task
from limner.coursework.text import Edit, mended, text
from limner.coursework.validate import found_in
from limner.errors import LimnerError

PASSES = 4  # a mistake may hide behind another


@dataclass(slots=True)
class Mending:
    """The files of the new zip by their names, and a line for each thing that is another there."""

    files: dict[str, Callable[[], bytes]] = field(default_factory=dict)
    changes: list[str] = field(default_factory=list)


def mend(name: str, sources: Sequence[Source], spec: Spec, out: Path) -> list[str]:
    """Writes the new zip, and says what was changed; LimnerError where there is nothing to read, or `out` exists."""
    with opened(name, sources, spec.limits) as handin:
        if any(finding.severity == Severity.UNREADABLE for finding in handin.findings):
            raise LimnerError(f"{name} cannot be read", "limner course validate says why")
        made = _mended(handin, spec)
        _write(made.files, out)
    return made.changes


def _mended(handin: HandIn, spec: Spec) -> Mending:
    made, names = Mending(changes=list(_unpacked(handin))), dict[str, str]()
    tasks = {file.name: task for task, file in found_in(handin, spec)}
    for file in handin.files:
        if file.name in tasks or file.name.lower().endswith(archive.ARCHIVES):
            continue
        heic = _decodes(file, spec.limits)
        names[file.name] = new = _jpeg_name(file, handin) if heic else file.name
        made.files[new] = _converted(file) if heic else file.read
        if heic:
            made.changes.append(f"{shown(file.name)}: saved as the JPEG file {shown(new)}, with what it says of itself")
    for file in handin.files:
        if task := tasks.get(file.name):
            data, changes = _rewritten(spec, task, file, handin, names)
            made.files[task.file] = _constant(data)
            made.changes += [f"{shown(file.name)}: called {task.file}"] if file.name != task.file else []
            made.changes += [f"{task.file}{change}" for change in changes]
    return made


def _unpacked(handin: HandIn) -> Iterator[str]:
    """What changes by packing it anew."""
    for finding in handin.findings:
        if finding.rule in ("zip.folder", "zip.mac"):
            yield f"{finding.file}: {'taken out' if finding.rule == 'zip.mac' else 'its files moved out'}"
        elif finding.severity == Severity.ERROR and finding.rule != "zip.case":
            yield f"{finding.file}: LEFT OUT, as {finding.sentence}"


def _constant(data: bytes) -> Callable[[], bytes]:
    return lambda: data


def _rewritten(spec: Spec, task: Task, file: File, handin: HandIn, names: Mapping[str, str]) -> tuple[bytes, list[str]]:
    """A JSON file with its edits, until there are none, and the line of each."""
    data, changes = file.read(), list[str]()
    for _ in range(PASSES):
        done = work(spec, task, replace(file, read=_constant(data), size=len(data)), handin)
        read = text(data)
        edits = list(done.edits)
        shots = [shot for entry in done.entries for shot in entry.shots if shot.file] if not edits else []
        edits += [
            Edit(*s.span, f'"{names[s.file.name]}"')
            for s in shots
            if s.file and names.get(s.file.name, s.path) != s.path
        ]
        mends = [finding for finding in done.findings if finding.mends]
        if not edits and not mends:
            break
        changes += [f":{f.place.line}:{f.place.column}: {f.rule}: {f.sentence}; done: {f.fix}" for f in mends]
        data = mended(read.text, edits).encode()
    return data, changes


def _jpeg_name(file: File, handin: HandIn) -> str:
    """What a HEIC file is called as a JPEG: its own name, if it ends so, or one that nobody else has."""
    stem, _, suffix = file.name.rpartition(".")
    if f".{suffix.lower()}" in look.SUFFIXES["jpeg"]:
        return file.name
    names = (f"{stem}{'' if not number else f'-{number}'}.jpg" for number in range(len(handin.files) + 1))
    return next(name for name in names if handin.alike(name) is None)


def _decodes(file: File, limits: Limits) -> bool:
    """Whether this is a HEIC picture that can be decoded; what cannot stays as it is, and a finding says so."""
    try:
        data = file.read()
        return look.form(data) == "heic" and look.look(data, limits.pixels).form == "heic"
    except (LimnerError, look.UnseenError):
        return False


def _converted(file: File) -> Callable[[], bytes]:
    """A HEIC file's picture as a JPEG, with its EXIF and XMP."""

    def jpeg() -> bytes:
        from pillow_heif import HeifImageFile

        image = HeifImageFile(io.BytesIO(file.read()))  # type: ignore[no-untyped-call]
        made = io.BytesIO()
        exif, xmp = image.info.get("exif") or b"", image.info.get("xmp") or b""
        image.convert("RGB").save(made, "JPEG", quality=95, subsampling=0, exif=exif, xmp=xmp)
        return made.getvalue()

    return jpeg


def _write(files: Mapping[str, Callable[[], bytes]], out: Path) -> None:
    """A whole new zip or none."""
    part = out.with_name(f".{token_hex(8)}.part")
    try:
        with zipfile.ZipFile(part, "x") as target:
            for name, read in files.items():
                method = zipfile.ZIP_DEFLATED if name.endswith(".json") else zipfile.ZIP_STORED
                target.writestr(zipfile.ZipInfo(name), read(), method)
        os.link(part, out)
    except FileExistsError as fault:
        raise LimnerError(f"{out} exists", "nothing is overwritten: choose another name") from fault
    finally:
        part.unlink(missing_ok=True)


def lines(changes: Sequence[str], out: Path) -> Iterator[str]:
    """What a person reads of it."""
    yield from (changes or ["there was nothing to mend"])
    yield f"{out} is written; what you handed it stays as it was"
