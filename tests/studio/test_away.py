"""A worker on another machine: the same promises at the end of a line, whatever the line does."""

import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path
from secrets import token_hex
from socket import create_connection

import numpy as np
import pytest
from flaky import Cut, line
from persons import joined
from PIL import Image
from served import WISH, Served, announced, served
from studios import MODEL, recipe

from limner.bundle import Bundle
from limner.engine import run
from limner.errors import LimnerError
from limner.metadata import encode
from limner.recipe import Recipe
from limner.studio.away import Away
from limner.studio.back import Back
from limner.studio.badge import badge
from limner.studio.house import House
from limner.studio.leases import Pulse
from limner.studio.people.filtering import WHAT, Demand, announce
from limner.studio.people.tokens import Scope, Tokens
from limner.studio.register import Role
from limner.studio.rules import Rules
from limner.studio.schema import State
from limner.studio.shift import Shift
from limner.studio.web.user import alone
from limner.studio.worker import serve

QUICK = Rules(lease=0.4, pulse=0.05, patience=20.0)


def drawn(wanted: Recipe) -> bytes:
    """The file of a picture that nobody computed."""
    pixels = np.random.default_rng(wanted.seed).integers(0, 256, (wanted.height, wanted.width, 3), np.uint8)
    return encode(pixels, "png", wanted, {})


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Served]:
    house = House(f"sqlite:///{tmp_path / 'studio.db'}", tmp_path / "pictures", QUICK)
    badge(tmp_path)
    announced(house)
    with served(house, alone) as here:
        yield here


Begun = Callable[..., Back]


@pytest.fixture
def away(here: Served) -> Iterator[Begun]:
    """Who begins to work at the studio, or at a port that leads there."""
    backs = list[Back]()

    def begin(port: int = 0) -> Back:
        backs.append(Away(f"http://127.0.0.1:{port or here.port}", here.house.badge).back())
        return backs[-1]

    yield begin
    for back in backs:
        back.leases.close()


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_worker_elsewhere_draws_and_outlives_the_server(bundle: Bundle, tmp_path: Path) -> None:
    house = House(f"sqlite:///{tmp_path / 'studio.db'}", tmp_path / "pictures", Rules(pulse=0.05))
    badge(tmp_path)
    store, staff = house.store(), house.staff()
    wanted = replace(recipe(), model=bundle.identity, steps=3, width=32, height=32)
    first = store.submit("ada", "first", wanted, 2)
    with served(house, alone) as one:
        employer = Away(one.url, house.badge)
        process = get_context("spawn").Process(target=serve, args=(employer, str(bundle.folder), "cpu", None, "eager"))
        process.start()
        until(lambda: all(store.job(job).state == State.DONE for job in first))
        (long,) = store.submit("ada", "long", replace(wanted, steps=400))
        until(lambda: store.job(long).done > 0)
        assert store.preview(long).startswith(b"\x89PNG")
    then = store.submit("ada", "then", replace(wanted, seed=7))
    store.cancel("ada", long)
    with served(house, alone, port=one.port):
        until(lambda: store.job(then[0]).state == State.DONE)
        assert [card.identity for card in staff.cards()] == [bundle.identity]
        assert staff.present() == {bundle.identity: 1}
        process.terminate()
        process.join(timeout=30)
        assert process.exitcode == 0
        assert staff.present() == {}
    for job in map(store.job, (*first, *then)):
        ((_, alone_),) = run([job.recipe], bundle)
        np.testing.assert_array_equal(np.asarray(Image.open(house.vault().path(job.picture))), alone_)
        assert job.lapses == 0
    assert store.job(long).state == State.CANCELLED


def test_every_call_may_lose_its_answer(here: Served, away: Begun) -> None:
    """Each connection but every third ends before its first answer: what was asked was done, or was not."""
    store = here.house.store()
    jobs = store.submit("ada", "key", recipe(), 3)
    with line(here.port, lambda number: Cut() if number % 3 == 2 else Cut(answered=0 if number % 3 else 10)) as port:
        back = away(port)
        shift = Shift(back.leases, back.vault, "far", MODEL, 4, 0.05)
        back.staff.here("far", MODEL, "cpu")
        (one, wanted), (two, _), (three, _) = shift.pull(3, wait=True)
        shift.step(one, 2, 10, drawn(wanted))
        until(lambda: store.job(jobs[0]).done == 2)
        assert store.preview(jobs[0]) == drawn(wanted)
        assert shift.finish(one, drawn(wanted), ["a note"])
        shift.fail(two, "the prompt is odd", "say another")
        shift.close("it is late")
        until(lambda: not shift._beats.is_alive())
    assert [store.job(job).state for job in jobs] == [State.DONE, State.FAILED, State.QUEUED]
    assert store.job(jobs[0]).notes == ("a note",)
    assert store.job(jobs[2]).lapses == 0
    assert three in shift.gone()
    assert [event.kind.value for event in store.events(0, job=jobs[0])].count("done") == 1


