"""What a program gets that asks over HTTP: accepted is finished, nobody sees another's, and faults are one line."""

import io
import json
import time
from hashlib import sha256
from pathlib import Path

import pytest
from served import WISH, Served, painted, served

from limner.bundle import Bundle
from limner.engine import run
from limner.metadata import read
from limner.studio.staff import Staff

LONG = WISH | {"steps": 1000}


def test_a_wish_becomes_pictures_each_with_its_own_seed(busy: Served, bundle: Bundle, tmp_path: Path) -> None:
    with busy.client() as client:
        answer = client.post("/api/jobs", json=WISH | {"count": 3, "seed": 7})
        assert answer.status_code == 202
        jobs = answer.json()["jobs"]
        assert [job["seed"] for job in jobs] == [7, 8, 9]
        assert answer.headers["location"] == f"/tries/{answer.json()['submission']}"
        for job in jobs:
            over = busy.done(job["id"])
            assert (over["state"], over["done"], over["total"]) == ("done", 2, 2)
            picture = client.get(over["picture"])
            assert picture.headers["content-type"] == "image/png"
            assert sha256(picture.content).hexdigest() in over["picture"]
            file = tmp_path / "picture.png"
            file.write_bytes(picture.content)
            found = read(file).recipe
            assert (found.seed, found.prompt, found.model) == (job["seed"], "a red apple", bundle.identity)
    from numpy import asarray
    from numpy.testing import assert_array_equal
    from PIL import Image

    ((_, alone),) = run([found], bundle)  # the third of three is drawn again alone, from what it says itself
    assert_array_equal(asarray(Image.open(io.BytesIO(picture.content))), alone)


def test_asking_again_by_the_same_key_gives_the_same_jobs(idle: Served) -> None:
    with idle.client() as client:
        asked = [client.post("/api/jobs", json=WISH, headers={"Idempotency-Key": "mine"}) for _ in range(3)]
        assert len({answer.json()["submission"] for answer in asked}) == 1
        assert len(client.get("/api/jobs").json()["jobs"]) == 1
        other = client.post("/api/jobs", json=WISH | {"seed": 1}, headers={"Idempotency-Key": "mine"})
        assert other.status_code == 409
        assert "choose a new key" in other.json()["error"]["remedy"]
    with idle.client("bob") as bob:  # a key is its owner's
        assert bob.post("/api/jobs", json=WISH, headers={"Idempotency-Key": "mine"}).status_code == 202


def test_nobody_sees_touches_or_hears_of_anothers(idle: Served) -> None:
    with idle.client() as ada, idle.client("bob") as bob:
        job = ada.post("/api/jobs", json=WISH).json()["jobs"][0]["id"]
        picture = painted(idle.house, job)
        assert ada.get(f"/pictures/{picture}.png").status_code == 200
        hidden = [
            ("GET", f"/api/jobs/{job}"),
            ("POST", f"/api/jobs/{job}/cancel"),
            ("GET", f"/api/jobs/{job}/preview"),
            ("GET", f"/api/jobs/{job}/events"),
            ("GET", f"/jobs/{job}"),
            ("GET", f"/jobs/{job}/card"),
            ("POST", f"/jobs/{job}/cancel"),
            ("GET", f"/pictures/{picture}.png"),
        ]
        for method, path in hidden:
            answer = bob.request(method, path)
            assert answer.status_code == 404, path
            assert answer.text.replace(job, "") == bob.request(method, path.replace(job, "0" * 16)).text.replace(
                "0" * 16, ""
            )  # and not whether there is one
        assert bob.get("/api/jobs").json() == {"jobs": []}
        assert job not in bob.get("/").text


def test_same_pixels_have_many_owners(idle: Served) -> None:
    """Two who ask for the same get the same file, and the one's is not taken from the other."""
    with idle.client() as ada, idle.client("bob") as bob:
        for client in (ada, bob):
            job = client.post("/api/jobs", json=WISH).json()["jobs"][0]["id"]
            picture = painted(idle.house, job)
            assert client.get(f"/pictures/{picture}.png").status_code == 200


@pytest.mark.parametrize(
    ("change", "status", "line"),
    [
        ({"steps": 0}, 422, "steps 0 is out of range; choose 1 to 1000 steps"),
        ({"steps": "two"}, 422, "steps 'two' is not a whole number"),
        ({"steps": True}, 422, "steps True is not a whole number"),
        ({"prompt": "x" * 2001}, 422, "out of range; choose 0 to 2000 characters"),
        ({"prompt": "\ud800"}, 422, "no text"),
        ({"sampler": "eulre"}, 422, "did you mean euler"),
        ({"width": 33}, 422, "width 33 does not divide by 8; the nearest that do: 32 and 40"),
        ({"model": "other"}, 404, "there is no model 'other' here; choose one of mini"),
        ({"count": 41}, 422, "count: input should be less than or equal to 40"),
        ({"colour": "red"}, 422, "there is no field 'colour'"),
        ({"seed": 2**32 - 1, "count": 2}, 422, "run past"),
        ({"edit_picture": "0" * 64}, 422, "there is no field 'edit_picture'"),
    ],
)
def test_what_is_wrong_is_one_line_and_what_to_do(
    desk: Served, change: dict[str, object], status: int, line: str
) -> None:
    with desk.client() as client:
        body = json.dumps(WISH | change)  # in ASCII: half a surrogate pair is no text, but may be sent
        answer = client.post("/api/jobs", content=body, headers={"content-type": "application/json"})
        assert answer.status_code == status
        assert line in answer.json()["detail"]
        assert answer.json()["error"]["remedy"]
        assert "\n" not in answer.json()["detail"]
        assert client.get("/api/jobs").json() == {"jobs": []}


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/api/jobs", b"{", 422),
        ("POST", "/api/jobs", b"[]", 422),
        ("POST", "/api/jobs", b"[" * 100_000, 400),
        ("POST", "/api/jobs", b'{"prompt": "' + b"x" * 2**20 + b'"}', 413),
        ("PUT", "/api/jobs", b"", 405),
        ("GET", "/nothing", b"", 404),
        ("GET", "/pictures/..%2f..%2fetc%2fpasswd.png", b"", 404),
        ("GET", "/pictures/" + "A" * 64 + ".png", b"", 422),
        ("GET", "/static/..%2fpage.py", b"", 404),
        ("GET", "/static/page.py", b"", 404),
        ("GET", "/api/jobs?last=0", b"", 422),
        ("GET", "/api/events?after=-1", b"", 422),
    ],
)
def test_no_request_gets_a_traceback(desk: Served, method: str, path: str, body: bytes, status: int) -> None:
    with desk.client() as client:
        answer = client.request(method, path, content=body, headers={"content-type": "application/json"})
    assert answer.status_code == status
    assert answer.json()["error"]["message"]
    assert "Traceback" not in answer.text


