"""Students hand in, those who teach mark without knowing whom, and what was wrong is looked at again."""

import io
import re
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import httpx2 as httpx
import pytest
from handins import good, packed
from persons import PASSWORD
from pupils import PLAIN, School, school

from limner.studio.archive import backup, opened
from limner.studio.course import Assignment
from limner.studio.handed import HANDINS
from limner.studio.people import log
from limner.studio.people.handing import Handing, sweep
from limner.studio.people.retention import retire
from limner.studio.register import Role

pytestmark = pytest.mark.usefixtures("quick")
TASKS = ("bias", "movie-poster", "open-ended", "story")
COURSE = replace(PLAIN, assignments=(Assignment(name="Pictures"), Assignment(name="old", closes=1.0)))


@dataclass(frozen=True)
class Class:
    """A class in which one student has handed in."""

    here: School
    ada: httpx.Client
    bob: httpx.Client
    tom: httpx.Client
    eve: httpx.Client
    handin: str

    def marked(self, who: httpx.Client, **points: str) -> httpx.Response:
        page = who.get(f"/course/grade/{self.handin}").text
        line = re.search(r'name="line" value="(\d+)"', page)
        assert line
        typed = {f"points-{task}": points.get(task.replace("-", "_"), "7.5") for task in TASKS}
        comments = {f"comment-{task}": f"on {task}" for task in TASKS}
        return who.post(f"/course/grade/{self.handin}", data={"line": line[1], **typed, **comments})


def sent(who: httpx.Client, data: bytes, name: str = "hand-in.zip", assignment: str = "Pictures") -> httpx.Response:
    files = {"zip": (name, data, "application/zip")}
    return who.post("/course/handin", data={"assignment": assignment}, files=files)


def signed(folder: Path) -> bytes:
    """A hand-in in which its author says who it is wherever one can."""
    files = {name.replace("story-1", "bob-1"): data for name, data in good("story").items()}
    told = files["story.json"].replace(b'"A fox', b'"by Bob, bob@example.org. A fox')
    files["story.json"] = told.replace(b"story-1.jpg", b"bob-1.jpg")
    return packed(files, folder / "signed.zip").read_bytes()


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Class]:
    folder = tmp_path_factory.mktemp("class")
    with ExitStack() as stack:
        here = stack.enter_context(school(folder, COURSE))
        roles = {"ada": Role.STUDENT, "bob": Role.STUDENT, "tom": Role.ASSISTANT, "eve": Role.INSTRUCTOR}
        ada, bob, tom, eve = (stack.enter_context(here.join(name, role)) for name, role in roles.items())
        assert sent(bob, signed(folder), "bobs_work.zip").headers["location"] == "/course/handin?done=1"
        (handin,) = re.findall(r'href="/course/grade/([A-Z]+)"', tom.get("/course/grade").text)
        yield Class(here, ada, bob, tom, eve, handin)


def test_what_is_handed_in_is_checked_and_has_a_receipt(place: Class) -> None:
    page = place.bob.get("/course/handin").text
    assert "bobs_work.zip" in page
    assert re.search(r"<code class=\"long\">[0-9a-f]{64}</code>", page)
    assert "Marks are not out yet" in page
    broken = sent(place.bob, b"no zip")
    assert (broken.status_code, "this is no zip that can be read" in broken.text) == (422, True)
    assert sent(place.bob, b"").status_code == 422
    late = sent(place.bob, b"x", assignment="old")
    assert (late.status_code, "old closed on" in late.text) == (403, True)
    assert sent(place.bob, b"x", assignment="nothing").status_code == 404
    assert "bobs_work.zip" in place.bob.get("/course/handin").text  # what was there stays
    mine = place.bob.get(f"/course/handin/{place.handin}.zip").content
    assert "story.json" in zipfile.ZipFile(io.BytesIO(mine)).namelist()
    assert place.ada.get(f"/course/handin/{place.handin}.zip").status_code == 404


