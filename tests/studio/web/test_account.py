"""What somebody decides of their own account, without a script: tokens, password, data taken along, leaving."""

import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from zipfile import ZipFile

import httpx2 as httpx
import pytest
from persons import PASSWORD
from pupils import School, school, under
from served import WISH, painted

from limner.studio.course import Assignment, Retention
from limner.studio.people.retention import announce
from limner.studio.register import Role

pytestmark = pytest.mark.usefixtures("quick")
STORY = Assignment(name="story", pictures=3)


@pytest.fixture
def here(tmp_path: Path, quick: object) -> Iterator[School]:
    with school(tmp_path, under(assignments=(STORY,))) as found:
        yield found


def test_a_token_is_shown_once_draws_and_is_revoked(here: School) -> None:
    with here.join("ada") as ada:
        made = ada.post("/account/tokens", data={"name": "notebook"})
        (token,) = re.findall(r"limner_[\w-]+", made.text)
        assert made.headers["cache-control"] == "no-store"
        page = ada.get("/account").text
        assert token not in page
        assert "notebook" in page
        assert "serve: a worker" not in page  # that is an instructor's
        with httpx.Client(base_url=here.here.url, headers={"authorization": f"Bearer {token}"}) as program:
            assert program.post("/api/jobs", json=WISH).status_code == 202
            ada.post("/account/tokens/revoke", data={"name": "notebook"})
            assert program.get("/api/jobs").status_code == 401
        for sent, line in (
            ({"name": ""}, "a token needs a name"),
            ({"name": "x", "scope": "all"}, "not good for"),
            ({"name": "x", "scope": "serve"}, "only an instructor may do that"),
        ):
            assert line in ada.post("/account/tokens", data=sent).text


def test_another_password_ends_all_other_sessions_and_this_browser_stays_in(here: School) -> None:
    with here.join("ada") as ada, here.browser() as other:
        assert other.post("/sign-in", data={"mail": "ada@example.org", "password": PASSWORD}).status_code == 303
        new = "quite other words"
        for sent, line in (
            ({"old": PASSWORD, "new": new, "again": "different words"}, "the two new passwords differ"),
            ({"old": "not this one", "new": new, "again": new}, "that is not your password"),
            ({"old": PASSWORD, "new": "short", "again": "short"}, "10 to 200 characters"),
        ):
            assert line in ada.post("/account/password", data=sent).text
        changed = ada.post("/account/password", data={"old": PASSWORD, "new": new, "again": new})
        cookie = changed.headers["set-cookie"].partition(";")[0]
        assert changed.status_code == 303
        assert ada.get("/account").status_code == 303  # the cookie that it had before
        assert ada.get("/account", headers={"cookie": cookie}).status_code == 200
        assert other.get("/account").status_code == 303


def test_one_signs_out_everywhere(here: School) -> None:
    with here.join("ada") as ada, here.program("ada") as program:
        assert ada.post("/account/everywhere").headers["location"] == "/sign-in"
        assert ada.get("/account").status_code == 303
        assert program.get("/api/jobs").status_code == 401


def test_budgets_and_what_is_kept_stand_on_the_page(here: School) -> None:
    announce(here.store.database, here.course)
    with here.join("ada") as ada:
        ada.post("/api/jobs", json=WISH | {"count": 2})
        page = ada.get("/account").text
        assert "1 picture of 3 pictures" in page
        assert "365 days after it was asked for" in re.sub(r"\s+", " ", page)


def test_a_picture_that_goes_soon_is_told(tmp_path: Path) -> None:
    with school(tmp_path, under(retention=Retention(days=10, notice=14))) as here, here.join("ada") as ada:
        announce(here.store.database, here.course)
        painted(here.here.house, ada.post("/api/jobs", json=WISH).json()["jobs"][0]["id"])
        assert "Of my pictures, 1 will soon be removed" in ada.get("/account").text


def test_all_that_is_known_of_one_is_taken_along(here: School) -> None:
    with here.join("ada") as ada:
        job = ada.post("/api/jobs", json=WISH).json()["jobs"][0]["id"]
        painted(here.here.house, job)
        answer = ada.get("/account/export")
        assert answer.headers["content-disposition"] == 'attachment; filename="limner-export.zip"'
        with ZipFile(io.BytesIO(answer.content)) as file:
            assert file.testzip() is None
            assert file.read(f"pictures/{job}.png") == b"\x89PNG painted"
            assert json.loads(file.read("jobs.json"))[0]["recipe"]["prompt"] == "a red apple"


def test_one_leaves_by_one_s_password_and_nothing_is_left(here: School) -> None:
    with here.join("ada") as ada, here.join("eve", Role.INSTRUCTOR) as eve:
        job = ada.post("/api/jobs", json=WISH).json()["jobs"][0]["id"]
        wrong = ada.post("/account/delete", data={"password": "not this one"})
        assert (wrong.status_code, here.store.job(job) is not None) == (403, True)
        gone = ada.post("/account/delete", data={"password": PASSWORD})
        assert "Your account is deleted" in gone.text
        assert 'limner=""' in gone.headers["set-cookie"]
        assert here.store.job(job) is None
        assert ada.get("/account").status_code == 303
        last = eve.post("/account/delete", data={"password": PASSWORD})
        assert (last.status_code, "left without an instructor" in last.text) == (409, True)


def test_the_form_says_what_is_left_and_what_it_is_for(tmp_path: Path) -> None:
    both = under(assignments=(STORY, Assignment(name="tries", seconds=20)))
    with school(tmp_path, both) as here, here.join("ada") as ada, here.join("eve", Role.INSTRUCTOR) as eve:
        page = ada.get("/").text
        assert "3 pictures left of 3 pictures" in page
        assert "20.0 device-seconds left" in page
        unsaid = ada.post("/", data={"prompt": "a cat", "count": "1"})
        assert (unsaid.status_code, "choose from story, tries" in unsaid.text) == (404, True)
        assert ada.post("/", data={"prompt": "a cat", "count": "1", "assignment": "story"}).status_code == 303
        assert "2 pictures left of 3 pictures" in ada.get("/").text
        much = ada.post("/", data={"prompt": "a cat", "count": "3", "assignment": "story"})
        assert (much.status_code, "has 2 pictures left of 3 pictures" in much.text) == (403, True)
        assert 'value="story" checked' in much.text
        assert ada.post("/api/jobs", json=WISH | {"assignment": "tries"}).status_code == 202
        asked = {"prompt": "a cat", "size": "64x64", "assignment": "poster"}
        assert ada.post("/v1/images/generations", json=asked).status_code == 404
        assert "no assignment" in eve.get("/").text
        assert eve.post("/", data={"prompt": "a cat", "count": "1", "assignment": ""}).status_code == 303


def test_no_picture_is_asked_for_under_an_assignment_where_there_is_no_class(idle: object) -> None:
    with idle.client() as client:  # type: ignore[attr-defined]
        answer = client.post("/api/jobs", json=WISH | {"assignment": "story"})
        assert (answer.status_code, "there is no assignment 'story'" in answer.text) == (404, True)
