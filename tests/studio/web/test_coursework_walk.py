"""From six pictures to a marked hand-in, in a real browser: drawn, used, told, packed, dropped on the checker."""

import zipfile
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from served import WISH, Served
from test_accessible import by_day_and_night
from windows import opened

pytestmark = pytest.mark.system
SCENES = 6


def drawn(here: Served) -> list[str]:
    """Six pictures that the worker has drawn."""
    with here.client() as client:
        jobs = [
            client.post("/api/jobs", json=WISH | {"prompt": f"a fox with a green scarf, scene {n}", "seed": n}).json()
            for n in range(1, SCENES + 1)
        ]
    names = [asked["jobs"][0]["id"] for asked in jobs]
    assert {here.done(name)["state"] for name in names} == {"done"}
    return names


def used(page: Page, first: str, others: list[str]) -> None:
    """One picture by the link beside it, the others as they are chosen in the gallery; the buttons say where."""
    page.goto(f"/jobs/{first}")
    page.get_by_role("link", name="Use in coursework").click()
    page.get_by_role("button", name="Use in story #1").click()
    page.wait_for_url("**/course/task/story**")
    page.goto("/gallery")
    for job in others:
        page.locator(f"#pick-{job}").check()
    page.get_by_role("button", name="Use in coursework").click()
    page.get_by_role("button", name="Use in story #2 to #6").click()
    page.wait_for_url("**/course/task/story**")


def packed(page: Page, folder: Path) -> Path:
    """The zip, as the page gives it."""
    page.get_by_role("link", name="All tasks").click()
    page.get_by_role("link", name="Check and pack it").click()
    expect(page.get_by_role("status")).to_contain_text("It can be handed in")
    with page.expect_download() as coming:
        page.get_by_role("link", name="Download the zip").click()
    coming.value.save_as(path := folder / coming.value.suggested_filename)
    return path


def dropped(page: Page, path: Path) -> None:
    page.goto("/course/check")
    page.set_input_files("#files", path)
    page.get_by_role("button", name="Check it").click()
    page.wait_for_selector(".verdict")


def test_six_pictures_become_a_story_that_passes(browser: Browser, busy: Served, tmp_path: Path) -> None:
    page = opened(browser, busy)
    first, *others = drawn(busy)
    used(page, first, others)
    page.get_by_label("story", exact=True).fill("A fox loses its scarf, and finds it on a friend.")
    page.get_by_role("button", name="Up with number 6").focus()
    page.keyboard.press("Enter")  # which saves the story, too
    page.wait_for_selector("text=Saved.")
    expect(page.get_by_label("story", exact=True)).to_have_value("A fox loses its scarf, and finds it on a friend.")
    expect(page.locator("li.entry dd").filter(has_text="scene 6")).to_be_visible()
    path = packed(page, tmp_path)
    with zipfile.ZipFile(path) as file:
        assert file.namelist() == ["story.json", *(f"story-{n:02}.jpg" for n in range(1, SCENES + 1))]
    dropped(page, path)
    verdict = page.locator(".verdict")
    expect(verdict).to_contain_text("It can be handed in")
    expect(page.locator(".findings .error")).to_have_count(0)
    scenes = [entry.inner_text() for entry in page.locator("ol.entries > li").all()]
    assert [next(n for n in range(1, 7) if f"scene {n}" in text) for text in scenes] == [1, 2, 3, 4, 6, 5]
    for picture in page.locator("ol.entries img").all():
        picture.scroll_into_view_if_needed()
        expect(picture).not_to_have_js_property("naturalWidth", 0)
    page.context.close()


def test_without_a_script_and_on_a_phone_it_is_the_same(browser: Browser, busy: Served) -> None:
    with busy.client("eve") as client:
        (job,) = client.post("/api/jobs", json=WISH).json()["jobs"]
        busy.done(job["id"], "eve")
    page = opened(browser, busy, "eve", script=False, width=320)
    page.goto("/gallery")
    page.locator("article").get_by_role("link", name="Use in coursework").click()
    page.get_by_role("button", name="Use in open-ended #1").click()
    page.get_by_label("correct of number 1", exact=True).fill("There is an apple.")
    page.get_by_role("button", name="Take out number 1").click()
    expect(page.get_by_text("There is an apple.")).to_be_visible()
    page.get_by_role("button", name="Put it back").click()
    expect(page.get_by_label("correct of number 1", exact=True)).to_have_value("There is an apple.")
    page.context.close()
    page = opened(browser, busy, "eve", width=320)
    page.goto("/course/task/open-ended")
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    assert (
        page.evaluate(
            "[...document.querySelectorAll('main button, main textarea, main select')]"
            ".filter((each) => each.getBoundingClientRect().height < 44).map((each) => each.outerHTML)"
        )
        == []
    )
    assert by_day_and_night(page) == []
    page.context.close()
