"""A class is marked on paper sheets: nobody's name is on them, no wrong mark is taken, and none is ever lost."""

import csv
import io
import json
import re
import shutil
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from xml.etree import ElementTree

import pytest
from handins import good, packed
from PIL import Image

from limner.cli import main
from limner.coursework.grading.blind import HIDDEN, blind
from limner.coursework.grading.folder import Folder
from limner.coursework.grading.marks import Mark, WrongMarksError, cell, points, read, uncelled
from limner.coursework.grading.roll import Sent, Student, roster, sent, whose
from limner.coursework.grading.rubric import Criterion, Rubric, parsed, usual, written
from limner.coursework.specfile import published
from limner.errors import LimnerError

ROSTER = (
    "name,email,sid\nAda Lovelace,ada@example.org,1001\nBob Ross,bob@example.org,1002\n=Cy Two,cy@example.org,1003\n"
)
SIGNED = b"by Bob Ross (bob@example.org, 1002), bob_ross. A fox"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """The hand-ins of a small class, as Moodle names them: a good one, a signed one, one that is no zip."""
    (tmp_path / "roster.csv").write_text(ROSTER)
    folder = tmp_path / "class"
    folder.mkdir()
    packed(good("story"), folder / "Ada Lovelace_77_assignsubmission_file_ada.zip")
    files = {name.replace("story-1", "bob_ross-1"): data for name, data in good("story").items()}
    told = files["story.json"].replace(b'"A fox', b'"' + SIGNED).replace(b"story-1.jpg", b"bob_ross-1.jpg")
    files["story.json"] = told.replace(b"4000000003", b"12")
    packed(files, folder / "Bob Ross_78_assignsubmission_file_x.zip")
    (folder / "Cy Two_79_assignsubmission_file_x.zip").write_bytes(b"no zip")
    return tmp_path


def grade(place: Path, *args: str) -> int:
    return main(["course", "grade", "--out", str(place / "out"), "--roster", str(place / "roster.csv"), *args])


def begun(place: Path) -> Mapping[str, str]:
    """The names of the hand-ins, by their students' mails."""
    assert grade(place, str(place / "class"), "--marker", "tutor") == 0
    return {each.student.mail: each.handin for each in Folder(place / "out").owners()}


def rows(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8-sig"), newline="")))


def filled(place: Path, given: Mapping[tuple[str, str], tuple[str, str]], name: str = "marks.csv") -> Path:
    """A copy of the marks' file with these points and comments."""
    told = rows(place / "out" / "marks.csv")
    for row in told:
        if (key := (row["handin"], row["criterion"])) in given:
            row["points"], row["comment"] = given[key]
    path = place / name
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(told[0]))
        writer.writeheader()
        writer.writerows(told)
    return path


def test_nothing_that_a_marker_reads_says_whose_it_is(place: Path) -> None:
    names = begun(place)
    out = place / "out"
    read = [path for path in out.rglob("*") if path.is_file() and path.parent.name != "private"]
    assert {path.suffix for path in read} >= {".html", ".csv", ".json", ".jpg", ".css"}
    for path in read:
        assert re.search(rb"lovelace|bob|ross|1002|example\.org|assignsubmission", path.read_bytes(), re.I) is None, (
            path
        )
    assert (out / "private").stat().st_mode & 0o077 == 0
    sheet = (out / "sheets" / f"{names['bob@example.org']}.html").read_text()
    assert f"by {HIDDEN} ({HIDDEN}, {HIDDEN}), {HIDDEN}. A fox" in sheet
    assert "not what the JSON says" in sheet  # its third picture has another seed
    assert "picture.recipe" in sheet
    assert "<script" not in sheet
    assert re.findall(r'(?:src|href)="(?:https?:)?//', sheet) == []
    for link in re.findall(r'(?:src|href)="([^"#]+)"', sheet):
        assert (out / "sheets" / link).resolve().exists(), link
    with Image.open(next((out / "pictures").rglob("001.jpg"))) as picture:
        assert picture.getexif() == {}
        assert "xmp" not in picture.info
    assert "this is no zip that can be read" in (out / "sheets" / f"{names['cy@example.org']}.html").read_text()


