"""What the siege has found, each a question that was once answered with a fault of the server's, or after long."""

import asyncio
import json
import time
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from fragments import drawn, giants, png
from knocking import Answer, Request, asked
from pupils import PLAIN, School, school
from served import WISH, Served, announced, painted, served

from limner.errors import LimnerError
from limner.recipe import DEFAULTS
from limner.studio.house import House
from limner.studio.people.roster import PEOPLE
from limner.studio.png import measured
from limner.studio.register import Role
from limner.studio.web.app import application
from limner.studio.web.user import alone

LONG = "9" * 5000  # digits, more than Python reads as a number


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> FastAPI:
    folder = tmp_path_factory.mktemp("answered")
    house = House(f"sqlite:///{folder / 'studio.db'}", folder / "pictures")
    announced(house)
    return application(house)


@pytest.fixture
def here(tmp_path: Path, quick: object) -> Iterator[School]:
    with school(tmp_path) as found:
        yield found


def knock(
    app: FastAPI, method: str, path: str, *headers: tuple[str, str], body: bytes = b"", leaves: bool = False
) -> Answer:
    lines = {"host": "127.0.0.1", **dict(headers)}
    spelt = tuple((name.encode(), value.encode("latin-1")) for name, value in lines.items())
    place, _, query = path.partition("?")
    return asyncio.run(asked(app, Request("", method, place, query.encode(), spelt, body, leaves)))


@pytest.mark.parametrize(
    ("path", "header", "status"),
    [
        ("/", ("host", "["), 421),
        ("/", ("host", "[::1"), 421),
        ("/api/jobs", ("origin", "http://["), 403),
        ("/api/jobs", ("content-length", LONG), 413),
        ("/tries/%00", ("accept", "text/html"), 400),
        ("/gallery?model=%00", ("accept", "text/html"), 400),
        ("/api/events", ("last-event-id", str(2**63)), 422),
        (f"/api/events?after={2**31}", ("accept", "*/*"), 422),
        ("/api/events", ("last-event-id", "-1"), 422),
        (f"/gallery?words={'+a' * 2000}", ("accept", "text/html"), 422),
    ],
)
def test_an_odd_address_or_header_is_refused(app: FastAPI, path: str, header: tuple[str, str], status: int) -> None:
    answer = knock(app, "POST" if header[0] in ("origin", "content-length") else "GET", path, header)
    assert (answer.status, answer.raised) == (status, "")
    assert answer.seconds < 5


def test_whoever_leaves_in_the_middle_leaves_no_traceback(app: FastAPI) -> None:
    body = b'--edge\r\nContent-Disposition: form-data; name="picture"; filename="a.png"\r\n\r\n' + bytes(2**18)
    kind = ("content-type", "multipart/form-data; boundary=edge")
    for method, path in (("POST", "/read"), ("POST", "/"), ("POST", "/hall")):
        assert knock(app, method, path, kind, body=body, leaves=True).raised == ""


@pytest.mark.parametrize("path", ["/", "/grid", "/hall"])
def test_a_form_that_holds_a_nul_or_a_number_without_end_is_refused(desk: Served, path: str) -> None:
    with desk.client() as client:
        assert client.post(path, data={"prompt": "a\0cat", "key": "1"}).status_code == 422
        assert client.post("/", data={"prompt": "a cat", "count": f"1{LONG}"}).status_code == 422
        assert client.post("/", data={"prompt": "a cat", "count": f"000000001{LONG}"}).status_code == 422


@pytest.mark.parametrize("url", ["postgresql"], indirect=True)
@pytest.mark.system
def test_a_database_that_keeps_no_nul_is_asked_for_none(url: str, tmp_path: Path, quick: object) -> None:
    house = House(url, tmp_path / "pictures")
    announced(house)
    with served(house, course=PLAIN) as at:
        store = house.store()
        with School(at, PLAIN, store).join("eve", Role.INSTRUCTOR) as eve:
            for path, fields in (
                ("/class/queue", {"close": "1", "why": "a\0b"}),
                ("/account/tokens/revoke", {"name": "a\0b"}),
                ("/show/next", {"sentence": "a\0b"}),
                ("/jobs/%00/dismiss", {}),
                ("/show/%00/dismiss", {}),
            ):
                assert eve.post(path, data=fields).status_code in (400, 422), path
            assert eve.get("/gallery", params={"model": "a\0b"}).status_code == 400
            assert eve.get("/log", params={"before": 2**31}).status_code == 422
            job = eve.post("/api/jobs", json=WISH | {"assignment": ""}).json()["jobs"][0]["id"]
            assert eve.get(f"/api/jobs/{job}/events", params={"after": 2**31}).status_code == 422
        store.database.close()


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("fail", {"what": "a\0b", "remedy": ""}),
        ("release", {"why": "a\0b"}),
        ("beat", {"done": 2**31}),
        ("finish", {"picture": "f" * 64, "notes": ["a\0b"]}),
    ],
)
def test_a_worker_says_nothing_that_a_database_cannot_keep(tmp_path: Path, path: str, said: dict[str, object]) -> None:
    pulse = {"job": "0" * 16, "lease": "0" * 16, "done": said.pop("done", 1)}
    body = {"pulses": [pulse]} if path in ("beat", "release") else {"pulse": pulse}
    assert served_by_worker(tmp_path, f"/workers/{path}", {**body, **said}) == 422


