"""The pages without a script: forms, links and a page that looks again by itself."""

import re
from html.parser import HTMLParser
from urllib.parse import quote

import httpx2 as httpx
import pytest
from served import WISH, Served, painted, served


class Form(HTMLParser):
    """The page's first form as a browser that was not touched would send it."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.fields = dict[str, str]()
        self.area = ""
        self.choice = ""
        self.feed(page.split("</form>")[0])

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        said = {name: value or "" for name, value in attributes}
        if tag == "input" and said.get("type") not in ("checkbox", "radio"):
            self.fields[said["name"]] = said.get("value", "")
        self.area = said["name"] if tag == "textarea" else ""
        if tag == "select":
            self.choice = said["name"]
        self.chosen = tag == "option" and "selected" in said

    def handle_data(self, data: str) -> None:
        if self.area:
            self.fields[self.area] = data
            self.area = ""
        elif self.choice and self.chosen:
            self.fields[self.choice] = data
            self.chosen = False


def send(client: httpx.Client, page: str = "/", **changes: str) -> httpx.Response:
    return client.post("/", data=Form(client.get(page).text).fields | changes)


def test_a_sentence_becomes_a_page_that_looks_again_until_its_pictures_are_there(busy: Served) -> None:
    with busy.client() as client:
        sent = send(client, prompt="a red apple", steps="40", width="32", height="32", count="2", seed="7")
        assert sent.status_code == 303
        page = client.get(sent.headers["location"]).text
        assert '<noscript><meta http-equiv="refresh"' in page
        assert re.findall(r"Seed (\d+)</h3>", page) == ["7", "8"]
        assert re.search(r"being drawn|next in line|before yours", page)
        for job in client.get("/api/jobs").json()["jobs"]:
            over = busy.done(job["id"])
            assert (over["recipe"]["sampler"], over["recipe"]["steps"]) == ("dpmpp_2m", 40)
        page = client.get(sent.headers["location"]).text
        assert "refresh" not in page
        pictures = re.findall(r'<img src="([^"]+)"', page)
        assert len(pictures) == 2
        assert all(client.get(picture).content.startswith(b"\x89PNG") for picture in pictures)


def test_sent_twice_it_is_asked_once(idle: Served) -> None:
    with idle.client() as client:
        fields = Form(client.get("/").text).fields | {"prompt": "a cat"}
        first, second = (client.post("/", data=fields) for _ in range(2))
        assert first.headers["location"] == second.headers["location"]
        assert len(client.get("/api/jobs").json()["jobs"]) == int(fields["count"])


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"steps": "0"}, "steps 0 is out of range; choose 1 to 1000 steps."),
        ({"seed": "abc"}, "seed &#39;abc&#39; is not a whole number"),
        ({"seed": "1" * 5000}, "is not a whole number"),
        ({"count": "0"}, "&#39;0&#39; is no number of pictures; choose 1 to 40."),
        ({"width": "33"}, "the nearest that do: 32 and 40"),
        ({"guidance": "nan"}, "guidance nan is out of range"),
        ({"model": "other"}, "there is no model &#39;other&#39; here"),
    ],
)
def test_a_mistake_comes_back_with_all_that_was_typed(desk: Served, change: dict[str, str], line: str) -> None:
    with desk.client() as client:
        answer = send(client, prompt='<b>"mine"</b>', **change)
        assert answer.status_code in (404, 422)
        assert line in answer.text
        assert 'role="alert"' in answer.text
        assert "&lt;b&gt;&#34;mine&#34;&lt;/b&gt;" in answer.text
        assert "<b>" not in answer.text
        for name, value in change.items():
            if name != "model":
                assert Form(answer.text).fields[name] == value
        assert client.get("/api/jobs").json() == {"jobs": []}


def test_again_fills_the_form_with_what_made_a_picture(idle: Served) -> None:
    with idle.client() as client:
        wish = WISH | {"seed": 9, "negative": "blue", "sampler": "heun", "guidance": 2.5}
        job = client.post("/api/jobs", json=wish).json()["jobs"][0]["id"]
        fields = Form(client.get(f"/?again={job}").text).fields
        for name, value in wish.items():
            assert fields[name] == str(value)
        again = send(client, f"/?again={job}", count="1")
        assert again.status_code == 303
        assert client.get("/api/jobs").json()["jobs"][0]["recipe"] == client.get(f"/api/jobs/{job}").json()["recipe"]


def test_the_lectures_sentences_are_a_click_away(desk: Served) -> None:
    with desk.client() as client:
        page = client.get("/").text
        link = f'href="/?prompt={quote("monkey with hat walking")}"'
        assert link in page
        assert Form(client.get(link.split('"')[1]).text).fields["prompt"] == "monkey with hat walking"


def test_any_seed_is_another_each_time(idle: Served) -> None:
    with idle.client() as client:
        for _ in range(2):
            assert send(client, dice="on", count="1").status_code == 303
        first, second = (job["seed"] for job in client.get("/api/jobs").json()["jobs"])
    assert first != second


def test_a_button_gives_up_ones_own_picture(idle: Served) -> None:
    with idle.client() as client:
        job = client.post("/api/jobs", json=WISH).json()["jobs"][0]["id"]
        assert f'action="/jobs/{job}/cancel"' in client.get("/").text
        back = client.post(f"/jobs/{job}/cancel")
        assert back.status_code == 303
        assert "Cancelled" in client.get(back.headers["location"]).text


def test_what_failed_says_why_and_a_lost_job_never_looks_done(idle: Served) -> None:
    leases = idle.house.leases()
    with idle.client() as client:
        job, other = (client.post("/api/jobs", json=WISH).json()["jobs"][0]["id"] for _ in range(2))
        from limner.studio.leases import Pulse

        for held in leases.lease("worker", "a" * 64, 2, "e" * 16):
            pulse = Pulse(held.job, held.lease)
            if held.job == job:
                leases.fail(pulse, "the picture is too large", "ask for less")
            else:
                leases.release([pulse], "its worker went home")
        assert "Failed: the picture is too large; ask for less" in client.get(f"/jobs/{job}").text
        page = client.get(f"/jobs/{other}").text
        assert 'data-state="queued"' in page
        assert "<img src" not in page
    leases.database.close()


def test_people_are_told_what_is_wrong_on_a_page_and_programs_in_json(desk: Served) -> None:
    with desk.client() as client:
        page = client.get("/jobs/nothing", headers={"accept": "text/html"})
        assert (page.status_code, page.headers["content-type"]) == (404, "text/html; charset=utf-8")
        assert "no job &#39;nothing&#39; of yours; see the list of your jobs." in page.text
        assert client.get("/api/jobs/nothing", headers={"accept": "text/html"}).json()["error"]["what"]


def test_what_a_picture_is_called_by_its_prompt_is_text(idle: Served) -> None:
    with idle.client() as client:
        evil = '"><script>alert(1)</script>'
        job = client.post("/api/jobs", json=WISH | {"prompt": evil}).json()["jobs"][0]["id"]
        painted(idle.house, job)
        for page in ("/", f"/jobs/{job}", f"/jobs/{job}/card", f"/?again={job}", f"/?prompt={quote(evil)}"):
            assert "<script>alert" not in client.get(page).text


def test_before_a_model_was_opened_the_page_says_so(tmp_path) -> None:  # type: ignore[no-untyped-def]
    from limner.studio.house import House

    with served(House(f"sqlite:///{tmp_path / 'studio.db'}", tmp_path / "p")) as here, here.client() as client:
        assert "being opened for the first time" in client.get("/").text
        answer = send(client, prompt="a cat")
        assert answer.status_code == 503
        assert "a cat" in answer.text
