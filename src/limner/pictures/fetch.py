"""How a pinned package comes onto this machine: by its registry's ordinary client, once, and checked to the byte."""

import hashlib
import io
import os
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path

from limner.errors import LimnerError
from limner.pictures.catalogue import Package


def default_cache() -> Path:
    """Where downloads are kept between builds."""
    root = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(root) / "limner" / "pictures" / "downloads"


def fetch(package: Package, cache: Path) -> Path:
    """The package's archive in `cache`, downloaded if it is not there.

    Raises `LimnerError` if the client is missing, the download fails or the bytes are not the pinned ones.
    """
    suffix = {"npm": "tgz", "apt": "deb"}[package.client]
    plain = package.name.replace("@", "").replace("/", "-")
    path = cache / f"{plain}-{package.version.replace(':', '_')}.{suffix}"
    if not path.exists():
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as scratch:
            _download(package, Path(scratch))
            (archive,) = Path(scratch).glob(f"*.{suffix}")
            _check(package, archive)
            archive.replace(path)
    _check(package, path)
    return path


def _download(package: Package, folder: Path) -> None:
    program = {"npm": "npm", "apt": "apt-get"}[package.client]
    wanted = {"npm": f"{package.name}@{package.version}", "apt": f"{package.name}={package.version}"}[package.client]
    if shutil.which(program) is None:
        raise LimnerError(f"`{program}` is missing, and {wanted} comes from it", f"install {program} and try again")
    command = [program, {"npm": "pack", "apt": "download"}[package.client], wanted]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode or len(list(folder.iterdir())) != 1:
        said = [line for line in done.stderr.splitlines() if line.strip()]
        reason = said[-1].strip() if said else f"exit status {done.returncode}"
        raise LimnerError(f"`{' '.join(command)}` failed: {reason}", "check the network connection and try again")


def _check(package: Package, path: Path) -> None:
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != package.sha256:
        what = f"{path.name} has sha256 {found[:12]}, not the pinned {package.sha256[:12]}"
        raise LimnerError(what, f"delete {path} if it exists and try again; do not train on it")


def members(archive: Path) -> dict[str, bytes]:
    """Every plain file of an npm or Debian archive by its name, without the leading `package/` or `./`."""
    stream = io.BytesIO(_debian_data(archive.read_bytes()) if archive.suffix == ".deb" else archive.read_bytes())
    found: dict[str, bytes] = {}
    with tarfile.open(fileobj=stream) as tar:
        for member in tar:
            content = tar.extractfile(member) if member.isfile() else None
            if content is not None:
                found[member.name.removeprefix("package/").removeprefix("./")] = content.read()
    return found


def _debian_data(deb: bytes) -> bytes:
    """The data tarball inside an `ar` archive: headers of 60 bytes, the name at 0, the size at 48, padded to even."""
    position = len(b"!<arch>\n")
    while position < len(deb):
        header = deb[position : position + 60]
        size = int(header[48:58])
        if header.startswith(b"data.tar"):
            return deb[position + 60 : position + 60 + size]
        position += 60 + size + size % 2
    raise LimnerError("a Debian package without data.tar", "delete it from the download cache and try again")
