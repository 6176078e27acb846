"""Students who ask, wait, listen and lose their connection; and what was promised to them, written down outside."""

import asyncio
import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import httpx2 as httpx

THINGS = ("a red apple", "a cat", "a boat", "a yellow star", "two trees", "a house", "a fish", "an owl")
DEEP = 3  # pictures that somebody who always waits has open
THINKING = 150.0  # seconds, on the average, between two wishes of somebody who asks now and then: together less than
# two cores draw beside those who always wait, or the line would grow without end, and nothing in it be flat
STILL = 120.0  # seconds without any news after which somebody gives up waiting
LISTENING = 10.0  # seconds, on the average, for which a bad connection holds


@dataclass(frozen=True)
class Record:
    """Lines that are only ever added, in a file that the studio does not know."""

    file: Path

    def note(self, line: Mapping[str, object]) -> None:
        number = os.open(self.file, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.write(number, (json.dumps({"at": time.time(), **line}) + "\n").encode())
        os.close(number)

    def lines(self) -> list[dict[str, object]]:
        return [json.loads(line) for line in self.file.read_text().splitlines()] if self.file.exists() else []


@dataclass
class Student:
    """One who always has pictures waiting, or asks now and then; some of either on a bad connection."""

    name: str
    token: str
    always: bool
    bad: bool
    record: Record
    wish: Mapping[str, object]
    until: float  # time.monotonic() when they stop to ask
    open: set[str] = field(default_factory=set)
    last: int = 0
    asked: int = 0
    heard: asyncio.Event = field(default_factory=asyncio.Event)
    news: float = 0.0  # time.monotonic() of the last
    chance: Random = field(init=False)

    def __post_init__(self) -> None:
        self.chance = Random(self.name)

    async def live(self, client: httpx.AsyncClient) -> None:
        listening = asyncio.create_task(self.listen(client))
        try:
            await asyncio.sleep(self.chance.uniform(0, 5 if self.always else THINKING))
            while time.monotonic() < self.until:
                if self.always:
                    if missing := DEEP - len(self.open):
                        await self.ask(client, missing)
                    await self.told(2.0)
                else:
                    await self.ask(client, self.chance.randint(1, 3))
                    await self.told(self.chance.expovariate(1 / THINKING))
            while self.open and time.monotonic() < max(self.until, self.news) + STILL:
                await self.told(2.0)
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)

    async def told(self, seconds: float) -> None:
        """Until something was heard of, for whoever always asks; at most so long, and no longer than there is time."""
        self.heard.clear()
        left = max(0.05, min(seconds, self.until - time.monotonic()) if time.monotonic() < self.until else seconds)
        if not self.always and self.until > time.monotonic():
            await asyncio.sleep(left)
            return
        try:
            await asyncio.wait_for(self.heard.wait(), left)
        except TimeoutError:
            return

    async def ask(self, client: httpx.AsyncClient, pictures: int) -> None:
        """By one key until there is an answer; a bad connection may end before it, and nobody knows what was heard."""
        self.asked += 1
        key = f"{self.name} {self.asked}"
        wish = {
            **self.wish,
            "prompt": self.chance.choice(THINGS),
            "seed": self.chance.randrange(2**32),
            "count": pictures,
        }
        headers = {"authorization": f"Bearer {self.token}", "idempotency-key": key}
        while True:
            drops = self.bad and self.chance.random() < 0.3
            patience = self.chance.uniform(0.001, 0.15) if drops else 60.0
            try:
                answer = await asyncio.wait_for(client.post("/api/jobs", json=wish, headers=headers), patience)
                break
            except TimeoutError:
                self.record.note({"dropped" if drops else "error": "asking", "student": self.name, "why": "no answer"})
            except httpx.TransportError as fault:
                self.record.note({"error": "asking", "student": self.name, "why": repr(fault)})
                await asyncio.sleep(0.5)
        if answer.status_code != 202:
            self.record.note({"error": "asking", "student": self.name, "why": answer.text[:300]})
            await asyncio.sleep(1.0)
            return
        jobs = {job["id"]: (job["place"] or {}).get("seconds") for job in answer.json()["jobs"]}
        self.open |= {job["id"] for job in answer.json()["jobs"] if job["state"] in ("queued", "running")}
        self.record.note({"accepted": key, "student": self.name, "jobs": jobs})

    async def listen(self, client: httpx.AsyncClient) -> None:
        """To one's own events, from the last one heard on, however often the line breaks."""
        while True:
            seconds = self.chance.expovariate(1 / LISTENING) if self.bad else 3600.0
            try:
                await asyncio.wait_for(self.hear(client), seconds)
            except TimeoutError:
                self.record.note({"dropped": "listening", "student": self.name})
            except httpx.TransportError as fault:
                self.record.note({"error": "listening", "student": self.name, "why": repr(fault)})
                await asyncio.sleep(0.5)

    async def hear(self, client: httpx.AsyncClient) -> None:
        headers = {"authorization": f"Bearer {self.token}", "last-event-id": str(self.last)}
        kind = ""
        async with client.stream("GET", "/api/events", headers=headers, timeout=60.0) as stream:
            if stream.status_code != 200:
                raise httpx.ReadError(f"status {stream.status_code}")
            async for line in stream.aiter_lines():
                name, _, value = line.partition(": ")
                if name == "id":
                    self.last = int(value)
                elif name == "event":
                    self.news, kind = time.monotonic(), value
                elif name == "data" and kind in ("done", "failed"):
                    said = json.loads(value)
                    self.record.note({kind: said["job"], "student": self.name, "stored": said["at"]})
                    self.open.discard(said["job"])
                    self.heard.set()
