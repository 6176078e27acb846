"""The pages of one's own work: a picture fills its entry, words are kept, and the zip passes every checker."""

import io
import json
import re
import zipfile
from dataclasses import replace
from pathlib import Path

import httpx2 as httpx
import pytest
from easel import draw
from pupils import PLAIN, school, under
from served import WISH, Served

from limner.coursework.handin import Source
from limner.coursework.specfile import published
from limner.coursework.validate import Report, report
from limner.coursework.verify import Verdict, verify
from limner.metadata import read_from
from limner.studio.receipts import StudioBook
from limner.studio.register import Role

FIELD = re.compile(r'name="(turn:[^"]+|key)" value="([^"]*)"')


def drawn(here: Served, client: httpx.Client, count: int, prompt: str = "a fox") -> list[str]:
    jobs = [
        job["id"] for job in client.post("/api/jobs", json=WISH | {"count": count, "prompt": prompt}).json()["jobs"]
    ]
    draw(here.house, jobs)
    return jobs


def used(client: httpx.Client, task: str, jobs: list[str], **more: str) -> httpx.Response:
    key = dict(FIELD.findall(client.get("/course/use", params={"job": jobs}).text))["key"]
    return client.post("/course/use", data={"job": jobs, "task": task, "where": "new", "key": key, **more})


def seen(client: httpx.Client, task: str) -> tuple[list[str], dict[str, str]]:
    """The rows of a task's page, its own first; and the hidden fields by which the page is saved."""
    page = client.get(f"/course/task/{task}").text
    hidden = {name: value for name, value in FIELD.findall(page) if name != "key"}
    return [name.partition(":")[2] for name in hidden], hidden


def judged(data: bytes, folder: Path) -> Report:
    path = folder / "taken.zip"
    path.write_bytes(data)
    spec = replace(published(), models=("mini", *published().models))
    return report("taken.zip", [Source(path, "taken.zip")], spec)


def test_from_pictures_to_a_zip_that_passes(idle: Served, tmp_path: Path) -> None:
    with idle.client() as ada:
        assert "Next: " in ada.get("/course").text
        assert "4 more entries" in ada.get("/course").text
        jobs = drawn(idle, ada, 6)
        assert f"/course/use?job={jobs[0]}" in ada.get("/gallery").text
        page = ada.get("/course/use", params={"job": jobs[:1]}).text
        assert "Use in story #1" in page
        assert "Use in open-ended #1" in page
        assert "Use in story #1 to #6" in ada.get("/course/use", params={"job": jobs}).text
        assert used(ada, "story", jobs).headers["location"].startswith("/course/task/story#e-")
        assert "Already there as number 1" in ada.get("/course/use", params={"job": jobs[:1]}).text
        refused = ada.get("/course/pack.zip?task=story")
        assert (refused.status_code, "has errors" in refused.text) == (409, True)
        assert "value.empty" in ada.get("/course/pack?task=story").text
        rows, hidden = seen(ada, "story")
        sent = ada.post(
            "/course/task/story", data={**hidden, f"say:{rows[0]}:story": "A fox <b>\r\nwalks.", "do": "save"}
        )
        assert sent.status_code == 303
        assert "A fox &lt;b&gt;\nwalks." in ada.get("/course/task/story").text
        page = ada.get("/course/pack").text
        assert "It can be handed in" in page
        assert "A story in six pictures" in page
        data = ada.get("/course/pack.zip?task=story").content
        with zipfile.ZipFile(io.BytesIO(ada.get("/course/pack.zip").content)) as again:
            kept = again.read("story.json")
    assert [each.rule for each in judged(data, tmp_path).findings] == []
    with zipfile.ZipFile(io.BytesIO(data)) as file:
        assert file.namelist() == ["story.json", *(f"story-{n:02}.jpg" for n in range(1, 7))]
        assert file.read("story.json") == kept  # content credentials alone are signed anew
        entry = json.loads(kept)["pairs"][2]
        assert entry["image-path"] == "story-03.jpg"
        assert (entry["prompt"], entry["model"], entry["seed"], entry["steps"]) == ("a fox", "mini", 44, 2)
        found = read_from(io.BytesIO(file.read("story-03.jpg")), "it")
        assert (found.recipe.seed, found.model) == (44, "mini")
        assert json.loads(found.receipt)["statement"]["pixels"] == entry["receipt"]["statement"]["pixels"]
        book = StudioBook(idle.house.store().database, idle.house.vault())
        assert verify("it", file.read("story-03.jpg"), book, ["ada"]).verdict == Verdict.YOURS


def test_every_button_saves_what_stands_in_the_fields(idle: Served) -> None:
    with idle.client() as ada:
        jobs = drawn(idle, ada, 3)
        used(ada, "open-ended", jobs)
        (own, one, two, three), hidden = seen(ada, "open-ended")
        words = {f"say:{own}:goal": "my house", f"say:{one}:correct": "A roof.", f"say:{three}:incorrect": "No door."}
        assert ada.post("/course/task/open-ended", data={**hidden, **words, "do": f"up:{two}"}).status_code == 303
        rows, later = seen(ada, "open-ended")
        assert rows == [own, two, one, three]
        page = ada.get("/course/task/open-ended").text
        assert all(word in page for word in words.values())
        # a window that was opened before
        late = ada.post("/course/task/open-ended", data={**hidden, f"say:{one}:correct": "Two roofs.", "do": "save"})
        assert late.status_code == 409
        assert "number 2 was written in another window" in late.text
        assert "Two roofs." in late.text
        assert "A roof." in ada.get("/course/task/open-ended").text
        again = {name: value for name, value in FIELD.findall(late.text)}
        ada.post("/course/task/open-ended", data={**again, f"say:{one}:correct": "Two roofs.", "do": f"aside:{three}"})
        page = ada.get("/course/task/open-ended").text
        assert "Two roofs." in page
        assert "Taken out" in page
        assert seen(ada, "open-ended")[0] == [own, two, one]
        ada.post("/course/task/open-ended", data={**later, "do": f"back:{three}"})
        assert seen(ada, "open-ended")[0] == [own, two, one, three]
        wrong = ada.post("/course/task/open-ended", data={**hidden, f"say:{two}:model": "SDXXL", "do": "save"})
        assert (wrong.status_code, "knows no model" in wrong.text) == (422, True)


