"""A slice of `make fuzz-course`; and what watches over it does see a crash, a write elsewhere and a bomb."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from bent import WAYS, Case, Outcome, Watch, cases, figure, wrong

HERE = Path(__file__).parent
FIGURE = HERE.parents[1] / "docs" / "figures" / "fuzz-course.json"


def test_a_slice_of_broken_hand_ins_is_judged(tmp_path: Path) -> None:
    """In a process of its own, whose memory is then its own, too."""
    out = tmp_path / "fuzz.json"
    command = [
        sys.executable,
        str(HERE / "bent.py"),
        "--count",
        "60",
        "--seed",
        "1",
        "--workers",
        "1",
        "--out",
        str(out),
    ]
    there = {**os.environ, "PYTHONPATH": ":".join(sys.path)}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=there)
    assert done.returncode == 0, done.stdout + done.stderr
    told = json.loads(out.read_text(encoding="utf-8"))
    assert (told["hand-ins"], told["crashes"], told["writes outside the work folder"], told["bad"]) == (60, 0, 0, [])


def test_a_case_is_its_number_and_the_seed() -> None:
    first, again = list(cases(range(20), 3)), list(cases(range(10, 20), 3))
    assert first[10:] == again
    assert isinstance(first[0], Case)
    assert first != list(cases(range(20), 4))


def test_the_watch_sees_what_is_written_elsewhere(tmp_path: Path) -> None:
    watch = Watch()
    (tmp_path / "room").mkdir()
    watch.room = str(tmp_path / "room")
    (tmp_path / "room" / "fine").write_text("x")
    assert watch.found == []
    (tmp_path / "elsewhere").write_text("x")
    (tmp_path / "elsewhere").rename(tmp_path / "further")
    watch.room = ""
    assert [line.split()[0] for line in watch.found] == ["open", "os.rename"]


def test_what_misses_a_target_is_told() -> None:
    fine = Outcome(0, WAYS[0][0], 1, 0.1, 0.1, 90.0, "", (), False)
    bad = [
        replace(fine, code=3), replace(fine, seconds=9.0), replace(fine, peak=301.0), replace(fine, fault="x"),
        replace(fine, outside=("/etc",)), replace(fine, kind="a bomb", bomb=True, code=0),
    ]  # fmt: skip
    bad = [replace(each, number=number) for number, each in enumerate(bad, 1)]
    assert [wrong(each) for each in (fine, *bad)] == [False, *[True] * 6]
    assert [each["number"] for each in figure([fine, *bad], 1)["bad"]] == [1, 2, 3, 4, 5, 6]  # type: ignore[index,attr-defined]


def test_the_figure_is_of_ten_thousand_and_has_no_bad_one() -> None:
    told = json.loads(FIGURE.read_text(encoding="utf-8"))
    assert told["hand-ins"] == 10_000
    assert told["crashes"] == told["writes outside the work folder"] == told["above 5 seconds of the processor"] == 0
    assert told["bombs stopped"] == told["bombs"] > 100
    assert told["peak memory of a process, MB"] <= 300
