"""What serves a class elsewhere: the exported Space, the compose file, the units; each command is limner's own."""

import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from errno import ENOSPC
from importlib import import_module
from importlib.metadata import version
from pathlib import Path

import pytest
import yaml

from limner.cli import Parser, main
from limner.studio.course import read

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
COMPOSE = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
FRONT = {  # Hugging Face's reference of a Space's settings, those that limner says
    "title": str, "colorFrom": str, "colorTo": str, "sdk": str, "app_port": int, "pinned": bool, "license": str,
    "short_description": str, "startup_duration_timeout": str,
}  # fmt: skip
COLOURS = {"red", "yellow", "green", "blue", "indigo", "purple", "pink", "gray"}


@pytest.fixture(scope="module")
def space(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("space") / "space"
    assert main(["space", "export", str(folder)]) == 0
    return folder


def understood(words: list[str]) -> None:
    """`limner` and its arguments, read by the command's own parser."""
    assert Path(words[0]).name == "limner"
    parser = Parser(prog=f"limner {words[1]}", allow_abbrev=False)
    import_module(f"limner.cli.{words[1]}").flags(parser)
    parser.parse_args(words[2:])


def test_a_space_says_what_hugging_face_asks(space: Path) -> None:
    _, front, text = (space / "README.md").read_text(encoding="utf-8").split("---\n", 2)
    said = yaml.safe_load(front)
    assert {name: type(value) for name, value in said.items()} == FRONT
    assert (said["sdk"], said["app_port"]) == ("docker", 7860)
    assert {said["colorFrom"], said["colorTo"]} <= COLOURS
    assert len(said["short_description"]) <= 60
    assert text.strip()


def test_a_space_is_all_that_its_image_is_made_of(space: Path) -> None:
    lines = (space / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ").splitlines()
    for line in (line.split() for line in lines if line.startswith("COPY")):
        for name in line[1:-1]:
            if not name.startswith("--"):
                assert (space / name).exists(), name
    assert [line for line in lines if line.startswith(("USER", "EXPOSE"))] == ["USER 1000", "EXPOSE 7860"]
    for name in ("LICENSE", "NOTICE", "limner/models/limner-mini/unet/diffusion_pytorch_model.safetensors"):
        assert (space / name).stat().st_size > 1000
    large = {file.suffix for file in space.rglob("*") if file.is_file() and file.stat().st_size > 9_000_000}
    kept = (space / ".gitattributes").read_text(encoding="utf-8")
    assert all(f"*{suffix} filter=lfs" in kept for suffix in large)
    assert not list(space.rglob("__pycache__"))


def test_a_space_draws_with_what_is_installed_here(space: Path) -> None:
    asked, pins = ((space / name).read_text().splitlines() for name in ("requirements.txt", "constraints.txt"))
    assert {*asked} <= {*pins}
    assert f"torch=={version('torch').partition('+')[0]}" in asked
    assert f"uvicorn=={version('uvicorn')}" in asked
    assert f"starlette=={version('starlette')}" in pins
    assert not [line for line in pins if line.startswith(("nvidia", "pytest", "opentelemetry-sdk", "limner"))]
    assert len({line.partition("==")[0] for line in pins}) == len(pins)


def test_a_space_starts_by_commands_that_there_are(space: Path) -> None:
    script = (space / "start.sh").read_text(encoding="utf-8").replace("\\\n", " ")
    commands = [
        line[line.index("python -m limner") :].partition("|")[0]
        for line in script.splitlines()
        if "python -m limner" in line
    ]
    assert len(commands) == 3
    for command in commands:
        understood(shlex.split(command.rstrip(";")[len("python -m ") :]))
    assert subprocess.run(["sh", "-n", str(space / "start.sh")]).returncode == 0
    file = space / "filled.toml"
    file.write_text((space / "course.toml").read_text().replace("@ADDRESS@", "https://ada-limner.hf.space"))
    assert read(file).course.address == "https://ada-limner.hf.space"


def test_a_space_overwrites_nothing(space: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["space", "export", str(space)]) == 2
    assert "is there already; choose a new folder" in capsys.readouterr().err


def test_a_full_disk_leaves_no_half_of_a_space(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = shutil.copyfile

    def full(source: Path | str, target: Path | str, *, follow_symlinks: bool = True) -> Path | str:
        if Path(source).name == "errors.py":
            raise OSError(ENOSPC, "No space left on device", target)
        return copy(source, target, follow_symlinks=follow_symlinks)

    monkeypatch.setattr(shutil, "copyfile", full)
    assert main(["space", "export", str(tmp_path / "space")]) == 2
    err = capsys.readouterr().err
    assert err.startswith("limner: ")
    assert "errors.py cannot be copied: [Errno 28] No space left on device" in err
    assert err.endswith("; free some space or mind rights\n")
    assert list(tmp_path.iterdir()) == []


def test_what_compose_runs_are_commands_that_there_are() -> None:
    services = COMPOSE["services"]
    assert services.keys() == {"web", "worker", "database", "proxy"}
    for name in ("web", "worker"):
        understood(["limner", *shlex.split(services[name]["command"])])
    (proxy,) = (n["ipv4_address"] for n in services["proxy"]["networks"].values())
    assert f"--proxy {proxy}" in services["web"]["command"]
    assert [name for name, each in services.items() if each.get("ports")] == ["proxy"]  # nothing else is open
    assert services["web"]["read_only"]
    assert services["worker"]["cap_drop"] == ["ALL"]


def test_what_compose_names_is_there() -> None:
    services = COMPOSE["services"]
    for service in services.values():
        assert {*service["depends_on"]} <= services.keys() if "depends_on" in service else True
        assert {*service["networks"]} <= COMPOSE["networks"].keys()
        for volume in service["volumes"]:
            source = volume.split(":")[0]
            known = (DEPLOY / source).exists() if source.startswith(".") else source in COMPOSE["volumes"]
            assert known or source == "./course.toml", volume  # the class's own
    assert (DEPLOY / services["web"]["build"]["dockerfile"].removeprefix("deploy/")).exists()
    wanted = {"LIMNER_HOST", "POSTGRES_PASSWORD"}
    text = (DEPLOY / "compose.yaml").read_text(encoding="utf-8")
    assert {word.split(":")[0] for word in text.split("${")[1:]} == wanted
    assert {
        line.partition("=")[0] for line in (DEPLOY / "env.example").read_text().splitlines() if "=" in line
    } == wanted


def started() -> Iterator[tuple[str, list[str]]]:
    for unit in sorted((DEPLOY / "systemd").glob("*.service")):
        for line in unit.read_text(encoding="utf-8").splitlines():
            if line.startswith("ExecStart="):
                words = shlex.split(line.removeprefix("ExecStart="))
                yield unit.name, shlex.split(words[2]) if words[0] == "/bin/sh" else words


@pytest.mark.parametrize(("unit", "words"), [*started()])
def test_what_a_unit_starts_is_a_command_that_there_is(unit: str, words: list[str]) -> None:
    understood(words)


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not here to verify its units")
def test_systemd_finds_nothing_wrong_with_the_units(tmp_path: Path) -> None:
    units = sorted((DEPLOY / "systemd").iterdir())
    assert len(units) == 5
    for unit in units:
        text = unit.read_text(encoding="utf-8").replace("/opt/limner/bin/limner", sys.executable)
        (tmp_path / unit.name).write_text(text, encoding="utf-8")
    names = [str(tmp_path / unit.name.replace("@.", "@cpu.")) for unit in units if "@" not in unit.name]
    names += [str(tmp_path / unit.name) for unit in units if "@" in unit.name]
    done = subprocess.run(["systemd-analyze", "verify", *names], capture_output=True, text=True)
    assert [line for line in done.stderr.splitlines() if "limner" in line] == []
