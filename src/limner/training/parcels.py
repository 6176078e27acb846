"""What travels to a machine without network and back: many files as one archive, cut into parts that may be copied."""

import hashlib
import json
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save_file

from limner.training.arrival import MANIFEST

MIB = 2**20


class Cut:
    """A file to be written to, of which every `limit` bytes become a part, its digest taken as it goes."""

    def __init__(self, folder: Path, name: str, limit: int) -> None:
        self.folder, self.name, self.limit = folder, name, limit
        self.parts, self._rest = list[dict[str, str | int]](), bytearray()

    def write(self, content: bytes) -> int:
        self._rest += content
        while len(self._rest) >= self.limit:
            self._part(self.limit)
        return len(content)

    def close(self) -> None:
        if self._rest:
            self._part(len(self._rest))

    def _part(self, size: int) -> None:
        content = bytes(self._rest[:size])
        del self._rest[:size]
        file = self.folder / f"{self.name}.{len(self.parts):02}"
        file.write_bytes(content)
        digest = hashlib.sha256(content).hexdigest()
        self.parts.append({"file": file.name, "bytes": size, "sha256": digest})


def parcel(files: Mapping[str, Path], folder: Path, name: str, limit: int, arguments: Sequence[str] = ()) -> list[str]:
    """Write these files, each under its name, as parts of at most `limit` bytes, and a manifest; gives the parts.

    The same files give the same bytes, whoever owns them and whenever they were written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob(f"{name}.[0-9][0-9]"):
        old.unlink()
    out = Cut(folder, name, limit)
    with tarfile.open(fileobj=out, mode="w|", format=tarfile.PAX_FORMAT) as tar:  # type: ignore[call-overload]
        for each, file in sorted(files.items()):
            entry = tarfile.TarInfo(each)
            entry.size = file.stat().st_size
            with file.open("rb") as content:
                tar.addfile(entry, content)
    out.close()
    manifest = {"parts": out.parts, "arguments": [*arguments]}
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=1), encoding="utf-8")
    return [str(part["file"]) for part in out.parts]


def slim(checkpoint: Path, file: Path) -> None:
    """What has to be taken home of a checkpoint: the averaged weights in half precision, the losses and the step."""
    with safe_open(checkpoint, "pt") as f:
        names = [name for name in f.keys() if name.startswith("average.")]  # noqa: SIM118 - no mapping
        kept = {name: f.get_tensor(name).half() for name in names} | {"losses": f.get_tensor("losses")}
        save_file(kept, file, f.metadata())


def restored(file: Path, checkpoint: Path) -> int:
    """A checkpoint again, with the average as its weights and no optimiser's memory; gives its step."""
    with safe_open(file, "pt") as f:
        kept = {name: f.get_tensor(name).float() for name in f.keys()}  # noqa: SIM118 - no mapping
        metadata = f.metadata()
    net = {f"net.{name.removeprefix('average.')}": v for name, v in kept.items() if name.startswith("average.")}
    checkpoint.parent.mkdir(parents=True, exist_ok=True)
    save_file(kept | {name: torch.clone(v) for name, v in net.items()}, checkpoint, metadata)
    return int(metadata["step"])
