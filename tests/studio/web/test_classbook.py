"""The class at a glance, and the log."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from pupils import School, school, under
from served import WISH, painted

from limner.studio.course import Assignment
from limner.studio.register import Role

pytestmark = pytest.mark.usefixtures("quick")


@pytest.fixture
def here(tmp_path: Path, quick: object) -> Iterator[School]:
    with school(tmp_path, under(assignments=(Assignment(name="story", pictures=9),))) as found:
        yield found


def test_the_queue_who_draws_and_who_used_how_much(here: School) -> None:
    with here.join("ada") as ada, here.join("bob") as bob, here.join("tom", Role.ASSISTANT) as tom:
        assert "Nobody is here to draw" in tom.get("/class").text
        staff = here.here.house.staff()
        staff.here("one", "a" * 64, "cuda:0")
        staff.database.close()
        job, *_ = (job["id"] for job in ada.post("/api/jobs", json=WISH | {"count": 3}).json()["jobs"])
        bob.post("/api/jobs", json=WISH)
        painted(here.here.house, job)
        page = re.sub(r"\s+", " ", tom.get("/class").text)
        assert "mini on cuda:0" in page
        assert "1 done" in page
        assert re.search(r">Ada</a></th><td>story</td><td>1</td><td>0\.5</td><td>2</td>", page)
        assert re.search(r">Bob</a></th><td>story</td><td>0</td><td>0\.0</td><td>1</td>", page)
        assert "Close the queue" not in page


def test_the_queue_is_closed_for_a_reason_that_everybody_reads(here: School) -> None:
    with here.join("ada") as ada, here.join("eve", Role.INSTRUCTOR) as eve:
        assert "a reason is needed" in eve.post("/class/queue", data={"close": "1", "why": " "}).text
        eve.post("/class/queue", data={"close": "1", "why": "a new disk"})
        assert "The studio takes no jobs now: a new disk" in ada.get("/").text
        refused = ada.post("/", data={"prompt": "a cat", "count": "1"})
        assert (refused.status_code, "a new disk" in refused.text) == (503, True)
        assert "Open the queue" in eve.get("/class").text
        eve.post("/class/queue", data={})
        assert ada.post("/", data={"prompt": "a cat", "count": "1"}).status_code == 303


def test_the_log_says_who_did_what_and_whether_it_is_whole(here: School, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("limner.studio.web.classbook.LINES", 3)
    with here.join("eve", Role.INSTRUCTOR) as eve:
        here.join("ada").close()
        eve.post("/class/queue", data={"close": "1", "why": "<i>"})
        page = eve.get("/log").text
        assert re.search(r"<td>Eve</td><th scope=\"row\">closed the queue</th>", page)
        assert "why: &lt;i&gt;" in page
        (older,) = re.findall(r'href="(/log\?before=\d+)"', page)
        assert "closed the queue" not in eve.get(older).text
        assert "lines are there, as they were written" in eve.get("/log?check=1").text