def test_marks_go_in_and_come_out_as_totals_results_and_junit(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = begun(place)
    ada, bob = names["ada@example.org"], names["bob@example.org"]
    tasks = [each.name for each in usual(published()).criteria]
    given = {(ada, task): ("8.5", "=cmd|' /C calc'!A0") for task in tasks} | {(bob, "story"): ("7", "")}
    files = [str(place / name) for name in ("totals.csv", "results", "junit.xml")]
    marks = filled(place, given)
    args = ("--marks", str(marks), "--marker", "tutor", "--csv", files[0], "--results", files[1], "--junit", files[2])
    assert grade(place, *args) == 0
    told = {row["mail"]: row for row in rows(place / "totals.csv")}
    assert (told["ada@example.org"]["total"], told["ada@example.org"]["state"]) == ("34", "marked")
    assert (told["bob@example.org"]["story"], told["bob@example.org"]["state"]) == ("7", "1 of 4 marked")
    assert told["cy@example.org"]["total"] == ""
    for file in (place / "totals.csv", place / "out" / "marks.csv"):
        assert not [each for row in rows(file) for each in row.values() if each.startswith(("=", "+", "-", "@"))]
    assert "Bob Ross: 1 of 4 marked" in capsys.readouterr().err
    (result,) = (place / "results").iterdir()  # only of who is marked wholly
    said = json.loads(result.read_bytes())
    assert said["score"] == 34.0 == sum(test["score"] for test in said["tests"])
    for test in said["tests"]:
        assert {*test} == {"name", "number", "score", "max_score", "output", "output_format", "visibility"}
        assert 0 <= test["score"] <= test["max_score"]
    suites = {suite.get("name"): suite for suite in ElementTree.parse(place / "junit.xml").getroot()}
    assert {*suites} == {*names.values()}
    assert [len(suites[ada].findall(f"testcase/{what}")) for what in ("failure", "skipped")] == [3, 0]  # not handed in
    assert suites[bob].findtext("testcase[@name='story']/system-out") == "7 of 10"


WRONG = [
    ("points", "ten", "'ten' is no number; give 0 to 10"),
    ("points", "10.5", "10.5 is above 10, the most for bias; give 0 to 10"),
    ("points", "-3", "'-3' is no number of points; give 0 to 10"),
    ("points", "nan", "'nan' is no number of points; give 0 to 10"),
    ("points", "1e99", "1" + "0" * 99 + " is above 10, the most for bias; give 0 to 10"),
    ("points", "7.125", "'7.125' has more than two decimals; round it"),
    ("handin", "XXXX", "there is no hand-in 'XXXX'; see the names on index.html"),
    ("criterion", "beauty", "there is no criterion 'beauty'; choose from bias, movie-poster, open-ended, story"),
    ("criterion", "story", "stands in line 2 already; leave one of them"),
]


def test_every_wrong_mark_is_a_line_and_then_none_is_taken(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    begun(place)
    before = {path: path.read_bytes() for path in (place / "out").rglob("*") if path.is_file()}
    for number, (column, value, says) in enumerate(WRONG):
        told = rows(place / "out" / "marks.csv")
        told[0][column], told[1]["points"] = value, "3"
        wanted = 5 if value == "story" else 2
        path = place / f"wrong-{number}.csv"
        path.write_text("\n".join(",".join(each) for each in [list(told[0]), *[list(row.values()) for row in told]]))
        capsys.readouterr()
        assert grade(place, "--marks", str(path), "--marker", "tutor") == 2
        error = capsys.readouterr().err
        assert f"{path}:{wanted}: " in error
        assert says in error
        assert "no mark was taken" in error
    assert {path: path.read_bytes() for path in before} == before


def test_marks_are_kept_when_all_is_read_again(place: Path) -> None:
    names = begun(place)
    ada = names["ada@example.org"]
    out, own = place / "out", place / "out" / "marks.csv"
    filled(place, {(ada, "story"): ("8", "typed into the folder's own file")}).replace(own)
    packed(good("story"), place / "class" / "Dee Late_80_assignsubmission_file_d.zip")
    files = dict(good("story"))
    files["story.json"] = files["story.json"].replace(b"a friend", b"a stranger")
    packed(files, place / "class" / "Ada Lovelace_77_assignsubmission_file_ada.zip")
    again = begun(place)
    assert {**again, **names} == again  # who had a name keeps it
    assert len(Folder(out).handins()) == 4
    stand = {(row["handin"], row["criterion"]): row for row in rows(own)}
    assert stand[ada, "story"]["points"] == "8"
    assert "handed in anew since it was marked" in (out / "index.html").read_text()
    (mark,) = Folder(out).marks()
    assert (mark.by, mark.points, mark.comment) == ("tutor", Decimal(8), "typed into the folder's own file")
    assert mark.at.endswith("+00:00")
    made = {path: path.stat().st_mtime_ns for path in out.rglob("*.jpg")}
    begun(place)
    assert {path: path.stat().st_mtime_ns for path in made} == made  # what is as it was is not read anew


def test_a_folder_without_its_private_part_is_marked_but_not_mixed_up(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ada = begun(place)["ada@example.org"]
    (place / "out" / "private").rename(place / "elsewhere")
    assert grade(place, "--marks", str(filled(place, {(ada, "story"): ("8", "")})), "--marker", "tutor") == 0
    for more in ([str(place / "class")], ["--csv", str(place / "totals.csv")]):
        assert grade(place, *more) == 2
        assert "does not say whose is what" in capsys.readouterr().err
    shutil.rmtree(place / "out" / "private", ignore_errors=True)
    (place / "elsewhere").rename(place / "out" / "private")
    assert begun(place)["ada@example.org"] == ada


def test_two_who_mark_from_copies_do_not_undo_each_other(place: Path) -> None:
    names = begun(place)
    ada, bob = names["ada@example.org"], names["bob@example.org"]
    first = filled(place, {(ada, "story"): ("8", "one's")}, "one.csv")
    second = filled(place, {(bob, "story"): ("6", "two's")}, "two.csv")
    for path, who in ((first, "one"), (second, "two")):
        assert grade(place, "--marks", str(path), "--marker", who) == 0
    copy = filled(place, {(bob, "bias"): ("1", "")}, "three.csv")
    better = filled(place, {(ada, "story"): ("9", "one's, better")}, "four.csv")
    for path in (better, copy):
        assert grade(place, "--marks", str(path), "--marker", "one") == 0
    stand = {(row["handin"], row["criterion"]): row["points"] for row in rows(place / "out" / "marks.csv")}
    assert (stand[ada, "story"], stand[bob, "story"], stand[bob, "bias"]) == ("9", "6", "1")
    back = filled(place, {(bob, "bias"): ("-", "")}, "five.csv")
    assert grade(place, "--marks", str(back), "--marker", "one") == 0
    stand = {(row["handin"], row["criterion"]): row["points"] for row in rows(place / "out" / "marks.csv")}
    assert stand[bob, "bias"] == ""
    assert len(Folder(place / "out").marks()) == 5  # nothing that was ever said is gone


def test_an_older_copy_does_not_undo_a_newer_mark() -> None:
    rubric = usual(published())
    before = [Mark("AAAA", "story", Decimal(8), "", "one", "")]
    newer = [*before, Mark("AAAA", "story", Decimal(9), "better", "two", "")]
    for row in (("", "8", ""), ("1", "7", ""), ("1", "", "worse"), ("1", "-", ""), ("", "-", "")):
        with pytest.raises(WrongMarksError, match="somebody marked AAAA, story meanwhile; empty its points"):
            taken(rubric, row, newer)
    for row in (("1", "8", ""), ("", "9", "better"), ("", "", "")):
        assert taken(rubric, row, newer) == []  # as it was written, or as it stands
    (mark,) = taken(rubric, ("2", "7", ""), newer)
    assert mark.said == (Decimal(7), "better")


def taken(rubric: Rubric, row: tuple[str, str, str], marks: list[Mark]) -> list[Mark]:
    """What is new in a file of one row: its line, points and comment."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "marks.csv"
        path.write_text(f"handin,criterion,line,points,comment\nAAAA,story,{','.join(row)}\n")
        return read(path, {"AAAA": ""}, rubric, "two", "", marks)


def test_a_picture_with_votes_is_printed_without_a_name(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = begun(place)
    assert grade(place, "--print", str(place / "print")) == 2
    assert "no picture has a vote" in capsys.readouterr().err
    votes = place / "out" / "awards.csv"
    name = f"{names['bob@example.org']}-001"
    assert f'id="p-{name}"' in (place / "out" / "awards.html").read_text()
    votes.write_text(votes.read_text(encoding="utf-8-sig").replace(f"{name},", f"{name},3"))
    begun(place)
    assert {row["picture"]: row["votes"] for row in rows(votes)}[name] == "3"
    assert grade(place, "--print", str(place / "print"), "--credits", str(place / "credits.csv")) == 0
    assert "enlarged 98.6 times by interpolation" in capsys.readouterr().out
    with Image.open(place / "print" / f"{name}.png") as page:
        assert (page.size, round(page.info["dpi"][0])) == ((3508, 4961), 300)
    assert (place / "print" / f"{name}.pdf").read_bytes().startswith(b"%PDF")
    assert [(row["picture"], row["name"]) for row in rows(place / "credits.csv")] == [(name, "Bob Ross")]
    votes.write_text(f"picture,votes\n{name},many\n")
    assert grade(place, "--print", str(place / "other")) == 2
    assert "awards.csv:2: 'many' is no number of votes" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("Ada Lovelace_77_assignsubmission_file_x.zip", "Ada Lovelace"),
        ("lovelaceada_77_4711_hand-in.zip", "lovelaceada"),
        ("lovelaceada_LATE_77_4711_hand-in.zip", "lovelaceada"),
        ("submission_77.zip", "submission_77"),
        ("c5ada.zip", "c5ada"),
    ],
)
def test_files_say_whose_they_are(name: str, key: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(b"")
    (each,) = sent([tmp_path])
    assert each.key == key
    ada = Student("x", "Ada Lovelace", "c5ada@example.org", "submission_77")
    assert whose(each, [Student("y", "Bob", "bob@example.org"), ada]) == ada


def test_folders_of_a_class_and_of_one_hand_in(tmp_path: Path) -> None:
    for name in ("a/group_1/story.json", "a/group_2/only.zip", "a/__MACOSX/x.zip", "b/story.json"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    found = [(each.path.name, each.key) for each in sent([tmp_path / "a", tmp_path / "b"])]
    assert found == [("group_1", "group_1"), ("only.zip", "group_2"), ("b", "b")]
    (tmp_path / "c").mkdir()
    with pytest.raises(LimnerError, match="there is no hand-in"):
        sent([tmp_path / "c"])


def test_two_hand_ins_of_one_student_are_refused(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    packed(good("story"), place / "class" / "ada@example.org.zip")
    assert grade(place, str(place / "class")) == 2
    assert "two hand-ins are of Ada Lovelace" in capsys.readouterr().err


def test_a_roster_as_a_spreadsheet_writes_it(tmp_path: Path) -> None:
    path = tmp_path / "roster.csv"
    path.write_bytes("\ufeffLast name;First name;Email address\nLovelace;Ada;ada@example.org\n".encode())
    assert roster(path) == [Student("ada@example.org", "Ada Lovelace", "ada@example.org")]
    path.write_text("colour\nred\n")
    with pytest.raises(LimnerError, match="no column that says who is who"):
        roster(path)


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@sum", "\tx", "'quoted", "plain", ""])
def test_no_cell_is_a_formula_and_each_comes_back(text: str) -> None:
    assert not cell(text).startswith(("=", "+", "-", "@", "\t", "\r"))
    assert uncelled(cell(text)) == text


def test_a_rose_may_stay_where_rose_has_to_go() -> None:
    hide = blind(Student("roseyoung", "Rose Young", "ry@example.org", "4711"))
    assert hide.text("a rose, a young woman") == "a rose, a young woman"
    told = hide.text("Rose Young, young_rose, roseyoung, RY@example.org, 4711, Rose, 47112")
    assert told == f"{HIDDEN}, {HIDDEN}, {HIDDEN}, {HIDDEN}, {HIDDEN}, {HIDDEN}, 47112"
    assert hide.name("rose-01.jpg") == f"{HIDDEN}-01.jpg"


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("Li", "by Li: a list, lively", f"by {HIDDEN}: a list, lively"),
        ("Bo Li", "bo_li, Li Bo, a bolide", f"{HIDDEN}, {HIDDEN}, a bolide"),
        ("\u738b\u4f1f", "\u6211\u662f\u738b\u4f1f\u7684", f"\u6211\u662f{HIDDEN}\u7684"),  # within a sentence
        ("\u738b \u4f1f", "\u6211\u662f\u738b\u4f1f", f"\u6211\u662f{HIDDEN}"),
        ("\uae40\ubbfc\uc218", "\uae40\ubbfc\uc218\ub294", f"{HIDDEN}\ub294"),  # with an ending
        (
            "\u0e2a\u0e21\u0e0a\u0e32\u0e22",
            "\u0e19\u0e32\u0e22\u0e2a\u0e21\u0e0a\u0e32\u0e22",
            f"\u0e19\u0e32\u0e22{HIDDEN}",
        ),
        ("Ada", "\u6211\u662fAda\u7684", f"\u6211\u662f{HIDDEN}\u7684"),
        ("J\u00f6rg", "by Jo\u0308rg, joerg", f"by {HIDDEN}, joerg"),  # as a Mac writes it
        ("Jo\u0308rg", "by J\u00f6rg", f"by {HIDDEN}"),
        ("", "an o\u0308re", "an o\u0308re"),
    ],
)
def test_short_names_and_those_of_any_script_are_hidden(name: str, text: str, says: str) -> None:
    hide = blind(Student("12", name, "", "12"))
    assert hide.text(f"{text}; 12") == f"{says}; 12"
    assert hide.name(f"{text}.jpg") == f"{says}.jpg"


def test_points_are_exact() -> None:
    criterion = Criterion("a", "A", Decimal("2.5"))
    assert [points(text, criterion) for text in ("2.50", "0", "-0", " 1 ")] == [Decimal("2.5"), 0, 0, 1]
    assert f"{points('-0', criterion):f}" == "0"


RUBRIC = 'version = 1\n[[criteria]]\nname = "{name}"\npoints = {points}\n{more}'


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("version = 2", "version is 2"),
        ("version = 1", "has no criteria"),
        ("version = 1\n[criteria", "is not TOML"),
        (RUBRIC.format(name="A b", points=1, more=""), "name is 'A b'"),
        (RUBRIC.format(name="a", points=0, more=""), "points is 0"),
        (RUBRIC.format(name="a", points="nan", more=""), "points is nan"),
        (RUBRIC.format(name="a", points="true", more=""), "points is True"),
        (RUBRIC.format(name="a", points=1, more='task = "poem"'), "no task 'poem'"),
        (RUBRIC.format(name="a", points=1, more="colour = 1"), "no key 'colour'"),
        (RUBRIC.format(name="a", points=1, more='[[criteria]]\nname = "a"\npoints = 1'), "two criteria are called 'a'"),
    ],
)
def test_a_rubric_is_read_strictly(text: str, says: str) -> None:
    with pytest.raises(LimnerError, match=re.escape(says)):
        parsed(text, "rubric.toml", published())


def test_a_rubric_is_data(place: Path) -> None:
    rubric = 'version = 1\n[[criteria]]\nname = "story"\ntask = "story"\npoints = 12.5\nabout = "six \\"pictures\\""\n'
    (place / "mine.toml").write_text(rubric + '[[criteria]]\nname = "all"\ntitle = "All of it"\npoints = 2\n')
    assert grade(place, str(place / "class"), "--rubric", str(place / "mine.toml")) == 0
    assert {(row["criterion"], row["of"]) for row in rows(place / "out" / "marks.csv")} == {
        ("story", "12.5"),
        ("all", "2"),
    }
    kept = (place / "out" / "rubric.toml").read_text()
    assert written(parsed(kept, "kept", published())) == kept
    assert grade(place, str(place / "class")) == 0  # the folder remembers it
    assert (place / "out" / "rubric.toml").read_text() == kept


def test_there_is_nothing_to_mark(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["course", "grade", "--out", str(tmp_path / "out"), "--marks", "none.csv"]) == 2
    assert "is no marking folder yet; give the hand-ins, too" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_key_that_names_nobody_on_the_roster_is_said(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    packed(good("story"), place / "class" / "stranger.zip")
    assert grade(place, str(place / "class")) == 0
    assert "nobody on the roster is called stranger" in capsys.readouterr().err
    assert whose(Sent(Path("x"), "stranger"), roster(place / "roster.csv")) is None
