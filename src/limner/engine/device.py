"""Where the numbers are crunched, in which precision, and why."""

import os
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

    A CPU computes in float32, whose pixels do not depend on which half-precision instructions it has.  A CUDA device's
    kernels are pinned from here on.  Raises LimnerError for a device that is not there or a precision that has no name
    here.
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
    if kind == "cuda":
        pin()
    return Place(torch.device(device), DTYPES[dtype], why)


def pin() -> None:
    """Leave CUDA's libraries one way of computing a thing, so that the same pass has the same bits every time.

    No rounding of float32 to TF32; no trial of convolutions, whose winner differs from run to run, and none whose sums
    have no order; and for each attention the one kernel that its precision and width decide: flash, or else the
    memory-efficient one, or else the plain one, but never cuDNN's, which only some devices have.
    """
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS's own condition for the same bits every time
    torch.set_float32_matmul_precision("highest")
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cudnn.benchmark = False
    torch.backends.cudnn.deterministic = True
    torch.backends.cuda.enable_cudnn_sdp(False)
    for enable in (
        torch.backends.cuda.enable_flash_sdp,
        torch.backends.cuda.enable_mem_efficient_sdp,
        torch.backends.cuda.enable_math_sdp,
    ):
        enable(True)


def pins(device: torch.device) -> str:
    """The device's name, its libraries' versions and what is pinned: as it is now, not as it should be."""
    cuda, cudnn = torch.backends.cuda, torch.backends.cudnn
    kernels = {
        "flash": cuda.flash_sdp_enabled(),  # type: ignore[no-untyped-call]
        "efficient": cuda.mem_efficient_sdp_enabled(),  # type: ignore[no-untyped-call]
        "math": cuda.math_sdp_enabled(),  # type: ignore[no-untyped-call]
        "cudnn": cuda.cudnn_sdp_enabled(),  # type: ignore[no-untyped-call]
    }
    said = {
        "TF32": cuda.matmul.allow_tf32 or cudnn.allow_tf32,
        "autotuning": cudnn.benchmark,
        "deterministic": cudnn.deterministic,
    }
    versions = f"CUDA {torch.version.cuda}, cuDNN {cudnn.version()}"  # type: ignore[no-untyped-call]
    switches = [f"{name} {'on' if on else 'off'}" for name, on in said.items()]
    attention = f"attention {'/'.join(name for name, enabled in kernels.items() if enabled)}"
    return ", ".join([torch.cuda.get_device_name(device), versions, *switches, attention])
