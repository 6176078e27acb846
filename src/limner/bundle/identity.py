"""Who a model is: a sha256 over its tensors, the same however they are stored; and whether every number is one."""

import hashlib
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from limner.bundle.place import home
from limner.errors import LimnerError
from limner.home import beside

CHUNK = 1 << 20  # bytes that are looked at together, few enough to stay in the processor's cache
EXPONENTS: Mapping[torch.dtype, tuple[str, int]] = {
    torch.float16: ("i2", 0x7C00),
    torch.bfloat16: ("i2", 0x7F80),
    torch.float32: ("i4", 0x7F800000),
    torch.float64: ("i8", 0x7FF0000000000000),
}
"""The whole number of a format's width, and infinity's bits: what is not finite has at least those, its sign aside."""


LARGE = 1 << 28  # bytes of files whose identity is kept: less is hashed in the blink that it takes to open them
SETTLED = 2.0  # seconds after which a file's time tells it from a later file's, on the coarsest of usual file systems


def identity(held: Mapping[str, tuple[Path, Mapping[str, Tensor]]], files: Sequence[Path]) -> str:
    """The sha256 of a model's parts, the parts in their names' order; each with its file, to be named.

    It is computed once for large files and kept in limner's own folder for as long as their places, sizes and times
    stay the same.  Raises LimnerError where a tensor holds a number that is infinite or none.
    """
    kept = memory(files)
    if kept is not None and kept.exists() and re.fullmatch("[0-9a-f]{64}", said := kept.read_text("utf-8")):
        return said
    digest = hashlib.sha256()
    for part in sorted(held):
        file, tensors = held[part]
        identify(digest, part, tensors, file)
    if kept is not None:
        remember(kept, digest.hexdigest())
    return digest.hexdigest()


def identify_alone(part: str, tensors: Mapping[str, Tensor], file: Path) -> str:
    """The sha256 of one network's tensors; LimnerError where one holds a number that is infinite or none."""
    digest = hashlib.sha256()
    identify(digest, part, tensors, file)
    return digest.hexdigest()


def memory(files: Sequence[Path]) -> Path | None:
    """Where the identity of these files is kept; None where it is not."""
    stats = [(file.resolve(), file.stat()) for file in files]
    if sum(stat.st_size for _, stat in stats) < LARGE:
        return None
    if max(stat.st_mtime for _, stat in stats) > time.time() - SETTLED:
        return None
    told = [(str(place), stat.st_size, stat.st_mtime_ns, stat.st_ino) for place, stat in stats]
    return home() / "identities" / hashlib.sha256(repr(told).encode()).hexdigest()


def remember(kept: Path, said: str) -> None:
    """Write an identity down; where nobody may write, it will be computed again."""
    try:
        kept.parent.mkdir(parents=True, exist_ok=True)
        with beside(kept) as part:
            part.write_text(said, "utf-8")
    except OSError:
        return


def identify(digest: "hashlib._Hash", part: str, tensors: Mapping[str, Tensor], file: Path | None = None) -> None:
    """Add a component's tensors to a hash: names in order, precision, shape and bytes, wherever they were stored.

    Raises LimnerError where one holds a number that is infinite or none, naming `file`.
    """
    for name in sorted(tensors):
        tensor = tensors[name]
        digest.update(f"{part}.{name} {tensor.dtype} {list(tensor.shape)}\n".encode())
        for chunk in chunks(tensor):
            digest.update(chunk.data)
            if not finite(chunk, tensor.dtype):
                raise LimnerError(
                    f"{file or part}: tensor {name} holds numbers that are not finite",
                    "get the model anew; it draws noise",
                )


def chunks(tensor: Tensor) -> Iterator[np.ndarray]:
    """The bytes of a tensor, in order."""
    whole = tensor.contiguous().flatten().view(torch.uint8).numpy()
    for start in range(0, len(whole), CHUNK):
        yield whole[start : start + CHUNK]


def finite(chunk: np.ndarray, dtype: torch.dtype) -> bool:
    """Whether all numbers of a chunk are finite, by their bits: two maxima cost less than a hash."""
    if dtype not in EXPONENTS:
        return bool(torch.from_numpy(chunk).view(dtype).float().isfinite().all())
    kind, infinity = EXPONENTS[dtype]
    signed = chunk.view(f"<{kind}")
    sign = 1 << (8 * signed.itemsize - 1)
    # as signed numbers positive ones are largest, as unsigned ones negative ones are
    return int(signed.max()) < infinity and int(chunk.view(f"<u{signed.itemsize}").max()) < infinity + sign
