"""All that was asked for is found again, compared, laid out in grids and taken along; nobody else's is."""

import io
import json
import re
from zipfile import ZipFile

import httpx2 as httpx
import pytest
from served import WISH, Served, painted, served

from limner.studio.rules import USUAL


def asked(client: httpx.Client, **fields: object) -> list[str]:
    return [job["id"] for job in client.post("/api/jobs", json=WISH | fields).json()["jobs"]]


def cards(page: str) -> list[str]:
    return re.findall(r'<article class="job" id="job-(\w+)"', page)


def test_it_goes_on_page_by_page_and_is_there_after_a_restart(idle: Served) -> None:
    with idle.client() as client:
        for first, count in ((0, USUAL.cap), (USUAL.cap, 65 - USUAL.cap)):
            for job in client.get("/api/jobs").json()["jobs"]:
                client.post(f"/api/jobs/{job['id']}/cancel")
            assert client.post("/api/jobs", json=WISH | {"seed": first, "count": count}).status_code == 202
    with served(idle.house) as again, again.client() as client:
        page = client.get("/gallery?words=apple").text
        older = re.search(r'href="(/gallery\?[^"]+before=\w+)"', page)
        assert older
        following = client.get(older[1].replace("&amp;", "&")).text
        seeds = re.findall(r"Seed (\d+)</h3>", page + following)
        assert "before=" not in following
    assert sorted(map(int, seeds)) == list(range(65))


def test_it_is_searched(idle: Served) -> None:
    with idle.client() as client, idle.client("bob") as bob:
        (apple,) = asked(client, seed=5)
        (boat,) = asked(client, prompt="a blue boat", seed=6)
        client.post(f"/api/jobs/{boat}/cancel")
        for query, found in (
            ("words=BOAT", [boat]),
            ("words=red+apple", [apple]),
            ("seed=5", [apple]),
            ("state=cancelled&words=", [boat]),
            ("model=mini", [boat, apple]),
            ("model=other", []),
            ("words=boat&state=queued", []),
        ):
            assert cards(client.get(f"/gallery?{query}").text) == found, query
        assert "There is none such" in client.get("/gallery?words=zebra").text
        assert cards(bob.get("/gallery").text) == []
        page = client.get('/gallery?words="><script>')
        assert "<script>" not in page.text.replace("<script src", "")


@pytest.mark.parametrize(("query", "line"), [("seed=x", "seed &#39;x&#39;"), ("state=odd", "is no state")])
def test_what_cannot_be_sought_is_said(desk: Served, query: str, line: str) -> None:
    with desk.client() as client:
        answer = client.get(f"/gallery?{query}")
        assert (answer.status_code, line in answer.text) == (422, True)


def test_pictures_lie_side_by_side_with_what_differs(idle: Served) -> None:
    with idle.client() as client, idle.client("bob") as bob:
        one, other = *asked(client, steps=2), *asked(client, steps=3, negative="blue")
        page = client.get(f"/compare?job={one}&job={other}&job={one}").text
        assert cards(page) == [one, other]
        rows = re.findall(r'<tr class="differs"><th scope="row">([\w ]+?) <span', page)
        assert rows == ["Negative", "Steps"]
        assert ">mini</td>" in page  # a model by its name
        for query, status in ((f"job={one}", 422), ("", 422), ("&".join(f"job={n}" for n in range(5)), 422)):
            assert client.get(f"/compare?{query}").status_code == status
        assert bob.get(f"/compare?job={one}&job={other}").status_code == 404


def test_some_are_taken_along_with_their_recipes(idle: Served) -> None:
    with idle.client() as client, idle.client("bob") as bob:
        jobs = asked(client)
        painted(idle.house, jobs[0], b"\x89PNG one")
        jobs += asked(client)
        lost = painted(idle.house, jobs[1], b"\x89PNG two")
        jobs += asked(client)
        idle.house.vault().path(lost).unlink()
        query = "&".join(f"job={job}" for job in jobs)
        answer = client.get(f"/gallery.zip?{query}")
        assert answer.headers["content-type"] == "application/zip"
        with ZipFile(io.BytesIO(answer.content)) as file:
            told = json.loads(file.read("recipes.json"))
            assert file.namelist() == [f"limner-42-{jobs[0]}.png", "recipes.json"]
            assert file.read(told[0]["file"]) == b"\x89PNG one"
        assert [each["state"] for each in told] == ["done", "done", "queued"]
        assert "is lost or damaged" in told[1]["missing"]
        assert told[2]["recipe"] == client.get(f"/api/jobs/{jobs[2]}").json()["recipe"]
        assert bob.get(f"/gallery.zip?{query}").status_code == 404
        assert client.get("/gallery.zip").status_code == 422
        assert client.get("/gallery.zip?" + "&".join(f"job={n}" for n in range(61))).status_code == 422


