"""A hand-in is dropped on a page, or sent by a program, comes back as it will be read, and is kept nowhere."""

import json
import os
import tempfile
from pathlib import Path
from socket import create_connection

import httpx2 as httpx
import pytest
from defects import packed
from handins import good
from playwright.sync_api import Browser
from served import Served
from test_accessible import by_day_and_night
from windows import opened

from limner.cli import main

STORY = good("story")
BAD = {
    **STORY,
    "story.json": STORY["story.json"].replace(b'"SDv2.1",', b'"SDv2.1"', 1).replace(b"scene 2", b"<b>scene 2"),
}


def sent(client: httpx.Client, files: dict[str, bytes], path: str = "/course/check") -> httpx.Response:
    return client.post(path, files=[("files", (name, data)) for name, data in files.items()])


def test_the_page_says_how_each_picture_will_be_read(desk: Served) -> None:
    with desk.client() as client:
        answer = sent(client, {"handin.zip": packed(BAD)})
        assert answer.status_code == 200
        page = answer.text
        assert "It has to be mended: 1 error, 1 warning." in page
        assert page.count('<img src="data:image/jpeg;base64,') == 6
        first = page[page.index("Number 1") : page.index("Number 2")]
        assert "story.json, line 5, column 24</span>: a comma is missing here. <em>Write a comma.</em>" in first
        assert "&lt;b&gt;scene 2" in page
        assert "<b>" not in page
        assert "img-src 'self' data:;" in answer.headers["content-security-policy"]
        assert "img-src 'self';" in client.get("/read").headers["content-security-policy"]


def test_files_do_as_well_as_a_zip_and_the_studios_models_are_known(desk: Served) -> None:
    here = {name: data.replace(b"SDv2.1", b"tiny") if name == "story.json" else data for name, data in STORY.items()}
    with desk.client() as client:
        name = client.get("/api/models").json()["models"][0]["name"]
        here["story.json"] = here["story.json"].replace(b'"tiny"', json.dumps(name).encode())
        assert "It can be handed in: 6 warnings." in sent(client, here).text


def test_a_program_gets_what_the_command_prints(
    desk: Served, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "handin.zip"
    file.write_bytes(packed(BAD))
    assert main(["course", "validate", str(file), "--json"]) == 1
    printed = json.loads(capsys.readouterr().out)
    with desk.client() as client:
        told = sent(client, {"handin.zip": file.read_bytes()}, "/api/course/check").json()
        plain = client.post("/api/course/check", content=file.read_bytes(), headers={"content-type": "application/zip"})
    assert told["exit"] == printed["exit"] == 1
    assert told["handins"][0] | {"name": ""} == printed["handins"][0] | {"name": ""}
    assert plain.json() == told


@pytest.mark.parametrize(
    ("files", "status", "line"),
    [
        ({}, 422, "nothing came along; choose a zip"),
        ({"handin.zip": b"PK\x03\x04 no zip"}, 200, "It cannot be read"),
        ({"cat.jpg": b"x"}, 200, "no task&#39;s file is in it"),
        ({"../../up.json": b"{}"}, 200, "It cannot be read"),
    ],
)
def test_what_is_no_hand_in_is_one_clear_line(desk: Served, files: dict[str, bytes], status: int, line: str) -> None:
    with desk.client() as client:
        answer = sent(client, files) if files else client.post("/course/check", files={"other": ("", b"")})
        assert (answer.status_code, line in answer.text) == (status, True)


def test_too_much_is_refused_before_it_is_read_and_nothing_is_kept(desk: Served) -> None:
    with create_connection(("127.0.0.1", desk.port)) as line:
        head = f"POST /course/check HTTP/1.1\r\nHost: 127.0.0.1\r\nX-User: ada\r\nContent-Length: {201 * 2**20}\r\n\r\n"
        line.sendall(head.encode())
        assert line.recv(100).startswith(b"HTTP/1.1 413 ")
    with desk.client() as client:
        sent(client, {"handin.zip": packed(STORY)})
    assert [name for name in os.listdir(tempfile.gettempdir()) if name.startswith("limner-check-")] == []
    assert not desk.house.pictures.exists()


@pytest.mark.system
def test_a_zip_is_dropped_and_the_page_is_for_everybody(browser: Browser, desk: Served, tmp_path: Path) -> None:
    (tmp_path / "handin.zip").write_bytes(packed(BAD))
    for script in (True, False):
        page = opened(browser, desk, script=script)
        page.goto("/course/check")
        page.set_input_files("#files", tmp_path / "handin.zip")
        page.get_by_role("button", name="Check it").click()
        page.wait_for_selector(".verdict")
        widths = [page.locator(".thumbs img").nth(number).bounding_box() for number in range(6)]
        assert all(box and box["width"] > 30 for box in widths)
        if script:
            assert by_day_and_night(page) == []
            page.set_viewport_size({"width": 390, "height": 740})
            assert page.evaluate("document.documentElement.scrollWidth") <= 390
        page.context.close()
