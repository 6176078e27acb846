"""Every hand-in of the golden corpus is judged right: the one finding that it was made for, where it lies, and no other error."""

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from defects import TASKS, Defect, defects, packed
from handins import good

from limner.coursework.finding import RULES, Severity
from limner.coursework.handin import HandIn, Source, opened
from limner.coursework.specfile import published
from limner.coursework.validate import Eye, Report, judged

CASES = [each for task in TASKS for each in defects(task)]
EYE = Eye(published().limits, time.monotonic() + 3600)  # each picture is looked at once for all of the corpus


@contextmanager
def handed(pack: object, folder: Path) -> Iterator[HandIn]:
    file = folder / "handin.zip"
    file.write_bytes(pack if isinstance(pack, bytes) else packed(pack))  # type: ignore[arg-type]
    with opened("handin.zip", [Source(file, "handin.zip")], published().limits) as handin:
        yield handin


def report(pack: object, folder: Path) -> Report:
    with handed(pack, folder) as handin:
        return judged(handin, published(), EYE)


@pytest.mark.parametrize("task", TASKS)
def test_a_good_hand_in_has_nothing_wrong_with_it(task: str, tmp_path: Path) -> None:
    found = report(good(task), tmp_path)
    assert (found.findings, found.code) == ((), 0)
    assert [work.task.name for work in found.works] == [task]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.task}-{case.name}")
def test_a_defect_is_found_where_it_lies_and_nothing_else_is_an_error(case: Defect, tmp_path: Path) -> None:
    found = report(case.pack, tmp_path).findings
    places = [(each.rule, each.file, each.place.line, each.place.column) for each in found]
    assert (case.rule, case.file, case.line, case.column) in places, found
    others = [each for each in found if each.severity != Severity.WARNING and each.rule != case.rule]
    assert others == []
    assert places.count((case.rule, case.file, case.line, case.column)) == 1
    assert sum(each.rule == case.rule for each in found) == 1
    assert all(each.sentence and each.fix and "\n" not in each.sentence + each.fix for each in found)


def test_each_task_has_its_forty_and_each_rule_its_case() -> None:
    counts = Counter(case.task for case in CASES)
    assert min(counts[task] for task in TASKS) >= 40
    assert len({(case.task, case.name) for case in CASES}) == len(CASES)
    assert RULES.keys() - {case.rule for case in CASES} == {"file.missing"}  # which has a test of its own
