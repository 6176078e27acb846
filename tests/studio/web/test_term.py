"""A course in a real browser: the instructor invites, a student comes in and draws, and another sees nothing of it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from persons import PASSWORD
from playwright.sync_api import Browser, Page, sync_playwright
from pupils import School, school, under
from served import painted

from limner.studio.course import Assignment
from limner.studio.register import Role

pytestmark = [pytest.mark.system, pytest.mark.usefixtures("quick")]
CHROMIUM = "/usr/bin/chromium"
STORY, POSTER = Assignment(name="story", pictures=9), Assignment(name="poster", seconds=60)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as play:
        chromium = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture
def here(tmp_path: Path, quick: object) -> Iterator[School]:
    with school(tmp_path, under(assignments=(STORY, POSTER))) as found:
        yield found


def opened(browser: Browser, here: School, width: int = 1100, script: bool = True) -> Page:
    context = browser.new_context(
        base_url=here.here.url, viewport={"width": width, "height": 740}, java_script_enabled=script,
        color_scheme="dark" if width < 500 else "light",
    )  # fmt: skip
    context.set_default_timeout(30_000)  # a machine may be busy
    page = context.new_page()
    page.on("pageerror", lambda error: pytest.fail(str(error)))
    return page


def join(page: Page, path: str) -> None:
    page.goto(path)
    page.get_by_label("A password of your own").fill(PASSWORD)
    page.get_by_label("The same again").fill(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_selector("text=Make a picture")


def invited(page: Page, name: str) -> str:
    """The path of the link that the instructor's page shows."""
    page.goto("/people")
    form = page.locator("form:has(#mail)")
    form.get_by_role("textbox", name="Name").fill(name)
    form.get_by_label("Mail address").fill(f"{name.lower()}@example.org")
    form.get_by_role("button", name="Invite").click()
    link = page.locator(".slip code").inner_text()
    return f"/join/{link.rpartition('/')[2]}"


def test_an_instructor_invites_a_student_draws_and_another_sees_nothing(browser: Browser, here: School) -> None:
    staff, first, second = (opened(browser, here) for _ in range(3))
    join(staff, here.link("eve", Role.INSTRUCTOR))
    links = [invited(staff, name) for name in ("Ada", "Bob")]
    join(first, links[0])
    join(second, links[1])

    first.fill("#prompt", "a red apple")
    first.fill("#count", "1")
    first.get_by_label("story").check()
    first.get_by_role("button", name="Draw").click()
    first.wait_for_url("**/tries/*")
    job = first.locator("article").get_attribute("data-job")
    picture = painted(here.here.house, job)
    first.wait_for_selector("article[data-state=done]")  # by the script, which says who it is by the cookie

    for path in (first.url, f"/jobs/{job}", f"/pictures/{picture}.png"):
        assert second.goto(path).status == 404
    second.goto("/")
    assert second.locator("article").count() == 0
    first.get_by_role("button", name="Share with the class").click()
    first.wait_for_selector("text=The class sees it")
    second.goto("/shared")
    assert second.locator("article img").count() == 1
    staff.goto("/class")
    staff.wait_for_selector("text=1 done")

    first.get_by_role("button", name="Sign out").click()
    first.wait_for_url("**/sign-in")
    first.go_back()
    first.wait_for_load_state()
    assert first.locator("article").count() == 0  # the next one at this machine finds nothing
    for page in (staff, first, second):
        page.context.close()


@pytest.mark.parametrize("width", [320, 1100])
def test_nothing_of_a_class_is_cut_off_too_small_or_nameless(browser: Browser, here: School, width: int) -> None:
    here.join("ada").close()
    page = opened(browser, here, width, script=False)
    join(page, here.link("eve", Role.INSTRUCTOR))
    paths = ("/", "/account", "/people", f"/people/{here.people['ada'].id}", "/class", "/log", "/reports", "/shared")
    for path in paths:
        page.goto(path)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
        fields = page.locator("button, input:not([type=hidden], [type=checkbox], [type=radio]), textarea, select")
        small = fields.evaluate_all(
            "each => each.filter(e => e.checkVisibility() && e.getBoundingClientRect().height < 44)"
            ".map(e => e.outerHTML)"
        )
        assert small == [], path
        nameless = page.locator("input:not([type=hidden]), textarea, select").evaluate_all(
            "each => each.filter(e => !e.labels.length).map(e => e.name)"
        )
        assert nameless == [], path
    page.context.close()
