"""Two processes that write the same files at once do not take each other's halves."""

from pathlib import Path

import pytest

from limner.evaluation import nearest
from limner.pictures.sets import Corpus


def test_another_process_may_be_faster(corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    replace, late = Path.replace, list[Path]()

    def overtaken(self: Path, target: Path) -> Path:
        if not late:
            late.append(self)
            list(nearest.build(corpus, tmp_path))
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", overtaken)
    list(nearest.build(corpus, tmp_path))
    assert late
    left = [each.name for each in tmp_path.iterdir()]
    assert left
    assert not [name for name in left if name.startswith(".")]
