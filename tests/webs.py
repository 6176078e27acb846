"""The web's process among those who may die, a browser that asks it for pictures, and one that listens."""

import time
from collections import defaultdict
from collections.abc import Collection
from dataclasses import asdict
from itertools import count
from random import Random
from socket import create_server, socket
from typing import TYPE_CHECKING

import httpx2 as httpx

from limner.recipe import DEFAULTS
from limner.studio.staff import Card
from limner.studio.web.asked import WISHED
from limner.studio.web.serve import serve
from limner.studio.web.user import LOCAL

if TYPE_CHECKING:
    from crashes import Ground

SIDE = {"width": 128, "height": 128}


def announced(ground: "Ground") -> socket:
    """A socket that outlives whoever serves on it, once pictures of the model can be asked for."""
    staff = ground.house.staff()
    staff.announce(Card(ground.identity, "mini", 8, {**DEFAULTS, **SIDE}))
    staff.database.close()
    return create_server(("127.0.0.1", 0), backlog=64)


def serving(ground: "Ground", listening: socket) -> None:
    serve(ground.house, listening)


def called(port: int) -> httpx.Client:
    return httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=5.0, trust_env=False)


def surfing(ground: "Ground", name: str, port: int) -> None:
    """Somebody asks by the page's own interface, and asks again by the same key until there is an answer."""
    chance = Random(name)
    with called(port) as client:
        for turn in count():
            key, seed, pictures = f"{name} {turn}", chance.randrange(10**6), chance.randint(1, 3)
            recipe = asdict(ground.wish(seed))
            wish = {"model": "mini", "count": pictures} | {field: recipe[field] for field in WISHED}
            ground.note({"asked": key, "owner": LOCAL.name, "seed": seed, "count": pictures})
            while (answer := tried(client, key, wish)) is None:
                time.sleep(0.05)
            if answer.status_code == 202:
                ground.note({"accepted": key, "jobs": [job["id"] for job in answer.json()["jobs"]]})
            else:
                assert answer.status_code == 429, answer.text
                ground.note({"refused": key, "why": answer.json()["detail"]})
            time.sleep(chance.uniform(0.0, 0.1))


def tried(client: httpx.Client, key: str, wish: dict[str, object]) -> httpx.Response | None:
    try:
        answer = client.post("/api/jobs", json=wish, headers={"Idempotency-Key": key})
    except httpx.TransportError:
        return None
    return None if answer.status_code == 503 else answer


def hearing(ground: "Ground", name: str, port: int) -> None:
    """Somebody listens from now on, and whenever the stream breaks goes on after the last number he heard."""
    store = ground.house.store(patience=60.0)
    last = store.last()
    store.database.close()
    with called(port) as client:
        while True:
            try:
                with client.stream("GET", "/api/events", headers={"Last-Event-ID": str(last)}, timeout=30.0) as stream:
                    for line in stream.iter_lines():
                        if line.startswith("id: "):
                            last = int(line.removeprefix("id: "))
                            ground.note({"heard": last, "life": name})
            except httpx.TransportError:
                time.sleep(0.05)


def unheard(ground: "Ground", mine: Collection[int]) -> tuple[int, int]:
    """Events that somebody should have heard between the first and the last that he did, or heard twice; and all."""
    lives = defaultdict[str, list[int]](list)
    for line in ground.noted("heard"):
        lives[line["life"]].append(line["heard"])
    missed = sum(
        len({number for number in mine if numbers[0] <= number <= numbers[-1]} ^ {*numbers})
        + len(numbers) - len({*numbers})
        for numbers in lives.values()
    )  # fmt: skip
    return missed, sum(map(len, lives.values()))
