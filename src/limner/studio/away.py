"""A studio on another machine, as its worker sees it: the queue's back at the end of an HTTPS line.

The worker asks and the studio answers, so that the worker may stand behind any router.  What is lost on its way is
asked again, as `leases.Leases` bears; what was cut off is forgotten by the studio.
"""

from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from hashlib import sha256
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

import httpx2 as httpx

from limner.errors import LimnerError
from limner.recipe import from_json
from limner.studio.back import FAR, Back
from limner.studio.leases import Leased, Pulse
from limner.studio.patience import patiently
from limner.studio.rules import USUAL, Rules
from limner.studio.staff import Card

LOST = (400, 502, 503, 504)  # cut or damaged on its way; or who restarts: the studio, its database
OVER = 410  # the lease is another's by now, or nobody's
SECONDS = httpx.Timeout(30.0, connect=10.0)
FIRST = replace(USUAL, patience=10.0)  # who begins is told soon that nobody answers
LOOKS = 600_000  # bytes of looks that go along with one heartbeat


class Missed(Exception):
    """No answer, or none that says anything: it may have been heard, and may not."""


@dataclass(frozen=True, slots=True)
class Away:
    """Where it is, and the file in which the token stands; `plain` allows HTTP, which everybody on the way can read."""

    url: str
    token: Path
    plain: bool = False

    def back(self) -> Back:
        """LimnerError where the address or the token is none, or the studio does not let this worker in."""
        line = Line(self.client())
        try:
            rules = line.ask("GET", "/workers/rules")
        except LimnerError:
            line.close()
            raise
        known = asdict(USUAL)
        line.rules = Rules(**{name: type(known[name])(value) for name, value in rules.items() if name in known})
        return Back(line, line, line, FAR, bool(rules.get("filter")))

    def client(self) -> httpx.Client:
        return httpx.Client(base_url=self.address(), headers=_headers(self.token), timeout=SECONDS)

    def address(self) -> str:
        """Where requests go; LimnerError where that is no address, or one that would carry the token in the open."""
        try:
            parts = urlsplit(self.url)
            host, _ = parts.hostname, parts.port
        except ValueError as fault:
            raise LimnerError(f"{self.url[:100]!r} is no address", "say https://studio.example.org") from fault
        if parts.scheme not in ("http", "https") or not host or parts.username or parts.query or parts.fragment:
            raise LimnerError(f"{self.url[:100]!r} is no address of a studio", "say https://studio.example.org")
        if parts.scheme == "http" and not self.plain and not _loopback(host):
            raise LimnerError(
                f"{self.url[:100]} would carry the token and every prompt where others can read them",
                "use https, or say --allow-http on a network that is yours alone",
            )
        return self.url.rstrip("/")


