"""The four jobs that measure attention: what they say and leave, that they go on where they stopped, and all in one."""

import json
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pair
import pytest
from eyes import NOTHING, KnownEye
from jaxtyping import Float
from PIL import Image
from torch import Tensor

from limner.bundle import open_bundle
from limner.bundle.layout import read_json, write_json
from limner.cli import drawn, inversion, measure, whole
from limner.cli import edits as cli_edits
from limner.engine.run import Picture
from limner.evaluation import edits, excite, looks
from limner.evaluation.composition import Prompt, Wanted
from limner.evaluation.seen import Found, Seen
from limner.pictures.scenes import FULL
from limner.pictures.sets import Corpus
from limner.pictures.shapes import SHAPES
from limner.training.preset import PRESETS

Said = tuple[int, str, str]


def mask(top: int, bottom: int) -> np.ndarray:
    found = np.zeros((64, 64), bool)
    found[top:bottom, 8:56] = True
    return found


THINGS = tuple(
    Found(word, 0.9, colour, style, mask(*place))
    for word, colour, style, place in (
        ("cat", "", "3d render", (0, 20)),
        ("dog", "", "3d render", (20, 40)),
        ("circle", "red", "shape", (40, 60)),
    )
)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that says what it was taught, with a CLIP.  Not to be written to."""
    folder = pair.write(tmp_path_factory.mktemp("taught"))
    about = {
        "identity": open_bundle(folder).identity,
        "nouns": ["cat", "dog", "elephant", "owl"],
        "styles": ["3d render", "noto style"],
        "defaults": {"steps": 2, "guidance": 2.0, "width": 64, "height": 64, "sampler": "euler"},
    }
    write_json(
        folder / "limner.json", (read_json(folder / "limner.json") if (folder / "limner.json").exists() else {}) | about
    )
    return folder


@pytest.fixture
def taught(model: Path, corpus: Corpus, monkeypatch: pytest.MonkeyPatch) -> Path:
    """That model, looked at by somebody who sees a cat, a dog and a circle."""
    monkeypatch.setattr(drawn, "eye", lambda: KnownEye(otherwise=Seen(THINGS, False)))
    monkeypatch.setitem(PRESETS, "mini", replace(PRESETS["mini"], mix=FULL))
    return model


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fewer levels, kinds of edits and settings to try: they are tried one by one elsewhere."""
    monkeypatch.setattr(looks, "LEVELS", (0.5, 2.0))
    monkeypatch.setattr(edits, "KINDS", {name: edits.KINDS[name] for name in ("another thing", "style added")})
    monkeypatch.setattr(cli_edits, "CROSS", (0.4, 0.8))
    monkeypatch.setattr(cli_edits, "LAYOUT", (0.4,))
    monkeypatch.setattr(excite, "PACES", (20.0,))
    monkeypatch.setattr(inversion, "LOUD", 2.0)


def report(name: str) -> Mapping[str, dict[str, dict[str, object]]]:
    found: Mapping[str, dict[str, dict[str, object]]] = json.loads(Path(f"docs/figures/{name}.json").read_text())
    return found


def kept() -> dict[Path, int]:
    return {file: file.stat().st_mtime_ns for file in Path("outputs/measure").rglob("*") if file.is_file()}


def looked_at(*names: str) -> None:
    for name in names:
        with Image.open(f"docs/figures/{name}.png") as plot:
            assert np.asarray(plot).std() > 0


def names(out: str) -> list[str]:
    return [line.split()[0] for line in out.splitlines()]


def test_heat(
    taught: Path, few: None, here: Path, corpus: Corpus, limner: Callable[..., Said], refused: Callable[..., str]
) -> None:
    words = ("measure", "heat", "--model", taught, "--corpus", corpus.folder, "--steps", 2)
    some = ("--scenes", 4, "--drawn", 4, "--choice", 4)
    code, out, _ = limner(*words, *some)
    assert code == 1  # random weights look anywhere
    assert {"scenes_iou", "scenes_pointed", "scenes_other_word_iou", "drawn_iou"} <= set(names(out))
    details = report("heat")["details"]
    assert set(details["scenes"]["all"]) == {"own", "other word", "other picture", "centred Gaussian", "whole picture"}  # type: ignore[call-overload]
    assert 0 < details["scenes"]["ceiling"]["share reached"] < 1  # type: ignore[index]
    looked_at("heat", "heat-scenes", "heat-drawn")
    before = kept()
    assert limner(*words, *some)[1] == out
    assert kept() == before
    assert "scenes 0 is out of range" in refused(*words, "--scenes", 0)


