"""Where the numbers are crunched, in which precision, and why."""

from dataclasses import dataclass

import torch

from limner.errors import LimnerError

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


@dataclass(frozen=True, slots=True)
class Place:
    device: torch.device
    dtype: torch.dtype
    why: str


def choose(device: str | None = None, dtype: str | None = None) -> Place:
    """The device and precision asked for, else the best here: CUDA, then Apple's MPS, then the CPU.

    A CPU computes in float32, whose pixels do not depend on which half-precision instructions it has.
    Raises LimnerError for a device that is not there or a precision that has no name here.
    """
    if device is None:
        device = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
        why = {"cuda": "a CUDA device was found", "mps": "an Apple GPU was found", "cpu": "no GPU was found"}[device]
    else:
        why = "asked for"
        absent = {"cuda": not torch.cuda.is_available(), "mps": not torch.backends.mps.is_available()}
        kind, _, number = device.partition(":")
        count = torch.cuda.device_count() if kind == "cuda" else 1
        wrong = bool(number) and (not number.isdecimal() or int(number) >= count)
        if kind not in ("cpu", "cuda", "mps") or absent.get(kind, False) or wrong:
            raise LimnerError(f"device {device!r} is not here", "try cpu, or run limner doctor to see what is")
    kind = device.split(":")[0]
    if dtype is None:
        dtype = {"cuda": "float16", "mps": "float32", "cpu": "float32"}[kind]
    if dtype not in DTYPES:
        raise LimnerError(f"precision {dtype!r} is not known", f"one of {', '.join(DTYPES)}")
    return Place(torch.device(device), DTYPES[dtype], why)
