"""What Gradescope and MarkUs run is the same checker, which they get whole, and which needs two packages."""

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from defects import packed
from handins import good
from jsonschema import Draft202012Validator

from limner.cli import main

RESULTS = {  # of Gradescope's specification, what is written here
    "type": "object",
    "additionalProperties": False,
    "required": ["tests"],
    "properties": {
        "output": {"type": "string"},
        "visibility": {"enum": ["hidden", "after_due_date", "after_published", "visible"]},
        "stdout_visibility": {"enum": ["hidden", "after_due_date", "after_published", "visible"]},
        "tests": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "additionalProperties": False,
                "required": ["score", "max_score", "name"],
                "properties": {
                    "name": {"type": "string"}, "output": {"type": "string"},
                    "score": {"type": "number"}, "max_score": {"type": "number"},
                    "status": {"enum": ["passed", "failed"]}, "output_format": {"enum": ["text", "html", "md"]},
                    "visibility": {"enum": ["hidden", "after_due_date", "after_published", "visible"]},
                },
            },
        },
    },
}  # fmt: skip
BAD = {**good("story"), "story.json": good("story")["story.json"].replace(b'"SDv2.1",', b'"SDv2.1"', 1)}


def called(command: list[str], folder: Path) -> str:
    """A script's output, in an environment that knows nothing of this limner."""
    environment = {"PATH": os.environ["PATH"], "PYTHON": sys.executable, "AUTOGRADER": str(folder)}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


@pytest.mark.parametrize(("files", "scores"), [(good("story"), [1, 1]), (BAD, [1, 0])])
@pytest.mark.parametrize("unpacked", [True, False])
def test_gradescope_gets_its_results(
    files: dict[str, bytes], scores: list[int], unpacked: bool, tmp_path: Path
) -> None:
    assert main(["course", "autograder", str(tmp_path / "made"), "--task", "story"]) == 0
    (tmp_path / "made" / "gradescope").rename(tmp_path / "source")
    for name in ("submission", "results"):
        (tmp_path / name).mkdir()
    (tmp_path / "submission_metadata.json").write_text("{}", encoding="utf-8")
    (tmp_path / "submission" / "handin.zip").write_bytes(packed(files))
    if unpacked:  # as Gradescope does with zips
        with zipfile.ZipFile(tmp_path / "submission" / "handin.zip") as file:
            file.extractall(tmp_path / "submission")
        (tmp_path / "submission" / "handin.zip").unlink()
    called([str(tmp_path / "source" / "run_autograder")], tmp_path)
    told = json.loads((tmp_path / "results" / "results.json").read_text(encoding="utf-8"))
    Draft202012Validator(RESULTS).validate(told)
    assert [test["score"] for test in told["tests"]] == scores
    assert [test["status"] for test in told["tests"]] == ["passed" if score else "failed" for score in scores]
    if not all(scores):
        assert "story.json:5:24: error json.comma-missing: a comma is missing here" in told["tests"][1]["output"]


def test_markus_gets_a_line_for_each_test(tmp_path: Path) -> None:
    (tmp_path / "ours.toml").write_text(
        (Path(__file__).parents[2] / "src/limner/coursework/assignment.toml").read_text()
    )
    assert main(["course", "autograder", str(tmp_path / "made"), "--spec", str(tmp_path / "ours.toml")]) == 0
    folder = tmp_path / "made" / "markus"
    for name, data in BAD.items():
        (folder / name).write_bytes(data)
    told = [json.loads(line) for line in called([str(folder / "limner-markus.sh")], folder).splitlines()]
    assert [(each["marks_earned"], each["marks_total"], each["status"]) for each in told] == [
        (1, 1, "pass"), (0, 1, "fail"),
    ]  # fmt: skip
    assert [each["name"] for each in told] == ["How it is handed in", "A story in six pictures"]


def test_the_checker_that_is_packed_brings_nothing_heavy(tmp_path: Path) -> None:
    assert main(["course", "autograder", str(tmp_path / "made")]) == 0
    code = "import sys, limner.coursework.grader, limner.coursework.look; print(*sys.modules)"
    modules = called([sys.executable, "-c", code], tmp_path / "made" / "gradescope").split()
    assert not {"torch", "numpy", "scipy", "jaxtyping", "sqlalchemy"} & {*modules}
    assert main(["course", "autograder", str(tmp_path / "made")]) == 2
    assert main(["course", "autograder", str(tmp_path / "other"), "--task", "essay"]) == 2
    assert not (tmp_path / "other").exists()
