"""In a browser: a zip is handed in, marked by the keyboard, released and asked about; axe-core finds nothing grave."""

from pathlib import Path

import pytest
from handins import good, packed
from playwright.sync_api import Browser, Page, expect
from pupils import School, school
from windows import opened

from limner.studio.register import Role

axe = pytest.importorskip("axe_playwright_python.base", reason="axe-core is not installed: make test installs it")
pytestmark = [pytest.mark.system, pytest.mark.usefixtures("quick")]


def window(browser: Browser, here: School, name: str, role: Role, width: int = 1280) -> Page:
    """A window in which somebody is signed in."""
    with here.join(name, role) as client:
        token = client.headers["cookie"].partition("=")[2]
    page = opened(browser, here.here, width=width)
    page.context.add_cookies([{"name": "limner", "value": token, "url": here.here.url}])
    return page


def graves(page: Page) -> list[str]:
    page.evaluate(f"(() => {{ {axe.AXE_SCRIPT} }})()")
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [f"{each['id']}: {each['nodes'][0]['html'][:120]}" for each in found["violations"]
            if each["impact"] in ("serious", "critical")]  # fmt: skip


def test_from_a_zip_to_an_answer(browser: Browser, tmp_path: Path) -> None:
    with school(tmp_path) as here:
        ada = window(browser, here, "ada", Role.STUDENT, 390)
        eve = window(browser, here, "eve", Role.INSTRUCTOR)
        ada.goto("/course/handin")
        assert graves(ada) == []
        ada.set_input_files("input[type=file]", packed(good("story"), tmp_path / "ada.zip"))
        ada.get_by_role("button", name="Hand in").click(timeout=30_000)
        expect(ada.get_by_role("status")).to_contain_text("It was handed in")
        eve.goto("/course/grade")
        assert graves(eve) == []
        eve.get_by_role("rowheader").get_by_role("link").click()
        assert graves(eve) == []
        for number, points in enumerate(("0", "0", "0", "9.5")):
            eve.get_by_label("Points, of 10").nth(number).focus()
            eve.keyboard.type(points)
            eve.keyboard.press("Tab")
            eve.keyboard.type("A fox that one believes." if points != "0" else "Not there.")
        eve.get_by_label("Points, of 10").nth(3).focus()
        eve.keyboard.press("Enter")  # keeps, and goes on: there is no other
        expect(eve.get_by_role("heading", name="Marking")).to_be_visible()
        expect(eve.get_by_text("9.5 of 40")).to_be_visible()
        eve.get_by_role("button", name="Release what is marked").click()
        ada.goto("/course/handin")
        expect(ada.get_by_text("Marks: 9.5 of 40")).to_be_visible()
        expect(ada.get_by_text("A fox that one believes.")).to_be_visible()
        ada.get_by_label("Ask for a remark").fill("The bias task is in the other zip.")
        ada.get_by_role("button", name="Ask for it").click()
        assert graves(ada) == []
        eve.goto("/course/remarks")
        assert graves(eve) == []
        eve.get_by_label("Answer").fill("Hand it in, and it is marked.")
        eve.get_by_role("button", name="Answer").click()
        expect(eve.get_by_text("Nobody waits for an answer.")).to_be_visible()
        eve.goto("/course/awards")
        assert graves(eve) == []
        eve.get_by_role("button", name="Vote").first.click()
        expect(eve.get_by_role("button", name="I vote for it")).to_have_count(1)
        ada.goto("/course/handin")
        expect(ada.get_by_text("Hand it in, and it is marked.")).to_be_visible()
