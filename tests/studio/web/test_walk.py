"""Every door of a class, mounted applications included, is tried by nobody, a student, and those who teach."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import product, takewhile
from pathlib import Path

import httpx2 as httpx
import pytest
from fastapi import FastAPI
from persons import PASSWORD
from pupils import PLAIN, School, school
from served import WISH
from starlette.routing import BaseRoute

from limner.studio.leases import Pulse
from limner.studio.people.passwords import digest
from limner.studio.register import Role
from limner.studio.schema import State
from limner.studio.web.app import Door, application, doors, entrance
from limner.studio.web.health import Meter
from limner.studio.web.user import SAFE

pytestmark = pytest.mark.usefixtures("quick")
ENDING = ("/sign-out", "/account/everywhere")  # whoever goes through is not signed in any more
PEOPLE = {"ada": Role.STUDENT, "tom": Role.ASSISTANT, "eve": Role.INSTRUCTOR}


@pytest.fixture
def here(tmp_path: Path, quick: object) -> Iterator[School]:
    with school(tmp_path) as found:
        yield found


def table(here: School) -> tuple[FastAPI, list[Door]]:
    """The application, and those of its doors that are people's; workers have a badge, and a test of their own."""
    app = application(here.here.house, course=PLAIN)
    found = doors(entrance(here.here.house, PLAIN), Meter(), app)
    return app, [door for door in found if not getattr(door, "serves", False)]


def walked(routes: list[BaseRoute], before: str = "") -> Iterator[tuple[str, str]]:
    """Every way in, those of mounted applications with their whole paths; of these whatever else is below, too."""
    for route in routes:
        path = before + getattr(route, "path", "")
        if (below := getattr(route, "routes", None)) is not None:
            yield "GET", f"{path}/anything"
            yield from walked(below, path)
        else:
            for method in getattr(route, "methods", None) or ("GET",):
                yield method, path


def filled(path: str, **known: str) -> str:
    """A path whose gaps are filled; with what cannot be there, where nothing else is known."""
    return re.sub(r"\{(\w+)(:\w+)?\}", lambda gap: known.get(gap[1], "0" * 64), path)


def status(client: httpx.Client, method: str, path: str, **headers: str) -> tuple[int, str]:
    """What is answered, and its words where it is a refusal; a stream is left at once."""
    with client.stream(method, path, headers=headers) as answer:
        return answer.status_code, answer.read().decode() if answer.status_code in (401, 403) else ""


def signed(here: School, name: str) -> httpx.Client:
    return here.browser(here.sessions().sign_in(f"{name}@example.org", PASSWORD, "10.0.0.1").token)


def test_each_door_opens_to_its_role_and_to_nobody_below(here: School) -> None:
    for name, role in PEOPLE.items():
        here.join(name, role).close()
    app, all_ = table(here)
    known = {(door.method, door.path): door for door in all_}
    nobody = httpx.Client(base_url=here.here.url)
    for method, path in walked(app.routes):
        if not path.startswith("/work"):
            door = known.get((method, path))
            open_ = door is not None and door.role is None
            code, words = status(nobody, method, filled(path))
            assert ((code, "nobody is signed in" in words) == (401, True)) != open_, path
    nobody.close()
    open_ = {door.path for door in all_ if door.role is None}
    keys = "/.well-known/limner-keys.json"
    assert open_ == {"/static/{name}", keys, "/healthz", "/readyz", "/sign-in", "/sign-out", "/join/{token}"}
    for name, role in PEOPLE.items():
        client = signed(here, name)
        for door in all_:
            code, words = status(client, door.method, filled(door.path))
            assert "nobody is signed in" not in words, door.path
            may = door.role is None or role.may(door.role)
            assert ("that is not yours to do" in words) != may, (name, door.path)
            assert code == 403 or may
            if door.path in ENDING:
                client.close()
                client = signed(here, name)
        client.close()


def test_a_page_shows_who_is_not_signed_in_the_way(here: School) -> None:
    with here.browser() as nobody:
        for door in table(here)[1]:
            if door.people and door.method == "GET":
                away = nobody.get(filled(door.path))
                assert away.headers["location"].startswith("/sign-in?next=/"), door.path


