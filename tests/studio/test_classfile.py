"""A class file that is changed while the studio runs: a good one holds soon, a bad one is told and changes nothing."""

from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path

import pytest
from pupils import PLAIN, school

from limner.studio.classfile import EVERY, Classfile, classfile
from limner.studio.course import read
from limner.studio.register import Role
from limner.studio.web.coursework import Brief

TOML = '[course]\nname = "Graphics"\naddress = "http://127.0.0.1"\nmodels = ["mini"]\n'
BUDGET = '[[assignments]]\nname = "tries"\npictures = {}\n'


@dataclass
class Hours:
    now: float = 0.0

    def __call__(self) -> float:
        return self.now

    def pass_(self) -> None:
        self.now += EVERY


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "course.toml"
    path.write_text(TOML + BUDGET.format(3), encoding="utf-8")
    return path


def test_new_rules_hold_from_the_next_look_on(file: Path) -> None:
    hours, said = Hours(), list[str]()
    rules = Classfile(read(file), file, said.append, hours)
    assert rules.course.assignments[0].pictures == 3
    assert said == []  # it says what it said when the studio was started
    file.write_text(TOML + BUDGET.format(50), encoding="utf-8")
    assert rules.course.assignments[0].pictures == 3  # it was looked at just now
    hours.pass_()
    assert rules.course.assignments[0].pictures == 50
    assert said == ["the class file was changed: its new rules hold"]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (TOML + BUDGET.format(0), "pictures is 0; it has to be a whole number from 1"),
        (TOML + "[[assign", "is not TOML"),
        ("", "[course] is missing"),
        (TOML.replace("127.0.0.1", "studio.example.org"), "course.address is another; restart the studio"),
        (TOML.replace('"mini"', '"mini", "other"'), "course.models is another; restart the studio"),
        (None, "cannot read"),
    ],
)
def test_a_bad_file_changes_nothing_and_says_so_once(file: Path, text: str | None, why: str) -> None:
    hours, said = Hours(), list[str]()
    rules = Classfile(read(file), file, said.append, hours)
    before = rules.course
    if text is None:
        file.unlink()
    else:
        file.write_text(text, encoding="utf-8")
    for _ in range(3):
        hours.pass_()
        assert rules.course is before
        assert why in rules.fault
    assert len(said) == 1
    assert why in said[0]
    file.write_text(TOML + BUDGET.format(50), encoding="utf-8")
    hours.pass_()
    assert (rules.course.assignments[0].pictures, rules.fault) == (50, "")


def test_rules_without_a_file_are_for_ever() -> None:
    rules = classfile(PLAIN)
    assert (rules.course, classfile(rules)) == (PLAIN, rules)


def test_a_class_at_work_has_its_new_rules_and_who_teaches_reads_why_not(
    tmp_path: Path, file: Path, quick: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("limner.studio.classfile.EVERY", 0.0)
    rules = Classfile(read(file), file)
    with school(tmp_path, rules) as here, here.join("ada") as ada, here.join("eve", Role.INSTRUCTOR) as eve:
        assert "of 3 " in ada.get("/account").text
        file.write_text(TOML + BUDGET.format(50), encoding="utf-8")
        assert "of 50 " in ada.get("/account").text
        file.write_text(TOML + BUDGET.format(-1), encoding="utf-8")
        assert "of 50 " in ada.get("/account").text
        page = eve.get("/class").text
        assert "The class file is not used as it stands" in page
        assert "pictures is -1" in page
        file.write_text(TOML + BUDGET.format(50), encoding="utf-8")
        assert "is not used" not in eve.get("/class").text


def test_two_of_a_file_do_not_know_of_each_other(file: Path) -> None:
    """The web's process and the caretaker's each look for themselves."""
    one, two = (Classfile(read(file), file, clock=Hours(EVERY)) for _ in range(2))
    file.write_text(TOML + BUDGET.format(50), encoding="utf-8")
    assert one.course == two.course == replace(one.course)


RUBRIC = 'version = 1\n[[criteria]]\nname = "all"\npoints = {}\n'


def test_a_rubric_holds_soon_when_it_is_changed_and_when_another_is_named(file: Path) -> None:
    hours, brief = Hours(), Brief()
    first, other = (file.with_name(name) for name in ("rubric.toml", "other.toml"))
    rules = Classfile(read(file), file, clock=hours)
    assert len(brief.of(rules.course.course)[1].criteria) == 4  # the usual
    for path, points in ((first, 10), (other, 200)):
        path.write_text(RUBRIC.format(points))
        file.write_text(TOML + f'rubric = "{path.name}"\n', encoding="utf-8")
        hours.pass_()
        assert brief.of(rules.course.course)[1].points == points
    other.write_text(RUBRIC.format("3000"))
    hours.pass_()
    assert brief.of(rules.course.course)[1].points == 200
    assert "other.toml" in rules.fault  # the page of the class says why
    other.write_text(RUBRIC.format("30.5"))
    hours.pass_()
    assert brief.of(rules.course.course)[1].points == Decimal("30.5")
    assert rules.fault == ""
