"""Four sentences, four pictures, one sheet."""

import json
from collections.abc import Callable
from pathlib import Path

from limner.cli.demo import SENTENCES
from limner.metadata import read

Limner = Callable[..., tuple[int, str, str]]


def test_four_pictures_and_a_sheet(limner: Limner) -> None:
    code, out, _ = limner("demo", "--model", "tiny")
    *lines, last = out.splitlines()
    assert code == 0
    for line, sentence in zip(lines, SENTENCES, strict=True):
        recipe = read(Path(line.split()[0])).recipe
        assert recipe is not None
        assert recipe.prompt == sentence
        assert line.endswith(f" s  {sentence}")
    assert Path(last.split()[0]).name == "00005-demo.png"
    report = json.loads(limner("demo", "--model", "tiny", "--json")[1])
    assert len(report["pictures"]) == 4
    assert Path(report["sheet"]).exists()