def test_no_page_of_marking_says_whose_it_is_until_an_instructor_lifts_it(place: Class) -> None:
    assert place.marked(place.tom).status_code == 303
    pages = [f"/course/grade/{place.handin}", "/course/grade", "/course/awards", "/course/remarks"]
    who = place.here.people["bob"].id
    for path in pages:
        text = re.sub(r'<nav aria-label="The course">.*?</form>', "", place.tom.get(path).text, flags=re.S)
        assert re.search(rf"bob|{who}|example\.org", text, re.I) is None, path
    asked = place.tom.get(f"{pages[0]}?receipts=1").text
    assert asked.count("<td>unknown</td>") == 6
    assert re.search(rf"bob|{who}|example\.org", asked.replace("Tom", ""), re.I) is None
    text = place.tom.get(pages[0]).text
    assert "by [student], [student]. A fox lost its scarf" in text
    picture = place.tom.get(f"/course/pictures/{place.handin}/001.jpg")
    assert (picture.status_code, picture.headers["content-type"]) == (200, "image/jpeg")
    assert b"limner" not in picture.content
    assert place.tom.post(f"{pages[0]}/lift").status_code == 403
    assert place.eve.post(f"{pages[0]}/lift").status_code == 303
    assert "Handed in by Bob, bob@example.org" in place.eve.get(pages[0]).text
    assert "Handed in by" not in place.tom.get(pages[0]).text
    deeds = [line for line in log.lines(place.here.store.database) if line.deed == "lifted blind marking"]
    assert [(line.actor, line.detail) for line in deeds] == [(place.here.people["eve"].id, {"handin": place.handin})]


def test_a_wrong_mark_and_one_that_comes_too_late_are_refused(place: Class) -> None:
    page = f"/course/grade/{place.handin}"
    for typed, says in (("11", "11 is above 10, the most for bias"), ("ten", "is no number"), ("-1", "no number of")):
        answer = place.marked(place.tom, bias=typed)
        assert (answer.status_code, says in answer.text) == (422, True)
        assert f'value="{typed}"' in answer.text  # what was typed is still there
    assert place.marked(place.tom, bias="6").status_code == 303
    stale = place.tom.post(page, data={"line": "1", "points-bias": "1"})
    assert (stale.status_code, "somebody marked it meanwhile" in stale.text) == (409, True)
    assert 'value="6"' in place.tom.get(page).text


def test_students_read_what_is_released_ask_again_and_are_answered(place: Class) -> None:
    place.marked(place.tom)
    early = place.bob.post(f"/course/handin/{place.handin}/remark", data={"text": "why?"})
    assert (early.status_code, "not marked yet" in early.text) == (409, True)
    assert place.tom.post("/course/release", data={"assignment": "Pictures"}).status_code == 403
    assert place.eve.post("/course/release", data={"assignment": "Pictures"}).status_code == 303
    page = place.bob.get("/course/handin").text
    assert "Marks: 30 of 40" in page
    assert "on story" in page
    ask = f"/course/handin/{place.handin}/remark"
    assert place.ada.post(ask, data={"text": "mine?"}).status_code == 404
    assert place.bob.post(ask, data={"text": " "}).status_code == 422
    assert place.bob.post(ask, data={"text": "<b>story</b>, please"}).status_code == 303
    again = place.bob.post(ask, data={"text": "and bias"})
    assert (again.status_code, "you have asked already" in again.text) == (409, True)
    told = place.tom.get("/course/remarks").text
    assert "&lt;b&gt;story&lt;/b&gt;, please" in told
    (remark,) = re.findall(r'action="/course/remarks/(\w+)"', told)
    assert place.bob.post(f"/course/remarks/{remark}", data={"text": "yes"}).status_code == 403
    assert place.marked(place.tom, story="9").status_code == 303
    assert place.tom.post(f"/course/remarks/{remark}", data={"text": "You are right."}).status_code == 303
    page = place.bob.get("/course/handin").text
    assert "Marks: 31.5 of 40" in page
    assert "You are right." in page
    deeds = [line.deed for line in log.lines(place.here.store.database)]
    assert {"handed in", "marked", "released marks", "asked for a remark", "answered a remark request"} <= {*deeds}


