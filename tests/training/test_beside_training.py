"""What works beside a training ends with it, and with it all that it started."""

import os
import subprocess
import sys
import time
from pathlib import Path

SCRIPT = """
import subprocess, sys, time
from pathlib import Path
from limner.training.beside import beside


def work(folder):
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    Path(folder, "child").write_text(str(child.pid))
    time.sleep(60)


if __name__ == "__main__":
    with beside(work, sys.argv[1]) as process:
        while not (Path(sys.argv[1]) / "child").exists() or not (Path(sys.argv[1]) / "child").read_text():
            time.sleep(0.02)
        print(process.pid)
"""


def gone(pid: int) -> bool:
    """Ended, whether or not somebody has asked how."""
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (ProcessLookupError, FileNotFoundError):
        return True


def test_work_and_what_it_started_end_with_the_block(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    began = time.monotonic()
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    words = [sys.executable, str(script), str(tmp_path)]
    done = subprocess.run(words, capture_output=True, text=True, check=True, env=environment)
    pids = [int(done.stdout), int((tmp_path / "child").read_text())]
    deadline = time.monotonic() + 5
    while not all(map(gone, pids)) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert all(map(gone, pids))
    assert time.monotonic() - began < 50
