"""Gradio's page and gradio_client drive the studio's own queue, keep nothing, and send nothing elsewhere."""

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import httpx2 as httpx
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from playwright.sync_api import sync_playwright
from served import WISH, Served, by_header, painted, served

from limner.studio.web import guest
from limner.studio.web.guard import ALWAYS
from limner.studio.web.guest import HERE, POLICY

SMALL = {name: value for name, value in WISH.items() if name != "prompt"}
CALL = f"{HERE}/gradio_api/run/read"


@pytest.fixture(scope="module")
def gradio() -> None:
    """Imported before any thread runs: it parses its own source, in which Python 3.11 fails when two threads do."""
    import_module("limner.studio.web.blocks")


@pytest.fixture(scope="module")
def page(gradio: None, busy: Served) -> str:
    """What the first visitor gets."""
    with busy.client() as client:
        return client.get(f"{HERE}/", timeout=60).text


@pytest.fixture
def ada(busy: Served, page: str, tmp_path: Path) -> Iterator[Client]:
    client = Client(f"{busy.url}{HERE}/", headers={"x-user": "ada"}, verbose=False, analytics_enabled=False,
                    download_files=tmp_path)  # fmt: skip
    yield client
    client.close()


def test_gradios_client_draws_fetches_and_reads(ada: Client, busy: Served) -> None:
    drawn = ada.predict("a red apple", count=2, seed=7, **SMALL, key="one", api_name="/draw")
    first, second = drawn["jobs"]
    assert [first["seed"], second["seed"]] == [7, 8]
    again = ada.predict("a red apple", count=2, seed=7, **SMALL, key="one", api_name="/draw")
    assert again["submission"] == drawn["submission"]
    name = busy.done(first["id"])["picture"]
    job, file = ada.predict(first["id"], api_name="/job")
    assert job["state"] == "done"
    with busy.client() as client:
        assert Path(file).read_bytes() == client.get(str(name)).content
    assert "Seed: 7" in ada.predict(handle_file(file), api_name="/read")["info"]
    assert ada.predict(api_name="/models")["models"][0]["workers"] == 1


def test_a_job_is_given_up_by_its_owner_alone(ada: Client, busy: Served) -> None:
    with busy.client("eve") as client:
        (hers,) = client.post("/api/jobs", json=WISH | {"steps": 1000}).json()["jobs"]
    with pytest.raises(AppError, match="no job"):
        ada.predict(hers["id"], api_name="/job")
    with pytest.raises(AppError, match="no job"):
        ada.predict(hers["id"], api_name="/cancel")
    (mine,) = ada.predict("a cat", **SMALL | {"steps": 1000}, api_name="/draw")["jobs"]
    assert ada.predict(mine["id"], api_name="/cancel")["state"] == "cancelled"


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"steps": 0}, "steps 0 is out of range; choose 1 to 1000 steps"),
        ({"steps": "many"}, "steps 'many' is not a whole number"),
        ({"count": 99}, "99 is no number of pictures"),
        ({"count": True}, "True is no number of pictures"),
        ({"model": "no such"}, "no model 'no such'"),
        ({"key": "k" * 65}, "key is no name"),
        ({"sampler": "best"}, "sampler"),
    ],
)
def test_what_is_wrong_is_one_line(ada: Client, change: dict[str, object], why: str) -> None:
    with pytest.raises(AppError) as caught:
        ada.predict("a cat", **SMALL | change, api_name="/draw")
    assert why in str(caught.value)


def sent(client: httpx.Client, path: object) -> httpx.Response:
    file = {"path": path, "meta": {"_type": "gradio.FileData"}}
    return client.post(CALL, json={"data": [file], "session_hash": "x"})


@pytest.mark.parametrize("path", ["/etc/passwd", "https://example.org/a.png", "../../secret", None, 3])
def test_a_call_names_no_file_and_no_address(busy: Served, page: str, path: object) -> None:
    with busy.client() as client:
        answer = sent(client, path)
    assert (answer.status_code, answer.json()["error"]["remedy"]) == (400, "send the picture first")


def test_an_upload_is_gone_when_it_was_read(busy: Served, page: str) -> None:
    with busy.client() as client:
        (path,) = client.post(f"{HERE}/gradio_api/upload", files={"files": ("../../a.png", b"no picture")}).json()
        folder = Path(path).parent
        assert [file.read_bytes() for file in folder.iterdir() if file.is_file()] == [b"no picture"]
        assert sent(client, f"{path}/../x").status_code == 400
        assert "is no picture" in sent(client, path).text
        assert not any(file.is_file() for file in folder.iterdir())
        assert "send it again" in sent(client, path).text
        assert client.post(f"{HERE}/gradio_api/upload", data={"files": "text"}).status_code == 400


def test_no_more_uploads_wait_than_may(busy: Served, page: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guest, "WAITING", 0)
    with busy.client() as client:
        assert client.post(f"{HERE}/gradio_api/upload", files={"files": ("a.png", b"")}).status_code == 429


@pytest.mark.parametrize("body", [b"", b"[" * 100_000, b"[]", b"{"])
def test_a_body_that_is_no_call_is_refused(busy: Served, page: str, body: bytes) -> None:
    with busy.client() as client:
        assert client.post(CALL, content=body).status_code == 400