GRID = {"x": "steps", "xs": "2, 3\n4", "y": "sampler", "ys": "ddim\r\neuler", "z": "seed", "zs": "1..2",
        "prompt": "a red apple", "width": "32", "height": "32", "key": "mine"}  # fmt: skip


def test_a_grid_is_asked_for_at_once_and_fills(idle: Served) -> None:
    with idle.client() as client:
        sent = client.post("/grid", data=GRID)
        assert (sent.status_code, client.post("/grid", data=GRID).headers["location"]) == (
            303,
            sent.headers["location"],
        )
        jobs = client.get("/api/jobs").json()["jobs"][::-1]
        said = [(job["recipe"]["steps"], job["recipe"]["sampler"], job["recipe"]["seed"]) for job in jobs]
        assert said == [(x, y, z) for z in (1, 2) for y in ("ddim", "euler") for x in (2, 3, 4)]
        assert {job["recipe"]["eta"] for job in jobs if job["recipe"]["sampler"] == "ddim"} == {0.0}
        painted(idle.house, jobs[4]["id"])
    with served(idle.house) as again, again.client() as client:
        page = client.get(sent.headers["location"]).text
        assert cards(page) == [job["id"] for job in jobs]
        assert re.findall(r"<caption>(.+)</caption>", page) == ["Seed: 1", "Seed: 2"]
        assert re.findall(r'scope="row">(.+)</th>', page) == ["Sampler ddim", "Sampler euler"] * 2
        assert page.count('src="/pictures/') == 1
        with again.client("bob") as bob:
            assert bob.get(sent.headers["location"]).status_code == 404


def test_a_grid_over_prompts_and_models(idle: Served) -> None:
    with idle.client() as client:
        prompts = {"y": "prompt", "ys": "a cat, 3d render\na dog", "z": "", "prompt": "unsaid"}
        sent = client.post("/grid", data=GRID | prompts)
        page = client.get(sent.headers["location"]).text
        assert re.findall(r'scope="row">(.+)</th>', page) == ["Prompt a cat, 3d render", "Prompt a dog"]
        other = client.post("/grid", data=GRID | {"x": "model", "xs": "mini\nnone", "key": "other"})
        assert "there is no model &#39;none&#39; here" in other.text


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"x": ""}, "a grid has columns and rows"),
        ({"y": "steps"}, "one side of a grid alone"),
        ({"xs": "2"}, "needs two values or more"),
        ({"xs": "2, 2"}, "needs two values or more"),
        ({"xs": "2, two"}, "steps &#39;two&#39; is not a whole number"),
        ({"xs": "1..99"}, "more than 40 values"),
        ({"xs": "1..11"}, "11 x 2 x 2 are 44 pictures, more than 40"),
        ({"x": "version", "xs": "1,2"}, "there is no field &#39;version&#39;"),
        ({"ys": "ddim\neulre"}, "did you mean euler"),
    ],
)
def test_a_grid_that_cannot_be_comes_back_with_all_that_was_typed(
    desk: Served, change: dict[str, str], line: str
) -> None:
    with desk.client() as client:
        answer = client.post("/grid", data=GRID | change)
        assert answer.status_code == 422
        assert line in answer.text
        assert "ddim" in answer.text
        assert client.get("/api/jobs").json() == {"jobs": []}


def test_what_was_typed_goes_along_to_the_grid(desk: Served) -> None:
    with desk.client() as client:
        sent = client.post("/", data={"prompt": "a cat & a dog", "steps": "7", "to": "grid", "key": "k"})
        page = client.get(sent.headers["location"]).text
        assert ">a cat &amp; a dog</textarea>" in page
        assert 'name="steps" type="number" min="1" max="1000" step="1" value="7"' in page
