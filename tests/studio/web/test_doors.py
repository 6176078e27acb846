"""There is no way in but the table's doors, and each demands its role; nor from a page of somebody else's."""

import re
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from served import WISH, Served, announced, painted, served

from limner.studio.house import House
from limner.studio.register import Role
from limner.studio.web.app import application, doors, entrance
from limner.studio.web.health import Meter
from limner.studio.web.user import alone


def test_every_route_of_the_application_is_a_door_that_demands_its_role(tmp_path: Path) -> None:
    house = House(f"sqlite:///{tmp_path / 'studio.db'}", tmp_path / "pictures")
    app = application(house)
    table = doors(entrance(house), Meter(), app)
    routes = {(method, route.path) for route in app.routes for method in route.methods}
    assert routes == {(door.method, door.path) for door in table}
    announced(house)
    open_ = {door.path for door in table if door.role is None}
    assert open_ == {"/static/{name}", "/.well-known/limner-keys.json", "/healthz", "/readyz"}
    with served(house) as here, here.client(None) as nobody, here.client() as student:
        for door in table:
            path = re.sub(r"\{\w+\}", "0" * 64, door.path)
            answer = nobody.request(door.method, path)
            assert (answer.status_code == 401) == (door.role is not None or door.serves), door.path
            if door.serves or door.role not in (None, Role.STUDENT):
                status = 401 if door.serves else 403  # who serves is known by a badge alone
                assert student.request(door.method, path).status_code == status, door.path


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "evil.example"}, 421),
        ({"Host": "127.0.0.1.evil.example:7860"}, 421),
        ({"Host": ""}, 421),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://127.0.0.1:1"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({}, 202),
        ({"Sec-Fetch-Site": "same-origin"}, 202),
    ],
)
@pytest.mark.parametrize("path", ["/api/jobs"])
def test_another_sites_page_can_start_nothing(idle: Served, headers: dict[str, str], status: int, path: str) -> None:
    with idle.client() as client:
        answer = client.post(path, json=WISH, headers=headers)
        assert answer.status_code == status
        assert len(client.get("/api/jobs").json()["jobs"]) == (status == 202)


def test_the_studios_own_page_may(idle: Served) -> None:
    with idle.client() as client:
        assert client.post("/api/jobs", json=WISH, headers={"Origin": idle.url}).status_code == 202


@pytest.mark.parametrize("path", ["/", "/api", "/static/studio.js", "/nothing", "/api/jobs"])
def test_every_answer_says_what_a_browser_may_do_with_it(desk: Served, path: str) -> None:
    with desk.client() as client:
        headers = client.get(path, headers={"accept": "text/html"}).headers
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"


def test_on_loopback_one_is_alone_and_may_everything(tmp_path: Path) -> None:
    house = House(f"sqlite:///{tmp_path / 'studio.db'}", tmp_path / "pictures")
    announced(house)
    with served(house, alone) as here, here.client(None) as client:
        assert client.post("/api/jobs", json=WISH).status_code == 202
        assert client.get("/metrics").status_code == 200


def test_ready_is_who_has_a_database_a_worker_and_is_open(idle: Served) -> None:
    with idle.client(None) as client:
        assert client.get("/healthz").json() == {"status": "alive"}
        lonely = client.get("/readyz")
        assert (lonely.status_code, lonely.json()["why"]) == (503, "no worker is here yet")
        staff = idle.house.staff()
        staff.here("one", "a" * 64, "cpu")
        assert client.get("/readyz").json() == {"status": "ready", "workers": 1}
        store = idle.house.store()
        store.maintain("a new disk")
        assert "a new disk" in client.get("/readyz").json()["why"]
        staff.database.close()
        store.database.close()


def test_figures_for_prometheus_are_the_stores(idle: Served) -> None:
    with idle.client() as client, idle.client("tutor") as tutor:
        jobs = client.post("/api/jobs", json=WISH | {"count": 3}).json()["jobs"]
        client.post(f"/api/jobs/{jobs[0]['id']}/cancel")
        painted(idle.house, jobs[1]["id"])
        families = {each.name: each for each in text_string_to_metric_families(tutor.get("/metrics").text)}
    counted = {sample.labels["state"]: sample.value for sample in families["limner_jobs"].samples}
    assert counted == {"queued": 0, "running": 1, "done": 1, "failed": 0, "cancelled": 1}
    routes = {sample.labels["route"] for sample in families["limner_requests"].samples}
    assert "/api/jobs/{job}/cancel" in routes  # not one for each job


def test_the_interface_is_described(desk: Served) -> None:
    with desk.client() as client:
        schema = client.get("/openapi.json").json()
        page = client.get("/api").text
    assert schema["components"]["schemas"]["Asked"]["properties"]["steps"]["anyOf"][0]["maximum"] == 1000
    assert {"/api/jobs", "/api/events", "/pictures/{name}.png"} <= schema["paths"].keys()
    for path in schema["paths"]:
        assert path in page
