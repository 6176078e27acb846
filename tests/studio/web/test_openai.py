"""The `openai` package asks a real server for pictures, as its users do."""

import io
from base64 import b64decode
from pathlib import Path
from threading import Thread

import httpx2 as httpx
import openai
import pytest
from served import Served

from limner.bundle import Bundle
from limner.metadata import read

SMALL = {"size": "32x32", "extra_body": {"num_inference_steps": 2}}


def client(here: Served, user: str = "ada") -> openai.OpenAI:
    return openai.OpenAI(
        base_url=f"{here.url}/v1", api_key="anything", default_headers={"x-user": user}, max_retries=0, timeout=30
    )


def test_pictures_of_a_prompt(busy: Served, bundle: Bundle, tmp_path: Path) -> None:
    extra = {"negative_prompt": "blue", "num_inference_steps": 2, "guidance_scale": 2.5, "seed": 7}
    with client(busy) as ada:
        answer = ada.images.generate(
            model=bundle.name, prompt="a red apple", n=2, size="32x32", extra_body=extra, user="me", quality="high"
        )
    assert answer.size == "32x32"
    for place, image in enumerate(answer.data):
        assert image.revised_prompt == "a red apple"
        assert image.seed == 7 + place
        file = tmp_path / "picture.png"
        file.write_bytes(b64decode(image.b64_json))
        recipe = read(file).recipe
        assert (recipe.prompt, recipe.negative, recipe.seed) == ("a red apple", "blue", 7 + place)
        assert (recipe.steps, recipe.guidance, recipe.width, recipe.height) == (2, 2.5, 32, 32)


def test_a_link_instead_of_the_bytes(busy: Served) -> None:
    with client(busy) as ada:
        answer = ada.images.generate(prompt="a red apple", response_format="url", **SMALL)
    (image,) = answer.data
    assert httpx.get(image.url, headers={"x-user": "ada"}).content.startswith(b"\x89PNG")
    assert httpx.get(image.url, headers={"x-user": "bob"}).status_code == 404


def test_without_a_seed_it_is_another_each_time_and_told(busy: Served) -> None:
    with client(busy) as ada:
        first, second = (ada.images.generate(prompt="a red apple", **SMALL).data[0] for _ in range(2))
    assert first.seed != second.seed


def test_models_are_listed(busy: Served, bundle: Bundle) -> None:
    with client(busy) as ada:
        assert [model.id for model in ada.models.list()] == [bundle.name]
        assert ada.models.retrieve(bundle.name).owned_by == "limner"
        with pytest.raises(openai.NotFoundError, match="there is no model 'dall-e-3' here; choose one of"):
            ada.models.retrieve("dall-e-3")


@pytest.mark.parametrize(
    ("asked", "line"),
    [
        ({"n": 11}, "n: input should be less than or equal to 10"),
        ({"size": "big"}, "size: string should match pattern"),
        ({"size": "33x32"}, "width 33 does not divide by 8"),
        ({"extra_body": {"num_inference_steps": 0}}, "steps 0 is out of range; choose 1 to 1000 steps"),
        ({"extra_body": {"colour": "red"}}, "there is no field 'colour'"),
        ({"stream": True}, "stream: input should be False"),
        ({"background": "transparent"}, "background: input should be 'auto' or 'opaque'"),
    ],
)
def test_what_is_wrong_is_said_as_its_users_expect(busy: Served, asked: dict[str, object], line: str) -> None:
    with client(busy) as ada, pytest.raises(openai.UnprocessableEntityError) as raised:
        ada.images.generate(prompt="a red apple", **asked)
    assert line in raised.value.body["message"]


def test_edits_do_not_pretend_to_be_there(busy: Served) -> None:
    picture = io.BytesIO(b"\x89PNG")
    picture.name = "picture.png"
    with client(busy) as ada, pytest.raises(openai.InternalServerError) as raised:
        ada.images.edit(image=picture, prompt="a green apple")
    assert raised.value.status_code == 501


def test_whoever_has_no_name_is_told_so_as_such_clients_expect(busy: Served) -> None:
    with client(busy, "") as nobody, pytest.raises(openai.AuthenticationError):
        nobody.models.list()


def test_a_wait_in_vain_says_why(idle: Served) -> None:
    said: list[str] = []

    def ask() -> None:
        with client(idle) as ada:
            try:
                ada.images.generate(prompt="a red apple", **SMALL)
            except openai.UnprocessableEntityError as fault:
                said.append(fault.body["message"])

    thread = Thread(target=ask)
    thread.start()
    with idle.client() as ada:
        while not (jobs := ada.get("/api/jobs").json()["jobs"]):
            pass
        ada.post(f"/api/jobs/{jobs[0]['id']}/cancel")
    thread.join(timeout=10)
    assert said == [f"job {jobs[0]['id']} was cancelled; ask again"]


def test_a_client_that_was_cut_off_finds_what_it_asked_for_by_its_key(busy: Served) -> None:
    asked = {"prompt": "a red apple", "size": "32x32", "num_inference_steps": 20, "seed": 3}
    headers = {"x-user": "ada", "Idempotency-Key": "once"}
    with pytest.raises(httpx.ReadTimeout):
        httpx.post(f"{busy.url}/v1/images/generations", json=asked, headers=headers, timeout=0.05)
    again = httpx.post(f"{busy.url}/v1/images/generations", json=asked, headers=headers, timeout=30).json()
    assert again["data"][0]["seed"] == 3
    with busy.client() as ada:
        assert sum(job["recipe"]["steps"] == 20 for job in ada.get("/api/jobs").json()["jobs"]) == 1
