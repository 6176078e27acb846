"""A model is looked at file by file: readable, the bytes that are known, every number finite, and whole as a model."""

import hashlib
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path

from safetensors import SafetensorError, safe_open

from limner.bundle import catalogue
from limner.bundle.bundle import found, open_bundle
from limner.bundle.identity import identity
from limner.bundle.place import PICKLES
from limner.bundle.published import quoted
from limner.errors import LimnerError

CHUNK = 1 << 22


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at; `ok` is False where something is wrong."""

    what: str
    found: str
    ok: bool = True


@dataclass(frozen=True, slots=True)
class Reading:
    """Bytes of all files read so far, and how many there are."""

    file: str
    done: int
    total: int


def verify(name: str) -> Iterator[Check | Reading]:
    """Look at all files of a model; what is wrong is a Check that is not ok, and the rest is looked at nevertheless."""
    path = catalogue.find(name)
    noted = catalogue.entry(name)
    files = [path] if path.is_file() else sorted(each for each in path.rglob("*") if each.is_file())
    total, done = sum(file.stat().st_size for file in files), 0
    for file in files:
        relative = file.name if path.is_file() else file.relative_to(path).as_posix()
        was = noted.sha256.get(relative, "") if noted else ""
        yield from _file(file, relative, was, done, total)
        done += file.stat().st_size
    yield _whole(path, noted.identity if noted else "")


def _file(file: Path, relative: str, was: str, done: int, total: int) -> Iterator[Check | Reading]:
    if file.suffix in PICKLES:
        yield Check(relative, "a pickle, which is never read")
        return
    try:
        sha256 = yield from _digest(file, relative, done, total)
    except OSError as fault:
        yield Check(relative, f"cannot be read: {fault.strerror}", False)
        return
    if was and sha256 != was:
        yield Check(relative, f"has sha256 {sha256[:10]}, and had {was[:10]} when it was fetched", False)
    elif file.suffix == ".safetensors":
        known = quoted(sha256)
        by = f", {known[0]}'s as {known[2].by} quotes it" if known else ", as it was fetched" if was else ""
        wrong = infinite(file)
        yield Check(relative, wrong or f"sha256 {sha256[:10]}{by or ', which nobody we can name quotes'}", not wrong)


def _digest(file: Path, relative: str, done: int, total: int) -> Generator[Reading, None, str]:
    digest = hashlib.sha256()
    with file.open("rb") as data:
        while chunk := data.read(CHUNK):
            digest.update(chunk)
            done += len(chunk)
            yield Reading(relative, done, total)
    return digest.hexdigest()


def infinite(file: Path) -> str:
    """The first tensor of a file that is not all finite numbers, or why it cannot be read; else empty."""
    try:
        with safe_open(file, "pt") as tensors:
            for key in tensors.keys():  # noqa: SIM118 - a safetensors file is no mapping
                tensor = tensors.get_tensor(key)
                if tensor.is_floating_point() and not bool(tensor.isfinite().all()):
                    return f"tensor {key} holds numbers that are not finite"
    except (OSError, SafetensorError) as fault:
        return f"is not a whole safetensors file: {fault}"
    return ""


def _whole(path: Path, was: str) -> Check:
    """Whether it opens, and who it is, by its bytes as they are now and not as they are remembered."""
    try:
        open_bundle(path)
        source = found(path)
        now = identity({part: source.tensors(part) for part in source.parts()}, ())
    except LimnerError as fault:
        return Check("model", str(fault), False)
    if was and now != was:
        return Check("model", f"is {now[:10]}, and was {was[:10]} when it was added", False)
    return Check("model", f"opens strictly, identity {now[:10]}")