def test_marks_are_taken_along_by_an_instructor(place: Class) -> None:
    place.marked(place.tom)
    told = place.eve.get("/course/marks.csv").text
    assert "Bob,bob@example.org" in told
    assert place.tom.get("/course/marks.csv").status_code == 403


def test_pictures_are_chosen_without_names_and_printed(place: Class) -> None:
    page = place.tom.get("/course/awards").text
    assert page.count("<article") == 6
    assert place.eve.get("/course/awards/print.zip").status_code == 409
    for who in (place.tom, place.eve):
        assert who.post(f"/course/awards/{place.handin}/2").status_code == 303
    assert place.tom.post(f"/course/awards/{place.handin}/7").status_code == 404
    assert place.tom.post(f"/course/awards/{place.handin}/1").status_code == 303
    assert place.tom.post(f"/course/awards/{place.handin}/1").status_code == 303  # and not any more
    assert f"{place.handin}-002: 2 votes" in place.tom.get("/course/awards?chosen=1").text
    printed = zipfile.ZipFile(io.BytesIO(place.eve.get("/course/awards/print.zip").content))
    assert printed.namelist() == [f"{place.handin}-002.pdf"]
    assert b"bob@example.org" not in printed.read(printed.namelist()[0]).lower()
    assert f"{place.handin}-002,2,Bob,bob@example.org" in place.eve.get("/course/awards/credits.csv").text
    assert place.tom.get("/course/awards/credits.csv").status_code == 403


def test_doors_open_by_role(place: Class) -> None:
    paths = ("/course/grade", f"/course/grade/{place.handin}", f"/course/pictures/{place.handin}/001.jpg",
             "/course/remarks", "/course/awards", "/course/marks.csv")  # fmt: skip
    for path in paths:
        assert place.bob.get(path).status_code == 403, path
    assert place.tom.get("/course/grade/XXXX").status_code == 404
    for number in ("007", "../", "0", "abc"):
        assert place.tom.get(f"/course/pictures/{place.handin}/{number}.jpg").status_code == 404


def test_what_was_handed_in_is_ones_own_and_goes_with_one(tmp_path: Path, quick: object) -> None:
    with school(tmp_path) as here, here.join("bob") as bob, here.join("eve", Role.INSTRUCTOR) as eve:
        for data in (signed(tmp_path), packed(good("story"), tmp_path / "other.zip").read_bytes()):
            assert sent(bob, data, assignment="Graphics").status_code == 303
        database, vault = here.store.database, here.here.house.vault()
        (handin,) = re.findall(r'href="/course/grade/([A-Z]+)"', eve.get("/course/grade").text)  # one, not two
        assert len(list(vault.handins.names())) == 2
        sweep(database, vault, age=0.0)
        (kept,) = vault.handins.names()
        told = zipfile.ZipFile(io.BytesIO(bob.get("/account/export").content))
        assert told.read(f"handins/{handin}.zip") == vault.handins.read(kept)
        assert kept in told.read("handins.json").decode()
        backup(database, vault, tmp_path / "studio.zip")
        with opened(tmp_path / "studio.zip") as archive:
            archive.verify()
            assert archive.content.handins == (kept,)
        assert retire(database, vault, here.course).jobs == 0
        assert bob.post("/account/delete", data={"password": PASSWORD}).status_code == 200
        assert database.read(lambda connection: connection.execute(HANDINS.select()).all()) == []
        sweep(database, vault, age=0.0)
        assert list(vault.handins.names()) == []
        assert list((tmp_path / "sheets").iterdir()) == []
        assert "Nothing is handed in yet" in eve.get("/course/grade").text


def test_what_arrived_before_the_last_day_is_taken_after_it(
    tmp_path: Path, quick: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    with school(tmp_path, COURSE) as here, here.join("bob") as bob:
        assert sent(bob, signed(tmp_path), assignment="old").status_code == 403
        monkeypatch.setattr(Handing, "now", lambda self: 0.5)  # it has waited for its turn since then
        assert sent(bob, signed(tmp_path), assignment="old").status_code == 303
