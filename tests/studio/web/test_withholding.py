"""What was withheld, as its owner and those who teach see it on their pages."""

import re
from collections.abc import Iterator
from pathlib import Path
from secrets import token_hex

import pytest
from pupils import PLAIN, School, school
from served import WISH, painted

from limner.studio.leases import Pulse
from limner.studio.people.filtering import WHAT, Demand, announce
from limner.studio.register import Role

pytestmark = pytest.mark.usefixtures("quick")


@pytest.fixture
def here(tmp_path: Path, quick: object) -> Iterator[School]:
    with school(tmp_path, PLAIN) as found:
        announce(found.store.database, Demand(True, False))
        yield found


def stopped(here: School, job: str) -> None:
    """A worker with a filter stops that job."""
    leases = here.here.house.leases()
    (held,) = [each for each in leases.lease("first", "a" * 64, 40, token_hex(8), True) if each.job == job]
    leases.withhold(Pulse(job, held.lease, 2, 2, 0.5), 0.93)
    leases.database.close()


def test_its_owner_asks_an_instructor_lets_it_through_and_it_is_drawn(here: School) -> None:
    with (
        here.join("ada") as ada,
        here.join("bob") as bob,
        here.join("tom", Role.ASSISTANT) as tom,
        here.join("eve", Role.INSTRUCTOR) as eve,
    ):
        job = ada.post("/api/jobs", json=WISH).json()["jobs"][0]["id"]
        stopped(here, job)
        told = ada.get(f"/api/jobs/{job}").json()
        assert (told["state"], told["fault"]["what"], told["preview"]) == ("failed", WHAT, None)
        card = ada.get(f"/jobs/{job}").text
        assert "Withheld by the class's filter" in card
        assert "it has cost nothing" in card
        assert "Share with the class" not in card
        page = re.sub(r"\s+", " ", tom.get("/class").text)
        assert "1 of 1 picture withheld" in page
        assert "0 asked for, 0 let through" in page
        assert "a red apple" not in tom.get("/reports").text  # nobody reads what was asked for until its owner asks

        assert bob.post(f"/jobs/{job}/ask", data={"why": "mine"}).status_code == 404
        assert ada.post(f"/jobs/{job}/ask", data={"why": " "}).status_code == 422
        assert ada.post(f"/jobs/{job}/draw").status_code == 409  # not yet
        assert ada.post(f"/jobs/{job}/ask", data={"why": "<b>an apple</b>"}).headers["location"] == f"/jobs/{job}"
        assert "those who teach decide" in ada.get(f"/jobs/{job}").text
        asked = tom.get("/reports").text
        assert "&lt;b&gt;an apple&lt;/b&gt;" in asked
        assert "a red apple" in asked
        assert "the filter gave it 0.93 of 1" in asked
        assert "Let it through" not in asked
        assert tom.post(f"/jobs/{job}/let-through").status_code == 403
        assert "Let it through" in eve.get("/reports").text
        assert eve.post(f"/jobs/{job}/let-through").headers["location"] == "/reports"
        assert "Filter it again" in eve.get("/reports").text
        assert "0.93" in eve.get("/log").text

        assert "have let it through" in ada.get(f"/jobs/{job}").text
        assert bob.post(f"/jobs/{job}/draw").status_code == 404
        drawn = ada.post(f"/jobs/{job}/draw").headers["location"]
        assert drawn == ada.post(f"/jobs/{job}/draw").headers["location"]  # pressed twice
        again = ada.get(f"/api{drawn}").json()
        assert again["recipe"] == told["recipe"]
        announce(here.store.database, Demand(False, True))  # for whoever paints here, who has no filter
        painted(here.here.house, again["id"])
        assert "Share with the class" in ada.get(drawn).text
        assert eve.post(f"/jobs/{job}/refuse").status_code == 303
        assert "it stays so" in ada.get(f"/jobs/{job}").text


def test_the_page_about_the_studio_tells_what_the_filter_cannot(here: School) -> None:
    with here.join("ada") as ada:
        page = re.sub(r"\s+", " ", ada.get("/about").text)
        assert '<h2 id="filter">' in page
        assert "open_nsfw" in page
        assert "not known how many" in page
