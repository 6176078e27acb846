"""`limner train pack`: what a machine without network needs for a training, in parts that may be copied there."""

import argparse
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from limner.cli.progress import above_zero, told
from limner.errors import LimnerError

PART = 60  # MiB
NEEDED = (
    "jaxtyping", "matplotlib", "numpy", "pillow", "resvg_py", "safetensors", "scipy", "tokenizers", "tqdm",
)  # fmt: skip
"""What a training imports beside torch; what these need themselves, pip knows."""
PLATFORMS = ("manylinux_2_28", "manylinux_2_27", "manylinux_2_24", "manylinux_2_17", "manylinux2014", "manylinux1")


def flags(job: argparse.ArgumentParser) -> None:
    job.add_argument("folder", type=Path, metavar="DIR", help="where the parts are written")
    job.add_argument("--preset", choices=("mini", "base", "loan"), default="loan", help="of the training (%(default)s)")
    job.add_argument("--from", dest="warm", metavar="NAME|PATH", default="limner-mini", help="begin with this model")
    job.add_argument("--part", type=int, default=PART, metavar="N", help="MiB of a part, at most (%(default)s)")
    job.add_argument("--python", default="3.12", metavar="X.Y", help="the Python there (%(default)s)")
    job.add_argument(
        "--wheels",
        nargs="*",
        metavar="NAME",
        help="packages that are not there, to be brought without what they need; all but torch if left out",
    )


def sets(preset: str) -> list[str]:
    """The picture sets from which this preset's training and the oracle's compose, in the catalogue's order."""
    from limner.evaluation.exercises import MIX
    from limner.pictures.catalogue import SETS
    from limner.training.preset import PRESETS

    wanted = {*PRESETS[preset].mix.sets, *PRESETS[preset].sayings.sets, *MIX.sets}
    return [name for name in SETS if name in wanted]


def pack(args: argparse.Namespace) -> int:
    """Code with the shipped weights, other weights, the pictures' packages, wheels; and run.py beside the parts."""
    from limner.bundle.catalogue import SHIPPED, find
    from limner.training import arrival
    from limner.training.parcels import MIB, parcel

    above_zero("part", args.part)
    model, code = find(args.warm), SHIPPED.parent
    files = {f"src/limner/{file.relative_to(code)}": file for file in plain(code)}
    arguments = ["--preset", args.preset]
    if SHIPPED not in model.parents:
        files |= {f"home/models/{model.name}/{file.relative_to(model)}": file for file in plain(model)}
        arguments += ["--from", model.name]
    files |= {f"cache/limner/pictures/downloads/{file.name}": file for file in sources(sets(args.preset))}
    with tempfile.TemporaryDirectory() as scratch:
        wheels(Path(scratch), args.python, args.wheels)
        files |= {f"wheels/{file.name}": file for file in sorted(Path(scratch).glob("*.whl"))}
        parts = parcel(files, args.folder, "limner", args.part * MIB, arguments)
    shutil.copy(arrival.__file__, args.folder / "run.py")
    size = sum(file.stat().st_size for file in args.folder.iterdir())
    told(f"{len(parts)} parts, {size / MIB:.0f} MiB with run.py and manifest.json; there: python3 run.py --minutes 10")
    print(args.folder)
    return 0


def plain(folder: Path) -> Iterable[Path]:
    """The files below a folder that belong to it."""
    return (file for file in sorted(folder.rglob("*")) if file.is_file() and "__pycache__" not in file.parts)


def sources(names: Sequence[str]) -> list[Path]:
    """The packages that these sets are rendered from, fetched where they are not here yet."""
    from limner.pictures.catalogue import SETS, WORDS
    from limner.pictures.fetch import default_cache, fetch

    wanted = {WORDS, *(package for name in names for package in (SETS[name].package, *SETS[name].needs))}
    return [fetch(package, default_cache()) for package in sorted(wanted, key=lambda each: each.name)]


def wheels(into: Path, python: str, names: Sequence[str] | None) -> None:
    """Of the named packages alone, or of all that is needed with what it needs; in the versions that are here."""
    from importlib.metadata import version

    pinned = [f"{name}=={version(name)}" for name in (NEEDED if names is None else names)]
    if not pinned:
        return
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--only-binary=:all:", "--implementation", "cp"]
    command += ["--python-version", python, *(word for each in PLATFORMS for word in ("--platform", f"{each}_x86_64"))]
    command += ["--dest", str(into), *([] if names is None else ["--no-deps"]), *pinned]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        said = [line for line in done.stderr.splitlines() if line.strip()] or ["pip failed"]
        raise LimnerError(f"wheels for Python {python}: {said[-1].strip()}", "see --python and --wheels")
