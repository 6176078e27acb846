"""How a model certifies limner: golden prompts through limner and diffusers, differences, a sheet and a report."""

import argparse
import json
import tempfile
from dataclasses import asdict
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from limner.cli import asked

if TYPE_CHECKING:
    from limner.bundle import Bundle
    from limner.evaluation.golden import Difference

PACKAGES = ("limner", "torch", "diffusers", "transformers", "safetensors", "tokenizers")


def flags(job: argparse.ArgumentParser) -> None:
    job.add_argument("--device", help="cpu, cuda or mps; the best there is if left out")
    job.add_argument("--alone", action="store_true", help="draw limner's sheet only: no diffusers, no verdict")
    job.add_argument(
        "--out", metavar="DIR", type=Path, default=Path("outputs/selftest"), help="for sheet and report (%(default)s)"
    )
    job.set_defaults(job=run)


def run(args: argparse.Namespace) -> int:
    """1 if a picture differs by more than is tolerated."""
    from limner.bundle import open_bundle
    from limner.engine.device import choose
    from limner.evaluation import golden

    asked.permit(args.name)
    place = choose(args.device, "float32")
    bundle = open_bundle(args.name, place.device, place.dtype)
    args.out.mkdir(parents=True, exist_ok=True)
    wishes = golden.wishes(bundle)
    mine, other, found = golden.ours(bundle, wishes), None, list[golden.Difference]()
    if not args.alone and find_spec("diffusers"):
        with tempfile.TemporaryDirectory() as scratch:
            other = golden.theirs(bundle.folder, place.device.type, wishes, Path(scratch))
        found = golden.compared(wishes, mine, other)
    sheet, report = args.out / f"{bundle.name}.png", args.out / f"{bundle.name}.json"
    golden.sheet(wishes, mine, other, sheet)
    told = _report(bundle, place.device.type, found)
    report.write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")
    if args.json:
        asked.print_json(told)
    else:
        _say(found, sheet, report)
    return int(any(not each.ok for each in found))


def _say(found: "list[Difference]", sheet: Path, report: Path) -> None:
    from limner.evaluation.golden import LARGEST, MEAN

    for each in found:
        print(each.line())
    if not found:
        print("no verdict: diffusers did not draw (pip install diffusers transformers)")
    else:
        verdict = "agree" if all(each.ok for each in found) else "DIFFER"
        print(f"\nlimner and diffusers {verdict}: tolerated are {LARGEST} levels of 255 anywhere, {MEAN} on average")
    print(f"{sheet}\n{report}")


def _report(bundle: "Bundle", device: str, found: "list[Difference]") -> dict[str, object]:
    """All that a reader of somebody else's report has to know; no path, no name of a machine."""
    from limner.bundle import catalogue
    from limner.bundle.fetch import sha256
    from limner.evaluation.figures import machine
    from limner.evaluation.golden import LARGEST, MEAN

    files = [bundle.folder] if bundle.folder.is_file() else sorted(bundle.folder.glob("*/*.safetensors"))
    noted = catalogue.entry(bundle.name)
    return {
        "model": bundle.name,
        "built like": noted.label if noted else "",
        "identity": bundle.identity,
        "sha256": {
            each.name if each == bundle.folder else each.relative_to(bundle.folder).as_posix(): sha256(each)
            for each in files
        },
        "versions": {name: _version(name) for name in PACKAGES},
        "machine": machine() | {"device": _device(device)},
        "tolerance": {"largest": LARGEST, "mean": MEAN, "unit": "levels of 255"},
        "agree": all(each.ok for each in found) if found else None,
        "differences": [asdict(each) | {"ok": each.ok} for each in found],
    }


def _device(kind: str) -> str:
    import torch

    return torch.cuda.get_device_name() if kind == "cuda" else kind


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""