@dataclass(slots=True)
class Line:
    """A line to the studio, for all threads of a worker; it keeps to the studio's own rules."""

    client: httpx.Client = field(repr=False)  # which knows the token
    rules: Rules = FIRST
    looked: dict[str, bytes | None] = field(default_factory=dict)  # the look at each lease that was sent last

    @property
    def where(self) -> str:
        return str(self.client.base_url)

    def close(self) -> None:
        self.client.close()

    def announce(self, card: Card) -> None:
        self.ask("POST", "/workers/announce", asdict(card))

    def here(self, worker: str, model: str, device: str) -> None:
        self.ask("POST", "/workers/here", {"worker": worker, "model": model, "device": device})

    def left(self, worker: str) -> None:
        self.ask("POST", "/workers/left", {"worker": worker})

    def lease(self, worker: str, model: str, room: int, token: str, filters: bool = False) -> list[Leased]:
        asked = {"worker": worker, "model": model, "room": room, "token": token}
        told = self.ask("POST", "/workers/lease", asked | ({"filters": True} if filters else {}))
        jobs = told.get("jobs")
        return [
            Leased(each["job"], token, from_json(each["recipe"]), bool(each.get("explains")), bool(each.get("watched")))
            for each in (jobs if isinstance(jobs, list) else [])
        ]

    def beat(self, pulses: Sequence[Pulse]) -> list[Pulse]:
        told = self.ask("POST", "/workers/beat", {"pulses": self._spelt(pulses)})
        lost = told.get("lost")
        over = {(each["job"], each["lease"]) for each in lost} if isinstance(lost, list) else set()
        return [pulse for pulse in pulses if (pulse.job, pulse.lease) in over]

    def finish(self, pulse: Pulse, picture: str, notes: Sequence[str] = ()) -> bool:
        asked = {"pulse": _bare(pulse), "picture": picture, "notes": list(notes)}
        try:
            self.ask("POST", "/workers/finish", asked)
        except LimnerError as fault:
            if fault.status != OVER:
                raise
            return False
        return True

    def fail(self, pulse: Pulse, what: str, remedy: str) -> None:
        self.ask("POST", "/workers/fail", {"pulse": _bare(pulse), "what": what, "remedy": remedy})

    def withhold(self, pulse: Pulse, score: float) -> None:
        self.ask("POST", "/workers/withhold", {"pulse": _bare(pulse), "score": score})

    def release(self, pulses: Sequence[Pulse], why: str) -> None:
        self.ask("POST", "/workers/release", {"pulses": [_bare(each) for each in pulses], "why": why})

    def keep(self, data: bytes) -> str:
        name = sha256(data).hexdigest()
        self.ask("PUT", f"/workers/picture?sha256={name}", data)
        return name

    def ask(self, method: str, path: str, sent: Mapping[str, object] | bytes | None = None) -> Mapping[str, object]:
        """The answer, asked for again until there is one, for as long as the studio's rules are patient."""
        try:
            return patiently(lambda: self._asked(method, path, sent), (Missed,), self.rules.patience)
        except Missed as fault:
            raise LimnerError(
                f"{self.where} does not answer: {fault}", "see that it runs, and try again", 503
            ) from fault

    def _asked(self, method: str, path: str, sent: Mapping[str, object] | bytes | None) -> Mapping[str, object]:
        try:
            if isinstance(sent, bytes):
                answer = self.client.request(method, path, content=sent, headers={"content-type": "image/png"})
            else:
                answer = self.client.request(method, path, json=sent)
            told = answer.json() if answer.content else {}
        except (httpx.RequestError, ValueError) as fault:
            raise Missed(str(fault) or type(fault).__name__) from fault
        if answer.status_code in LOST:
            raise Missed(f"status {answer.status_code}")
        if answer.status_code != 200 or not isinstance(told, dict):
            raise _fault(answer.status_code, told)
        return told

    def _spelt(self, pulses: Sequence[Pulse]) -> list[Mapping[str, object]]:
        """With those looks that are new, as many as a heartbeat may carry."""
        out, left, looked = list[Mapping[str, object]](), LOOKS, dict[str, bytes | None]()
        for pulse in pulses:
            look, last = pulse.preview, self.looked.get(pulse.lease + pulse.job)
            fits = look is not None and look is not last and len(look) <= left
            out.append(_bare(pulse) | ({"preview": b64encode(look).decode()} if fits and look else {}))
            left -= len(look) if fits and look else 0
            looked[pulse.lease + pulse.job] = look if fits else last
        self.looked = looked
        return out


def _loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _headers(file: Path) -> Mapping[str, str]:
    try:
        token = file.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as fault:
        why = fault.strerror if isinstance(fault, OSError) else "it is no text"
        raise LimnerError(f"cannot read the token in {file}: {why}", "give the file that holds it") from fault
    if not token or not token.isprintable() or " " in token:
        raise LimnerError(f"there is no token in {file}", "put the token there, and nothing else")
    return {"authorization": f"Bearer {token}"}


def _bare(pulse: Pulse) -> dict[str, object]:
    return {name: value for name, value in asdict(pulse).items() if name != "preview"}


def _fault(status: int, told: object) -> LimnerError:
    """What the studio says, in its own words; a wrong address is answered by who knows whom."""
    error = told.get("error") if isinstance(told, dict) else None
    if isinstance(error, dict) and isinstance(error.get("what"), str):
        return LimnerError(f"the studio says: {error['what']}", str(error.get("remedy") or ""), status)
    return LimnerError(f"that is no studio: it answers with status {status}", "check the address", status)
