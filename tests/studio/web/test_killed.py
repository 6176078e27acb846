"""The server's process dies by kill -9 under an open page and an open stream: whoever looks goes on looking."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path
from socket import create_server, socket

import httpx2 as httpx
import pytest
from playwright.sync_api import sync_playwright
from served import WISH, announced, painted

from limner.studio.house import House
from limner.studio.rules import Rules
from limner.studio.web.serve import serve

CHROMIUM = "/usr/bin/chromium"


@contextmanager
def living(house: House, listening: socket) -> Iterator[None]:
    """A server's process, which is killed at the end of the block, in the middle of whatever it does."""
    process = get_context("spawn").Process(target=serve, args=(house, listening), daemon=True)
    process.start()
    with httpx.Client(base_url=f"http://127.0.0.1:{listening.getsockname()[1]}", timeout=30) as client:
        assert client.get("/healthz").status_code == 200
    try:
        yield
    finally:
        process.kill()
        process.join()


def heard(lines: Iterator[str]) -> Iterator[tuple[int, str, str]]:
    """Number, kind and job of each event."""
    number, kind = 0, ""
    for line in lines:
        name, _, value = line.partition(": ")
        if name == "id":
            number = int(value)
        elif name == "event":
            kind = value
        elif name == "data" and kind != "places":
            yield number, kind, json.loads(value)["job"]


@pytest.mark.system
def test_a_page_and_a_stream_outlive_the_server_that_they_were_opened_on(tmp_path: Path) -> None:
    house = House(f"sqlite:///{tmp_path / 'studio.db'}", tmp_path / "pictures", Rules(pulse=0.02, patience=5.0))
    announced(house)
    with create_server(("127.0.0.1", 0)) as listening, sync_playwright() as play:
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        chromium = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = chromium.new_page(base_url=url)
        page.set_default_timeout(20_000)
        before = list[tuple[int, str, str]]()
        with living(house, listening), httpx.Client(base_url=url, timeout=30) as client:
            asked = client.post("/api/jobs", json=WISH | {"count": 2}).json()
            first, second = (job["id"] for job in asked["jobs"])
            page.goto(f"/tries/{asked['submission']}")
            page.wait_for_selector(f"#job-{second}[data-state=queued]")
            with client.stream("GET", "/api/events", params={"after": 0}) as stream:
                events = heard(stream.iter_lines())
                before += [next(events), next(events)]
        painted(house, first)  # while nobody serves
        with living(house, listening), httpx.Client(base_url=url, timeout=30) as client:
            page.wait_for_selector(f"#job-{first}[data-state=done]")
            page.wait_for_selector(f"#job-{second}[data-state=running]")
            with client.stream("GET", "/api/events", headers={"Last-Event-ID": str(before[-1][0])}) as stream:
                events = heard(stream.iter_lines())
                after = [next(events) for _ in range(3)]
        chromium.close()
    assert [number for number, _, _ in before + after] == [1, 2, 3, 4, 5]
    assert [(kind, job) for _, kind, job in before] == [("queued", first), ("queued", second)]
    assert {(kind, job) for _, kind, job in after} == {("leased", first), ("leased", second), ("done", first)}
