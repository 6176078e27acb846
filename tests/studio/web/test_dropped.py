"""A picture that anybody's program made is dropped on a page and fills the form; nothing of it is kept."""

import io
import json
import re
from socket import create_connection
from urllib.parse import parse_qs, urlsplit

import httpx2 as httpx
import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from served import Served
from studios import recipe

from limner.metadata import encode
from limner.recipe import Recipe

A1111 = (
    "a red apple\nNegative prompt: blue, green\nSteps: 12, Sampler: Euler a, CFG scale: 5, Seed: 77, Size: 500x64, "
    "Model: dreamy, Face restoration: CodeFormer"
)
COMFY = {
    "1": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "mini.safetensors"}},
    "2": {"class_type": "CLIPTextEncode", "inputs": {"text": "a boat", "clip": ["1", 1]}},
    "3": {"class_type": "CLIPTextEncode", "inputs": {"text": "", "clip": ["1", 1]}},
    "4": {"class_type": "EmptyLatentImage", "inputs": {"width": 64, "height": 64, "batch_size": 1}},
    "5": {"class_type": "KSampler", "inputs": {"seed": 5, "steps": 9, "cfg": 3.0, "sampler_name": "euler",
          "scheduler": "karras", "denoise": 1.0, "model": ["1", 0], "positive": ["2", 0], "negative": ["3", 0],
          "latent_image": ["4", 0]}},
    "6": {"class_type": "VAEDecode", "inputs": {"samples": ["5", 0], "vae": ["1", 2]}},
    "7": {"class_type": "SaveImage", "inputs": {"images": ["6", 0]}},
}  # fmt: skip
INVOKE = {"app_version": "5.0", "positive_prompt": "a dog", "negative_prompt": "", "seed": 3, "steps": 7,
          "cfg_scale": 4.0, "scheduler": "euler", "width": 64, "height": 64}  # fmt: skip
FOOOCUS = {"prompt": "a frog", "negative_prompt": "", "seed": "4", "steps": 6, "sampler": "euler", "guidance_scale": 2,
           "scheduler": "karras", "resolution": "(64, 64)", "base_model": "xl", "version": "Fooocus v2.5"}  # fmt: skip


def saying(**texts: str) -> bytes:
    chunks, file = PngInfo(), io.BytesIO()
    for name, text in texts.items():
        chunks.add_text(name, text)
    Image.new("RGB", (8, 8)).save(file, "PNG", pnginfo=chunks)
    return file.getvalue()


def sent(client: httpx.Client, data: bytes, name: str = "picture.png") -> httpx.Response:
    return client.post("/read", files={"picture": (name, data, "image/png")})


def filled(answer: httpx.Response) -> dict[str, str]:
    """The fields of the link."""
    link = re.search(r'<a class="go" href="(/\?[^"]+)"', answer.text)
    assert link
    return {name: values[0] for name, values in parse_qs(urlsplit(link[1].replace("&amp;", "&")).query).items()}


@pytest.mark.parametrize(
    ("data", "maker", "fields"),
    [
        (saying(parameters=A1111), "AUTOMATIC1111", {"prompt": "a red apple", "steps": "12", "sampler": "ancestral"}),
        (saying(prompt=json.dumps(COMFY)), "ComfyUI", {"prompt": "a boat", "seed": "5", "ladder": "karras"}),
        (saying(invokeai_metadata=json.dumps(INVOKE)), "InvokeAI", {"prompt": "a dog", "steps": "7"}),
        (saying(parameters=json.dumps(FOOOCUS), fooocus_scheme="fooocus"), "Fooocus", {"prompt": "a frog"}),
    ],
)
def test_four_programs_pictures_fill_the_form(desk: Served, data: bytes, maker: str, fields: dict[str, str]) -> None:
    with desk.client() as client:
        answer = sent(client, data)
        assert f"Made by {maker}" in answer.text
        assert fields.items() <= filled(answer).items()
        form = client.get("/", params=filled(answer)).text
        assert f">{fields['prompt']}</textarea>" in form


def test_each_thing_that_cannot_be_used_has_its_line(desk: Served) -> None:
    with desk.client() as client:
        answer = sent(client, saying(parameters=A1111))
        lines = re.findall(r"<li>(.+?)</li>", answer.text.split('class="unmet"')[1].split("</ul>")[0])
        assert any("Face restoration" in line or "CodeFormer" in line for line in lines)
        assert "its model, dreamy: not here, so the picture will be another" in lines
        assert "width 500: it does not divide by 8" in lines
        assert "width" not in filled(answer)
        assert filled(answer)["height"] == "64"


def test_limners_own_gives_the_very_recipe_back(idle: Served) -> None:
    wanted: Recipe = recipe(seed=9, sampler="heun", guidance=2.5, rescale=0.5, negative="blue", excite="apple",
                            excite_step=20.0, excite_temperature=100.0)  # fmt: skip
    data = encode(np.zeros((64, 64, 3), np.uint8), "png", wanted, {"Model": "mini"})
    with idle.client() as client:
        fields = filled(sent(client, data))
        assert fields.pop("model") == "mini"
        asked = client.post("/", data=fields | {"count": "1", "key": "k"})
        assert asked.status_code == 303
        assert client.get("/api/jobs").json()["jobs"][0]["recipe"] == {
            name: getattr(wanted, name) for name in wanted.__slots__
        }


def test_other_weights_are_said_to_be_others(desk: Served) -> None:
    data = encode(np.zeros((8, 8, 3), np.uint8), "png", recipe(model="c" * 64), {"Model": "grand"})
    with desk.client() as client:
        answer = sent(client, data)
        assert "its model, grand: not here" in answer.text
        assert "model" not in filled(answer)


@pytest.mark.parametrize(
    ("data", "line"),
    [
        (b"not a picture", "the picture is no picture; give a PNG, JPEG or WebP file"),
        (saying(parameters=A1111)[:60], "it may be damaged"),
        (b"", "no picture came along"),
    ],
)
def test_what_cannot_be_read_is_one_line(desk: Served, data: bytes, line: str) -> None:
    with desk.client() as client:
        answer = sent(client, data)
        assert (answer.status_code, line in answer.text) == (422, True)


def test_what_says_nothing_or_something_hostile_is_shown_as_text(desk: Served) -> None:
    with desk.client() as client:
        assert "It says nothing about itself" in sent(client, saying()).text
        evil = "<script>alert(1)</script>"
        answer = sent(client, saying(parameters=f"{evil}\nSteps: 3, Seed: 1, Sampler: {evil}, CFG scale: 2"), evil)
        assert "<script>alert" not in answer.text
        assert filled(answer)["prompt"] == evil


def test_too_much_is_refused_before_it_is_read_and_nothing_is_kept(idle: Served) -> None:
    with create_connection(("127.0.0.1", idle.port)) as line:  # which says how much it is about to send, and waits
        head = f"POST /read HTTP/1.1\r\nHost: 127.0.0.1\r\nX-User: ada\r\nContent-Length: {49 * 2**20}\r\n\r\n"
        line.sendall(head.encode())
        assert line.recv(100).startswith(b"HTTP/1.1 413 ")
    with idle.client() as client:
        many = client.post("/read", files={f"p{n}": ("a.png", b"x", "image/png") for n in range(3)})
        assert many.status_code == 400
        assert client.post("/read", data={"picture": "text"}).status_code == 422
        assert sent(client, saying(parameters=A1111) + b"x" * 3 * 2**20).status_code == 200  # a large one
        assert not idle.house.pictures.exists()
        assert client.get("/api/jobs").json() == {"jobs": []}