def test_edits(taught: Path, few: None, here: Path, limner: Callable[..., Said]) -> None:
    words = ("measure", "edits", "--model", taught, "--steps", 2, "--edits", 1)
    code, out, _ = limner(*words)
    assert code == 1
    assert names(out)[:2] == ["edits", "edit_success"]
    assert "background_above_reprompting" in names(out)
    details = report("edits")["details"]
    made = details["edits"]
    assert {each["kind"] for each in made} >= {"another thing"}  # type: ignore[index]
    assert set(details["ways"]) == {"edit", "no blend", "everything kept", "re-prompted"}
    plain = details["ways"]["re-prompted"]
    assert plain["above re-prompting"]["mean"] == 0  # type: ignore[call-overload,index]
    assert plain["success less re-prompting's"]["McNemar's p"] == 1  # type: ignore[call-overload,index]
    for own in details["kinds"].values():
        near, top, below = (own[name]["mean"] for name in ("background", "autoencoder's", "below the autoencoder's"))  # type: ignore[index]
        assert below == pytest.approx(top - near, abs=0.02)
    looked_at("edits")
    before = kept()
    assert limner(*words)[1] == out
    assert kept() == before


def test_edits_are_calibrated_on_others(
    taught: Path, few: None, here: Path, limner: Callable[..., Said], refused: Callable[..., str]
) -> None:
    code, out, _ = limner("measure", "edits", "--model", taught, "--steps", 2, "--edits", 1, "--calibrate")
    assert code == 0
    assert len([line for line in out.splitlines() if line.startswith("cross")]) == 2
    assert "edit_cross 3.0 is out of range" in refused("measure", "edits", "--model", taught, "--edit-cross", 3)
    assert not Path("docs/figures/edits.json").exists()


def test_inversion(taught: Path, few: None, here: Path, corpus: Corpus, limner: Callable[..., Said]) -> None:
    words = ("measure", "inversion", "--model", taught, "--corpus", corpus.folder, "--steps", 2, "--pictures", 1)
    _, out, err = limner(*words)
    assert names(out) == ["null_text_below_autoencoder", "ddim_below_autoencoder"]
    assert "null-text at 2" in err
    assert {"ddim at 2", "null-text at 2", "direct at 2"} <= set(report("inversion")["details"]["inversions"])
    looked_at("inversion")
    before = kept()
    assert limner(*words)[1] == out
    assert kept() == before


def chosen(taught: Path) -> None:
    """As `--select` would, had a model of random weights a prompt that wavers."""

    def two(text: str, *things: str) -> excite.Failing:
        return excite.Failing(Prompt("two", False, text, tuple(map(Wanted, things))), 1, 2)

    args = ["a cat above a dog", "a dog above a cat", "an owl above a cat", "a cat above an owl"]
    found = [two(text, *(word for word in ("cat", "dog", "owl") if word in text)) for text in args]
    how = {"sampler": "euler", "ladder": "trailing", "steps": 2, "guidance": 2.0, "width": 64, "height": 64}
    excite.write(
        excite.registered(found, open_bundle(taught).identity, "0" * 64, how), Path("docs/figures/excite-prompts.json")
    )


def test_excite(taught: Path, here: Path, limner: Callable[..., Said], refused: Callable[..., str]) -> None:
    words = ("measure", "excite", "--model", taught, "--steps", 2)
    assert "choose prompts first" in refused(*words)
    chosen(taught)
    assert "chosen with another way" in refused(*words[:-1], 3)
    assert "is there already" in refused(*words, "--select")
    assert "excite_step -1.0 is out of range" in refused(*words, "--excite-step", -1)
    code, out, _ = limner(*words, "--pairs", 3, "--single", 2)
    assert code == 1
    assert names(out)[:4] == ["pairs", "plain_not_too_rare", "plain_not_too_often", "excited_more"]
    details = report("excite")["details"]
    both = details["both present"]
    assert set(both) == {"plain", "excited", "wrong word", "bound", "best of 2", "best of 3"}
    assert set(details["excited against"]) == {"best of 2", "best of 3"}
    assert both["excited"]["right"]["of"] == 3  # type: ignore[call-overload,index]
    assert both["excited"]["difference"] == 0  # type: ignore[call-overload,index]  # one eye for all pictures
    assert details["losses"]["excited"]["not nought at first"]["of"] == 3  # type: ignore[call-overload,index]
    looked_at("excite", "excite-pictures")
    before = kept()
    assert limner(*words, "--pairs", 3, "--single", 2)[1] == out
    assert kept() == before


