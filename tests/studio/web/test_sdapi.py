"""A client of AUTOMATIC1111's web UI: what it sends, what it reads, and whose pictures its Interrupt ends."""

import io
import json
from base64 import b64decode, b64encode
from socket import create_connection
from threading import Thread

import pytest
from PIL import Image
from served import WISH, Served, painted

from limner.bundle import Bundle
from limner.metadata import parse

ASKED = {  # as webuiapi sends it, with what limner has no use for
    "enable_hr": False, "hr_scale": 2, "hr_upscaler": "Latent", "denoising_strength": 0.7, "firstphase_width": 0,
    "prompt": "a red apple", "styles": [], "seed": 7, "subseed": -1, "subseed_strength": 0.0, "batch_size": 2,
    "n_iter": 1, "steps": 2, "cfg_scale": 3.0, "width": 32, "height": 32, "restore_faces": False, "tiling": False,
    "do_not_save_samples": False, "negative_prompt": "blue", "eta": 1.0, "s_churn": 0, "s_tmax": 0, "s_tmin": 0,
    "s_noise": 1, "override_settings": {}, "override_settings_restore_afterwards": True, "sampler_name": "Euler a",
    "sampler_index": "Euler a", "scheduler": "Karras", "script_args": [], "script_name": None, "send_images": True,
    "save_images": False, "alwayson_scripts": {"ControlNet": {"args": []}},
}  # fmt: skip


def test_pictures_come_with_their_seeds_and_texts(busy: Served) -> None:
    with busy.client() as client:
        answer = client.post("/sdapi/v1/txt2img", json=ASKED).json()
    info = json.loads(answer["info"])
    assert (info["seed"], info["all_seeds"]) == (7, [7, 8])  # each picture's own, and not the first one's alone
    assert answer["parameters"]["prompt"] == "a red apple"
    for image, text, seed in zip(answer["images"], info["infotexts"], (7, 8), strict=True):
        assert Image.open(io.BytesIO(b64decode(image))).text["parameters"] == text
        said = parse(text)
        assert (said.prompt, said.negative) == ("a red apple", "blue")
        assert {"Steps": "2", "Sampler": "Euler a", "Schedule type": "Karras", "Seed": str(seed)}.items() <= (
            said.settings.items()
        )


def test_any_seed_is_one_that_is_told(busy: Served) -> None:
    with busy.client() as client:
        asked = ASKED | {"seed": -1, "batch_size": 1}
        seeds = [json.loads(client.post("/sdapi/v1/txt2img", json=asked).json()["info"])["seed"] for _ in range(2)]
    assert len({*seeds}) == 2
    assert min(seeds) >= 0


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"enable_hr": True}, "limner does not do enable_hr; leave it out"),
        ({"subseed_strength": 0.5}, "limner does not do subseed_strength"),
        ({"alwayson_scripts": {"ControlNet": {"args": [{"image": "x"}]}}}, "limner has no script 'ControlNet'"),
        ({"sampler_name": "Restart"}, "sampler 'Restart' is not known; see /sdapi/v1/samplers"),
        ({"scheduler": "Beta"}, "scheduler 'Beta' is not known"),
        ({"steps": 0}, "steps 0 is out of range"),
        ({"batch_size": 41}, "batch_size: input should be less than or equal to 40"),
        ({"batch_size": 7, "n_iter": 7}, "49 pictures are more than 40"),
        ({"override_settings": {"sd_model_checkpoint": "v1-5 [6ce0161689]"}}, "there is no model 'v1-5' here"),
    ],
)
def test_what_cannot_be_had_is_refused_and_not_left_out(desk: Served, change: dict[str, object], line: str) -> None:
    with desk.client() as client:
        answer = client.post("/sdapi/v1/txt2img", json=ASKED | change)
        assert 400 <= answer.status_code < 500
        assert line in answer.json()["detail"]


def test_an_interrupt_ends_ones_own_pictures_and_nobody_elses(idle: Served) -> None:
    answers = []
    with idle.client() as ada, idle.client("bob") as bob:
        other = bob.post("/api/jobs", json=WISH).json()["jobs"][0]["id"]
        page = ada.post("/api/jobs", json=WISH | {"seed": 1}).json()["jobs"][0]["id"]  # asked for before
        painted(idle.house, page)

        def ask() -> None:
            with idle.client() as client:
                answers.append(client.post("/sdapi/v1/txt2img", json=ASKED | {"sampler_name": "Euler"}).json())

        thread = Thread(target=ask)
        thread.start()
        while (told := ada.get("/sdapi/v1/progress").json())["state"]["job_count"] < 2:
            pass
        assert told["progress"] == 0
        assert bob.get("/sdapi/v1/progress").json()["state"]["job_count"] == 1
        first = ada.get("/api/jobs").json()["jobs"][1]["id"]
        painted(idle.house, first, file(ada))
        assert ada.get("/sdapi/v1/progress").json()["progress"] == 0.5
        bob.post("/sdapi/v1/interrupt")
        assert ada.get("/sdapi/v1/progress").json()["state"]["interrupted"] is False
        assert bob.get(f"/api/jobs/{other}").json()["state"] == "cancelled"
        assert ada.post("/sdapi/v1/interrupt").json() == {}
        thread.join(timeout=10)
        assert len(answers[0]["images"]) == 1  # that which was there
        assert ada.get("/sdapi/v1/progress").json()["progress"] == 0
        assert ada.get(f"/api/jobs/{page}").json()["state"] == "done"


