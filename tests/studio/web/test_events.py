"""Whoever listens misses nothing, however often he goes away."""

import json
from collections.abc import Iterator

import httpx2 as httpx
from served import WISH, Served, painted, served


def told(lines: Iterator[str]) -> Iterator[tuple[int, str, dict[str, object]]]:
    """The numbered events of a stream."""
    fields = dict[str, str]()
    for line in lines:
        if not line and "id" in fields:
            yield int(fields["id"]), fields["event"], json.loads(fields["data"])
        if not line:
            fields = {}
        name, _, value = line.partition(": ")
        fields[name] = value


def listen(client: httpx.Client, path: str, after: int | None = None) -> list[tuple[int, str, dict[str, object]]]:
    """All that is told until the stream ends."""
    headers = {} if after is None else {"Last-Event-ID": str(after)}
    with client.stream("GET", path, headers=headers) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        return list(told(answer.iter_lines()))


def test_a_job_is_told_from_its_beginning_to_its_end(busy: Served) -> None:
    with busy.client() as client:
        job = client.post("/api/jobs", json=WISH).json()["jobs"][0]["id"]
        events = listen(client, f"/api/jobs/{job}/events")
        kinds = [kind for _, kind, _ in events]
        assert kinds[:2] == ["queued", "leased"]
        assert kinds[-1] == "done"
        assert all(detail["job"] == job for _, _, detail in events)
        picture = events[-1][2]["picture"]
        assert client.get(f"/pictures/{picture}.png").status_code == 200
        for place, (number, _, _) in enumerate(events[:-1]):  # dropped after any of them: the rest, and nothing twice
            assert listen(client, f"/api/jobs/{job}/events", number) == events[place + 1 :]
        over = client.get(f"/api/jobs/{job}/events", headers={"Last-Event-ID": str(events[-1][0])})
        assert over.status_code == 204  # a browser then stops asking


def test_a_listener_hears_of_his_own_jobs_alone_and_of_those_he_missed(idle: Served) -> None:
    with idle.client() as ada, idle.client("bob") as bob:
        job = ada.post("/api/jobs", json=WISH).json()["jobs"][0]["id"]
        bob.post("/api/jobs", json=WISH)
        with ada.stream("GET", "/api/events?after=0") as answer:
            heard = told(answer.iter_lines())
            first = next(heard)
            assert first[1:] == ("queued", {"job": job, "at": first[2]["at"]})
            ada.post(f"/api/jobs/{job}/cancel")
            assert next(heard)[1] == "cancelled"
    with served(idle.house) as again, again.client() as ada:  # the server died meanwhile
        other = ada.post("/api/jobs", json=WISH).json()["jobs"][0]["id"]
        with ada.stream("GET", "/api/events", headers={"Last-Event-ID": str(first[0])}) as answer:
            heard = told(answer.iter_lines())
            assert [(kind, detail["job"]) for _, kind, detail in (next(heard), next(heard))] == [
                ("cancelled", job),
                ("queued", other),
            ]


def test_a_stream_ends_with_its_server_and_not_before(idle: Served) -> None:
    with served(idle.house) as here, here.client() as client:
        job = client.post("/api/jobs", json=WISH).json()["jobs"][0]["id"]
        with client.stream("GET", f"/api/jobs/{job}/events") as answer:
            lines = answer.iter_lines()
            assert next(told(lines))[1] == "queued"
            painted(idle.house, job)
            assert [kind for _, kind, _ in told(lines)] == ["leased", "done"]  # which ends it


def test_the_line_is_told_while_one_waits(idle: Served) -> None:
    with idle.client() as ada, idle.client("bob") as bob:
        bob.post("/api/jobs", json=WISH | {"count": 2})
        job = ada.post("/api/jobs", json=WISH).json()["jobs"][0]["id"]
        with ada.stream("GET", "/api/events?after=0") as answer:
            lines = answer.iter_lines()
            assert "event: places" in lines
            line = json.loads(next(lines).removeprefix("data: "))
            state = ada.post(f"/api/jobs/{job}/cancel").json()["state"]
            assert "event: places" in lines
            over = json.loads(next(lines).removeprefix("data: "))  # when nothing waits any more, too
        assert line.keys() == {job}
        assert line[job]["ahead"] == 1
        assert (state, over) == ("cancelled", {})