def test_excite_is_calibrated_on_other_prompts(
    taught: Path, few: None, here: Path, limner: Callable[..., Said], monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen(taught)
    calibrate = ("measure", "excite", "--model", taught, "--steps", 2, "--calibrate", "--calibration", 1)
    code, out, _ = limner(*calibrate, "--excite-temperature", 5)
    assert code == 0
    assert '"excite_temperature": 5' in out
    assert out.count("temperature 5 step") == 1
    monkeypatch.setattr(excite, "GOOD_LOSS", (0.0, 1.0))  # as every temperature's median then is
    code, out, _ = limner(*calibrate)
    assert [out.count(f"temperature {each:g} step 20: ") for each in excite.TEMPERATURES] == [1] * len(
        excite.TEMPERATURES
    )
    assert '"excite_step": 20' in out
    assert not Path("docs/figures/excite.json").exists()


@dataclass(frozen=True)
class Fickle:
    """Finds all things there are in a picture, or none: the picture's brightness, even or odd, says which."""

    whole: KnownEye
    identity: str = "0" * 64

    def see(self, pictures: Sequence[Picture]) -> list[Seen]:
        return [
            found if picture.sum() % 2 else NOTHING
            for picture, found in zip(pictures, self.whole.see(pictures), strict=True)
        ]

    def features(self, pictures: Sequence[Picture]) -> Float[Tensor, "n d"]:
        return self.whole.features(pictures)

    def knows(self, word: str) -> bool:
        return self.whole.knows(word)

    def alike(self, one: str, other: str) -> bool:
        return self.whole.alike(one, other)


def test_prompts_are_chosen_where_some_waver(
    taught: Path, here: Path, limner: Callable[..., Said], monkeypatch: pytest.MonkeyPatch
) -> None:
    select = ("measure", "excite", "--model", taught, "--steps", 1, "--select", "--seeds", 4)
    monkeypatch.setattr(drawn, "eye", lambda: KnownEye())
    assert "no prompt comes out right" in refused_last(limner, *select, "--pool", 1)
    assert not Path("docs/figures/excite-prompts.json").exists()

    things = [Found(word, 1.0, "", "", mask(0, 20)) for word in ("cat", "dog", "elephant", "owl", *SHAPES)]
    monkeypatch.setattr(drawn, "eye", lambda: Fickle(KnownEye(otherwise=Seen(tuple(things), False))))
    code, out, err = limner(*select, "--pool", 4)
    assert code == 0
    assert "prompts to measure" in out
    assert "12 of 12" in err
    kept = json.loads(Path("docs/figures/excite-prompts.json").read_text())
    assert kept["model"] == open_bundle(taught).identity
    assert kept["measured"]
    texts = [each["prompt"]["text"] for name in ("measured", "calibration") for each in kept[name]]
    assert len(set(texts)) == len(texts)
    assert all(0 < each["right"] < each["of"] == 4 for each in kept["measured"])


def refused_last(limner: Callable[..., Said], *words: object) -> str:
    """The last line of a command that told its progress before it could not be done."""
    code, out, err = limner(*words)
    assert (code, out) == (2, "")
    return err.splitlines()[-1]


def test_all_four_in_one_call(
    taught: Path, here: Path, limner: Callable[..., Said], monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = list[Sequence[str]]()

    def launched(words: Sequence[str]) -> int:
        calls.append(words)
        if words[1] == "excite":
            return 2
        figure = {"name": "iou", "value": 0.7, "target": 0.6, "bound": "at least", "unit": ""}
        about = {
            "model": open_bundle(taught).identity,
            "command": shlex.join(["limner", *words[:3], taught.name, *words[4:]]),
        }
        write_json(Path(f"docs/figures/{words[1]}.json"), about | {"figures": [figure], "details": {}})
        return 0

    monkeypatch.setattr(whole, "launched", launched)
    code, out, err = limner("measure", "attention", "--model", taught, "--steps", 2)
    assert code == 1  # nobody chose prompts
    assert [words[1] for words in calls] == list(measure.ATTENTION)
    assert all(words[2:6] == ["--model", str(taught), "--steps", "2"] for words in calls)
    assert "excite failed" in err
    assert names(out) == ["heat.iou", "edits.iou", "inversion.iou"]
    assert set(report("attention")["details"]["jobs"]) == set(measure.ATTENTION)
    assert not Path("docs/figures/measure.json").exists()
