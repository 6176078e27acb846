"""Beside a picture on a sheet stands what its receipt proves, and that others have drawn the same accuses nobody."""

from pathlib import Path

from forgeries import HER, ME, Made, drawing, fresh, known
from handins import USUAL, good, packed

from limner.cli import main
from limner.coursework.books import FileBook
from limner.coursework.grading.folder import Folder
from limner.coursework.grading.gather import Desk, gathered
from limner.coursework.grading.roll import Student, sent
from limner.coursework.grading.vouching import words
from limner.coursework.specfile import published
from limner.recipe import DEFAULTS, Wish, resolve
from limner.studio.house import House


def made() -> Made:
    wish = Wish(prompt="a fox with a green scarf, woodcut, scene 1", seed=4_000_000_001)
    return Made(resolve(wish, {**DEFAULTS, **USUAL, "width": 128, "height": 128}), drawing(1), fresh())


def test_a_receipt_speaks_for_its_owner_and_against_nobody() -> None:
    mine = made()
    alone = FileBook([mine.entry], known(mine.key))
    both = FileBook([mine.entry, mine.by(HER).entry], known(mine.key))
    assert words("a.png", mine.file(), alone, [ME]).verdict == "made here by you"
    assert words("a.png", mine.file(), both, [ME]).verdict == "made here by you and 1 other"
    assert words("a.png", mine.file(), alone, [HER]).verdict == "made here, not by you"
    assert words("a.png", b"no picture", alone, [ME]).verdict == "unknown"


def test_it_stands_on_the_sheet_and_is_asked_anew_when_the_ledger_is_another(tmp_path: Path) -> None:
    mine, folder = made(), Folder(tmp_path / "out")
    folder.begun()
    zipped = packed({**good("story"), "story-1.jpg": mine.file("jpeg")}, tmp_path / "ada.zip")
    book = FileBook([mine.entry], known(mine.key))
    desk = Desk(published(), (), lambda student, name, data: words(name, data, book, [ME]), "a ledger")
    for trust, new in ((desk, True), (desk, False), (Desk(published()), True)):
        ((handin, fresh_),) = gathered(folder, sent([zipped]), [Student("ada", "Ada")], trust)
        assert fresh_ == new
        sheet = folder.told(handin.handin).read_text()
        assert ("made here by you" in sheet) == (trust is desk)


def test_a_studio_is_asked_from_the_command_line(tmp_path: Path) -> None:
    House(f"sqlite:///{tmp_path / 'studio.db'}", tmp_path / "pictures").store().database.close()
    zipped, out = packed(good("story"), tmp_path / "ada.zip"), tmp_path / "out"
    assert main(["course", "grade", str(zipped), "--out", str(out), "--studio", str(tmp_path)]) == 0
    (sheet,) = (out / "sheets").glob("*.html")
    assert sheet.read_text().count("<strong>unknown</strong>") == 6
    assert main(["course", "grade", str(zipped), "--out", str(out), "--studio", str(tmp_path / "none")]) == 2
