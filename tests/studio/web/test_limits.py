"""How often somebody may ask: much at once, then one in so long, and nobody for another."""

from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, Counter
from prometheus_client.parser import text_string_to_metric_families
from pupils import school
from served import WISH
from studios import Studio

from limner.errors import LimnerError
from limner.studio.register import Role
from limner.studio.web.limits import RATES, Limits, Rate
from limner.studio.web.user import NOBODY, User

SLOW = {"submits": Rate(2, 10.0), "requests": Rate(30, 0.001), "strangers": Rate(3, 30.0)}


def limits(studio: Studio) -> Limits:
    """Of one process, on a database that may be another's, too."""
    clock = lambda: studio.time.now  # noqa: E731
    return Limits(Counter("refused", "refused", ["kind"], registry=CollectorRegistry()), studio.database, SLOW, clock)


def test_a_burst_is_let_through_and_then_one_in_so_long(studio: Studio) -> None:
    ada, bob = User("ada", Role.STUDENT), User("bob", Role.STUDENT)
    held = limits(studio)
    for _ in range(2):
        held.submit(ada)
    with pytest.raises(LimnerError, match="you ask too often; wait 10 s") as caught:
        held.submit(ada)
    assert (caught.value.status, caught.value.after) == (429, 10)
    held.submit(bob)  # whose own burst is
    studio.time.passes(4.0)
    with pytest.raises(LimnerError, match="wait 6 s"):
        held.submit(ada)
    studio.time.passes(6.0)
    held.submit(ada)
    with pytest.raises(LimnerError, match="wait 10 s"):
        held.submit(ada)
    studio.time.passes(90.0)  # who was away may not save up more than the burst
    for _ in range(2):
        held.submit(ada)
    with pytest.raises(LimnerError):
        held.submit(ada)


def test_wishes_are_counted_for_all_processes_and_beyond_their_ends(studio: Studio) -> None:
    ada = User("ada", Role.STUDENT)
    limits(studio).submit(ada)
    limits(studio).submit(ada)  # another process, or the next
    with pytest.raises(LimnerError, match="wait 10 s"):
        limits(studio).submit(ada)
    studio.time.passes(10.0)
    limits(studio).submit(ada)


def test_who_is_not_known_is_counted_by_address(studio: Studio) -> None:
    held = limits(studio)
    for _ in range(3):
        held.read(NOBODY, "10.0.0.1")
    with pytest.raises(LimnerError):
        held.read(NOBODY, "10.0.0.1")
    held.read(NOBODY, "10.0.0.2")
    held.read(User("ada", Role.STUDENT), "10.0.0.1")


def test_those_who_may_ask_like_anybody_are_forgotten(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("limner.studio.web.limits.MANY", 10)
    held = limits(studio)
    for number in range(10):
        held.read(NOBODY, f"10.0.0.{number}")
    studio.time.passes(1000.0)
    held.read(NOBODY, "10.0.1.1")
    assert len(held._free) == 1


def test_too_much_is_answered_with_when_to_come_again_and_counted(
    tmp_path: Path, quick: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    for kind, rate in SLOW.items():
        monkeypatch.setitem(RATES, kind, rate)
    with school(tmp_path) as here, here.join("ada") as ada, here.join("eve", Role.INSTRUCTOR) as eve:
        for seed in range(2):
            assert ada.post("/api/jobs", json=WISH | {"seed": seed}).status_code == 202
        for path in ("/api/jobs", "/v1/images/generations", "/sdapi/v1/txt2img"):
            full = ada.post(path, json={"prompt": "a cat"})
            assert (full.status_code, full.headers["retry-after"]) == (429, "10")
        page = ada.post("/", data={"prompt": "a cat", "count": "1"})
        assert (page.status_code, "you ask too often; wait 10 s and go on" in page.text) == (429, True)
        assert ">a cat</textarea>" in page.text  # nothing that was typed is lost
        assert eve.post("/api/jobs", json=WISH).status_code == 202
        with here.browser() as nobody:
            answers = [nobody.get("/sign-in") for _ in range(4)]
        assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
        with here.browser() as guesser:
            for way, path in (("GET", "/api/jobs"), ("POST", "/workers/beat")):
                asked = guesser.request(way, path, headers={"authorization": "Bearer a guess"})
                assert asked.status_code == 429, path  # an address is one stranger, whatever it sends along
        families = {each.name: each for each in text_string_to_metric_families(eve.get("/metrics").text)}
        refused = {s.labels["kind"]: s.value for s in families["limner_refused"].samples if s.name.endswith("_total")}
        assert refused == {"submits": 4.0, "strangers": 3.0}