def test_an_upload_that_is_cut_leaves_nothing_and_is_sent_again(
    here: Served, caplog: pytest.LogCaptureFixture, away: Begun
) -> None:
    store = here.house.store()
    (job,) = store.submit("ada", "key", recipe())
    cuts: dict[int, Cut] = {}
    with line(here.port, lambda number: cuts.pop(number, Cut())) as port, caplog.at_level(logging.ERROR):
        back = away(port)
        ((leased,),) = [back.leases.lease("far", MODEL, 1, token_hex(8))]
        picture = drawn(leased.recipe)
        with create_connection(("127.0.0.1", here.port)) as raw:
            token = here.house.badge.read_text().strip()
            head = f"PUT /workers/picture?sha256={'0' * 64} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
            head += f"Authorization: Bearer {token}\r\n"
            raw.sendall(f"{head}Content-Length: {len(picture)}\r\n\r\n".encode() + picture[:2000])
        back.leases.close()  # connection 0
        back.leases.client = Away(f"http://127.0.0.1:{port}", here.house.badge).client()
        cuts[1] = Cut(asked=2000)
        name = back.vault.keep(picture)
    assert cuts == {}
    assert back.leases.finish(Pulse(leased.job, leased.lease, 10, 10, 0.5), name)
    assert here.house.vault().read(store.job(job).picture) == picture
    assert [path.name for path in here.house.pictures.rglob("*") if path.is_file()] == [f"{name}.png"]
    assert caplog.records == []


def test_a_lease_that_ran_out_is_anothers_and_there_is_one_result(here: Served, away: Begun) -> None:
    store = here.house.store()
    (job,) = store.submit("ada", "key", recipe())
    slow, other = away(), away()
    (late,) = slow.leases.lease("slow", MODEL, 1, token_hex(8))
    time.sleep(0.5)
    (good,) = other.leases.lease("other", MODEL, 1, token_hex(8))
    again = other.leases.lease("other", MODEL, 1, good.lease)  # the same question, and so the same answer
    assert again == [good]
    picture = drawn(good.recipe)
    assert slow.leases.beat([Pulse(late.job, late.lease)]) == [Pulse(late.job, late.lease)]
    name = slow.vault.keep(picture)
    assert not slow.leases.finish(Pulse(late.job, late.lease), name)
    slow.leases.fail(Pulse(late.job, late.lease), "why", "what to do")
    slow.leases.release([Pulse(late.job, late.lease)], "why")
    assert other.leases.finish(Pulse(good.job, good.lease), other.vault.keep(picture))
    assert slow.leases.finish(Pulse(late.job, late.lease), name)  # it is what another brought
    assert store.job(job).lapses == 1
    assert [event.kind.value for event in store.events(0, job=job)].count("done") == 1


def test_what_is_no_picture_of_the_job_is_not_taken(here: Served, away: Begun) -> None:
    store = here.house.store()
    first, second = store.submit("ada", "key", recipe(), 2)
    back = away()
    shift = Shift(back.leases, back.vault, "far", MODEL, 4, 0.05)
    (one, wanted), (two, _) = shift.pull(2, wait=True)
    for bad in (b"GIF89a", drawn(wanted)[:-1], drawn(wanted) + b"\0", drawn(wanted).replace(b"IDAT", b"IDAR")):
        with pytest.raises(LimnerError, match="the studio says: the picture") as refused:
            back.vault.keep(bad)
        assert refused.value.status == 422
    assert not shift.finish(one, b"GIF89a", [])
    assert not shift.finish(two, drawn(wanted), [])  # the other one's
    assert [store.job(job).state for job in (first, second)] == [State.FAILED] * 2
    assert store.job(first).what == "the studio says: the picture is no PNG"
    assert store.job(second).what == "the studio says: the picture does not carry its job's recipe"
    shift.end()


