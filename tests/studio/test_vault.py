"""A picture's file is whole, on the disk, and called by its content; or it is not there."""

import errno
import os
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

import pytest
from faults import Faulty, Struck

from limner.errors import LimnerError
from limner.studio.vault import Local, Vault

DATA = b"a picture" * 100
NAME = sha256(DATA).hexdigest()
pytestmark = pytest.mark.tiny


@dataclass
class Witness:
    """The file system, and what was done in which order."""

    local: Local = field(default_factory=Local)
    seen: list[str] = field(default_factory=list)

    def write(self, path: Path, data: bytes) -> None:
        self.seen.append("write")
        self.local.write(path, data)

    def rename(self, old: Path, new: Path) -> None:
        self.seen.append("rename")
        self.local.rename(old, new)

    def sync(self, folder: Path) -> None:
        self.seen.append(f"sync {folder.name}")
        self.local.sync(folder)


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_what_is_kept_is_read(tmp_path: Path) -> None:
    vault = Vault(tmp_path / "pictures")
    assert vault.keep(DATA) == NAME
    assert vault.read(NAME) == DATA
    assert files(tmp_path) == [tmp_path / "pictures" / NAME[:2] / f"{NAME}.png"]
    assert list(vault.names()) == [NAME]


def test_a_file_is_durable_before_it_has_a_name_and_its_name_before_anybody_is_told(tmp_path: Path) -> None:
    disk = Witness()
    Vault(tmp_path / "pictures", disk).keep(DATA)
    assert disk.seen == ["write", "rename", f"sync {NAME[:2]}", "sync pictures", f"sync {tmp_path.name}"]


def test_what_stands_there_is_left_alone(tmp_path: Path) -> None:
    vault = Vault(tmp_path)
    vault.keep(DATA)
    (path,) = files(tmp_path)
    before = path.stat()
    again = Witness()
    assert Vault(tmp_path, again).keep(DATA) == NAME
    assert path.stat().st_ino == before.st_ino
    assert path.stat().st_mtime_ns > before.st_mtime_ns  # but that somebody wanted it is to be seen
    assert "write" not in again.seen
    assert again.seen[0] == f"sync {NAME[:2]}"  # who wrote it may have died before that


def test_damage_is_an_error_that_names_the_file_and_is_made_good_by_the_same_picture(tmp_path: Path) -> None:
    vault = Vault(tmp_path)
    vault.keep(DATA)
    path = vault.path(NAME)
    path.write_bytes(DATA[:-1] + b"?")
    with pytest.raises(LimnerError, match=f"{NAME}.png is damaged"):
        vault.read(NAME)
    assert vault.keep(DATA) == NAME
    assert vault.read(NAME) == DATA
    path.unlink()
    with pytest.raises(LimnerError, match=f"cannot read .*{NAME}.png: No such file"):
        vault.read(NAME)


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO])
@pytest.mark.parametrize("at", range(1, 6))
def test_a_disk_that_fails_at_any_point_leaves_nothing_half_written(tmp_path: Path, at: int, code: int) -> None:
    disk = Faulty(at, code)
    with pytest.raises(OSError, match=os.strerror(code)):
        Vault(tmp_path, disk).keep(DATA)
    assert [path.read_bytes() for path in files(tmp_path)] in ([], [DATA])
    assert Vault(tmp_path).keep(DATA) == NAME
    assert Vault(tmp_path).read(NAME) == DATA
    assert not Vault(tmp_path).parts()


@pytest.mark.parametrize("at", range(1, 6))
def test_who_dies_at_any_point_leaves_no_torn_file_under_a_name(tmp_path: Path, at: int) -> None:
    vault = Vault(tmp_path, Faulty(at))
    with pytest.raises(Struck):
        vault.keep(DATA)
    for name in Vault(tmp_path).names():
        assert Vault(tmp_path).read(name) == DATA
    assert Vault(tmp_path).keep(DATA) == NAME


def test_what_was_kept_a_while_ago_is_removed(tmp_path: Path) -> None:
    vault = Vault(tmp_path)
    vault.keep(DATA)
    assert not vault.remove(NAME, age=60)
    assert vault.read(NAME) == DATA
    os.utime(vault.path(NAME), (1, 1))
    vault.keep(DATA)
    assert not vault.remove(NAME, age=60)  # kept again
    os.utime(vault.path(NAME), (1, 1))
    assert vault.remove(NAME, age=60)
    assert files(tmp_path) == []
    assert vault.remove(NAME, age=60)  # there is none any more


def test_what_is_kept_while_it_is_removed_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the look and the removal: it had taken another name by then, and is given its own again."""
    vault, ages = Vault(tmp_path), iter([100.0, 0.0])
    vault.keep(DATA)
    monkeypatch.setattr("limner.studio.vault._age", lambda path: next(ages))
    assert not vault.remove(NAME, age=60)
    assert vault.read(NAME) == DATA
    assert vault.parts() == []
