"""Thousands of requests to one studio, and whatever of its answers no answer should be."""

import json
import os
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from random import Random

from campus import Campus, Way
from doorways import called, knocked, parted, request, sent, worked
from fragments import giants
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from hypothesis.errors import HypothesisException
from knocking import Answer, Request, Watch
from oddities import UPLOADS
from schemas import Interface

from limner.studio.register import Role

SLOW = 5.0  # seconds
STATED = (501, 503)  # of the server's errors those that say what is not done, or not now, in limner's own line
AWAY = "the database does not answer"  # which it does
LEAST = 1000  # cases among which there are giants, whose making takes its time
AT_ONCE = 24  # cases of one door, one after the other
SHARES: Mapping[str, float] = {"schema": 0.4, "page": 0.25, "file": 0.2, "work": 0.07, "gradio": 0.08}


@dataclass
class Siege:
    """Each case is counted by its door, kind and status; `failures` are told so that they can be asked again."""

    campus: Campus
    seed: int
    gradio: bool = True
    watch: Watch = field(default_factory=Watch)
    failures: list[dict[str, object]] = field(default_factory=list)
    statuses: dict[str, Counter[int]] = field(default_factory=dict)
    kinds: Counter[str] = field(default_factory=Counter)
    by_kind: dict[str, Counter[int]] = field(default_factory=dict)
    slowest: tuple[float, str] = (0.0, "")
    turn: int = 0
    heard: dict[str, list[str]] = field(default_factory=lambda: {"event": ["x"], "path": ["/etc/passwd"]})
    unmade: Counter[str] = field(default_factory=Counter)

    def warm(self) -> None:
        """There is something of everything, before anybody looks; and whatever is imported late was imported."""
        for who in ("student", "instructor", "alone"):
            for door in self._doors(who):
                if door.path in ("/api/jobs", "/hall", "/gradio/") and (self.gradio or "gradio" not in door.path):
                    body = json.dumps({"prompt": "a cat", "count": 3}).encode()
                    kind = b"application/json"
                    if door.path == "/hall":
                        kind, body = b"application/x-www-form-urlencoded", b"prompt=a+cat&key=1"
                    self.campus.ask(who, request(self.campus, who, door, door.path, b"", kind, body))
                if self.gradio and door.path.endswith(
                    "/run/{call}"
                ):  # Gradio imports matplotlib, which looks for fonts
                    path, body = door.path.replace("{call}", "models"), b'{"data": []}'
                    self.campus.ask(who, request(self.campus, who, door, path, b"", b"application/json", body))
        self.campus.refresh()

    def run(self, cases: int) -> None:
        """Exactly so many, of every kind its share."""
        chance = Random(self.seed)
        for data in (make() for make in giants().values() if cases > LEAST):
            for door in self._doors("alone"):
                if (door.method, door.path) in (("POST", "/read"), ("PUT", "/workers/picture")):
                    self._one("giant", "alone", _large(self.campus, door, data))
        kinds = {kind: share for kind, share in SHARES.items() if self.gradio or kind != "gradio"}
        while (left := cases - self.kinds.total()) > 0:
            (kind,) = chance.choices(list(kinds), list(kinds.values()))
            self.campus.refresh()
            self.campus.ids |= self.heard  # not before: what questions are made of stays as it is while some are
            self._some(kind, min(left, AT_ONCE), chance)

    def _some(self, kind: str, number: int, chance: Random) -> None:
        who, door, strategy = self._chosen(kind, chance)
        self.turn += 1

        @seed(self.seed * 100_003 + self.turn)
        @settings(
            max_examples=number,
            database=None,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(strategy)
        def each(asked: Request) -> None:
            self._one(kind, who, asked)

        try:
            each()
        except HypothesisException:  # of this door no question can be made in that way
            self.unmade[door.path] += 1

    def _chosen(self, kind: str, chance: Random) -> tuple[str, Way, st.SearchStrategy[Request]]:
        """Somebody, who mostly may, a door of that kind, and what comes through it."""
        who = chance.choice(("student", "assistant", "instructor", "instructor", "program", "alone", "alone"))
        doors = [door for door in self._doors(who) if KINDS[kind](door) and (self.gradio or "gradio" not in door.path)]
        door = min(doors, key=lambda each: (self._knocks(each), chance.random()))  # each comes to its turn
        may = who == "alone" or Role(WHOSE.get(who, who)).may(door.role or Role.STUDENT)
        if not may and chance.random() < 0.9:
            who = "alone" if door in self._doors("alone") else "instructor"
        if chance.random() < 0.03:
            who = "nobody"
        elif door.serves and who != "alone":
            who = "worker"
        if kind == "schema":
            return who, door, Interface.of(self.campus, who).through(door)
        make = {"page": knocked, "file": sent, "work": worked, "gradio": called}[kind]
        return who, door, make(self.campus, who, door)

    def _knocks(self, door: Way) -> int:
        return self.statuses.get(f"{door.method} {door.path}", Counter[int]()).total()

    def _doors(self, who: str) -> Sequence[Way]:
        return self.campus.doors(who)

    def _one(self, kind: str, who: str, asked: Request) -> None:
        self.watch.looks = True
        answer = self.campus.ask(who, asked)
        if answer.seconds > SLOW:  # once more, as somebody else may have had the processor
            again = self.campus.ask(who, asked)
            answer.seconds, answer.worked = min(answer.seconds, again.seconds), min(answer.worked, again.worked)
        self.watch.looks = False
        self._learn(asked, answer)
        self.kinds[kind] += 1
        self.statuses.setdefault(asked.door, Counter())[answer.status] += 1
        self.by_kind.setdefault(kind, Counter())[answer.status] += 1
        self.slowest = max(self.slowest, (round(answer.seconds, 2), asked.door))
        strayed, self.watch.strayed = self.watch.strayed, []
        for why in wrong(answer, strayed):
            sys.stderr.write(f"{why}: {asked.door}, {kind}, {who}\n")
            told = {"raised": answer.raised[-1500:], "answer": answer.body[:300].decode("utf-8", "replace")}
            self.failures.append({"why": why, "kind": kind, "who": who, **asked.spelt(), **told})

    def _learn(self, asked: Request, answer: Answer) -> None:
        """What Gradio calls its events and its uploads."""
        if answer.status != 200 or asked.method != "POST" or "/gradio_api/" not in asked.path:
            return
        try:
            said = json.loads(bytes(answer.body))
        except ValueError:
            return
        if isinstance(said, dict) and "event_id" in said:
            self.heard["event"] = [str(said["event_id"]), *self.heard["event"]][:5]
        if isinstance(said, list) and said:
            self.heard["path"] = [str(said[0]), *self.heard["path"]][:5]

    def told(self) -> dict[str, object]:
        whole = sum(self.by_kind.values(), Counter[int]())
        return {
            "cases": self.kinds.total(),
            "by kind": dict(self.kinds),
            "by status": _sorted(whole),
            "statuses of each kind": {kind: _sorted(each) for kind, each in sorted(self.by_kind.items())},
            "statuses of each door": {door: _sorted(each) for door, each in sorted(self.statuses.items())},
            "doors": len(self.statuses),
            "slowest, in seconds": list(self.slowest),
            "rounds without a question": dict(self.unmade),
        }


WHOSE = {"program": "instructor"}  # a program of an instructor's
KINDS: Mapping[str, Callable[[Way], bool]] = {
    "schema": lambda door: True,
    "page": lambda door: not door.serves and not door.foreign,
    "file": lambda door: door.path in UPLOADS,
    "work": lambda door: door.serves and door.method == "POST",
    "gradio": lambda door: door.foreign,
}


def wrong(answer: Answer, strayed: Sequence[str]) -> list[str]:
    """What of an answer no answer should be; nothing, mostly."""
    text = answer.body.decode("utf-8", "replace")
    out = [f"elsewhere: {each}" for each in strayed]
    if answer.raised:
        out.append(f"raised: {answer.raised.strip().splitlines()[-1][:200]}")
    elif not 100 < answer.status < 500 and not (answer.status in STATED and _says(text) and AWAY not in text):
        out.append(f"status {answer.status}")
    if answer.worked > SLOW or answer.seconds - answer.worked > SLOW * others():
        out.append(f"{answer.seconds:.1f} s, {answer.worked:.1f} of them at work")
    if "Traceback (most recent call last)" in text:
        out.append("shows a traceback")
    return out


def others() -> float:
    """How many want each of this machine's processors, at least one."""
    return max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))


def _says(text: str) -> bool:
    """Whether a server's error is told in limner's own line, as JSON or as a page."""
    return '"remedy"' in text or '"why"' in text or 'class="fault"' in text


def _large(campus: Campus, door: Way, data: bytes) -> Request:
    if door.path == "/read":
        kind, body = parted({}, {"picture": ("a.png", data)})
        return request(campus, "alone", door, door.path, b"", kind, body)
    query = f"sha256={sha256(data).hexdigest()}".encode()
    return request(campus, "alone", door, door.path, query, b"image/png", data)


def _sorted(counts: Counter[int]) -> dict[str, int]:
    return {str(status): count for status, count in sorted(counts.items())}