def test_a_model_is_announced_with_good_defaults_alone(tmp_path: Path) -> None:
    """Those of a control that is not asked for, too: all are told to whoever asks for the models."""
    card = {"identity": "c" * 64, "name": "odd", "factor": 8, "defaults": {**DEFAULTS, "width": 64, "height": 64}}
    assert served_by_worker(tmp_path, "/workers/announce", card) == 200
    odd = card["defaults"] | {"excite_step": float("nan")}
    assert served_by_worker(tmp_path, "/workers/announce", {**card, "defaults": odd}) == 422


def served_by_worker(folder: Path, path: str, said: dict[str, object]) -> int:
    house = House(f"sqlite:///{folder / 'studio.db'}", folder / "pictures")
    house.badge.write_text("the badge", encoding="ascii")
    app, kind = application(house), ("content-type", "application/json")
    answer = knock(app, "POST", path, kind, ("authorization", "Bearer the badge"), body=json.dumps(said).encode())
    assert answer.raised == ""
    return answer.status


@pytest.mark.parametrize("name", ["prompt", "parameters", "invokeai_metadata"])
def test_half_a_character_in_a_picture_is_read(desk: Served, name: str) -> None:
    half, node = "\ud800", {"positive": ["2", 0], "latent_image": ["3", 0], "seed": "\ud800"}
    graph = {"1": ("KSampler", node), "2": (half, {}), "3": ("VAEEncode", {})}
    said = {
        "prompt": json.dumps({each: {"class_type": kind, "inputs": inputs} for each, (kind, inputs) in graph.items()}),
        "parameters": f"a cat\nSteps: 20, Model: {json.dumps(half)}, Odd: {json.dumps(half)}, Seed: 3",
        "invokeai_metadata": json.dumps({"positive_prompt": "a cat", "model": half, "odd": half}),
    }
    file = drawn({name: said[name]})
    with desk.client() as client:
        page = client.post("/read", files={"picture": ("a.png", file)})
        assert page.status_code == 200
        told = client.post("/sdapi/v1/png-info", json={"image": b64encode(file).decode()})
        assert told.status_code == 200


@pytest.mark.parametrize("name", [name for name in giants() if "pieces" in name or "million" in name])
def test_a_file_of_many_small_pieces_is_given_up(desk: Served, name: str) -> None:
    data, began = giants()[name](), time.process_time()
    with desk.client() as client:
        answer = client.post("/read", files={"picture": ("a.png", data)})
    assert (answer.status_code, "more than 100000 pieces" in answer.text) == (422, True)
    assert time.process_time() - began < 5


def test_a_workers_file_of_many_small_pieces_is_given_up() -> None:
    with pytest.raises(LimnerError, match="more than 100000 pieces"):
        measured(png([(b"abcd", b"")] * 100_001))


def test_more_settings_than_anybody_writes_are_not_read(desk: Served) -> None:
    many = ", ".join(f"key {number}: {number}" for number in range(200_000))
    began = time.process_time()
    with desk.client() as client:
        page = client.post("/read", files={"picture": ("a.png", drawn({"parameters": f"a cat\nSteps: 3, {many}"}))})
    assert page.status_code == 200
    assert time.process_time() - began < 3


@pytest.mark.parametrize("value", ["NaN", "Infinity", '"\\ud800"', '{"a": ["\\udfff"]}'])
@pytest.mark.parametrize("name", ["override_settings", "alwayson_scripts"])
def test_what_cannot_be_told_again_is_not_taken(desk: Served, name: str, value: str) -> None:
    body = f'{{"prompt": "a cat", "{name}": {{"odd": {value}}}}}'
    with desk.client() as client:
        answer = client.post("/sdapi/v1/txt2img", content=body, headers={"content-type": "application/json"})
    assert (answer.status_code, "JSON cannot say" in answer.text) == (422, True)


def test_a_roster_has_no_more_people_than_can_be_invited_at_once(here: School) -> None:
    table = "name,mail\n" + "".join(f"Ada {n},a{n}@example.org\n" for n in range(PEOPLE + 1))
    with here.join("eve", Role.INSTRUCTOR) as eve:
        answer = eve.post("/people/invite", files={"table": ("all.csv", table.encode())})
        assert (answer.status_code, f"more than {PEOPLE} people" in answer.text) == (422, True)


def test_alone_one_is_told_the_same(tmp_path: Path) -> None:
    """The studio without accounts has the same doors: a job of it is drawn, whatever was knocked before."""
    house = House(f"sqlite:///{tmp_path / 'studio.db'}", tmp_path / "pictures")
    announced(house)
    with served(house, alone) as at, at.client(None) as client:
        assert client.get("/tries/%00").status_code == 400
        job = client.post("/api/jobs", json=WISH).json()["jobs"][0]["id"]
        assert painted(house, job)
