"""On a machine without network: the parts that `limner train pack` wrote become a folder again, and limner starts.

This file travels beside the parts as `run.py`, so it needs nothing but Python's own library.
"""

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tarfile
import time
from pathlib import Path

MANIFEST = "manifest.json"


class Damaged(Exception):
    """A part is missing or is not what was packed."""


def unpacked(folder: Path, into: Path) -> dict[str, object]:
    """Put the parts in `folder` together and lay out below `into` what is in them, once; gives the manifest."""
    try:
        manifest: dict[str, object] = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except OSError as error:
        raise Damaged(f"there is no {MANIFEST} in {folder}") from error
    done = into / MANIFEST
    if done.exists() and json.loads(done.read_text(encoding="utf-8")) == manifest:
        return manifest
    into.mkdir(parents=True, exist_ok=True)
    whole = into / "parts.tar"
    with whole.open("wb") as out:
        for part in manifest["parts"]:  # type: ignore[attr-defined]
            out.write(checked(folder / part["file"], part["sha256"]))
    with tarfile.open(whole) as tar:
        tar.extractall(into, filter="data")
    whole.unlink()
    done.write_text(json.dumps(manifest), encoding="utf-8")
    return manifest


def checked(file: Path, sha256: str) -> bytes:
    """A part's bytes; Damaged unless they are what was packed."""
    if not file.exists():
        raise Damaged(f"{file} is missing: copy all parts into one folder")
    content = file.read_bytes()
    if hashlib.sha256(content).hexdigest() != sha256:
        raise Damaged(f"{file} is not what was packed: copy it again")
    return content


def installed(at: Path) -> None:
    """Install the wheels that came along beside the code, without a network."""
    wheels, site = sorted((at / "wheels").glob("*.whl")), at / "site"
    if wheels and not site.exists():
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps", "--no-compile"]
        subprocess.run([*pip, "--target", str(site), *map(str, wheels)], check=True)


def start(at: Path, words: list[str]) -> int:
    """limner's own exit code; everything that it keeps is below `at`."""
    paths = [str(at / "src"), str(at / "site"), *filter(None, [os.environ.get("PYTHONPATH")])]
    places = {"LIMNER_HOME": str(at / "home"), "XDG_CACHE_HOME": str(at / "cache")}
    environment = os.environ | places | {"PYTHONPATH": os.pathsep.join(paths), "PYTHONUNBUFFERED": "1"}
    return subprocess.call([sys.executable, "-m", "limner", *words], env=environment)


def main(words: list[str] | None = None) -> int:
    began = time.monotonic()
    parser = argparse.ArgumentParser(description="Train limner here; flags of `limner train loan` may follow.")
    parser.add_argument("--minutes", type=float, default=10.0, help="from now to the results (%(default)s)")
    parser.add_argument("--at", type=Path, default=Path("limner-loan"), help="a folder to work in (%(default)s)")
    args, more = parser.parse_known_args(words)
    at = args.at.resolve()
    try:
        manifest = unpacked(Path(__file__).parent, at)
    except Damaged as error:
        sys.exit(str(error))
    installed(at)
    packed = [str(word) for word in manifest["arguments"]]  # type: ignore[attr-defined]
    left = args.minutes - (time.monotonic() - began) / 60
    return start(at, ["train", "loan", "--minutes", f"{left:.3f}", "--out", str(at / "workshop"), *packed, *more])


if __name__ == "__main__":
    sys.exit(main())
