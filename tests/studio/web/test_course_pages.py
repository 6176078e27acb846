"""The pages beside Make in a class: grids and explanations for an assignment, terms accepted, takedowns everywhere."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx2 as httpx
import pytest
from pupils import School, school, under
from served import WISH, painted
from studios import MODEL

from limner.recipe import DEFAULTS
from limner.studio.course import Assignment
from limner.studio.register import Role
from limner.studio.staff import Card

pytestmark = pytest.mark.usefixtures("quick")
GRID = {"x": "steps", "xs": "2, 3", "y": "seed", "ys": "1..2", "prompt": "a cat"}


@pytest.fixture
def here(tmp_path: Path, quick: object) -> Iterator[School]:
    with school(tmp_path, under(assignments=(Assignment(name="story", pictures=5), Assignment(name="tries")))) as found:
        yield found


def drawn(here: School, client: httpx.Client) -> tuple[str, str]:
    """A job, and the path of its picture."""
    job = client.post("/api/jobs", json=WISH | {"assignment": "story"}).json()["jobs"][0]["id"]
    return job, f"/pictures/{painted(here.here.house, job)}.png"


def test_a_grid_is_for_an_assignment_and_costs_its_pictures(here: School) -> None:
    with here.join("ada") as ada:
        assert "5 pictures left of 5 pictures" in ada.get("/grid").text
        unsaid = ada.post("/grid", data=GRID)
        assert (unsaid.status_code, "choose from story, tries" in unsaid.text) == (404, True)
        sent = ada.post("/grid", data=GRID | {"assignment": "story"})
        assert sent.status_code == 303
        assert ada.get(sent.headers["location"]).status_code == 200
        much = ada.post("/grid", data=GRID | {"assignment": "story"})
        assert (much.status_code, "has 1 picture left of 5 pictures" in much.text) == (403, True)


def test_an_explanation_is_no_picture_and_goes_on_the_terms_of_its_own(here: School) -> None:
    with here.join("ada") as ada, here.join("bob") as bob, here.join("eve", Role.INSTRUCTOR) as eve:
        job, _ = drawn(here, ada)
        assert bob.post(f"/jobs/{job}/explain").status_code == 404
        assert ada.post(f"/jobs/{job}/explain").status_code == 303
        assert "4 pictures left of 5 pictures" in ada.get("/").text
        assert ">Ada</a></th><td>story</td><td>1</td>" in eve.get("/class").text


def test_every_model_of_a_grid_has_its_terms_accepted(tmp_path: Path) -> None:
    rail = Card("b" * 64, "grand", 8, {**DEFAULTS, "width": 64, "height": 64, "steps": 4}, "RAIL", "Harm nobody.")
    plain = under()
    course = replace(plain, course=replace(plain.course, models=("mini", "grand")))
    with school(tmp_path, course) as here, here.join("ada") as ada:
        staff = here.here.house.staff()
        staff.announce(rail)
        staff.database.close()
        models = GRID | {"x": "model", "xs": f"{MODEL}\n{rail.identity}"}
        refused = ada.post("/grid", data=models)
        assert (refused.status_code, "grand comes under RAIL" in refused.text) == (403, True)
        ada.post("/licences/grand", data={"digest": rail.digest})
        assert ada.post("/grid", data=models).status_code == 303


def test_what_is_shared_and_taken_down_says_so_wherever_its_card_is(here: School) -> None:
    with here.join("ada") as ada, here.join("eve", Role.INSTRUCTOR) as eve:
        job, picture = drawn(here, ada)
        ada.post(f"/jobs/{job}/share")
        pages = ("/", "/gallery", f"/jobs/{job}", f"/jobs/{job}/card")
        assert all("Stop sharing" in ada.get(page).text for page in pages)
        eve.post(f"/jobs/{job}/take-down", data={"why": "it shows a student"})
        for page in pages:
            text = ada.get(page).text
            assert "Taken down: it shows a student" in text, page
            assert f'src="{picture}"' not in text, page
        assert picture.split("/")[-1][:20] not in ada.get(f"/gallery.zip?job={job}").text


def test_gradio_s_page_is_let_through_by_its_origin_and_its_clients_by_a_token(here: School) -> None:
    pytest.importorskip("gradio")
    call = "/gradio/gradio_api/call/models"
    with here.join("ada") as ada, here.program("ada") as program:
        del ada.headers["x-csrf-token"]
        refused = ada.post(call, json={"data": []})
        assert (refused.status_code, "not from your session" in refused.text) == (403, True)
        assert ada.post(call, json={"data": []}, headers={"origin": "http://127.0.0.1:1"}).status_code == 403
        assert ada.post(call, json={"data": []}, headers={"origin": here.here.url}).status_code == 200
        assert program.post(call, json={"data": []}).status_code == 200
