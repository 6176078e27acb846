"""An adapter's file: opened strictly, and known by the hashes that other programs write of it."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

from torch import Tensor

from limner.bundle import layout
from limner.errors import LimnerError

MARK = 12  # hex digits of a hash that AUTOMATIC1111's web UI writes


def opened(file: Path) -> tuple[dict[str, Tensor], Mapping[str, str]]:
    """The file's tensors and its `__metadata__`.

    Raises LimnerError naming the file where it is missing, damaged, a pickle, or holds nan or infinity.
    """
    if not file.is_file():
        raise LimnerError(f"no file {file}", "check its name")
    _, about = layout.header(file)
    tensors = layout.read_tensors(file)
    for name, tensor in tensors.items():
        if not tensor.is_floating_point() and tensor.ndim:  # but an alpha may be a whole number
            raise LimnerError(f"{file}: tensor {name} holds {tensor.dtype}", "get the adapter in float16 or float32")
        if not tensor.float().isfinite().all():  # in float8 nobody asks
            raise LimnerError(f"{file}: tensor {name} holds nan or infinity", "it was broken in training: get another")
    return tensors, about


def lora_mark(file: Path) -> str:
    """sha256 of the tensors' bytes as they lie in the file, whatever its header says of them."""
    with file.open("rb") as stream:
        stream.seek(8 + int.from_bytes(stream.read(8), "little"))
        return hashlib.file_digest(stream, "sha256").hexdigest()[:MARK]


def embedding_mark(file: Path) -> str:
    """sha256 of the file."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()[:MARK]
