"""Harmless pictures that a filter would withhold are counted with their interval; the pages say what was counted."""

import json
import re
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from limner.errors import LimnerError
from limner.evaluation.filtered import Scored, counted, drawings, highest, photographs, plot, white

ROOT = Path(__file__).parents[2]
PAGES = (ROOT / "docs" / "course.md", ROOT / "src" / "limner" / "studio" / "web" / "pages" / "filter.html")


def corpus(**sets: int) -> SimpleNamespace:
    records = [SimpleNamespace(key=f"{name} {k}", set=name) for name, count in sets.items() for k in range(count)]
    return SimpleNamespace(records=records, image=lambda place, side: np.full((side, side, 4), (9, 9, 9, 0), np.uint8))


def test_alarms_are_counted_with_wilsons_interval() -> None:
    found = counted([0.1, 0.3, 0.6, 0.8, 0.95] + [0.0] * 95)
    assert (found.withheld, found.of, found.percent, found.highest) == (2, 100, 2.0, 0.95)
    assert found.interval == (0.0055, 0.07)  # Newcombe 1998, method 3, by hand: (p + z^2/2n -+ ...) / (1 + z^2/n)
    assert found.reached == {"0.2": 4, "0.5": 3, "0.8": 2}


def test_drawings_are_chosen_by_lot_from_each_set_and_stand_on_white() -> None:
    of = corpus(cats=10, dogs=3)
    chosen = [(name, group) for name, group, _ in drawings(of, 4, 0)]
    assert [group for _, group in chosen] == ["cats"] * 4 + ["dogs"] * 3
    assert chosen == [(name, group) for name, group, _ in drawings(of, 4, 0)]
    assert chosen != [(name, group) for name, group, _ in drawings(of, 4, 1)]
    assert (white(of, 0) == 255).all()


def test_photographs_are_found_in_folders_and_their_absence_is_said(tmp_path: Path) -> None:
    with pytest.raises(LimnerError, match="no picture in"):
        list(photographs(tmp_path))
    (tmp_path / "one").mkdir()
    Image.new("L", (4, 4), 7).save(tmp_path / "one" / "a.PNG")
    (tmp_path / "one" / "notes.txt").write_text("no picture")
    ((name, group, look),) = photographs(tmp_path)
    assert (name, group, look().shape) == ("one/a.PNG", "one", (4, 4, 3))


def test_what_was_measured_is_drawn(tmp_path: Path) -> None:
    look = lambda: np.zeros((8, 8, 3), np.uint8)  # noqa: E731
    plot({"drawn": [0.1, 0.2], "drawings": [0.9]}, tmp_path / "plot.png")
    highest([Scored("a", "drawn", 0.9, look)], tmp_path / "sheet.png")
    with Image.open(tmp_path / "plot.png") as curves, Image.open(tmp_path / "sheet.png") as pictures:
        assert curves.size[0] > 500
        assert pictures.size[0] > 100


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_pages_say_what_was_counted(page: Path) -> None:
    groups = json.loads((ROOT / "docs" / "figures" / "filter.json").read_text())["details"]["groups"]
    text = re.sub(r"[|*\s]+", " ", page.read_text(encoding="utf-8"))
    for found in groups.values():
        low, high = (f"{100 * each:.1f}" for each in found["interval"])
        assert re.search(rf"\b{found['withheld']} of {found['of']:,}\b[^.]*?\b{low} to {high}%", text), found
