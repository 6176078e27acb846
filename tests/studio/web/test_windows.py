"""The pages beside Make in a real browser: by the keys alone, live, and by dropping a file."""

import base64

import pytest
from fragments import drawn
from playwright.sync_api import Browser, expect
from served import WISH, Served, painted
from windows import opened

pytestmark = pytest.mark.system


def test_maps_are_asked_for_and_looked_through_by_the_keys(browser: Browser, busy: Served) -> None:
    with busy.client() as client:
        job = client.post("/api/jobs", json=WISH | {"steps": 3}).json()["jobs"][0]["id"]
        busy.done(job)
    page = opened(browser, busy)
    page.goto(f"/jobs/{job}/explain")
    page.get_by_role("button", name="Draw the maps").focus()
    page.keyboard.press("Enter")
    page.wait_for_selector("[data-maps]:not([hidden])")  # the page has come back by itself
    where = "document.querySelector('[data-veil] svg').getAttribute('viewBox')"
    page.get_by_role("button", name="red", exact=True).focus()
    assert page.evaluate(where) == "0 48 48 48"
    assert page.get_by_role("button", name="red", exact=True).get_attribute("aria-pressed") == "true"
    page.get_by_role("slider", name="Step").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    assert page.evaluate(where) == "96 48 48 48"
    assert page.locator("#said").text_content().startswith("red: step 2, at noise level ")
    page.get_by_role("button", name="apple").hover()  # what is under the pointer
    assert page.evaluate(where) == "96 96 48 48"
    assert page.evaluate("document.querySelectorAll('svg image').length") > 6
    page.context.close()


def test_maps_are_there_without_a_script(browser: Browser, busy: Served) -> None:
    with busy.client() as client:
        job = client.post("/api/jobs", json=WISH | {"steps": 4}).json()["jobs"][0]["id"]
        busy.done(job)
        busy.done(client.post(f"/api/jobs/{job}/explain").json()["id"])
    page = opened(browser, busy, script=False)
    page.goto(f"/jobs/{job}/explain")
    assert page.locator("[data-maps]").is_hidden()
    assert page.locator("figure svg.seen").count() == 3
    page.context.close()


def test_a_grid_fills_while_one_looks(browser: Browser, idle: Served) -> None:
    page = opened(browser, idle)
    page.goto("/grid?prompt=a+red+apple")
    page.get_by_role("group", name="Columns").get_by_label("Values").fill("2, 3")
    page.get_by_role("group", name="Rows").get_by_label("Values").fill("1..2")
    page.get_by_role("button", name="Draw the grid").press("Enter")
    page.wait_for_url("**/tries/*/grid")
    assert page.locator("td article[data-state=queued]").count() == 4
    with idle.client() as client:
        painted(idle.house, client.get("/api/jobs").json()["jobs"][0]["id"])
    page.wait_for_selector("td article[data-state=done]")
    page.context.close()


def test_some_are_chosen_and_compared_by_the_keys(browser: Browser, idle: Served) -> None:
    with idle.client() as client:
        client.post("/api/jobs", json=WISH | {"count": 3})
    page = opened(browser, idle, width=390)
    page.goto("/gallery")
    for seed in (42, 44):
        page.get_by_label(f"Choose seed {seed}").focus()
        page.keyboard.press("Space")
    page.get_by_role("button", name="Compare").focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/compare?*")
    assert page.locator("tr.differs th").all_text_contents() == ["Seed differs"]
    page.context.close()


def test_a_picture_is_dropped_on_the_page(browser: Browser, busy: Served) -> None:
    with busy.client() as client:
        job = client.post("/api/jobs", json=WISH | {"seed": 5}).json()["jobs"][0]["id"]
        data = base64.b64encode(client.get(busy.done(job)["picture"]).content).decode()
    page = opened(browser, busy)
    page.goto("/read")
    page.evaluate(
        """async (data) => {
            const bytes = Uint8Array.from(atob(data), (each) => each.charCodeAt(0));
            const transfer = new DataTransfer();
            transfer.items.add(new File([bytes], "mine.png", { type: "image/png" }));
            document.body.dispatchEvent(new DragEvent("drop", { dataTransfer: transfer, bubbles: true }));
        }""",
        data,
    )
    page.wait_for_selector("h2:has-text('mine.png')")
    page.get_by_role("link", name="Make it with these settings").press("Enter")
    page.wait_for_url("**/?model=*")
    assert page.input_value("#prompt") == WISH["prompt"]
    assert page.input_value("#seed") == "5"
    page.context.close()


def test_the_wall_goes_on_and_back_by_the_keys_and_hears_of_new_sentences(browser: Browser, idle: Served) -> None:
    with idle.client() as ada:
        ada.post("/hall", data={"prompt": "a first boat", "key": "1"})
    page = opened(browser, idle, "tutor")
    page.goto("/show")
    page.keyboard.press("Space")
    page.wait_for_selector("h1:has-text('a first boat')")
    assert page.evaluate("parseFloat(getComputedStyle(document.querySelector('h1')).fontSize)") >= 50
    with idle.client() as ada:
        ada.post("/hall", data={"prompt": "a second boat", "key": "2"})
    page.wait_for_selector("[data-line] li:has-text('a second boat')")
    page.keyboard.press("ArrowRight")
    page.wait_for_selector("h1:has-text('a second boat')")
    with idle.client("tutor") as tutor:
        painted(idle.house, tutor.get("/api/jobs").json()["jobs"][0]["id"])
    page.wait_for_selector(".stage img[src^='/pictures/']")
    page.keyboard.press("ArrowLeft")
    page.wait_for_selector("h1:has-text('a first boat')")
    page.keyboard.press("Space")
    page.wait_for_selector("h1:has-text('a second boat')")
    page.context.close()


def test_what_one_who_teaches_chooses_comes_up_on_the_others_wall(browser: Browser, idle: Served) -> None:
    page = opened(browser, idle, "tutor's help")
    page.goto("/show")
    with idle.client("tutor") as tutor:
        tutor.post("/show/next", data={"prompt": "a boat", "key": "1"})
        page.wait_for_selector("h1:has-text('a boat')")
        painted(idle.house, tutor.get("/api/jobs").json()["jobs"][0]["id"], drawn({}))
    expect(page.locator(".stage img[src$='/picture.png']")).not_to_have_js_property("naturalWidth", 0)
    page.context.close()


def test_dice_are_rolled(browser: Browser, idle: Served) -> None:
    page = opened(browser, idle)
    page.goto("/")
    page.get_by_label("Dice: any").check()
    page.get_by_role("button", name="Roll the dice").press("Enter")
    assert page.input_value("#seed") != "42"
    assert page.get_by_label("Locked: this one").is_checked()
    page.context.close()
