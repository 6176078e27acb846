"""`limner studio` as a user starts it: a page at once, a worker behind it, and nobody left when it ends."""

import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from socket import create_server

import httpx2 as httpx
import pytest

from limner.cli import main, studio
from limner.cli.posts import devices

WISH = {"prompt": "a red apple", "steps": 2, "width": 32, "height": 32}


@contextmanager
def started(folder: Path, *words: str) -> Iterator[tuple[subprocess.Popen[str], httpx.Client]]:
    command = [sys.executable, "-m", "limner", "studio", "--port", "0", "--folder", str(folder), *words]
    process = subprocess.Popen(
        [*command, "--device", "cpu", "--backend", "eager"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=True,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        found = re.search(r"http://[\d.]+:\d+", process.stdout.readline())
        assert found
        with httpx.Client(base_url=found[0], timeout=30) as client:
            yield process, client
    finally:
        process.kill()
        process.communicate()


def children(process: subprocess.Popen[str]) -> dict[str, int]:
    """The studio's processes: which is the web's and which a worker's is seen from what they have loaded."""
    out = dict[str, int]()
    for number in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split():
        try:
            maps, line = (Path(f"/proc/{number}/{each}").read_text() for each in ("maps", "cmdline"))
        except OSError:
            continue  # it ended meanwhile
        if "resource_tracker" not in line:
            out["worker" if "libtorch" in maps else "web" if "pydantic_core" in maps else "begun"] = int(number)
    return out


def until(holds: Callable[[], bool], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def state(client: httpx.Client, job: str) -> str:
    return str(client.get(f"/api/jobs/{job}").json()["state"])


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_whoever_is_killed_comes_back_and_at_the_end_nobody_is_left(folder: Path, tmp_path: Path) -> None:
    with started(tmp_path / "studio", "--model", str(folder)) as (process, client):
        assert client.get("/").status_code == 200
        until(lambda: children(process).keys() == {"web", "worker"})  # so the web has no torch
        until(lambda: client.get("/readyz").status_code == 200)
        long, quick = (
            client.post("/api/jobs", json=WISH | {"steps": steps}).json()["jobs"][0]["id"] for steps in (1000, 2)
        )
        until(lambda: state(client, long) == "running")
        before = children(process)
        os.kill(before["web"], signal.SIGKILL)
        time.sleep(0.5)  # until this side, too, knows that the connection is gone
        assert state(client, long) in ("queued", "running")  # the port is never closed: the next one answers
        os.kill(before["worker"], signal.SIGKILL)
        client.post(f"/api/jobs/{long}/cancel")
        until(lambda: children(process).get("worker", before["worker"]) != before["worker"])
        until(lambda: client.get("/readyz").status_code == 200)
        assert state(client, long) == "cancelled"
        until(lambda: state(client, quick) in ("done", "running"))  # running, if its lease of the dead has not run out
        after = children(process)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=40)
        assert process.returncode == 0
        assert "Traceback" not in errors
        assert len(re.findall(r"was killed by signal 9; another starts in", errors)) == 2
        for number in after.values():
            assert not Path(f"/proc/{number}").exists()


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_nobody_outlives_a_supervisor_that_was_killed(folder: Path, tmp_path: Path) -> None:
    with started(tmp_path / "studio", "--model", str(folder)) as (process, client):
        assert client.get("/healthz").status_code == 200
        numbers = children(process)
        process.kill()
        until(lambda: not any(Path(f"/proc/{number}").exists() for number in numbers.values()))


def test_a_class_is_served_to_who_comes_in_by_the_link_that_its_first_lines_tell_of(tmp_path: Path) -> None:
    course, place = tmp_path / "course.toml", tmp_path / "studio"
    course.write_text('[course]\nname = "Graphics"\naddress = "http://studio.example.org"\n')
    with started(place, "--class", str(course), "--host", "0.0.0.0") as (process, client):
        client.headers["host"] = "studio.example.org"
        assert process.stderr is not None
        said = [process.stderr.readline() for _ in range(3)]
        assert "http://studio.example.org is not encrypted" in said[0]
        assert "nobody instructs this course yet" in said[1]
        words = shlex.split(said[2].replace("NAME", "'Eve Adams'").replace("MAIL", "eve@example.org"))[1:]
        told = subprocess.run([sys.executable, "-m", *words], capture_output=True, text=True, timeout=60, check=True)
        link = told.stdout.strip()
        assert link.startswith("http://studio.example.org/join/")
        away = client.get("/", headers={"accept": "text/html"})
        assert (away.status_code, away.headers["location"]) == (303, "/sign-in?next=/")
        sent = {"password": "a few words that I remember", "again": "a few words that I remember"}
        joined = client.post(link.removeprefix("http://studio.example.org"), data=sent)
        assert joined.status_code == 303
        client.headers["cookie"] = joined.headers["set-cookie"].partition(";")[0]
        assert "<h1>Graphics</h1>" in client.get("/class").text
        assert [model["name"] for model in client.get("/api/models").json()["models"]] == ["limner-mini"]
        until(lambda: "announced retention" in client.get("/log").text)  # the caretaker, at its first round
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=40)
        assert process.returncode == 0


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["--class", "nothing.toml"], "cannot read nothing.toml"),
        (["--class", "course.toml", "--model", "SDv1.5"], "--model SDv1.5 is none of the class's; name it in"),
        (
            ["--host", "0.0.0.0"],
            "--host 0.0.0.0 would let anybody in, as there are no accounts without --class; leave it out",
        ),
        (["--host", "192.168.1.5"], "would let anybody in"),
        (["--host", "example.org"], "--host example.org is no address; 127.0.0.1 is this machine alone"),
        (["--port", "70000"], "--port 70000 is out of range; choose 0 to 65535"),
        (["--model", "nothing"], "model 'nothing' is not known"),
    ],
)
def test_what_cannot_be_is_said_in_one_line(
    arguments: list[str], line: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "course.toml").write_text('[course]\nname = "Graphics"\n')
    assert main(["studio", "--folder", str(tmp_path / "studio"), *arguments]) == 2
    said = capsys.readouterr().err
    assert line in said
    assert said.count("\n") == 1
    assert not (tmp_path / "studio").exists()


