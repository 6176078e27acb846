"""A tally in a real browser: by keys alone, and by buttons where no script runs."""

import pytest
from playwright.sync_api import Browser, Page, expect
from served import Served
from test_bias_pages import ASKED, paint
from windows import opened

pytestmark = pytest.mark.system


def begun(page: Page, here: Served) -> str:
    """A study that was written down on the page, and drawn."""
    page.goto("/bias")
    for name in ("prompt", "low", "high", "source"):
        page.fill(f"#{name}", ASKED[name])
    page.fill("#count", "3")
    page.get_by_role("button", name="Write it down").click()
    page.wait_for_url("**/bias/*")
    paint(here.house)
    page.goto(page.url)
    page.get_by_role("link", name="Label them").click()
    page.wait_for_selector("img.asked")
    return page.url


def test_keys_label_and_take_back(browser: Browser, idle: Served) -> None:
    page = opened(browser, idle)
    begun(page, idle)
    for key, done in (("1", 1), ("u", 0), ("2", 1), ("7", 1), ("0", 2), ("2", 3)):
        page.keyboard.press(key)  # 7 is no answer of this study
        expect(page.locator("progress[aria-label=Labelled]")).to_have_js_property("value", done)
    expect(page.get_by_role("status")).to_have_text("All are labelled. Thank you.")
    page.get_by_role("link", name="What it shows").click()
    expect(page.locator("p.finding")).to_contain_text("1 could not be told; of the other 2, 0 read as")
    expect(page.locator("svg circle")).to_have_count(1)
    page.context.close()


def test_buttons_do_it_without_a_script(browser: Browser, idle: Served) -> None:
    page = opened(browser, idle, script=False, width=390)
    begun(page, idle)
    page.get_by_role("button", name="female 1").click()
    page.get_by_role("button", name="Undo the last").click()
    for _ in range(3):
        expect(page.locator("img.asked")).to_be_visible()
        page.get_by_role("button", name="cannot tell").click()
    expect(page.get_by_role("status")).to_have_text("All are labelled. Thank you.")
    page.context.close()
