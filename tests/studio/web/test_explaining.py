"""A button, a line, and the maps of a picture: with a worker that watches, and for nobody but its owner."""

import io
import re

import numpy as np
from PIL import Image
from served import WISH, Served, painted

from limner.bundle import Bundle
from limner.engine.film import SIDE
from limner.metadata import texts
from limner.studio.explanation import CHUNK, read


def test_a_worker_draws_the_maps_and_a_page_shows_them(busy: Served, bundle: Bundle) -> None:
    with busy.client() as client:
        job = client.post("/api/jobs", json=WISH).json()["jobs"][0]["id"]
        assert "There is no picture yet" in client.get(f"/jobs/{job}/explain").text or busy.done(job)
        busy.done(job)
        assert f'href="/jobs/{job}/explain"' in client.get(f"/jobs/{job}").text
        page = client.get(f"/jobs/{job}/explain").text
        assert f'<form method="post" action="/jobs/{job}/explain">' in page
        sent = client.post(f"/jobs/{job}/explain")
        assert (sent.status_code, sent.headers["location"]) == (303, f"/jobs/{job}/explain")
        maps = client.post(f"/api/jobs/{job}/explain").json()["id"]  # the same again, as a program asks
        over = busy.done(maps)
        assert over["state"] == "done"
        data = client.get(over["picture"]).content
        sheet = read(texts(data)[CHUNK])
        assert sheet.words == ["a", "red", "apple"]
        assert [number for number, _ in sheet.steps] == [1, 2]
        image = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
        assert image.shape == (3 * SIDE, 3 * SIDE, 3)
        assert np.ptp(image.astype(int), axis=(0, 1)).min() > 100
        page = client.get(f"/jobs/{job}/explain").text
        assert re.findall(r"<figcaption>(.+)</figcaption>", page) == ["a", "red", "apple"]
        assert page.count(f'href="{over["picture"]}"') >= 7
        assert "style=" not in page  # the policy allows none


def test_while_it_waits_the_page_says_where_and_it_may_be_given_up(idle: Served) -> None:
    with idle.client() as client:
        job = client.post("/api/jobs", json=WISH).json()["jobs"][0]["id"]
        painted(idle.house, job)
        client.post(f"/jobs/{job}/explain")
        page = client.get(f"/jobs/{job}/explain").text
        assert "no worker is here for this model" in page
        assert "data-reload" in page
        maps = re.search(r'action="/jobs/(\w+)/cancel"', page)[1]
        back = client.post(f"/jobs/{maps}/cancel")
        assert back.headers["location"] == f"/jobs/{job}/explain"
        assert client.get(f"/jobs/{maps}").headers["location"] == f"/jobs/{job}/explain"  # it is no picture
        assert "Draw the maps" in client.get(f"/jobs/{job}/explain").text


def test_nobody_explains_anothers(idle: Served) -> None:
    with idle.client() as ada, idle.client("bob") as bob:
        job = ada.post("/api/jobs", json=WISH).json()["jobs"][0]["id"]
        painted(idle.house, job)
        for method, path in (("GET", f"/jobs/{job}/explain"), ("POST", f"/jobs/{job}/explain")):
            assert bob.request(method, path).status_code == 404
        assert bob.post(f"/api/jobs/{job}/explain").status_code == 404
