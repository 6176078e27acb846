"""A small `make fuzz`; and its judge, who must find what is planted."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
PLANTED = """
import asyncio, json, socket, sys, time
from pathlib import Path
from knocking import Request, asked, watched
import siege
from siege import wrong
from starlette.applications import Starlette
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse
from starlette.routing import Route

siege.SLOW = 0.5
folder = Path(sys.argv[1])
(folder / "inside").mkdir()

def crash(request): raise ValueError("planted")
def teapot(request): return PlainTextResponse("no", 500)
def shown(request): return HTMLResponse("Traceback (most recent call last):")
def away(request): return JSONResponse({"error": {"remedy": "the database does not answer"}}, 503)
def stated(request): return JSONResponse({"error": {"remedy": "wait"}}, 503)
def bare(request): return PlainTextResponse("", 503)
def strays(request): (folder / "outside").write_text("x"); return PlainTextResponse("")
def stays(request): (folder / "inside" / "x").write_text("x"); return PlainTextResponse("")
def looks(request): (folder / "inside" / "x").read_text(); Path(__file__).exists(); return PlainTextResponse("")
def calls(request):
    try: socket.create_connection(("127.0.0.1", 9), 0.1)
    except OSError: pass
    return PlainTextResponse("")
def works(request):
    until = time.process_time() + 0.6
    while time.process_time() < until: pass
    return PlainTextResponse("")

named = (crash, teapot, shown, away, stated, bare, strays, stays, calls, works)
app = Starlette(routes=[Route(f"/{each.__name__}", each) for each in named])
found = {}
with watched(folder / "inside") as watch:
    for each in named:
        watch.looks, watch.strayed = True, []
        answer = asyncio.run(asked(app, Request("", "GET", f"/{each.__name__}", b"", ((b"host", b"x"),))))
        watch.looks = False
        found[each.__name__] = len(wrong(answer, watch.strayed)) > 0
print(json.dumps(found))
"""


def called(*arguments: str) -> subprocess.CompletedProcess[str]:
    """In a process of its own, whose audit hook dies with it."""
    environment = {"PYTHONPATH": ":".join(sys.path), "PATH": "/usr/bin:/bin", "HOME": "/nowhere"}
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, env=environment, timeout=300)


@pytest.mark.parametrize("database", ["sqlite", pytest.param("postgresql", marks=pytest.mark.system)])
def test_the_studio_answers_whatever_comes(database: str, tmp_path: Path) -> None:
    out = tmp_path / "fuzz.json"
    flags = ["--cases", "60", "--database", database, "--without-gradio", "--out", str(out)]
    done = called(str(HERE / "fuzz.py"), *flags)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    found = json.loads(out.read_text())["databases"][database]
    assert found["cases"] == 60
    assert len(found["by status"]) > 4  # not everything is turned away at the door
    assert found["by status"]["200"] > 6


def test_what_is_planted_is_found(tmp_path: Path) -> None:
    done = called("-c", PLANTED, str(tmp_path))
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert [name for name, bad in found.items() if not bad] == ["stated", "stays"]
