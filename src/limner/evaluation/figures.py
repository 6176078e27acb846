"""A figure is a measurement with its target, and says with which command, weights and machine it was taken."""

import json
import os
import platform
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Literal

Value = str | int | float | bool | None | Sequence["Value"] | Mapping[str, "Value"]


@dataclass(frozen=True, slots=True)
class Figure:
    """`name value target ok|short`, where the target is a floor or a ceiling."""

    name: str
    value: float
    target: float
    bound: Literal["at least", "at most"]
    unit: str = ""

    @property
    def ok(self) -> bool:
        return self.value >= self.target if self.bound == "at least" else self.value <= self.target

    def line(self) -> str:
        verdict = "ok" if self.ok else "short"
        return f"{self.name} {self.value:g}{self.unit} {self.bound} {self.target:g}{self.unit} {verdict}"


def machine() -> dict[str, Value]:
    """What a time or a bit may depend on, without naming the machine."""
    import torch

    return {
        "processor": processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "threads": torch.get_num_threads(),
        "system": platform.system(),
        "python": platform.python_version(),
        "torch": torch.__version__,
    }


def without_folders(word: str) -> str:
    """A path as it would be typed standing beside the file: where a machine keeps things is its own affair."""
    return Path(word).name if Path(word).is_absolute() else word


def processor() -> str:
    """The processor's own name, where the system tells it."""
    file = Path("/proc/cpuinfo")
    lines = file.read_text().splitlines() if file.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def record(file: Path, figures: Sequence[Figure], model: str | None, details: Mapping[str, Value]) -> None:
    """Write the figures as JSON, with the command that took them, the weights' identity, the machine and the date."""
    report = {
        "command": shlex.join(["limner", *map(without_folders, sys.argv[1:])]),
        "date": date.today().isoformat(),
        "model": model,
        "machine": machine(),
        "figures": [asdict(figure) | {"ok": figure.ok} for figure in figures],
        "details": details,
    }
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(report, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
