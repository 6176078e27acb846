"""How one comes in and goes: by an invitation, a password, a token; and what a page elsewhere cannot make one do."""

import re
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx2 as httpx
import pytest
from persons import PASSWORD
from pupils import PLAIN, School, school
from served import WISH, painted
from starlette.requests import Request
from starlette.responses import Response

from limner.studio.people.person import OPERATOR, suspend
from limner.studio.people.tokens import Scope, Tokens
from limner.studio.web.enrolled import Cookie
from limner.studio.web.entry import ours

pytestmark = pytest.mark.usefixtures("quick")
IN = {"mail": "ada@example.org", "password": PASSWORD}


@pytest.fixture
def here(tmp_path: Path, quick: object) -> Iterator[School]:
    with school(tmp_path) as found:
        yield found


def sealed(page: str) -> list[str]:
    """The tokens in a page's forms, one for each form that is sent to us."""
    forms = re.findall(r'<form[^>]*method="post".*?</form>', page, re.DOTALL)
    return ["".join(re.findall(r'name="csrf" value="(\w+)"', form)) for form in forms]


def test_an_invitation_becomes_an_account_and_is_used_up_by_nothing_else(here: School) -> None:
    path = here.link("ada")
    with here.browser() as mine, here.browser() as late:
        for _ in range(2):  # mail programs look at links
            page = mine.get(path)
            assert "This invitation is for <strong>Ada</strong>, who signs in as ada@example.org" in page.text
        short = mine.post(path, data={"password": "short", "again": "short"})
        assert (short.status_code, "10 to 200 characters" in short.text) == (422, True)
        differs = mine.post(path, data={"password": PASSWORD, "again": "other words than these"})
        assert (differs.status_code, "the two passwords differ" in differs.text) == (422, True)
        joined = mine.post(path, data={"password": PASSWORD, "again": PASSWORD})
        assert (joined.status_code, joined.headers["location"]) == (303, "/")
        assert "Sign out" in mine.get("/").text
        assert "this invitation was used already; sign in" in late.get(path).text
        assert late.post(path, data={"password": PASSWORD, "again": PASSWORD}).status_code == 410
        assert late.get("/join/nothing").status_code == 404


def test_who_is_not_signed_in_is_shown_the_way_and_a_program_is_told(here: School) -> None:
    here.join("ada").close()
    with here.browser() as client:
        away = client.get("/?prompt=a+cat")
        assert (away.status_code, away.headers["location"]) == (303, "/sign-in?next=/%3Fprompt%3Da%2Bcat")
        page = client.get(away.headers["location"])
        assert 'name="next" value="/?prompt=a+cat"' in page.text
        sent = client.post("/sign-in", data={**IN, "next": "/?prompt=a+cat"})
        assert (sent.status_code, sent.headers["location"]) == (303, "/?prompt=a+cat")
        assert client.get("/").status_code == 200
    with httpx.Client(base_url=here.here.url) as program:
        answer = program.get("/api/jobs", headers={"accept": "text/html"})
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
        assert answer.json()["detail"] == "nobody is signed in; sign in, or send a token"
        piece = program.get("/jobs/x/card", headers={"accept": "text/html", "sec-fetch-mode": "cors"})
        assert piece.status_code == 401  # a script that fetches a piece of a page gets no other page


def test_a_wrong_password_says_no_more_and_after_some_to_wait(here: School) -> None:
    here.join("ada").close()
    with here.browser() as client:
        for _ in range(5):
            wrong = client.post("/sign-in", data={"mail": "ada@example.org", "password": "not this one"})
            assert wrong.status_code == 401
            assert "the name or the password is wrong" in wrong.text
            assert 'value="ada@example.org"' in wrong.text
            assert "not this one" not in wrong.text
        client.post("/sign-in", data={"mail": "ada@example.org", "password": "not this one"})
        waits = client.post("/sign-in", data=IN)
        assert waits.status_code == 429
        assert 1 <= int(waits.headers["retry-after"]) <= 2


def test_a_session_ends_when_one_goes_or_is_sent_away(here: School) -> None:
    with here.join("ada") as ada, here.join("bob") as bob:
        assert ada.get("/").headers["cache-control"] == "no-store"  # the next one at this browser finds nothing
        (seal, *_) = sealed(ada.get("/").text)
        gone = ada.post("/sign-out", data={"csrf": seal}, headers={"x-csrf-token": ""})
        assert gone.status_code == 403  # the header is looked at first
        del ada.headers["x-csrf-token"]
        gone = ada.post("/sign-out", data={"csrf": seal})
        assert (gone.status_code, gone.headers["clear-site-data"]) == (303, '"cache"')
        assert "limner=" in gone.headers["set-cookie"]
        assert ada.get("/").status_code == 303
        suspend(here.store.database, OPERATOR, here.people["bob"].id)
        assert bob.get("/").headers["location"].startswith("/sign-in")


