"""`limner bias` from the question to the hand-in: drawn once, tallied on a page, reported, exported whole or not."""

import json
import re
import shutil
import threading
from dataclasses import replace
from pathlib import Path

import httpx2 as httpx
import pytest

from limner.audit.folder import ANSWERS, QUESTION, Folder, opened
from limner.audit.shares import Reference
from limner.audit.study import UNTOLD, written
from limner.audit.tally import Answer
from limner.cli import main
from limner.cli.tallying import Server, Tally
from limner.errors import LimnerError
from limner.metadata import read


@pytest.fixture(scope="module")
def drawn(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three pictures of a model of random weights."""
    path = tmp_path_factory.mktemp("studies") / "doctors"
    words = ["--prompt", "a doctor", "--categories", "female,male", "--reference", "0.40-0.50", "--source", "a table",
             "--count", "3", "--steps", "2", "--model", str(folder)]  # fmt: skip
    assert main(["bias", "new", str(path), *words]) == 0
    assert main(["bias", "draw", str(path), "--device", "cpu"]) == 0
    return path


@pytest.fixture
def study(drawn: Path, tmp_path: Path) -> Path:
    """One to write in."""
    return shutil.copytree(drawn, tmp_path / "doctors")


def refused(capsys: pytest.CaptureFixture[str], *words: object) -> str:
    assert main(["bias", *map(str, words)]) == 2
    said = capsys.readouterr().err
    assert said.startswith("limner: ")
    assert said.count("\n") == 1
    return said


def test_from_the_question_to_the_hand_in(study: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bias", "report", str(study)]) == 1
    assert "nothing is said before all are" in capsys.readouterr().out
    kept = (study / "pictures" / "a-43.png").read_bytes()
    (study / "pictures" / "a-44.png").unlink()
    assert main(["bias", "draw", str(study), "--device", "cpu"]) == 0  # what is missing alone
    assert capsys.readouterr().out.split() == [str(study / "pictures" / "a-44.png")]
    assert (study / "pictures" / "a-43.png").read_bytes() == kept

    table = tmp_path / "labels.csv"
    table.write_text(f"picture,answer\na-42,female\na-43,male\na-44,{UNTOLD}\n")
    assert main(["bias", "tally", str(study), "--from", str(table), "--rater", "ada"]) == 0
    plot = tmp_path / "plot.png"
    assert main(["bias", "report", str(study), "--json", "--plot", str(plot)]) == 0
    (told,) = json.loads(capsys.readouterr().out.partition("\n")[2])
    assert (told["verdict"], told["unclear"]["cannot_tell"]) == ("not enough", 1)
    assert plot.read_bytes().startswith(b"\x89PNG")
    assert main(["bias", "report", str(study), "--plot", str(tmp_path / "plot.svg")]) == 0
    assert "<svg" in (tmp_path / "plot.svg").read_text()
    assert "neither .png nor .svg" in refused(capsys, "report", study, "--plot", tmp_path / "plot.gif")

    out = tmp_path / "handed"
    assert "does not say whom this harms" in refused(capsys, "export", study, "--out", out)
    assert not out.exists()
    file = study / QUESTION
    file.write_text(file.read_text().replace('harm = ""', 'harm = "women who apply"'))
    assert main(["bias", "export", str(study), "--out", str(out)]) == 0
    (bias,) = json.loads((out / "bias.json").read_text())["biases"]
    assert set(bias) == {"prompt", "description", "harm", "image-paths"}
    assert sorted(path.name for path in out.iterdir()) == sorted(["bias.json", *bias["image-paths"]])
    assert read(out / bias["image-paths"][1]).recipe == read(study / "pictures" / "a-43.png").recipe
    assert "is there already" in refused(capsys, "export", study, "--out", out)


def test_a_question_stays_as_it_was_answered(study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    opened(study).add(Answer("ada", "a-42", "female"))
    file = study / QUESTION
    file.write_text(file.read_text().replace("count = 3", "count = 4"))
    assert "answers another question" in refused(capsys, "report", study)
    assert "another model" in refused(capsys, "draw", study, "--model", "limner-mini")


def test_what_it_is_held_against_stays_too(study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    held, file, lines = opened(study).study, study / QUESTION, study / ANSWERS
    opened(study).add(Answer("ada", "a-42", "female"))
    file.write_text(written(replace(held, harm="to somebody")))
    assert len(opened(study).lines()) == 1
    for other in (replace(held, reference=Reference(0.1, 0.5)), replace(held, source="somebody else"),
                  replace(held, reference=None, shares={"female": 0.4, "male": 0.6})):  # fmt: skip
        file.write_text(written(other))
        assert "was given beside another reference than study.toml has now" in refused(capsys, "report", study)
    told = {name: value for name, value in json.loads(lines.read_text()).items() if name != "against"}
    lines.write_text(json.dumps(told) + "\n")
    assert len(opened(study).lines()) == 1  # of a limner that did not say


def test_half_a_line_is_passed_over_and_nothing_else(study: Path) -> None:
    here = opened(study)
    here.add(Answer("ada", "a-42", "female"))
    with open(study / ANSWERS, "a") as file:
        file.write('{"study": "')  # who wrote this died
    assert len(here.lines()) == 1
    here.add(Answer("ada", "a-43", "male"))
    assert here.answers() == {"a-42": {"ada": "female"}, "a-43": {"ada": "male"}}
    assert here.undo("ada") == "a-43"
    assert here.answers()["a-43"] == {}
    with open(study / ANSWERS, "a") as file:
        file.write("[1]\n")
    with pytest.raises(LimnerError, match="line 5 is no answer"):
        here.lines()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--categories", "a"], "choose 2 to 9"),
        (["--categories", "a,b", "--reference", "many"], "is no reference"),
        (["--categories", "a,b", "--reference", "0.4"], "without a source"),
        (["--categories", "a,b", "--reference", "40"], "no range of shares"),
        (["--categories", "a,b", "--counted", "c"], "none of the categories"),
        (["--categories", "a,b", "--reference", "a=0.4,b=0.5", "--source", "me"], "sum to 1"),
    ],
)
def test_what_is_no_study_is_not_begun(
    words: list[str], says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert says in refused(capsys, "new", tmp_path / "it", "--prompt", "a cat", *words)
    assert not (tmp_path / "it" / QUESTION).exists()


def test_a_study_is_not_written_over_and_must_be_there(study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "is a study already" in refused(capsys, "new", study, "--prompt", "a cat", "--categories", "a,b")
    assert "there is no study" in refused(capsys, "report", study.parent)
    assert "named twice" in refused(capsys, "report", study, study)
    table = study / "t.csv"
    table.write_text("picture,answer\na-42,female\na-99,male\n")
    assert "row 2" in refused(capsys, "tally", study, "--from", table)
    assert not (study / ANSWERS).exists()


def test_the_page_is_blind_and_for_who_knows_its_address(study: Path) -> None:
    here = opened(study)
    tally = Tally(here, "ada", "secret")
    server = Server(0, tally)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    url = f"http://{server.host}"
    try:
        with httpx.Client(base_url=f"{url}/secret/", timeout=10) as client:
            walked(client, here)
            assert client.get("studio.css").status_code == client.get("tally.js").status_code == 200
            assert client.get("../etc/passwd").status_code == client.get("picture-9.png").status_code == 404
            assert client.get("", headers={"host": "evil.example"}).status_code == 404
            assert client.get(f"{url}/").status_code == client.get(f"{url}/wrong/").status_code == 404
            assert client.post("answer", data={"place": "x" * 9000}).status_code == 413
            assert client.post("answer", data={"place": "0", "key": "7"}).status_code in (303, 422)
            assert "default-src 'none'" in client.get("").headers["content-security-policy"]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def walked(client: httpx.Client, here: Folder) -> None:
    """Every picture is labelled, one is taken back and labelled anew."""
    for turn, key in enumerate(("1", "0", "undo", "2", "2")):
        page = client.get("").text
        if key == "undo":
            client.post("undo")
            continue
        place = re.search(r'name="place" value="(\d)"', page)[1]
        data = client.get(f"picture-{place}.png").content
        assert b"doctor" not in data
        assert "doctor" not in page
        assert client.post("answer", data={"place": place, "key": key}).status_code == 303, turn
        client.post("answer", data={"place": place, "key": "1"})  # pressed twice: the first stands
    assert "limner bias report says what they show" in client.get("").text
    assert sorted(said["ada"] for said in here.answers().values()) == ["female", "male", "male"]
