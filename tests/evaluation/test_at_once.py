"""Two processes that write the same files at once do not take each other's halves."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from limner.evaluation import nearest
from limner.evaluation.drawn import written
from limner.pictures.build import _replace
from limner.pictures.sets import Corpus


@pytest.mark.parametrize(
    "write",
    [
        lambda _, folder: written(folder / "a.png", lambda part: part.write_bytes(b"whole")),
        lambda _, folder: _replace(folder / "a.zip", b"whole"),
        lambda corpus, folder: list(nearest.build(corpus, folder)),
    ],
    ids=["drawn", "corpus", "nearest"],
)
def test_another_process_may_be_faster(
    write: Callable[[Corpus, Path], object], corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace, late = Path.replace, list[Path]()

    def overtaken(self: Path, target: Path) -> Path:
        if not late:
            late.append(self)
            with monkeypatch.context() as other:
                other.setattr(os, "getpid", lambda: 0)
                write(corpus, tmp_path)
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", overtaken)
    write(corpus, tmp_path)
    assert late
    left = [each.name for each in tmp_path.iterdir()]
    assert left
    assert not [name for name in left if name.startswith(".") or name.endswith(".part")]
