"""`limner doctor`: what is installed, what will be used and why, and what is wrong."""

import argparse
import os
import platform
import re
import shutil
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from secrets import token_hex

from limner import __version__
from limner.cli import asked
from limner.errors import LimnerError

LEAST_FREE = 100 * 2**20  # bytes: some hundred pictures


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at; `remedy` says what to do where something is wrong, and is empty where all is well."""

    name: str
    value: str
    remedy: str = ""


def flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--prepare", action="store_true", help="time and check every backend and remember the fastest, once a machine"
    )
    asked.bundle_flags(parser)
    asked.backend_flag(parser)
    asked.folder_flag(parser)
    asked.json_flag(parser)


def run(args: argparse.Namespace) -> int:
    """1 if something is wrong."""
    findings = list(_look(args))
    wrong = [finding for finding in findings if finding.remedy]
    if args.json:
        asked.print_json({"ok": not wrong, "findings": [asdict(finding) for finding in findings]})
        return int(bool(wrong))
    width = max(len(finding.name) for finding in findings)
    for finding in findings:
        mark, remedy = ("!!", f"; {finding.remedy}") if finding.remedy else ("ok", "")
        print(f"{mark}  {finding.name:{width}}  {finding.value}{remedy}")
    print(f"\n{len(wrong)} wrong" if wrong else "\nnothing is wrong")
    return int(bool(wrong))


def _look(args: argparse.Namespace) -> Iterator[Finding]:
    yield Finding("limner", __version__)
    yield Finding("python", f"{platform.python_version()} on {platform.system()} {platform.machine()}")
    yield from _packages()
    yield from _guarded("device", _device(args))
    yield from _guarded("model", _model(args))
    yield from _guarded("backend", _backend(args))
    yield from _folder(args.out)


def _guarded(name: str, findings: Iterator[Finding]) -> Iterator[Finding]:
    """The findings, or what kept us from looking."""
    try:
        yield from findings
    except LimnerError as fault:
        yield Finding(name, fault.what, fault.remedy or "see limner make --help")
    except (ImportError, OSError) as fault:
        yield Finding(name, f"cannot be looked at: {fault}", "install limner anew in a fresh environment")


def _packages() -> Iterator[Finding]:
    """What limner needs, one line each, and what each of its extras still lacks."""
    try:
        needed = metadata.requires("limner") or []
    except metadata.PackageNotFoundError:
        yield Finding("installation", "limner runs from a folder and is not installed", "run pip install . there")
        return
    extras = defaultdict[str, list[str]](list)
    for requirement in needed:
        name = re.split(r"[^\w.-]", requirement)[0]
        version = _version(name)
        if optional := re.search(r"extra == .(\w+)", requirement):
            extras[optional[1]] += [] if version else [name]
        else:
            yield Finding(name, version or "missing", "" if version else f"run pip install {name}")
    for extra, lacking in extras.items():
        yield Finding(f"[{extra}]", f"optional, lacks {', '.join(lacking)}" if lacking else "complete")


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""


def _device(args: argparse.Namespace) -> Iterator[Finding]:
    import torch

    from limner.engine.device import choose

    place = choose(args.device, args.dtype)
    yield Finding("device", f"{place.device}: {place.why}")
    yield Finding("precision", str(place.dtype).removeprefix("torch."))
    yield Finding("processor", _instructions())
    yield Finding("threads", f"{torch.get_num_threads()} of {os.cpu_count()} cores")


def _instructions() -> str:
    """What speeds bfloat16 up on this processor, if torch can tell."""
    import torch

    bf16 = torch.cpu._is_avx512_bf16_supported() if platform.machine() in ("x86_64", "AMD64") else False
    return f"{torch.backends.cpu.get_cpu_capability()}, {'with' if bf16 else 'without'} AVX512-BF16"


def _model(args: argparse.Namespace) -> Iterator[Finding]:
    from limner.bundle import open_bundle

    bundle = open_bundle(args.model)  # on the CPU: a missing device is another finding
    yield Finding("model", f"{bundle.name} {bundle.identity[:10]}, complete")


def _backend(args: argparse.Namespace) -> Iterator[Finding]:
    """Who computes, why, and what the canary measured; nothing where device or model is missing, as that is said."""
    from limner.bundle import open_bundle
    from limner.engine import backends
    from limner.engine.device import choose

    try:
        place = choose(args.device, args.dtype)
        bundle = open_bundle(args.model, place.device, place.dtype)
    except LimnerError:
        return
    verdict = backends.prepare(bundle) if args.prepare else backends.verdict(bundle)
    chosen = backends.choose(bundle, args.backend)
    why = "asked for" if args.backend else "fastest here" if verdict else "limner doctor --prepare may find better"
    yield Finding("backend", f"{chosen.name}: {why}")
    yield Finding("kernels", chosen.kernels)
    for line in backends.told(verdict) if verdict else ():
        yield Finding("trial", line)


def _folder(folder: Path) -> Iterator[Finding]:
    """Whether pictures can be written to the folder, which is not made; and how many."""
    from limner.metadata import place

    there = next(each for each in (folder, *folder.absolute().parents) if each.exists())
    trial = there / f".{token_hex(8)}.trial"
    try:
        place(b"limner", trial)
        trial.unlink()
        yield Finding("folder", f"{folder} can be written")
    except LimnerError:
        yield Finding("folder", f"{folder} cannot be written", "choose another with --out")
    free = shutil.disk_usage(there).free
    yield Finding("disk", f"{free / 2**30:.1f} GiB free", "" if free > LEAST_FREE else "free some space")
