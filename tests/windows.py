"""A window of Debian's Chromium on a studio's pages, in which nothing may go wrong unseen."""

from playwright.sync_api import Browser, Page
from served import Served

CHROMIUM = "/usr/bin/chromium"
complaints: list[str] = []  # of pages, in their consoles: a test that is over with any has failed


def opened(browser: Browser, here: Served, user: str = "ada", script: bool = True, width: int = 1100) -> Page:
    """A browser of somebody's own."""
    context = browser.new_context(
        base_url=here.url, extra_http_headers={"x-user": user}, java_script_enabled=script,
        viewport={"width": width, "height": 740}, color_scheme="dark" if width < 500 else "light",
    )  # fmt: skip
    context.set_default_timeout(30_000)  # a machine may be busy
    page = context.new_page()
    page.on("pageerror", lambda error: complaints.append(str(error)))
    return page
