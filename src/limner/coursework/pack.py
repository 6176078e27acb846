"""Drafts become the flat zip that is handed in: the same work makes the same bytes, judged before anybody takes it."""

import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO

from limner.coursework.drafts import Draft, pictures, told, written
from limner.coursework.handin import Source
from limner.coursework.spec import Spec
from limner.coursework.validate import Report, report
from limner.errors import LimnerError

MADE = (1980, 1, 1, 0, 0, 0)  # the first moment that a zip knows: when it was packed is nobody's business
MARK = b"packed by limner"  # the zip's comment, by which a later one may take its place
FILE = 0o100644 << 16  # a plain file that anybody may read


def packed(drafts: Sequence[Draft], picture: Callable[[str], bytes], out: BinaryIO) -> list[str]:
    """Write the zip: each task's file, then its pictures in their order, nothing compressed.  The names of those lost.

    `picture` gives a picture's file by its name, or raises LimnerError.  Entries beyond a task's most stay at home.
    """
    lost = list[str]()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as target:
        target.comment = MARK
        for draft in drafts:
            mine = replace(draft, entries=draft.handed)
            _write(target, draft.task.file, written(told(mine)).encode())
        for name in dict.fromkeys(
            name for draft in drafts for each in draft.handed for name in pictures(draft.task, each)
        ):
            try:
                _write(target, name, picture(name))
            except LimnerError:
                lost.append(name)
    return lost


def _write(target: zipfile.ZipFile, name: str, data: bytes) -> None:
    entry = zipfile.ZipInfo(name, MADE)
    entry.create_system, entry.external_attr = 3, FILE
    target.writestr(entry, data)


def judged(path: Path, spec: Spec, drafts: Sequence[Draft], name: str = "") -> Report:
    """What `limner course validate` says of a zip that was packed of these."""
    return report(name or str(path), [Source(path, path.name)], spec, [draft.task.name for draft in drafts])


@contextmanager
def tried(
    spec: Spec, drafts: Sequence[Draft], picture: Callable[[str], bytes], name: str
) -> Iterator[tuple[Path, Report]]:
    """The zip in a place of its own, and its report, as long as one looks at it."""
    with TemporaryDirectory(prefix="limner-pack-") as folder:
        path = Path(folder) / "hand-in.zip"
        with open(path, "xb") as out:
            packed(drafts, picture, out)
        yield path, judged(path, spec, drafts, name)


def ours(path: Path) -> bool:
    """Whether a file is a zip that was packed here."""
    try:
        with zipfile.ZipFile(path) as file:
            return file.comment == MARK
    except (OSError, zipfile.BadZipFile, ValueError):
        return False
