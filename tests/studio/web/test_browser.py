"""The pages in a real browser: Debian's Chromium, by keyboard, on a phone, in the dark."""

import pytest
from playwright.sync_api import Browser, expect
from served import WISH, Served, painted, served
from windows import opened

pytestmark = pytest.mark.system


def test_from_the_first_visit_to_the_picture_by_keyboard_alone(browser: Browser, busy: Served) -> None:
    page = opened(browser, busy)
    page.goto("/?again=" + short(busy))
    page.keyboard.press("Control+A")  # the sentence has the focus
    page.keyboard.type("a blue boat")
    for _ in range(20):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent") == "Draw":
            break
    page.keyboard.press("Enter")
    page.wait_for_url("**/tries/*")
    page.wait_for_selector("article[data-state=done] img[src^='/pictures/']")
    page.wait_for_selector("#news:has-text(': done')")  # said to who cannot see
    for picture in page.locator("article img").all():
        expect(picture).not_to_have_js_property("naturalWidth", 0)
    assert page.locator("article img").first.get_attribute("alt").startswith("a blue boat, seed ")
    page.context.close()


def short(here: Served) -> str:
    """A job that the form can be filled from, small enough to be drawn at once."""
    with here.client() as client:
        return str(client.post("/api/jobs", json=WISH).json()["jobs"][0]["id"])


def test_progress_is_seen_and_a_cancelled_picture_says_so(browser: Browser, busy: Served) -> None:
    with busy.client("eve") as client:
        asked = client.post("/api/jobs", json=WISH | {"steps": 1000}).json()
    page = opened(browser, busy, "eve")
    page.goto(f"/tries/{asked['submission']}")
    page.wait_for_selector("progress:not([value='0'])")
    page.wait_for_selector("img[data-look]:not([hidden])")
    page.wait_for_selector("[data-status]:has-text('being drawn')")
    page.get_by_role("button", name="Cancel seed 42").focus()
    page.keyboard.press("Enter")
    page.wait_for_selector("article[data-state=cancelled]")
    page.context.close()


def test_a_page_opened_again_in_mid_job_shows_where_it_stands(browser: Browser, idle: Served) -> None:
    with idle.client() as client:
        asked = client.post("/api/jobs", json=WISH | {"count": 2}).json()
    page = opened(browser, idle)
    page.goto(f"/tries/{asked['submission']}")
    page.wait_for_selector("article[data-state=queued]")
    first, second = (job["id"] for job in asked["jobs"])
    painted(idle.house, first)
    page.wait_for_selector(f"#job-{first}[data-state=done]")
    page.wait_for_selector(f"#job-{second}[data-state=running]")
    page.reload()
    page.wait_for_selector(f"#job-{second}[data-state=running]")
    page.context.close()


def test_a_second_browser_cannot_see_the_firsts(browser: Browser, idle: Served) -> None:
    with idle.client() as client:
        asked = client.post("/api/jobs", json=WISH).json()
        picture = painted(idle.house, asked["jobs"][0]["id"])
    page = opened(browser, idle, "bob")
    for path in (f"/tries/{asked['submission']}", f"/jobs/{asked['jobs'][0]['id']}", f"/pictures/{picture}.png"):
        assert page.goto(path).status == 404
    page.goto("/")
    assert page.locator("article").count() == 0
    page.context.close()


def test_without_a_script_the_page_looks_again_by_itself(browser: Browser, idle: Served) -> None:
    page = opened(browser, idle, script=False)
    page.goto("/")
    page.fill("#prompt", "a red apple")
    page.fill("#count", "1")
    page.get_by_role("button", name="Draw").click()
    page.wait_for_url("**/tries/*")
    with idle.client() as client:
        painted(idle.house, client.get("/api/jobs").json()["jobs"][0]["id"])
    page.wait_for_selector("article[data-state=done]")
    page.context.close()


@pytest.mark.parametrize("width", [320, 1100])
def test_nothing_is_cut_off_or_too_small_to_touch(browser: Browser, idle: Served, width: int) -> None:
    with idle.client() as client:
        client.post("/api/jobs", json=WISH | {"prompt": "x" * 300, "count": 3})
    page = opened(browser, idle, width=width)
    for path in ("/", "/api"):
        page.goto(path)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.goto("/")
    small = page.evaluate(
        "[...document.querySelectorAll('button, input:not([type=hidden], [type=checkbox], [type=radio]), textarea')]"
        ".concat(...document.querySelectorAll('select, summary'))"
        ".filter((each) => each.checkVisibility() && each.getBoundingClientRect().height < 44).map((e) => e.outerHTML)"
    )
    assert small == []
    nameless = page.evaluate(
        "[...document.querySelectorAll('input:not([type=hidden]), textarea, select')]"
        ".filter((each) => !each.labels.length).map((each) => each.name)"
    )
    assert nameless == []
    page.context.close()


def test_the_servers_process_may_be_another_at_every_click(browser: Browser, idle: Served) -> None:
    """Nothing is remembered but by the store: between every two clicks the server goes, and another comes."""
    page = opened(browser, idle)
    with served(idle.house) as first:
        page.goto(f"{first.url}/")
        page.fill("#prompt", "a cat")
        page.fill("#count", "1")
    with served(idle.house, port=first.port):
        page.get_by_role("button", name="Draw", exact=True).click()
        page.wait_for_url("**/tries/*")
        expect(page.locator("article[data-state=queued]")).to_have_count(1)
    with served(idle.house, port=first.port):
        page.get_by_role("button", name="Cancel seed").click()
        expect(page.locator("article[data-state=cancelled]")).to_have_count(1)
    with served(idle.house, port=first.port):
        page.get_by_role("link", name="Again").first.click()
        page.wait_for_url("**/?again=*")
        assert page.input_value("#prompt") == "a cat"
    with served(idle.house, port=first.port):
        page.get_by_role("link", name="Gallery").first.click()
        page.wait_for_url("**/gallery")
        expect(page.locator("article[data-state=cancelled]")).to_have_count(1)
    page.context.close()
