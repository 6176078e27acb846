"""The people of a course in the hands of those who teach, without a script."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from persons import PASSWORD
from postbox import Box, server
from pupils import School, school, under
from served import WISH

from limner.studio.course import Assignment, Doors
from limner.studio.people.person import find
from limner.studio.register import Role, Standing

pytestmark = pytest.mark.usefixtures("quick")
ROSTER = b"name,mail,role\nAda,ada@example.org,\nTom,tom@example.org,assistant\n"


@pytest.fixture
def here(tmp_path: Path, quick: object) -> Iterator[School]:
    with school(tmp_path, under(assignments=(Assignment(name="story", pictures=3),))) as found:
        yield found


def test_a_roster_becomes_links_to_print_each_of_which_lets_one_in(here: School) -> None:
    with here.join("eve", Role.INSTRUCTOR) as eve, here.browser() as ada:
        page = eve.post("/people/invite", data={"how": "sheet"}, files={"table": ("class.csv", ROSTER, "text/csv")})
        links = re.findall(r"<code>http://127\.0\.0\.1(/join/[\w-]+)</code>", page.text)
        assert len(links) == 2
        assert page.headers["cache-control"] == "no-store"
        assert ada.post(links[0], data={"password": PASSWORD, "again": PASSWORD}).status_code == 303
        listed = eve.get("/people").text
        assert re.search(r">Ada</a></th><td>ada@example.org</td><td>student</td><td>active<", listed)
        assert re.search(r">Tom</a></th><td>tom@example.org</td><td>assistant</td><td>invited<", listed)
        again = eve.post("/people/invite", files={"table": ("class.csv", ROSTER, "text/csv")})
        assert "Nobody was invited" in again.text
        pending = eve.post("/people/pending", data={"how": "sheet"}).text
        assert "<h2>Tom</h2>" in pending
        assert "<h2>Ada</h2>" not in pending
        assert ada.get(links[1]).status_code == 404  # that is void now


@pytest.mark.parametrize(
    ("sent", "file", "line"),
    [
        ({}, b"name,mail\nAda,ada\n", "class.csv, line 2, column 2 (mail): &#39;ada&#39; is no mail address"),
        ({}, b"\xff\xfe", "is not UTF-8"),
        ({"name": "Ada", "mail": "ada"}, b"", "mail: &#39;ada&#39; is no mail address"),
        ({"name": "", "mail": "ada@example.org"}, b"", "name: &#39;&#39; is no name"),
        ({"name": "Ada", "mail": "ada@example.org", "role": "dean"}, b"", "&#39;dean&#39; is no role"),
        ({"name": "Ada", "mail": "ada@example.org", "how": "mail"}, b"", "the class file names no mail server"),
    ],
)
def test_who_cannot_be_invited_is_told_in_one_line(here: School, sent: dict[str, str], file: bytes, line: str) -> None:
    with here.join("eve", Role.INSTRUCTOR) as eve:
        files = {"table": ("class.csv", file, "text/csv")} if file else None
        answer = eve.post("/people/invite", data=sent, files=files)
        assert (answer.status_code, line in answer.text) == (422, True)
        assert "ada@example.org" not in eve.get("/people").text


def test_invitations_go_by_mail_and_who_was_not_reached_is_told(tmp_path: Path) -> None:
    box = Box()
    with (
        server(box) as posted,
        school(tmp_path, under(mail=posted.mail)) as here,
        here.join("eve", Role.INSTRUCTOR) as eve,
    ):
        sent = eve.post("/people/invite", data={"name": "Ada", "mail": "ada@example.org", "how": "mail"})
        assert "Sent to 1: ada@example.org" in sent.text
        assert "/join/" not in sent.text
        assert "/join/" in box.letters[0].get_content()
        lost = eve.post("/people/invite", data={"name": "No", "mail": "moved@example.org", "how": "mail"})
        assert "moved@example.org was not reached: 550 no such mailbox" in lost.text


def test_an_account_is_suspended_readmitted_signed_out_and_given_another_role_and_a_link(here: School) -> None:
    with here.join("eve", Role.INSTRUCTOR) as eve, here.join("ada") as ada:
        page = f"/people/{here.people['ada'].id}"
        assert "ada@example.org, student, active" in eve.get(page).text
        assert eve.post(f"{page}/sign-out").status_code == 303
        assert ada.get("/account").status_code == 303
        eve.post(f"{page}/suspend")
        assert "Readmit" in eve.get(page).text
        shut = ada.post("/sign-in", data={"mail": "ada@example.org", "password": PASSWORD})
        assert (shut.status_code, "this account is suspended" in shut.text) == (403, True)
        assert "readmit them first" in eve.post(f"{page}/link").text
        eve.post(f"{page}/readmit")
        assert find(here.store.database, "ada@example.org").standing == Standing.ACTIVE
        eve.post(f"{page}/role", data={"role": "assistant"})
        assert find(here.store.database, "ada@example.org").role == Role.ASSISTANT
        assert "is no role" in eve.post(f"{page}/role", data={"role": "dean"}).text
        link = re.findall(r"/join/[\w-]+", eve.post(f"{page}/link", data={"how": "sheet"}).text)
        assert len(link) == 1
        own = f"/people/{here.people['eve'].id}"
        for deed, sent in (("suspend", {}), ("role", {"role": "student"})):
            last = eve.post(f"{own}/{deed}", data=sent)
            assert (last.status_code, "left without an instructor" in last.text) == (409, True)
        assert eve.get("/people/nobody").status_code == 404


def test_a_student_is_given_more_and_it_is_in_the_log(here: School) -> None:
    with here.join("eve", Role.INSTRUCTOR) as eve, here.join("ada") as ada:
        page = f"/people/{here.people['ada'].id}"
        for more, line in (("many", "is no number"), ("0", "out of range"), ("", "is no number")):
            assert line in eve.post(f"{page}/grant", data={"assignment": "story", "more": more}).text
        assert eve.post(f"{page}/grant", data={"assignment": "story", "more": "2"}).status_code == 303
        assert "5 pictures of 5 pictures" in ada.get("/account").text
        assert "granted" in eve.get(page).text
        assert ada.post("/api/jobs", json=WISH | {"count": 5}).status_code == 202


def test_an_assistant_looks_and_changes_nothing(here: School) -> None:
    with here.join("tom", Role.ASSISTANT) as tom, here.join("ada"):
        page = f"/people/{here.people['ada'].id}"
        for path in ("/people", page):
            text = tom.get(path).text
            assert "ada@example.org" in text
            assert text.count("<form") == 1  # to sign out
        assert tom.post(f"{page}/suspend").status_code == 403


def test_a_link_that_comes_too_late_says_so(tmp_path: Path) -> None:
    closed = under(invitations=Doors(closes=1.0))
    with school(tmp_path) as here:
        path, eve = here.link("ada"), here.join("eve", Role.INSTRUCTOR)
    with school(tmp_path, closed) as here, here.browser() as ada, eve:
        late = ada.get(path)
        assert (late.status_code, "the course takes in nobody any more" in late.text) == (403, True)
        assert ada.post(path, data={"password": PASSWORD, "again": PASSWORD}).status_code == 403
        eve.base_url = here.here.url
        assert "takes in nobody any more" in eve.post("/people/invite", data={"name": "A", "mail": "a@b.org"}).text
