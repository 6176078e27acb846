"""An autograder is the checker's own sources, its two libraries, and the script that a grader calls."""

import shlex
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path

from limner.errors import LimnerError

PARTS = (
    "__init__.py",
    "errors.py",
    "home.py",
    "recipe.py",
    "metadata",
    "coursework",
)  # all that the checker imports of limner
NEEDS = ("pillow", "pillow-heif")
SETUP = """#!/bin/sh
# Gradescope runs this once, when the autograder is built.
set -eu
apt-get update
apt-get install --yes --no-install-recommends python3 python3-pip
python3 -m pip install --break-system-packages {needs} || python3 -m pip install {needs}
"""
RUN = """#!/bin/sh
# Gradescope runs this for each hand-in; AUTOGRADER names another folder than its own.
set -eu
here="${{AUTOGRADER:-/autograder}}"
cd "$here/source"
set -- "$here/submission" --out "$here/results/results.json"{flags}
exec "${{PYTHON:-python3}}" -W ignore -m limner.coursework.grader gradescope "$@"
"""
TESTER = """#!/bin/sh
# MarkUs runs this (as a custom tester) in the folder where it puts the hand-in beside these files.
exec "${{PYTHON:-python3}}" -W ignore -m limner.coursework.grader markus .{flags}{ours}
"""
ABOUT = """What `limner course autograder` wrote.

gradescope/   zip what is inside (not the folder itself) and upload it as the assignment's autograder
markus/       upload what is inside as test files; add a custom tester that runs limner-markus.sh;
              its environment needs: {needs}

Both call the checker in limner/, which is limner's own: the same findings as `limner course validate`.
"""


def write(folder: Path, tasks: Sequence[str], spec: Path | None) -> list[Path]:
    """Two packages in a new folder; LimnerError if there is one already."""
    try:
        folder.mkdir(parents=True)
    except FileExistsError as fault:
        raise LimnerError(f"{folder} exists", "name a new folder") from fault
    needs = " ".join(f"{name}=={version(name)}" for name in NEEDS)
    given = " --spec assignment.toml" if spec else ""
    flags = given + "".join(f" --task {shlex.quote(task)}" for task in tasks)
    common: dict[str, str | bytes] = {**_sources(), **({"assignment.toml": spec.read_bytes()} if spec else {})}
    scope: dict[str, str | bytes] = {
        **common,
        "setup.sh": SETUP.format(needs=needs),
        "run_autograder": RUN.format(flags=flags),
    }
    ours = ["limner-markus.sh", "limner", *(["assignment.toml"] if spec else [])]
    tester = TESTER.format(flags=flags, ours="".join(f" --ours {name}" for name in ours))
    _put(folder / "gradescope", scope)
    _put(folder / "markus", {**common, "limner-markus.sh": tester})
    _put(folder, {"README": ABOUT.format(needs=needs)})
    return [folder / "gradescope", folder / "markus"]


def _sources() -> dict[str, bytes]:
    """The checker's own files, by their paths beneath a package's folder."""
    root, found = Path(str(files("limner"))), dict[str, bytes]()
    for part in PARTS:
        place = root / part
        for path in [place] if place.is_file() else sorted(place.rglob("*")):
            if path.suffix in (".py", ".toml"):
                found[f"limner/{path.relative_to(root).as_posix()}"] = path.read_bytes()
    return found


def _put(folder: Path, contents: Mapping[str, str | bytes]) -> None:
    for name, content in contents.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        if name.endswith(".sh") or name == "run_autograder":
            path.chmod(0o755)
