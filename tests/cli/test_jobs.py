"""The jobs that draw and look: what they say and leave, that they go on where they stopped, and all in one call."""

import json
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from eyes import KnownEye
from PIL import Image

from limner.bundle import open_bundle
from limner.bundle.layout import read_json, write_json
from limner.cli import drawn, measure, whole
from limner.errors import LimnerError
from limner.evaluation import oracle
from limner.evaluation.seen import Found, Seen
from limner.pictures.scenes import FULL
from limner.pictures.sets import Corpus
from limner.training.preset import PRESETS

Said = tuple[int, str, str]
CAT = Found("cat", 0.9, "", "3d render", np.ones((16, 16), bool))
EVERYTHING_IS_A_CAT = KnownEye(otherwise=Seen((CAT,), False))


@pytest.fixture
def taught(other: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A model that says what it was taught, looked at by somebody who sees cats."""
    about = {
        "identity": open_bundle(other).identity,
        "nouns": ["cat", "dog", "apple", "elephant", "owl", "house", "bread"],
        "styles": ["3d render", "noto style"],
        "defaults": {"steps": 1, "guidance": 2.0, "width": 16, "height": 16},
    }
    write_json(other / "limner.json", read_json(other / "limner.json") | about)
    monkeypatch.setattr(drawn, "eye", lambda: EVERYTHING_IS_A_CAT)
    return other


def report(name: str) -> Mapping[str, dict[str, object]]:
    found: Mapping[str, dict[str, object]] = json.loads(Path(f"docs/figures/{name}.json").read_text())
    return found


def drawings() -> dict[Path, int]:
    return {file: file.stat().st_mtime_ns for file in Path("outputs/measure").rglob("*.png")}


def looked_at(*names: str) -> None:
    for name in names:
        with Image.open(f"docs/figures/{name}.png") as plot:
            assert np.asarray(plot).std() > 0


def test_recognition_goes_on_and_is_corrected_by_the_certificate(
    taught: Path, here: Path, limner: Callable[..., Said], refused: Callable[..., str]
) -> None:
    ask = ("measure", "recognition", "--model", taught, "--steps", 1, "--backend", "eager")
    code, out, err = limner(*ask)
    assert (code, out) == (1, "recognition 0.1429 at least 0.95 short\n")  # two of fourteen
    assert "14 of 14 pictures" in err
    details = report("recognition")["details"]
    assert details["answers"] == {"right": 2, "wrong": 12}
    assert details["in the style asked for"] == [1, 2]
    assert details["corrected"] is None
    assert details["worst"][0] == {"noun": "apple", "recognised": 0, "of": 2, "said": "cat"}  # type: ignore[index]
    looked_at("recognition", "recognition-pictures")

    before, naming = drawings(), {"sensitivity": [95, 100], "specificity": [95, 100]}
    certificate = {"details": {"oracle": EVERYTHING_IS_A_CAT.identity, "naming": naming}}
    write_json(Path("docs/figures/oracle.json"), certificate)
    assert limner(*ask)[1] == "recognition 0.1429 at least 0.95 short\n"  # what was seen is what is claimed
    assert report("recognition")["details"]["corrected"]["recognised"] == 0.1032  # type: ignore[index]  # (2/14 + .95 - 1) / .9
    assert drawings() == before
    certificate["details"]["oracle"] = "another"
    write_json(Path("docs/figures/oracle.json"), certificate)
    limner(*ask)
    assert report("recognition")["details"]["corrected"] is None
    certificate["details"] = {"oracle": EVERYTHING_IS_A_CAT.identity, "naming": {"sensitivity": "good"}}
    write_json(Path("docs/figures/oracle.json"), certificate)
    assert "does not count sensitivity" in refused(*ask)


def test_composition_asks_twelve_ways_less_one(
    taught: Path, here: Path, limner: Callable[..., Said], refused: Callable[..., str]
) -> None:
    ask = ("measure", "composition", "--model", taught, "--steps", 1, "--backend", "eager")
    code, out, _ = limner(*ask, "--prompts", 2, "--seeds", 2)
    assert code == 1
    assert [line.split()[0] for line in out.splitlines()] == [
        "single_seen", "two_seen", "counting_seen", "colours_seen", "position_seen", "binding_seen", "binding_held_out",
    ]  # fmt: skip
    tasks: Mapping[str, Mapping[str, object]] = report("composition")["details"]["tasks"]  # type: ignore[assignment]
    assert "counting, held out" not in tasks
    assert all(each["of"] == 4 for name, each in tasks.items() if name != "single, held out")
    assert tasks["two, seen"]["right"] == tasks["two, held out"]["right"] == 0
    looked_at("composition", "composition-pictures")
    assert "seeds 0 is out of range" in refused(*ask, "--seeds", 0)
    assert "at most 1000 prompts" in refused(*ask, "--seeds", 101, "--prompts", 1)


def test_guidance_is_swept(taught: Path, here: Path, limner: Callable[..., Said], refused: Callable[..., str]) -> None:
    ask = ("measure", "guidance", "--model", taught, "--steps", 1, "--backend", "eager", "--prompts", 2)
    code, out, _ = limner(*ask, "--seeds", 2)
    assert [line.split()[0] for line in out.splitlines()] == [
        "guidance_gain", "diversity_by_scale", "own_scale_behind",
    ]  # fmt: skip
    assert code == 1  # an eye that sees cats everywhere sees no gain
    details = report("guidance")["details"]
    assert list(details["scales"]) == ["1", "1.5", "2", "3", "4", "5", "7.5", "10"]  # type: ignore[call-overload]
    assert len(drawings()) == 8 * 4
    looked_at("guidance", "guidance-pictures")
    assert "choose at least 2" in refused(*ask, "--seeds", 1)


def test_distance_has_a_floor_and_a_ceiling(
    taught: Path,
    here: Path,
    corpus: Corpus,
    limner: Callable[..., Said],
    refused: Callable[..., str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    mix = replace(FULL, faces=0.0, words="nouns", sets=("round",))
    monkeypatch.setitem(PRESETS, "mini", replace(PRESETS["mini"], mix=mix))
    ask = ("measure", "distance", "--model", taught, "--steps", 1, "--backend", "eager", "--corpus", corpus.folder)
    code, out, _ = limner(*ask, "--count", 8)
    assert [line.split()[0] for line in out.splitlines()] == [
        "frechet_above_floor", "planted_over_floor", "kernel_above_floor",
    ]  # fmt: skip
    assert code == 1  # weights of chance
    found = report("distance")["details"]["from held-apart scenes"]
    assert list(found) == ["other scenes", "drawn", "blurred", "other styles"]  # type: ignore[call-overload]
    looked_at("distance")
    assert "count 2 is out of range" in refused(*ask, "--count", 2)


def counted(calls: list[list[str]], taught: Path) -> Callable[[Sequence[str]], int]:
    """Instead of a process: writes what the job would, but for guidance, which fails."""

    def launched(words: Sequence[str]) -> int:
        calls.append(list(words))
        if words[1] == "guidance":
            return 2
        figure = {"name": "share", "value": 0.5, "target": 0.4, "bound": "at least", "unit": ""}
        command = shlex.join(["limner", *(Path(word).name if Path(word).is_absolute() else word for word in words)])
        kept = {"model": open_bundle(taught).identity, "command": command, "figures": [figure], "details": {}}
        write_json(Path(f"docs/figures/{words[1]}.json"), kept)
        return 0

    return launched


def test_what_was_measured_by_itself_is_kept_wherever_it_went(tmp_path: Path) -> None:
    report = {"model": "m", "command": "limner measure heat --steps 4 --out pictures", "figures": [], "details": {}}
    report["figures"] = [{"name": "share", "value": 0.5, "target": 0.4, "bound": "at least", "unit": ""}]
    write_json(tmp_path / "heat.json", report)
    words = ["measure", "heat", "--steps", "4", "--figures", "docs/figures"]
    assert [each.name for each in whole.kept(tmp_path / "heat.json", words, "m", None)] == ["heat.share"]
    assert not whole.kept(tmp_path / "heat.json", [*words, "--device", "cpu"], "m", None)


def test_all_of_them_and_again_what_failed(
    taught: Path, here: Path, limner: Callable[..., Said], refused: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = list[list[str]]()
    monkeypatch.setattr(whole, "launched", counted(calls, taught))
    code, out, err = limner("measure", "--all", "--model", taught, "--corpus", "somewhere")
    assert code == 1
    assert [words[1] for words in calls] == list(measure.JOBS)
    assert ("--corpus" in calls[0], "--corpus" in calls[3]) == (False, True)
    assert out.splitlines() == [
        f"{name}.share 0.5 at least 0.4 ok" for name in measure.JOBS if name != "guidance"
    ]  # fmt: skip
    assert "guidance failed" in err
    jobs: Mapping[str, Mapping[str, object]] = report("measure")["details"]["jobs"]  # type: ignore[assignment]
    assert {name: each["state"] for name, each in jobs.items()} == dict.fromkeys(measure.JOBS, "taken") | {
        "guidance": "failed"
    }
    looked_at("measure")

    calls.clear()
    assert limner("measure", "all", "--model", taught, "--corpus", "somewhere")[0] == 1
    assert [words[1] for words in calls] == ["guidance"]  # the others are kept
    calls.clear()
    code, out, _ = limner("measure", "--all", "--model", taught, "--only", "recognition", "--fresh")
    assert (code, [words[1] for words in calls]) == (0, ["recognition"])
    calls.clear()
    limner("measure", "--all", "--model", taught, "--only", "recognition", "--steps", 3)
    assert len(calls) == 1  # of another command

    assert "no job 'nothing'" in refused("measure", "--all", "--only", "nothing")
    assert "measure what?" in refused("measure")
    assert "--nonsense" in refused("measure", "--all", "--nonsense")


def test_a_summary_keeps_what_no_job_takes_anew(
    taught: Path, here: Path, limner: Callable[..., Said], refused: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = list[list[str]]()
    monkeypatch.setattr(whole, "launched", counted(calls, taught))
    ask = ("measure", "all", "--model", taught)
    limner(*ask)
    names = [f"{name}.share" for name in measure.JOBS if name != "guidance"]
    code, out, _ = limner(*ask, "--only", "recognition", "--fresh")
    assert (code, out) == (0, "recognition.share 0.5 at least 0.4 ok\n")
    assert [each["name"] for each in report("measure")["figures"]] == names  # type: ignore[index]
    jobs: Mapping[str, Mapping[str, object]] = report("measure")["details"]["jobs"]  # type: ignore[assignment]
    assert [each["state"] for each in jobs.values()] == ["taken", *["kept"] * 4]

    write_json(Path("docs/figures/clip.json"), read_json(Path("docs/figures/clip.json")) | {"model": "another"})
    limner(*ask, "--only", "recognition")
    assert [each["name"] for each in report("measure")["figures"]] == names[:-1]  # type: ignore[index]
    monkeypatch.setattr(whole, "launched", lambda words: 2)
    kept = Path("docs/figures/measure.json").read_bytes()
    assert limner(*ask, "--only", "recognition", "composition", "--fresh")[:2] == (1, "")
    assert Path("docs/figures/measure.json").read_bytes() == kept


def test_what_all_jobs_have_in_common_is_refused_before_any(
    taught: Path, here: Path, refused: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(whole, "launched", lambda words: pytest.fail("a job began"))
    for name in ("all", "attention"):
        ask = ("measure", name, "--model", taught)
        assert "backend 'nonsense' is not known" in refused(*ask, "--backend", "nonsense")
        assert "steps 0 is out of range" in refused(*ask, "--steps", 0)
    assert "steps 0 is out of range" in refused("measure", "--all", "--model", taught, "--steps", 0, "--only", "clip")
    (here / "afile").write_text("")
    for words in (("all",), ("--all",), ("recognition",), ("clip", "--preset", "base"), ("speed",)):
        assert "afile is no folder" in refused("measure", *words, "--model", taught, "--figures", "afile/x")
    assert not (here / "docs").exists()


def test_without_an_oracle_nobody_looks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(oracle, "SHIPPED", tmp_path)
    with pytest.raises(LimnerError, match=r"oracle.safetensors is no oracle"):
        drawn.eye()
