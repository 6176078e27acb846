"""A licence that asks something is accepted once by each, before a first picture, and again when it changes."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from pupils import School, school, under
from served import WISH
from studios import MODEL

from limner.recipe import DEFAULTS
from limner.studio.people import log
from limner.studio.people.export import export_to
from limner.studio.register import Role
from limner.studio.staff import Card

pytestmark = pytest.mark.usefixtures("quick")
SIZE = {**DEFAULTS, "width": 64, "height": 64, "steps": 4}
RAIL = Card("b" * 64, "grand", 8, SIZE, "A licence <1>", "Harm nobody & pass this on.")


def announced(here: School, *cards: Card) -> None:
    staff = here.here.house.staff()
    for card in cards:
        staff.announce(card)
    staff.database.close()


@pytest.fixture
def here(tmp_path: Path, quick: object) -> Iterator[School]:
    course = under()
    with school(tmp_path, replace(course, course=replace(course.course, models=("mini", "grand")))) as found:
        announced(found, RAIL, Card("c" * 64, "other", 8, SIZE))
        yield found


def test_it_is_read_and_accepted_once_before_the_first_picture(here: School, tmp_path: Path) -> None:
    with here.join("ada") as ada, here.join("bob") as bob, here.program("ada") as program:
        assert program.post("/api/jobs", json=WISH).status_code == 202  # mini asks for nothing
        first = program.post("/api/jobs", json=WISH | {"model": "grand"})
        assert first.status_code == 403
        assert "which you have not accepted yet; read and accept it on" in first.json()["detail"]
        assert '<a href="/licences/grand">read and accept it</a>' in ada.get("/").text
        page = ada.get("/licences/grand").text
        assert "Harm nobody &amp; pass this on." in page
        wrong = ada.post("/licences/grand", data={"digest": "0" * 64})
        assert (wrong.status_code, "read it again" in wrong.text) == (409, True)
        assert ada.post("/licences/grand", data={"digest": RAIL.digest}).status_code == 303
        assert program.post("/api/jobs", json=WISH | {"model": "grand"}).status_code == 202
        assert "You have accepted these terms" in ada.get("/licences/grand").text
        assert "A licence &lt;1&gt;</a>, accepted" in ada.get("/account").text
        assert bob.post("/api/jobs", json=WISH | {"model": MODEL}).status_code == 202
        assert bob.post("/api/jobs", json=WISH | {"model": "grand"}).status_code == 403
        announced(here, replace(RAIL, terms="Harm nobody at all."))
        assert program.post("/api/jobs", json=WISH | {"model": "grand"}).status_code == 403
    assert "accepted a licence" in [line.deed for line in log.lines(here.store.database)]
    export_to(here.store.database, here.here.house.vault(), here.people["ada"], tmp_path / "mine.zip")


def test_only_the_class_s_models_are_there_and_the_first_is_the_usual_one(here: School) -> None:
    with here.join("eve", Role.INSTRUCTOR) as eve:
        assert [each["name"] for each in eve.get("/api/models").json()["models"]] == ["mini", "grand"]
        assert [each["id"] for each in eve.get("/v1/models").json()["data"]] == ["mini", "grand"]
        assert [each["title"] for each in eve.get("/sdapi/v1/sd-models").json()] == ["mini", "grand"]
        assert eve.post("/api/jobs", json=WISH).json()["jobs"][0]["recipe"]["model"] == MODEL
        for model in ("other", "c" * 64):
            answer = eve.post("/api/jobs", json=WISH | {"model": model})
            assert (answer.status_code, "choose one of mini, grand" in answer.text) == (404, True)