def test_where_a_filter_watches_a_worker_elsewhere_needs_one_too(here: Served, away: Begun) -> None:
    store = here.house.store()
    assert not away().watches
    announce(store.database, Demand(True, False))
    (job,) = store.submit("ada", "key", recipe())
    back = away()
    assert back.watches
    without = Shift(back.leases, back.vault, "without", MODEL, 4, 0.05)
    with pytest.raises(LimnerError, match="the studio says: this class's pictures pass a filter before"):
        without.pull(1, wait=True)
    shift = Shift(back.leases, back.vault, "far", MODEL, 4, 0.05, filters=True)
    ((name, wanted),) = shift.pull(1, wait=True)
    assert shift.watched == {name}
    shift.step(name, 2, 10, drawn(wanted))
    until(lambda: store.job(job).done == 2)
    assert store.preview(job) is None
    shift.withhold(name, 0.93)
    shift.end()
    assert (store.job(job).state, store.job(job).what) == (State.FAILED, WHAT)
    assert not list(here.house.pictures.rglob("*.png"))


def test_without_the_right_token_nobody_serves(here: Served, tmp_path: Path, away: Begun) -> None:
    wrong = tmp_path / "wrong"
    wrong.write_text("limner_guess")
    with pytest.raises(LimnerError, match="the studio says: this door is for workers alone; send a token") as refused:
        Away(here.url, wrong).back()
    assert refused.value.status == 401
    assert "guess" not in str(refused.value)
    back = away()
    here.house.badge.write_text("another")  # from here on the old one is void
    with pytest.raises(LimnerError, match="for workers alone"):
        back.leases.lease("far", MODEL, 1, token_hex(8))
    assert oct(here.house.badge.stat().st_mode)[-3:] == "600"


def test_where_there_are_accounts_an_instructors_token_serves_and_the_studios_own_does_not(tmp_path: Path) -> None:
    house = House(f"sqlite:///{tmp_path / 'studio.db'}", tmp_path / "pictures", QUICK)
    badge(tmp_path)
    store = house.store()
    teacher = joined(store, "teacher", Role.INSTRUCTOR)
    file = tmp_path / "token"
    with served(house) as here:
        for scope, good in ((Scope.DRAW, False), (Scope.SERVE, True)):
            file.write_text(Tokens(store.database).make(teacher, scope.value, [scope]))
            if good:
                back = Away(here.url, file).back()
                assert back.leases.rules == QUICK
                back.leases.close()
            else:
                with pytest.raises(LimnerError, match="for workers alone"):
                    Away(here.url, file).back()
        with pytest.raises(LimnerError, match="for workers alone"):
            Away(here.url, house.badge).back()


@pytest.mark.parametrize(
    ("url", "plain", "why"),
    [
        ("http://studio.example.org", False, "would carry the token and every prompt where others can read them"),
        ("ftp://studio.example.org", False, "is no address of a studio"),
        ("https://ada:secret@studio.example.org", False, "is no address of a studio"),
        ("https://[", False, "is no address"),
        ("studio.example.org", True, "is no address of a studio"),
    ],
)
def test_an_address_that_is_none_or_would_give_the_token_away_is_refused(url: str, plain: bool, why: str) -> None:
    with pytest.raises(LimnerError, match=why):
        Away(url, Path("token"), plain).address()


def test_addresses() -> None:
    for url in ("https://studio.example.org/", "http://127.0.0.1:7860", "http://localhost:1", "http://[::1]:7860"):
        assert Away(url, Path("token")).address() == url.rstrip("/")
    assert Away("http://10.0.0.5:7860", Path("token"), plain=True).address() == "http://10.0.0.5:7860"


def test_nothing_that_is_shown_of_a_worker_holds_its_token(here: Served, away: Begun) -> None:
    token = here.house.badge.read_text().strip()
    assert token not in repr(away()) + repr(Away(here.url, here.house.badge))


def test_a_card_that_makes_no_recipe_is_refused(here: Served, away: Begun) -> None:
    back = away()
    card = here.house.staff().card()
    with pytest.raises(LimnerError, match="the studio says: steps 0 is out of range"):
        back.staff.announce(replace(card, defaults={**card.defaults, "steps": 0}))
    with pytest.raises(LimnerError, match="defaults for what no recipe has"):
        back.staff.announce(replace(card, defaults={**card.defaults, "colour": "red"}))
    back.staff.announce(replace(card, name="another", identity="c" * 64))
    assert here.house.staff().card("another").identity == "c" * 64
    with here.client(None) as client:
        assert client.post("/api/jobs", json=WISH | {"model": "another"}).status_code == 202