def test_it_is_nobody_elses(idle: Served) -> None:
    with idle.client() as ada, idle.client("bob") as bob:
        jobs = drawn(idle, ada, 1)
        used(ada, "story", jobs)
        rows, hidden = seen(ada, "story")
        assert bob.get("/course/use", params={"job": jobs}).status_code == 404
        assert bob.post("/course/use", data={"job": jobs, "task": "story", "where": "new"}).status_code == 404
        assert "There is no entry yet" in bob.get("/course/task/story").text
        taken = bob.post(
            "/course/task/story", data={**hidden, f"say:{rows[1]}:prompt": "mine", "do": f"aside:{rows[1]}"}
        )
        assert taken.status_code == 404
        assert bob.get("/course/pack.zip").status_code == 409
        assert seen(ada, "story")[0] == rows


def test_a_picture_that_is_gone_is_said_and_its_words_stay(idle: Served) -> None:
    with idle.client() as ada:
        jobs = drawn(idle, ada, 2)
        used(ada, "open-ended", jobs[:1])
        (_, one), hidden = seen(ada, "open-ended")
        ada.post("/course/task/open-ended", data={**hidden, f"say:{one}:correct": "A roof."})
        idle.house.vault().remove(str(idle.house.store().job(jobs[0]).picture), 0)
        page = ada.get("/course/pack?task=open-ended").text
        assert "path.missing" in page
        place = {"where": "place", "entry": one}
        assert used(ada, "open-ended", jobs[1:], **place).headers["location"].endswith(f"#e-{one}")
        page = ada.get("/course/task/open-ended").text
        assert "A roof." in page
        assert jobs[1] in page


@pytest.mark.parametrize(
    "path", ["/course/task/nothing", "/course/use", "/course/use?job=nothing", "/course/pack?task=x"]
)
def test_what_is_not_there_is_said(path: str, desk: Served) -> None:
    with desk.client() as ada:
        answer = ada.get(path, headers={"accept": "text/html"})
        assert answer.status_code in (404, 422)
        assert 'role="alert"' in answer.text


OURS = """
version = 1
name = "Our own course"
models = ["ours"]

[[tasks]]
name = "one"
file = "one.json"

[tasks.entries]
key = "all"
least = 1
keys = [{ name = "drawn-by", kind = "model" }, { name = "noise", kind = "seed" }, { name = "shot", kind = "picture" }]
"""


@pytest.mark.usefixtures("quick")
def test_a_class_has_its_own_assignment_and_everybody_their_own_work(tmp_path: Path) -> None:
    rules = tmp_path / "ours.toml"
    rules.write_text(OURS)
    about = replace(PLAIN.course, assignment=str(rules))
    with school(tmp_path, under(course=about)) as here, here.join("ada") as ada, here.join("bob") as bob:
        jobs = drawn(here.here, ada, 1)
        assert "Use in one #1" in ada.get("/course/use", params={"job": jobs}).text
        assert used(ada, "one", jobs).status_code == 303
        assert ada.post("/course/use", data={"job": jobs, "task": "story", "where": "new"}).status_code == 404
        assert "Everything is there" in ada.get("/course").text
        with zipfile.ZipFile(io.BytesIO(ada.get("/course/pack.zip").content)) as file:
            (entry,) = json.loads(file.read("one.json"))["all"]
        assert (entry["drawn-by"], entry["noise"], entry["shot"]) == ("mini", 42, "one-01.jpg")
        assert "There is no entry yet" in bob.get("/course/task/one").text
        assert bob.get("/course/use", params={"job": jobs}).status_code == 404
        unsealed = {"x-csrf-token": ""}
        assert ada.post("/course/task/one", data={"do": "save"}, headers=unsealed).status_code == 403
        assert ada.post("/course/use", data={"job": jobs}, headers=unsealed).status_code == 403
        with here.join("eve", Role.INSTRUCTOR) as eve:
            ada.post(f"/jobs/{jobs[0]}/share")
            bob.post(f"/jobs/{jobs[0]}/report", data={"why": "a person"})
            eve.post(f"/jobs/{jobs[0]}/take-down", data={"why": "a person"})
            assert "There is no entry yet" in eve.get("/course/task/one").text
        page = ada.get("/course/task/one").text
        assert "Its picture is gone, or was taken down" in page
        assert ada.get("/course/pack.zip").status_code == 409


def test_a_sheet_of_maps_is_no_picture_to_hand_in(idle: Served) -> None:
    with idle.client() as ada:
        jobs = drawn(idle, ada, 1)
        sheet = ada.post(f"/api/jobs/{jobs[0]}/explain").json()["id"]
        answer = ada.get("/course/use", params={"job": [sheet]})
        assert (answer.status_code, "is a sheet of maps" in answer.text) == (422, True)
