"""Who a model is: a sha256 over its tensors, the same however they are stored; and whether every number is one."""

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from limner.errors import LimnerError

CHUNK = 1 << 20  # bytes that are looked at together, few enough to stay in the processor's cache
EXPONENTS: Mapping[torch.dtype, tuple[str, int]] = {
    torch.float16: ("i2", 0x7C00),
    torch.bfloat16: ("i2", 0x7F80),
    torch.float32: ("i4", 0x7F800000),
    torch.float64: ("i8", 0x7FF0000000000000),
}
"""The whole number of a format's width, and infinity's bits: what is not finite has at least those, its sign aside."""


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