def file(client: object) -> bytes:
    """A picture without any text."""
    out = io.BytesIO()
    Image.new("RGB", (8, 8)).save(out, "PNG")
    return out.getvalue()


def test_skip_gives_up_what_is_drawn_and_goes_on(idle: Served) -> None:
    leases = idle.house.leases()
    with idle.client() as ada:
        jobs = [job["id"] for job in ada.post("/api/jobs", json=WISH | {"count": 2}).json()["jobs"]]
        leases.lease("worker", "a" * 64, 1, "e" * 16)
        ada.post("/sdapi/v1/skip")
        assert [ada.get(f"/api/jobs/{job}").json()["state"] for job in jobs] == ["cancelled", "queued"]
    leases.database.close()


def test_what_is_there_is_listed_under_their_names(busy: Served, bundle: Bundle) -> None:
    with busy.client() as client:
        samplers = client.get("/sdapi/v1/samplers").json()
        assert {"Euler a", "DPM++ 2M", "DDIM"} <= {each["name"] for each in samplers}
        assert {"automatic", "karras"} <= {each["name"] for each in client.get("/sdapi/v1/schedulers").json()}
        assert [each["title"] for each in client.get("/sdapi/v1/sd-models").json()] == [bundle.name]
        assert client.get("/sdapi/v1/options").json()["sd_model_checkpoint"] == bundle.name


def test_nobody_sets_anything_for_all_the_others(busy: Served, bundle: Bundle) -> None:
    with busy.client() as client:
        assert client.post("/sdapi/v1/options", json={"sd_model_checkpoint": bundle.name}).status_code == 200
        answer = client.post("/sdapi/v1/options", json={"sd_model_checkpoint": "another"})
        assert answer.status_code == 422
        assert "override_settings" in answer.json()["detail"]


@pytest.mark.parametrize("head", ["", "data:image/png;base64,"])
def test_a_picture_says_how_it_was_made_and_is_not_kept(busy: Served, head: str) -> None:
    with busy.client() as client:
        (image,) = client.post("/sdapi/v1/txt2img", json=ASKED | {"batch_size": 1}).json()["images"]
        found = client.post("/sdapi/v1/png-info", json={"image": head + image}).json()
        assert found["info"].startswith("a red apple\nNegative prompt: blue\nSteps: 2")
        assert found["parameters"]["Seed"] == "7"


@pytest.mark.parametrize(
    ("data", "line"),
    [("!!!", "image is not base64"), ("AAAA", "the picture is no picture; give a PNG, JPEG or WebP file")],
)
def test_what_is_no_picture_is_one_line(desk: Served, data: str, line: str) -> None:
    with desk.client() as client:
        answer = client.post("/sdapi/v1/png-info", json={"image": data})
        assert answer.status_code == 422
        assert line in answer.json()["detail"]


def test_a_large_picture_may_come_and_a_larger_one_may_not(desk: Served) -> None:
    with desk.client() as client:
        noise = b64encode(b"\x89PNG\r\n\x1a\n" + bytes(3 * 2**20)).decode()
        assert client.post("/sdapi/v1/png-info", json={"image": noise}).status_code == 422
    with create_connection(("127.0.0.1", desk.port), timeout=10) as line:  # refused before any of it is read
        line.sendall(
            f"POST /sdapi/v1/png-info HTTP/1.1\r\nHost: localhost\r\nContent-Length: {49 * 2**20}\r\n\r\n".encode()
        )
        assert line.recv(12) == b"HTTP/1.1 413"


def test_webuiapi_draws_and_reads(busy: Served) -> None:
    """The package that scripts use; it knows no headers, so it asks in a session that does."""
    webuiapi = pytest.importorskip("webuiapi")
    api = webuiapi.WebUIApi(host="127.0.0.1", port=busy.port, sampler="Euler a", steps=2)
    api.session.headers["x-user"] = "ada"
    result = api.txt2img(prompt="a red apple", seed=7, width=32, height=32, batch_size=2)
    assert result.info["all_seeds"] == [7, 8]
    assert [image.size for image in result.images] == [(32, 32)] * 2
    assert "Seed: 8" in result.images[1].text["parameters"]
    assert api.png_info(result.image).info.startswith("a red apple")
    assert "Euler a" in api.util_get_sampler_names()
    assert len(api.util_get_model_names()) == 1
    assert api.get_progress()["progress"] == 0
    assert api.interrupt() == {}