@pytest.mark.parametrize("path", ["call/draw/0123", "call/nothing/x", "queue/data?session_hash=nobody", "queue/data"])
def test_an_event_that_nobody_knows_is_answered_in_one_line(
    busy: Served, page: str, path: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with busy.client() as client:
        answer = client.get(f"{HERE}/gradio_api/{path}")
    assert (answer.status_code, answer.json()["error"]["remedy"]) == (404, "make the call anew")
    assert "Traceback" not in capfd.readouterr().err


@pytest.mark.parametrize(
    ("path", "said", "status"),
    [
        ("run/nothing", {"data": []}, 404),
        ("call/look", {"data": []}, 404),  # the page's own
        ("run/predict", {"data": [], "fn_index": 99}, 404),
        ("run/predict", {"data": [], "fn_index": "1"}, 404),
        ("run/job", {"data": []}, 422),
        ("run/job", {"data": "x"}, 422),
        ("run/job", {"data": ["no such job"]}, 422),
        ("run/job", {"data": [{"no": ["job"]}]}, 422),
    ],
)
def test_a_call_that_is_wrong_is_no_fault_of_the_servers(
    busy: Served, page: str, path: str, said: dict[str, object], status: int, capfd: pytest.CaptureFixture[str]
) -> None:
    with busy.client() as client:
        answer = client.post(f"{HERE}/gradio_api/{path}", json=said)
    assert answer.status_code == status
    assert "error" in answer.json()
    assert "Traceback" not in capfd.readouterr().err


@pytest.mark.parametrize("path", ["monitoring", "gradio_api/proxy=http://example.org", "gradio_api/vibe-code/", "login",
                                  "gradio_api/file=/etc/passwd", "gradio_api/runs", "gradio_api/run-history/buckets",
                                  "gradio_api/deep_link", "gradio_api/heartbeat/x", "openapi.json"])  # fmt: skip
def test_gradios_other_doors_are_shut(busy: Served, page: str, path: str) -> None:
    with busy.client() as client:
        assert client.get(f"{HERE}/{path}").status_code in (404, 405)
        assert client.post(f"{HERE}/{path}", json={}).status_code in (404, 405)


def test_what_its_page_may_do_more_is_listed_and_is_allowed_there_alone(busy: Served, page: str) -> None:
    with busy.client() as client:
        ours = client.get("/").headers["content-security-policy"]
        theirs = client.get(f"{HERE}/").headers["content-security-policy"]
        asset = client.get(f"{HERE}/theme.css").headers["content-security-policy"]
    assert ours == ALWAYS["content-security-policy"]
    assert "unsafe" not in theirs.partition("script-src")[2].partition(";")[0]
    assert all(f"{name} {said}" in asset for name, said in POLICY.items())


def test_nothing_of_a_caller_is_told_to_others(busy: Served, page: str) -> None:
    with busy.client() as client:
        headers = {"x-forwarded-host": "evil.example"}
        for path in ("", "config", "gradio_api/info"):
            assert "evil.example" not in client.get(f"{HERE}/{path}", headers=headers).text


@pytest.mark.system
def test_its_page_draws_finds_again_and_reads_and_nothing_leaves_the_host(
    busy: Served, page: str, tmp_path: Path
) -> None:
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        context = browser.new_context(base_url=busy.url, extra_http_headers={"x-user": "bob"})
        context.set_default_timeout(20_000)
        seen: list[str] = []
        context.on("request", lambda request: seen.append(request.url))
        tab = context.new_page()
        complaints: list[str] = []
        tab.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
        tab.goto(f"{HERE}/")
        tab.get_by_label("Prompt").fill("a red apple")
        tab.get_by_role("button", name="More").click()
        for name, value in SMALL.items():
            tab.get_by_label(name.capitalize()).fill(str(value))
        tab.get_by_label("Pictures").last.fill("1")
        tab.get_by_role("button", name="Draw").click()
        image = tab.locator(f"img[src*='{HERE}/gradio_api/file=']").first
        image.wait_for()
        tab.goto(f"{HERE}/")  # anew: it is found
        image.wait_for()
        assert image.evaluate("(each) => each.decode().then(() => each.naturalWidth)") == 32
        (tmp_path / "a.png").write_bytes(context.request.get(image.get_attribute("src")).body())
        tab.get_by_role("tab", name="Read").click()
        tab.set_input_files("input[type=file]", tmp_path / "a.png")
        tab.get_by_text("a red apple").last.wait_for()
        browser.close()
    assert complaints == []
    assert {httpx.URL(url).host for url in seen if not url.startswith(("data:", "blob:"))} == {"127.0.0.1"}


def test_its_process_may_be_another_at_every_call(idle: Served, page: str) -> None:
    """Nothing is remembered but by the store."""
    with served(idle.house) as one, one.client() as client:
        drawn = client.post(f"{HERE}/gradio_api/run/draw", json={"data": drawing("a cat")}).json()["data"][0]
    painted(idle.house, drawn["jobs"][0]["id"])
    with served(idle.house, by_header) as two, two.client() as client:
        told, file = client.post(f"{HERE}/gradio_api/run/job", json={"data": [drawn["jobs"][0]["id"]]}).json()["data"]
        assert told["state"] == "done"
        assert client.get(file["url"]).content.startswith(b"\x89PNG")
    with idle.client("eve") as eve:
        assert eve.get(f"{HERE}/gradio_api/file={file['path']}").status_code == 404


def drawing(prompt: str) -> list[object]:
    return [prompt, "", "", 1, None, 2, None, 32, 32, None, None, ""]