def test_a_body_without_a_length_is_measured_as_it_comes(desk: Served) -> None:
    with desk.client() as client:
        answer = client.post(
            "/api/jobs", content=(b"x" * 2**16 for _ in range(40)), headers={"content-type": "application/json"}
        )
    assert answer.status_code == 413


def test_more_than_may_wait_is_refused_until_some_are_given_up(idle: Served) -> None:
    with idle.client() as client:
        first = client.post("/api/jobs", json=WISH | {"count": 40}).json()["jobs"][0]["id"]
        full = client.post("/api/jobs", json=WISH)
        assert full.status_code == 429
        assert int(full.headers["retry-after"]) > 0
        assert client.post(f"/api/jobs/{first}/cancel").json() == {"id": first, "state": "cancelled"}
        assert client.post("/api/jobs", json=WISH).status_code == 202
        assert client.post(f"/api/jobs/{first}/cancel").json()["state"] == "cancelled"  # again, as phones do


def test_a_running_job_is_given_up(busy: Served) -> None:
    with busy.client("eve") as client:
        job = client.post("/api/jobs", json=LONG).json()["jobs"][0]["id"]
        while not client.get(f"/api/jobs/{job}").json()["done"]:
            pass
        look = client.get(f"/api/jobs/{job}/preview")
        assert look.content.startswith(b"\x89PNG")
        assert client.post(f"/api/jobs/{job}/cancel").json()["state"] == "cancelled"
        assert busy.done(job, "eve")["picture"] is None
        quick = client.post("/api/jobs", json=WISH).json()["jobs"][0]["id"]
        assert busy.done(quick, "eve")["state"] == "done"  # and the worker is free again


def test_a_damaged_picture_is_never_served(idle: Served) -> None:
    with idle.client() as client:
        job = client.post("/api/jobs", json=WISH).json()["jobs"][0]["id"]
        picture = painted(idle.house, job)
        idle.house.vault().path(picture).write_bytes(b"torn")
        answer = client.get(f"/pictures/{picture}.png")
        assert answer.status_code == 410
        assert str(idle.house.pictures) not in answer.text  # nor where it lies


def test_everything_is_found_again_after_the_server_was_restarted(idle: Served) -> None:
    with idle.client() as client:
        asked = client.post("/api/jobs", json=WISH | {"count": 2}).json()
    with served(idle.house) as again, again.client() as client:
        assert {job["id"] for job in client.get("/api/jobs").json()["jobs"]} == {job["id"] for job in asked["jobs"]}
        picture = painted(idle.house, asked["jobs"][0]["id"])
    with served(idle.house) as third, third.client() as client:
        assert client.get(f"/pictures/{picture}.png").status_code == 200
        assert client.get(f"/tries/{asked['submission']}").status_code == 200


def test_lists_are_read_in_pages(idle: Served) -> None:
    with idle.client() as client:
        asked = [client.post("/api/jobs", json=WISH | {"seed": seed}).json()["jobs"][0]["id"] for seed in range(5)]
        first = [job["id"] for job in client.get("/api/jobs?last=3").json()["jobs"]]
        rest = [job["id"] for job in client.get(f"/api/jobs?last=3&before={first[-1]}").json()["jobs"]]
    assert first + rest == asked[::-1]


def test_a_place_in_the_line_and_an_honest_range(idle: Served) -> None:
    staff = idle.house.staff()
    with idle.client() as ada, idle.client("bob") as bob:
        first, second = (ada.post("/api/jobs", json=WISH).json()["jobs"][0]["id"] for _ in range(2))
        other = bob.post("/api/jobs", json=WISH).json()["jobs"][0]["place"]
        assert other["ahead"] == 1  # before ada's second
        assert other["seconds"] is None
        assert "no worker is here" in other["words"]
        painted(idle.house, first)  # half a second it took
        seen(staff, "one")
        while not (place := ada.get(f"/api/jobs/{second}").json()["place"])["workers"]:
            time.sleep(0.1)  # the line is told as of a second ago
        low, high = place["seconds"]
        assert 0 < low < high < 10
    staff.database.close()


def seen(staff: Staff, worker: str) -> None:
    from studios import MODEL

    staff.here(worker, MODEL, "cpu")


def test_what_can_be_drawn_with_is_told(busy: Served, bundle: Bundle) -> None:
    with busy.client() as client:
        (model,) = client.get("/api/models").json()["models"]
    assert (model["name"], model["identity"], model["workers"]) == (bundle.name, bundle.identity, 1)
    assert model["defaults"] == dict(bundle.defaults)
