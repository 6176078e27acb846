"""What came of it: totals with names, a results.json for each student as Gradescope reads it, and JUnit."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from xml.etree import ElementTree

from limner.coursework.grading.folder import Handin, Owner
from limner.coursework.grading.marks import Mark, sheet, standing, tidy
from limner.coursework.grading.roll import Student
from limner.coursework.grading.rubric import Rubric


@dataclass(frozen=True, slots=True)
class Result:
    """A hand-in with the marks that stand; of a student who handed nothing in there is neither."""

    student: Student
    handin: Handin | None
    marks: Mapping[str, Mark]
    rubric: Rubric

    @property
    def given(self) -> dict[str, Decimal]:
        """Points by criterion."""
        found = {each.name: self.marks[each.name].points for each in self.rubric.criteria if each.name in self.marks}
        return {name: value for name, value in found.items() if value is not None}

    @property
    def whole(self) -> bool:
        """Whether every criterion is marked."""
        return len(self.given) == len(self.rubric.criteria)

    @property
    def total(self) -> Decimal:
        return tidy(sum(self.given.values(), Decimal(0)))

    @property
    def state(self) -> str:
        if self.handin is None:
            return "nothing handed in"
        return "marked" if self.whole else f"{len(self.given)} of {len(self.rubric.criteria)} marked"


def results(
    owners: Sequence[Owner], handins: Mapping[str, Handin], rubric: Rubric, marks: Sequence[Mark],
    students: Sequence[Student] = (),
) -> list[Result]:  # fmt: skip
    """Of every hand-in, and of everybody on the roster who handed nothing in, in the order of their names."""
    stand = standing(marks)
    found = [
        Result(owner.student, handins[owner.handin], _of(owner.handin, stand), rubric)
        for owner in owners
        if owner.handin in handins
    ]
    here = {each.student.key for each in found}
    found += [Result(student, None, {}, rubric) for student in students if student.key not in here]
    return sorted(found, key=lambda each: (each.student.called.casefold(), each.student.key))


def _of(handin: str, stand: Mapping[tuple[str, str], tuple[int, Mark]]) -> dict[str, Mark]:
    return {name: mark for (of, name), (_, mark) in stand.items() if of == handin}


def totals(found: Sequence[Result], rubric: Rubric) -> bytes:
    """CSV: a row for each student; `-` nowhere, an empty cell where nothing is marked."""
    names = [each.name for each in rubric.criteria]
    columns = ["name", "mail", "number", "key", "handin", *names, "total", "of", "state", "comments"]
    return sheet(columns, [_row(each, names) for each in found])


def _row(each: Result, names: Sequence[str]) -> list[str]:
    student, given = each.student, each.given
    comments = "; ".join(f"{name}: {each.marks[name].comment}" for name in names if _comment(each, name))
    return [
        student.name, student.mail, student.number, student.key, each.handin.handin if each.handin else "",
        *(f"{given[name]:f}" if name in given else "" for name in names),
        f"{each.total:f}" if given else "", f"{each.rubric.points:f}", each.state, comments,
    ]  # fmt: skip


def _comment(each: Result, name: str) -> str:
    return each.marks[name].comment if name in each.marks else ""


def gradescope(each: Result) -> bytes:
    """The results.json of one student (Gradescope's documentation, "Output format"): a test for each criterion."""
    tests = [
        {
            "name": criterion.title,
            "number": str(number),
            "score": float(each.given[criterion.name]),
            "max_score": float(criterion.points),
            "output": _comment(each, criterion.name),
            "output_format": "text",
            "visibility": "visible",
        }
        for number, criterion in enumerate(each.rubric.criteria, 1)
        if criterion.name in each.given
    ]
    extra = {"handin": each.handin.handin, "sha256": each.handin.seen} if each.handin else {}
    told = {"score": float(each.total), "visibility": "visible", "tests": tests, "extra_data": extra}
    return (json.dumps(told, indent=2, ensure_ascii=False) + "\n").encode()


def filename(each: Result) -> str:
    """A file name for a student that any system takes, and no two of them share."""
    plain = re.sub(r"[^\w.-]+", "_", each.student.key).strip("._")[:80]
    return f"{plain or 'student'}-{each.handin.handin if each.handin else 'none'}.json"


def junit(found: Sequence[Result]) -> bytes:
    """JUnit XML without names: a suite for each hand-in, a case for each criterion.

    One whose task has errors fails, one that nobody has marked yet is skipped.
    """
    suites = ElementTree.Element("testsuites", name="limner course grade")
    for each in found:
        if each.handin is None:
            continue
        criteria = each.rubric.criteria
        failed = [criterion for criterion in criteria if criterion.task in each.handin.broken]
        skipped = [criterion for criterion in criteria if criterion not in failed and criterion.name not in each.given]
        counts = {"tests": len(criteria), "failures": len(failed), "skipped": len(skipped), "errors": 0}
        said = {name: str(count) for name, count in counts.items()}
        suite = ElementTree.SubElement(suites, "testsuite", {"name": each.handin.handin, **said})
        for criterion in criteria:
            case = ElementTree.SubElement(suite, "testcase", classname=each.handin.handin, name=criterion.name)
            if criterion in failed:
                ElementTree.SubElement(case, "failure", type="error", message="the task has errors, or is not there")
            elif criterion in skipped:
                ElementTree.SubElement(case, "skipped", message="not marked yet")
            if criterion.name in each.given:
                text = f"{each.given[criterion.name]:f} of {criterion.points:f}\n{_comment(each, criterion.name)}"
                ElementTree.SubElement(case, "system-out").text = _xml(text.strip())
    return (ElementTree.tostring(suites, encoding="unicode", xml_declaration=True) + "\n").encode()


def _xml(text: str) -> str:
    """Without what XML 1.0 cannot hold."""
    return "".join(each if each in "\n\t" or each.isprintable() else "\ufffd" for each in text)