def test_a_class_whose_filter_is_not_installed_does_not_begin(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(studio, "FILTER", ("a-classifier", "nobody_has_this"))
    (tmp_path / "course.toml").write_text('[course]\nname = "Graphics"\n')
    words = [
        "studio",
        "--class",
        str(tmp_path / "course.toml"),
        "--folder",
        str(tmp_path / "studio"),
        "--port",
        "70000",
    ]
    assert main(words) == 2
    said = capsys.readouterr().err
    assert "filter is on, as it is unless the file says otherwise, and a-classifier is not installed" in said
    assert "pip install 'limner[filter]', or say filter = false under [course]" in said
    assert said.count("\n") == 1
    assert main([*words, "--no-worker"]) == 2  # who draws elsewhere needs it, and is told so there
    assert "--port 70000 is out of range" in capsys.readouterr().err
    (tmp_path / "course.toml").write_text('[course]\nname = "Graphics"\nfilter = false\n')
    assert main(words) == 2
    assert "--port 70000 is out of range" in capsys.readouterr().err


def test_a_port_that_is_taken_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert main(["studio", "--folder", str(tmp_path), "--port", port]) == 2
    assert (
        f"cannot listen on 127.0.0.1:{port}: Address already in use; choose another --port" in capsys.readouterr().err
    )


def test_a_database_that_is_none_ends_it_at_once_with_one_line(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "limner", "studio", "--port", "0", "--folder", str(tmp_path), "--device", "cpu"]
    done = subprocess.run([*command, "--database", "oracle://x"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    said = {*done.stderr.splitlines()}  # perhaps by a worker, too
    assert said == {"limner: that is no database limner knows; say sqlite:///FILE or postgresql://..."}


def test_there_is_a_worker_for_each_gpu_that_may_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    for said, found in (("0,1", ["cuda:0", "cuda:1"]), ("3", ["cuda:0"]), ("", [None]), ("-1", [None])):
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", said)
        assert devices() == found
