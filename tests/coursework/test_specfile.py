"""An assignment is a file: the published one is as it was published, another is read strictly, and a schema follows."""

import json
from pathlib import Path

import pytest
from defects import TASKS, defects
from handins import good
from jsonschema import Draft202012Validator

from limner.cli import main
from limner.coursework.schema import schema
from limner.coursework.spec import Kind
from limner.coursework.specfile import parsed, published, read
from limner.errors import LimnerError

HEAD = 'version = 1\nname = "Ours"\nmodels = ["mini"]\nformats = ["jpeg"]\n'
TASK = '[[tasks]]\nname = "dream"\nfile = "dream.json"\n[tasks.entries]\nkey = "dreams"\nleast = 1\n'
KEYS = 'keys = [{ name = "words", kind = "text" }, { name = "picture", kind = "picture" }]\n'


def test_the_four_tasks_are_as_they_were_published() -> None:
    spec = published()
    assert spec.models == ("SDv1.5", "SDv2.1", "SDXL")
    told = {
        task.file: (
            [key.name for key in task.keys],
            task.entries.key,
            [key.name for key in task.entries.keys if not key.optional],
            (task.entries.least, task.entries.most),
        )
        for task in spec.tasks
    }
    assert told == {
        "bias.json": ([], "biases", ["prompt", "description", "harm", "image-paths"], (4, 4)),
        "movie-poster.json": (["title", "genre", "constraints"], "pairs", ["prompt", "image-path"], (4, 4)),
        "open-ended.json": (
            ["goal"], "pairs", ["prompt", "model", "seed", "image-path", "correct", "incorrect"], (20, None),
        ),
        "story.json": (["story"], "pairs", ["prompt", "model", "seed", "image-path"], (6, 6)),
    }  # fmt: skip
    assert spec.task("bias").entries.once == ("context", "demographic")
    with pytest.raises(LimnerError, match="no task 'essay'; choose from bias, movie-poster, open-ended, story"):
        spec.task("essay")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("version = ", "a.toml is not TOML"),
        ("version = 2\n", "version is 2; this limner reads version = 1"),
        (HEAD, "a.toml has no tasks; begin each with [[tasks]]"),
        (HEAD + "modles = 1\n" + TASK + KEYS, "no key is called 'modles'; did you mean models?"),
        (HEAD.replace('"jpeg"', '"gif"') + TASK + KEYS, "formats holds 'gif'; choose from jpeg, png, webp"),
        (HEAD + TASK.replace("dream.json", "a/dream.json") + KEYS, "task 1: file is 'a/dream.json'"),
        (HEAD + TASK.replace("least = 1", "least = 5\nmost = 2") + KEYS, "least is 5 and most is 2"),
        (HEAD + TASK.replace("least = 1", "least = -1") + KEYS, "least is -1; it is a whole number"),
        (HEAD + TASK + KEYS.replace('"picture" }', '"photo" }'), "key 2: kind is 'photo'; choose from text, texts"),
        (HEAD + TASK + KEYS.replace('"picture", k', '"words", k'), "two keys are called 'words'"),
        (HEAD + TASK + 'once = ["mood"]\n' + KEYS, "there is no aspect 'mood'; write [aspects.mood]"),
        (HEAD + TASK + 'statistic = "share"\n' + KEYS, "no key is called 'share'"),
        (HEAD + TASK + KEYS + TASK + KEYS, "two tasks have the name 'dream'"),
        (HEAD + TASK + KEYS + "[limits]\nfiles = 0\n", "files is 0; it is a number above 0"),
        (HEAD + 'tasks = "all"\n', "has no tasks"),
    ],
)
def test_what_is_wrong_with_a_file_is_one_clear_line(text: str, line: str, tmp_path: Path) -> None:
    with pytest.raises(LimnerError) as fault:
        parsed(text, "a.toml")
    assert line in str(fault.value)
    assert "\n" not in str(fault.value)
    with pytest.raises(LimnerError, match=r"cannot read .*no\.toml"):
        read(tmp_path / "no.toml")


def test_another_course_writes_a_file_and_no_code(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "ours.toml").write_text(HEAD + TASK + KEYS, encoding="utf-8")
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "dream.json").write_text('{"dreams": [{"words": "a", "picture": "a.jpg"}]}', encoding="utf-8")
    (tmp_path / "in" / "a.jpg").write_bytes(good("story")["story-1.jpg"])
    words = ["course", "validate", str(tmp_path / "in"), "--spec", str(tmp_path / "ours.toml")]
    assert main(words) == 0
    (tmp_path / "in" / "dream.json").write_text('{"dreams": [{"words": "a", "picture": "b.jpg"}]}', encoding="utf-8")
    assert main([*words, "--task", "dream"]) == 1
    assert "dream.json:1:39: error path.missing: there is no picture 'b.jpg'" in capsys.readouterr().out
    assert main([*words, "--task", "bias"]) == 2
    assert "no task 'bias'; choose from dream" in capsys.readouterr().err


@pytest.mark.parametrize("task", TASKS)
def test_the_schema_takes_what_is_good_and_refuses_what_a_schema_can_tell(task: str) -> None:
    made = schema(published(), published().task(task))
    Draft202012Validator.check_schema(made)
    checker = Draft202012Validator(made)
    assert list(checker.iter_errors(json.loads(good(task)[f"{task}.json"]))) == []
    told = {"key.missing", "value.kind", "value.empty", "count.few", "count.many", "model.label", "seed.range"}
    refused = 0
    for case in defects(task):
        if case.rule in told and not isinstance(case.pack, bytes) and ".0," not in case.name:
            found = list(checker.iter_errors(json.loads(case.pack[f"{task}.json"])))
            refused += bool(found)
            assert found or case.name == "a seed with a point", case.name  # to a schema 1.0 is an integer
    assert refused >= 12


def test_the_command_prints_a_schema(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["course", "schema", "--task", "bias"]) == 0
    assert (
        json.loads(capsys.readouterr().out)["properties"]["biases"]["minItems"]
        == published().task("bias").entries.least
    )
    assert main(["course", "schema"]) == 0
    assert list(json.loads(capsys.readouterr().out)) == [task.file for task in published().tasks]
    assert {key.kind for task in published().tasks for key in task.entries.keys} | {Kind.TEXTS} == {*Kind}
