"""A picture leaves the studio with its receipt, and comes back to who marks it: made by whom?"""

import io
import json
import zipfile
from pathlib import Path

import pytest
from forgeries import drawing, saved
from PIL import Image
from playwright.sync_api import Browser
from served import WISH, Served, painted

from limner.audit import credentials, likeness, receipt
from limner.audit.keys import unpublished
from limner.audit.receipt import Held
from limner.metadata import read_from

OF = {"png": "PNG", "jpg": "JPEG", "webp": "WEBP"}


def drawn(busy: Served, user: str, **fields: object) -> str:
    with busy.client(user) as client:
        job = client.post("/api/jobs", json={**WISH, "prompt": "a cat", "width": 16, "height": 16, **fields}).json()[
            "jobs"
        ][0]["id"]
    assert busy.done(job, user)["state"] == "done"
    return str(job)


def asked(busy: Served, *files: tuple[str, bytes], **fields: str) -> tuple[int, str]:
    with busy.client("tutor") as client:
        answer = client.post("/course/verify", files=[("pictures", file) for file in files], data=fields)
        return answer.status_code, " ".join(answer.text.split())


@pytest.mark.parametrize("form", OF)
def test_a_picture_is_taken_along_in_every_format_with_its_receipt(form: str, busy: Served) -> None:
    job = drawn(busy, "ada", seed=11)
    with busy.client() as client, busy.client("bob") as bob, busy.client(None) as nobody:
        answer = client.get(f"/jobs/{job}/limner.{form}")
        assert answer.headers["content-disposition"] == f'attachment; filename="limner-11.{form}"'
        keys = unpublished(nobody.get("/.well-known/limner-keys.json").text, "2026")
        told = client.get(f"/api/jobs/{job}/receipt").json()
        assert [bob.get(path).status_code for path in (f"/jobs/{job}/limner.{form}", f"/api/jobs/{job}/receipt")] == [
            404,
            404,
        ]
        assert client.get(f"/jobs/{job}/limner.gif").status_code == 404
    found = read_from(io.BytesIO(answer.content), "it")
    said = receipt.read(found.receipt)
    assert said.held({each.id: each for each in keys}) == Held.TRUSTED
    assert json.loads(told["receipt"])["statement"]["owner"] == said.statement.owner != "ada"
    image = likeness.opened(answer.content)
    assert Image.open(io.BytesIO(answer.content)).format == OF[form]
    assert (
        said.statement.jpeg == likeness.coded(answer.content)
        if form == "jpg"
        else said.statement.pixels == likeness.pixels(image)
    )
    if credentials.installed():
        signed = credentials.told(answer.content, "jpeg" if form == "jpg" else form)
        assert signed is not None
        assert signed.state == "Valid"


def test_who_marks_is_told_by_whom_and_sees_nobodys_name(busy: Served) -> None:
    """Without accounts there is one person, whose all is; so what comes from elsewhere is unknown."""
    job = drawn(busy, "local", seed=21)
    with busy.client("local") as client:
        data = client.get(f"/jobs/{job}/limner.jpg").content
    other = saved(drawing(5), "PNG")
    code, page = asked(busy, ("mine.jpg", data), ("strange.png", other), ("notes.png", b"nothing"))
    assert code == 200
    assert page.count("<td>made here by you</td>") == 1
    assert page.count("<td>unknown</td>") == 2
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as file:
        file.writestr("story.json", json.dumps({"pairs": [{"prompt": "a dog", "seed": 21, "image-path": "mine.jpg"}]}))
        file.writestr("mine.jpg", data)
    assert "says another prompt: it was drawn by &#39;a cat&#39;" in asked(busy, ("hand-in.zip", packed.getvalue()))[1]
    assert asked(busy)[0] == 422
    assert "has no picture" in asked(busy, ("a.txt", b"nothing"))[1]
    with busy.client() as student:
        assert student.get("/course/verify").status_code == 403


def test_anothers_picture_is_said_to_be_so(busy: Served) -> None:
    job = drawn(busy, "ada", seed=31)
    with busy.client() as client:
        data = client.get(f"/jobs/{job}/limner.png").content
    page = asked(busy, ("one.png", data))[1]
    assert "made here, not by you" in page
    assert "ada" not in page.partition("<main")[2]


def test_a_picture_of_which_nobody_signed_is_taken_along_as_it_was(idle: Served) -> None:
    with idle.client() as client:
        job = client.post("/api/jobs", json=WISH).json()["jobs"][0]["id"]
        assert client.get(f"/jobs/{job}/limner.png").status_code == 409
        painted(idle.house, job)
        assert client.get(f"/jobs/{job}/limner.png").content == b"\x89PNG painted"
        assert client.get(f"/api/jobs/{job}/receipt").status_code == 404


def test_the_page_is_there_for_keyboards_and_readers(busy: Served, browser: Browser, tmp_path: Path) -> None:
    job = drawn(busy, "local", seed=41)
    with busy.client("local") as client:
        (tmp_path / "mine.jpg").write_bytes(client.get(f"/jobs/{job}/limner.jpg").content)
    page = browser.new_page(extra_http_headers={"x-user": "tutor"}, java_script_enabled=False)
    page.goto(f"{busy.url}/course/verify")
    page.get_by_label("What was handed in").set_input_files([str(tmp_path / "mine.jpg")])
    page.get_by_role("button", name="Verify them").click()
    assert page.get_by_role("cell", name="made here by you").is_visible()
    page.close()
