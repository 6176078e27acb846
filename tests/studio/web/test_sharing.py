"""Who sees a picture: its owner, the class when it is shared, those who teach when it is reported, and then nobody."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pupils import School, school
from served import WISH, painted

from limner.studio.register import Role

pytestmark = pytest.mark.usefixtures("quick")


@pytest.fixture
def here(tmp_path: Path, quick: object) -> Iterator[School]:
    with school(tmp_path) as found:
        yield found


def test_a_picture_is_shared_reported_taken_down_and_restored(here: School) -> None:
    with (
        here.join("ada") as ada,
        here.join("bob") as bob,
        here.join("tom", Role.ASSISTANT) as tom,
        here.join("eve", Role.INSTRUCTOR) as eve,
    ):
        job = ada.post("/api/jobs", json=WISH).json()["jobs"][0]["id"]
        path = f"/pictures/{painted(here.here.house, job)}.png"

        def seeing() -> list[str]:
            people = {"ada": ada, "bob": bob, "tom": tom, "eve": eve}
            return [name for name, client in people.items() if client.get(path).status_code == 200]

        assert seeing() == ["ada"]
        assert "Share with the class" in ada.get(f"/jobs/{job}").text
        assert bob.post(f"/jobs/{job}/share").status_code == 404
        assert ada.post(f"/jobs/{job}/share").headers["location"] == f"/jobs/{job}"
        assert seeing() == ["ada", "bob", "tom", "eve"]
        assert "Stop sharing" in ada.get(f"/jobs/{job}").text
        shared = bob.get("/shared").text
        assert path in shared
        assert f"/jobs/{job}/report" in shared
        assert f'href="/jobs/{job}"' in ada.get("/shared").text
        assert bob.get(f"/jobs/{job}").status_code == 404  # the job is its owner's still
        assert ada.post(f"/jobs/{job}/withdraw").status_code == 303
        assert seeing() == ["ada"]
        assert bob.get(f"/jobs/{job}/report").status_code == 404
        ada.post(f"/jobs/{job}/share")

        assert path in bob.get(f"/jobs/{job}/report").text
        empty = bob.post(f"/jobs/{job}/report", data={"why": " "})
        assert (empty.status_code, "a reason is needed" in empty.text) == (422, True)
        told = bob.post(f"/jobs/{job}/report", data={"why": "<b>a person</b>"})
        assert "Thank you" in bob.get(told.headers["location"]).text
        ada.post(f"/jobs/{job}/withdraw")
        assert seeing() == ["ada", "tom", "eve"]
        page = tom.get("/reports").text
        assert "&lt;b&gt;a person&lt;/b&gt;" in page
        assert "reported by Bob" in page
        assert "drawn by Ada" in page
        assert "Take it down" not in page
        assert "Take it down" in eve.get("/reports").text

        assert tom.post(f"/jobs/{job}/take-down", data={"why": "no"}).status_code == 403
        assert eve.post(f"/jobs/{job}/take-down", data={"why": ""}).status_code == 422
        assert eve.post(f"/jobs/{job}/take-down", data={"why": "it shows a student"}).status_code == 303
        assert seeing() == ["eve"]
        assert "this picture was taken down: it shows a student" in ada.get(path).text
        mine = ada.get(f"/jobs/{job}").text
        assert "Taken down: it shows a student" in mine
        assert f'src="{path}"' not in mine
        assert "Share with the class" not in mine
        asked = ada.post("/api/jobs", json=WISH).json()["jobs"][0]["id"]  # the same picture again
        assert painted(here.here.house, asked) in path
        assert seeing() == ["eve"]
        assert "a red apple: it shows a student" in eve.get("/reports").text
        assert eve.post(f"/jobs/{job}/restore").status_code == 303
        assert seeing() == ["ada"]


def test_what_is_reported_for_nothing_stays(here: School) -> None:
    with here.join("ada") as ada, here.join("eve", Role.INSTRUCTOR) as eve:
        job = ada.post("/api/jobs", json=WISH).json()["jobs"][0]["id"]
        path = f"/pictures/{painted(here.here.house, job)}.png"
        ada.post(f"/jobs/{job}/report", data={"why": "I do not like it"})
        assert eve.get(path).status_code == 200
        assert eve.post(f"/jobs/{job}/dismiss").headers["location"] == "/reports"
        assert "Nothing is reported" in eve.get("/reports").text
        assert [client.get(path).status_code for client in (ada, eve)] == [200, 404]
