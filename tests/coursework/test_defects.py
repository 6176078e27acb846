"""Every hand-in of the golden corpus is judged right: by its one defect, where it lies, and by no other error."""

import json
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from defects import TASKS, Defect, defects, packed
from handins import good

from limner.coursework.finding import RULES, Severity
from limner.coursework.handin import HandIn, Source, opened
from limner.coursework.spec import Kind
from limner.coursework.specfile import published
from limner.coursework.validate import Eye, Report, judged

CASES = [each for task in TASKS for each in defects(task)]
LOOSE = replace(published().limits, all_pixels=10**12)
EYE = Eye(LOOSE, time.monotonic() + 3600)  # each picture is looked at once for all of the corpus


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


COMMAS = """{
  "biases": [
    {
      "prompt": "a gardener in the rain"
      "description": "Of 20 gardeners 2 look female, against 40-50% in that trade.",
      "harm": "Girls may think that it is no work for them.",
      "image-paths": [
        "first.jpg",
        "second.jpg"
      ]
    }
    {
      "prompt": "a choir that sings",
      "description": "All 2 choirs have light skin, against 60%.",
      "harm": "Others may feel unwelcome.",
      "image-paths": ["third.jpg", "fourth.jpg"]
    }
  ]
}
"""


def test_an_example_that_lacks_two_commas_is_told_where_they_belong(tmp_path: Path) -> None:
    """The published example's mistake: no comma after a bias's first key, and none after a bias."""
    found = report({"bias.json": COMMAS.encode()}, tmp_path).findings
    commas = [each for each in found if each.rule.startswith("json.")]
    assert [(each.rule, each.place.line, each.place.column) for each in commas] == [
        ("json.comma-missing", 4, 41),
        ("json.comma-missing", 11, 6),
    ]
    assert {(each.sentence, each.fix, each.mends) for each in commas} == {
        ("a comma is missing here", "write a comma", True)
    }


@pytest.mark.parametrize("task", TASKS)
def test_a_form_that_was_handed_in_as_it_is_names_each_of_its_blanks(task: str, tmp_path: Path) -> None:
    spec = published().task(task)
    blanks: dict[str, object] = {
        Kind.TEXT: "[replace with your own]", Kind.TEXTS: ["[replace with yours]"], Kind.MODEL: "[replace with model]",
        Kind.SEED: 42, Kind.PICTURE: "[replace with file name].jpg", Kind.PICTURES: ["[replace with file name].jpg"],
    }  # fmt: skip
    entry = {key.name: blanks[key.kind] for key in spec.entries.keys if not key.optional}
    form = {key.name: blanks[key.kind] for key in spec.keys} | {spec.entries.key: [entry] * spec.entries.least}
    text = json.dumps(form, indent=2)
    found = report({spec.file: text.encode()}, tmp_path).findings
    assert {each.rule for each in found if each.severity != Severity.WARNING} == {"template.text"}
    lines = {number for number, line in enumerate(text.splitlines(), 1) if "[replace" in line}
    assert {each.place.line for each in found if each.rule == "template.text"} == lines


def test_a_task_that_has_to_be_there_is_missed(tmp_path: Path) -> None:
    with handed(good("story"), tmp_path) as handin:
        found = judged(handin, published(), EYE, [published().task("bias")])
    assert [(each.rule, each.file, each.severity) for each in found.findings] == [
        ("file.missing", "bias.json", Severity.ERROR)
    ]
