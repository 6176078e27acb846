"""axe-core finds nothing serious on any page, by day or by night, on a desk or a phone."""

import io
import json
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from playwright.sync_api import Browser, Page
from served import WISH, Served
from windows import opened

axe = pytest.importorskip("axe_playwright_python.base", reason="axe-core is not installed: make test installs it")
pytestmark = pytest.mark.system
GRAVE = ("serious", "critical")


@dataclass(frozen=True)
class Place:
    """A studio in which something of everything has happened."""

    here: Served
    drawn: str
    other: str
    submission: str
    waiting: str


@pytest.fixture(scope="module")
def place(busy: Served) -> Iterator[Place]:
    with busy.client("tutor") as client:
        drawn, other = client.post("/api/jobs", json=WISH | {"count": 2}).json()["jobs"]
        assert {busy.done(job["id"], "tutor")["state"] for job in (drawn, other)} == {"done"}
        assert busy.done(client.post(f"/api/jobs/{drawn['id']}/explain").json()["id"], "tutor")["state"] == "done"
        failed = client.post("/api/jobs", json=WISH | {"prompt": "", "steps": 3}).json()["jobs"][0]["id"]
        busy.done(failed, "tutor")
        busy.done(client.post(f"/api/jobs/{failed}/explain").json()["id"], "tutor")  # which has no word to explain
        grid = client.post("/grid", data={"x": "steps", "xs": "2,3", "y": "seed", "ys": "1..2", "width": "32",
                                          "height": "32", "prompt": "a cat", "key": "g"})  # fmt: skip
        for number in range(2):
            client.post("/hall", data={"prompt": f"a cat on desk {number}", "key": str(number)})
        long = client.post("/api/jobs", json=WISH | {"steps": 1000}).json()["jobs"][0]
        for task, jobs in (("story", [drawn["id"]]), ("bias", [drawn["id"], other["id"]])):
            client.post("/course/use", data={"job": jobs, "task": task, "where": "new", "key": "k"})
        yield Place(busy, drawn["id"], other["id"], grid.headers["location"], long["id"])
        client.post(f"/api/jobs/{long['id']}/cancel")


PATHS = (
    "/", "/gallery", "/compare?job={drawn}&job={other}", "/grid",
    "{submission}", "/jobs/{waiting}", "/jobs/{drawn}/explain", "/jobs/{other}/explain", "/read",
    "/course", "/course/task/bias", "/course/use?job={drawn}", "/course/pack", "/course/check", "/course/verify",
    "/hall", "/show", "/about", "/api", "/jobs/nothing",
)  # fmt: skip


def findings(page: Page, options: dict[str, object]) -> list[str]:
    """What axe-core finds grave, a line each: rule, what is meant, and the first place."""
    page.evaluate(f"typeof axe === 'undefined' && (() => {{ {axe.AXE_SCRIPT} }})()")
    found = page.evaluate(f"axe.run(document, {json.dumps(options)})")
    return [
        f"{each['id']}: {each['help']}: {each['nodes'][0]['html'][:200]}"
        for each in found["violations"]
        if each["impact"] in GRAVE
    ]


def by_day_and_night(page: Page) -> list[str]:
    """All rules; and those of colours again in the dark."""
    page.emulate_media(color_scheme="light")
    found = findings(page, {"resultTypes": ["violations"]})
    page.emulate_media(color_scheme="dark")
    return found + findings(page, {"runOnly": ["color-contrast"], "resultTypes": ["violations"]})


def test_axe_finds_what_is_wrong(browser: Browser, place: Place) -> None:
    """Or the other tests could not fail."""
    page = opened(browser, place.here, "tutor")
    page.goto("/about")
    page.evaluate("document.querySelector('main').innerHTML += '<input><p>faint</p>'")
    page.evaluate("document.querySelector('main p:last-child').style.color = '#ccc'")
    rules = {line.split(":")[0] for line in by_day_and_night(page)}
    assert rules == {"label", "color-contrast"}
    page.context.close()


@pytest.mark.parametrize("path", PATHS)
def test_nothing_serious_on_a_page(browser: Browser, place: Place, path: str) -> None:
    page = opened(browser, place.here, "tutor")
    page.goto(path.format(drawn=place.drawn, other=place.other, submission=place.submission, waiting=place.waiting))
    page.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
    assert by_day_and_night(page) == []
    page.set_viewport_size({"width": 390, "height": 740})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.context.close()


def test_nothing_serious_where_something_is_wrong_or_was_read(browser: Browser, place: Place) -> None:
    page = opened(browser, place.here, "tutor")
    page.goto("/")
    page.fill("#prompt", "a cat")
    page.evaluate("document.querySelector('form.make').noValidate = true")
    page.fill("#steps", "0")
    page.get_by_role("button", name="Draw").click()
    page.wait_for_selector("[role=alert]")
    assert by_day_and_night(page) == []
    page.goto("/read")
    chunks, file = PngInfo(), io.BytesIO()
    chunks.add_text("parameters", "a cat\nSteps: 3, Sampler: Odd, CFG scale: 2, Seed: 1, Size: 500x64")
    Image.new("RGB", (8, 8)).save(file, "PNG", pnginfo=chunks)
    page.set_input_files("#picture", {"name": "a.png", "mimeType": "image/png", "buffer": file.getvalue()})
    page.get_by_role("button", name="Read it").click()
    page.wait_for_selector(".unmet")
    assert by_day_and_night(page) == []
    page.context.close()