def test_a_stream_ends_with_the_session(here: School, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("limner.studio.web.events.KNOWN", 0.0)
    with here.join("ada") as ada, ada.stream("GET", "/api/events") as events:
        suspend(here.store.database, OPERATOR, here.people["ada"].id)
        assert list(events.iter_lines())[:1] == ["retry: 1000"]  # and then it is over


def test_what_a_session_changes_has_to_come_from_a_page_of_ours(here: School) -> None:
    with here.join("ada") as ada, here.join("bob") as bob:
        page = ada.get("/").text
        seals = sealed(page)
        assert len(seals) >= 2
        assert len({*seals}) == 1
        (theirs, *_) = sealed(bob.get("/").text)
        good = ada.headers.pop("x-csrf-token")
        for wrong in ("", theirs, seals[0][:-1]):
            for path, sent in (("/", {"prompt": "a cat", "csrf": wrong}), ("/sign-out", {"csrf": wrong})):
                answer = ada.post(path, data=sent)
                assert (answer.status_code, "not from your session" in answer.text) == (403, True)
            assert ada.post("/api/jobs", json=WISH, headers={"x-csrf-token": wrong}).status_code == 403
        assert ada.post("/api/jobs", json=WISH | {"csrf": good}).status_code == 403  # JSON is no form
        assert ada.get("/api/jobs").json() == {"jobs": []}
        assert ada.post("/", data={"prompt": "a cat", "count": "1", "csrf": good}).status_code == 303
        assert ada.post("/api/jobs", json=WISH, headers={"x-csrf-token": good}).status_code == 202


def test_a_program_asks_with_a_token_and_needs_no_seal(here: School) -> None:
    with here.join("ada") as ada, here.program("ada") as program:
        job = program.post("/api/jobs", json=WISH).json()["jobs"][0]["id"]
        assert ada.get(f"/jobs/{job}").status_code == 200
        token = program.headers["authorization"].split()[1]
        basic = b64encode(f"ada:{token}".encode()).decode()  # as AUTOMATIC1111's clients send it
        for said, status in ((f"Basic {basic}", 200), ("Bearer no", 401), ("Basic !", 401), ("Digest x", 401)):
            answer = program.get("/sdapi/v1/options", headers={"authorization": said})
            assert answer.status_code == status, said
        for path in ("/account", "/account/export"):
            shut = program.get(path)
            assert (shut.status_code, "a token is for programs" in shut.text) == (403, True)
        more = program.post("/account/tokens", data={"name": "another"})
        assert more.status_code == 403
        Tokens(here.store.database).revoke(here.people["ada"], here.people["ada"].id, "for 1")
        assert "that token is not good here" in program.get("/api/jobs").json()["detail"]


def test_a_worker_s_token_does_not_draw(here: School) -> None:
    from limner.studio.register import Role

    here.join("eve", Role.INSTRUCTOR).close()
    serves = Tokens(here.store.database).make(here.people["eve"], "worker", [Scope.SERVE])
    with httpx.Client(base_url=here.here.url, headers={"authorization": f"Bearer {serves}"}) as program:
        assert program.post("/api/jobs", json=WISH).status_code == 401


@pytest.mark.parametrize(
    "path", ["//evil.example", "/\\evil.example", "https://evil.example", "", "evil", "/a\nb", "/a b", "javascript:x"]
)
def test_one_is_sent_on_to_this_studio_alone(path: str) -> None:
    assert ours(path) == "/"
    assert ours("/jobs/1?a=b") == "/jobs/1?a=b"


@pytest.mark.parametrize(("secure", "name"), [(True, "__Host-limner"), (False, "limner")])
def test_the_cookie_is_no_script_s_and_over_https_nothing_else_s(here: School, secure: bool, name: str) -> None:
    here.join("ada").close()
    session = here.sessions().sign_in(IN["mail"], PASSWORD, "10.0.0.1")
    cookie, answer = Cookie(secure), Response()
    cookie.give(answer, session)
    said = answer.headers["set-cookie"].lower()
    assert said.startswith(f"{name}={session.token}".lower())
    assert {"httponly", "samesite=lax", "path=/"} <= {part.strip() for part in said.split(";")}
    assert ("secure" in said.split("; ")) == secure
    assert "domain" not in said
    scope = {"type": "http", "headers": [(b"cookie", f"{name}={session.token}".encode())]}
    assert cookie.read(Request(scope)) == session.token


def test_the_class_calls_the_studio_by_the_course_s_name_and_nobody_else_does(tmp_path: Path) -> None:
    about = replace(PLAIN.course, address="https://studio.example.org:8443")
    with school(tmp_path, replace(PLAIN, course=about)) as here, here.browser() as client:
        for host, status in (("studio.example.org", 200), ("127.0.0.1", 200), ("evil.example", 421)):
            assert client.get("/sign-in", headers={"host": host}).status_code == status
        assert client.get("/", headers={"cookie": "limner=x"}).status_code == 303


def test_a_picture_is_asked_for_anew_as_another_may_sit_there_next(here: School) -> None:
    with here.join("ada") as ada, here.join("bob") as bob:
        job = ada.post("/api/jobs", json=WISH).json()["jobs"][0]["id"]
        picture = painted(here.here.house, job)
        first = ada.get(f"/pictures/{picture}.png")
        assert (first.status_code, first.headers["cache-control"]) == (200, "private, no-cache")
        again = ada.get(f"/pictures/{picture}.png", headers={"if-none-match": first.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
        assert bob.get(f"/pictures/{picture}.png", headers={"if-none-match": first.headers["etag"]}).status_code == 404