def test_nothing_is_changed_by_a_form_that_is_not_sealed_nor_a_page_for_people_opened_by_a_token(here: School) -> None:
    with here.join("eve", Role.INSTRUCTOR) as eve, here.program("eve") as program:
        del eve.headers["x-csrf-token"]
        for door in table(here)[1]:
            path = filled(door.path)
            if door.method not in SAFE:
                code, words = status(eve, door.method, path)
                assert (code, "not from your session" in words) == (403, True), door.path
            if door.people:
                code, words = status(program, door.method, path)
                assert (code, "a token is for programs" in words) == (403, True), door.path


def test_every_form_on_every_page_is_sealed(here: School) -> None:
    with here.join("eve", Role.INSTRUCTOR) as eve:
        here.join("ada").close()
        job = eve.post("/api/jobs", json=WISH).json()["jobs"][0]
        known = {"job": job["id"], "submission": job["submission"], "person": here.people["ada"].id, "model": "mini"}
        seal, seen = eve.headers["x-csrf-token"], 0
        for door in table(here)[1]:
            if (
                door.method != "GET" or "events" in door.path or door.path.startswith("/gradio")
            ):  # whose page is not ours
                continue
            page = eve.get(filled(door.path, **known))
            if page.headers.get("content-type", "").startswith("text/html"):
                for form in re.findall(r'<form[^>]*method="post".*?</form>', page.text, re.DOTALL):
                    assert f'name="csrf" value="{seal}"' in form, door.path
                    seen += 1
    assert seen > 20


@dataclass(frozen=True)
class Secret:
    """What ada has asked for: one picture is there, of another there is a look."""

    submission: str
    done: str
    runs: str
    picture: str

    def gaps(self) -> Iterator[dict[str, str]]:
        for job in (self.done, self.runs):
            yield {"job": job, "submission": self.submission, "name": self.picture}


def secret(here: School, ada: httpx.Client) -> Secret:
    asked = ada.post("/api/jobs", json=WISH | {"prompt": "my own secret", "count": 2}).json()
    leases = replace(here.here.house.leases(), notary=None)  # nobody signs for what is no picture
    done, runs = leases.lease("painter", "a" * 64, 2, "e" * 16)
    picture = here.here.house.vault().keep(b"\x89PNG painted")
    leases.finish(Pulse(done.job, done.lease, 2, 2, 0.5), picture)
    leases.beat([Pulse(runs.job, runs.lease, 1, 2, 0.1, b"\x89PNG a look")])
    leases.database.close()
    return Secret(asked["submission"], done.job, runs.job, picture)


def test_what_is_another_s_cannot_be_reached_by_its_name(here: School) -> None:
    gaps = re.compile(r"\{(job|submission|name)\}")
    theirs = [door for door in table(here)[1] if gaps.search(door.path) and not door.path.startswith("/static")]
    with here.join("ada") as ada, here.join("bob") as bob, here.join("eve", Role.INSTRUCTOR) as eve:
        hers = secret(here, ada)
        for known, door in product(hers.gaps(), theirs):
            path = filled(door.path, **known)
            for client in (bob, eve) if door.method == "GET" else (bob,):
                answer = client.request(door.method, path, data={"why": "because"})
                assert answer.status_code in (403, 404), (door.method, path)
                assert "my own secret" not in answer.text
        assert here.store.job(hers.runs).state == State.RUNNING
        assert ada.get(f"/pictures/{hers.picture}.png").content == b"\x89PNG painted"
        assert ada.get(f"/api/jobs/{hers.runs}/preview").content == b"\x89PNG a look"


def test_what_is_another_s_stands_on_no_list_and_in_no_stream(here: School) -> None:
    lists = [door for door in table(here)[1] if door.method == "GET" and not re.search(r"\{|events", door.path)]
    with here.join("ada") as ada, here.join("bob") as bob, here.join("eve", Role.INSTRUCTOR) as eve:
        hers = secret(here, ada)
        for door, client in product(lists, (bob, eve)):
            text = client.get(door.path).text
            assert "my own secret" not in text, door.path
            assert hers.done not in text, door.path
        bob.post("/api/jobs", json=WISH)
        with bob.stream("GET", "/api/events?after=0") as events:
            heard = list(takewhile(lambda line: "event: places" not in line, events.iter_lines()))
        assert any("event: queued" in line for line in heard)
        assert not any(job in line for line in heard for job in (hers.done, hers.runs))


def test_a_session_is_nobody_s_whose_token_is_made_up(here: School) -> None:
    here.join("ada").close()
    for token in ("", "x", "a" * 43, digest("x")):
        with here.browser(token) as client:
            assert client.get("/account").status_code == 303
            assert client.post("/account/everywhere").status_code in (303, 401)
