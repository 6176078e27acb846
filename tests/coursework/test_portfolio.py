"""A course folder from the first try to the zip: what limner packs, limner's checker passes."""

import io
import json
import os
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import handins
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from limner.audit import ledger
from limner.audit.issuing import issuer
from limner.audit.keyring import own
from limner.audit.likeness import coded
from limner.cli import main
from limner.coursework.books import FileBook
from limner.coursework.folder import Folder, opened
from limner.coursework.specfile import published
from limner.coursework.validate import reports
from limner.coursework.verify import Verdict, verify
from limner.metadata import read, read_from, stamped
from limner.metadata.jpeg import jpeg

TASKS = [task.name for task in published().tasks]
FIFTH = """
version = 1
name = "Another course"
models = ["limner-mini", "ours"]

[[tasks]]
name = "before-after"
file = "before-after.json"
keys = [{ name = "who", kind = "text" }, { name = "rules", kind = "texts" }]

[tasks.entries]
key = "doubles"
least = 2
most = 2
keys = [
  { name = "engine", kind = "model" },
  { name = "noise", kind = "seed" },
  { name = "before", kind = "picture" },
  { name = "after", kind = "picture" },
  { name = "steps", kind = "text" },
]
"""


def course(*words: object) -> int:
    return main(["course", *map(str, words)])


def laid(folder: Path, task: str) -> tuple[dict[str, object], list[Path]]:
    """The good hand-in of a task: what it says, and its pictures as files."""
    folder.mkdir(exist_ok=True)
    made = handins.good(task)
    pictures = [folder / name for name in made if name.endswith(".jpg")]
    for path in pictures:
        path.write_bytes(made[path.name])
    return json.loads(made[f"{task}.json"]), pictures


def fill(folder: Path, task: str, source: Path) -> None:
    """The same work by limner's own commands."""
    said, pictures = laid(source, task)
    key = published().task(task).entries.key
    entries = said.pop(key)
    own = [
        f"--set={name}={text}"
        for name, value in said.items()
        for text in (value if isinstance(value, list) else [value])
    ]
    if own:
        assert course("edit", folder, task, *own) == 0
    if task == "open-ended":
        assert course("add", folder, task, *pictures, "--correct", "A roof.", "--incorrect", "A door.") == 0
        return
    for number, entry in enumerate(entries):
        mine = pictures[6 * number : 6 * number + 6] if task == "bias" else [pictures[number]]
        words = [
            f"--set={name}={entry[name]}" for name in ("description", "harm", "correct", "incorrect") if name in entry
        ]
        assert course("add", folder, task, *mine, *words) == 0


@pytest.mark.parametrize("task", TASKS)
def test_what_limner_packs_limner_passes(task: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "mine"
    assert course("new", folder) == 0
    fill(folder, task, tmp_path / "tries")
    assert course("pack", folder, "--task", task) == 0
    out = tmp_path / "mine-hand-in.zip"
    (found,) = reports([out], published(), [task])
    assert [each for each in found.findings if each.rule != "statistic.thin"] == []
    with zipfile.ZipFile(out) as packed:
        names, said = packed.namelist(), json.loads(packed.read(f"{task}.json"))
        assert all("/" not in name for name in names)
        by_hand = json.loads(handins.good(task)[f"{task}.json"])
        key = published().task(task).entries.key
        wanted = [
            name for name in by_hand[key][0] if not name.startswith("image-path") and not name.endswith("correct")
        ]
        assert [[each[name] for name in wanted] for each in said[key]] == [
            [each[name] for name in wanted] for each in by_hand[key]
        ]
        recipes = [each for entry in said[key] for each in entry.get("recipes", [entry])]
        assert all(each["recipe"]["steps"] == each["steps"] == 20 and each["size"] == "32x32" for each in recipes)
    assert course("status", folder) == 1  # the other tasks are not begun
    told = capsys.readouterr().out
    assert f"{published().task(task).entries.least} of" in told
    assert "Next: " in told


def test_the_same_folder_makes_the_same_bytes_and_leaves_strangers_alone(tmp_path: Path) -> None:
    folder, out = tmp_path / "mine", tmp_path / "mine-hand-in.zip"
    course("new", folder)
    fill(folder, "story", tmp_path / "tries")
    assert course("pack", folder) == 0
    first = out.read_bytes()
    for path in folder.iterdir():
        os.utime(path, (1, 1))
    assert course("pack", folder) == 0
    assert out.read_bytes() == first
    assert course("pack", folder, "--out", out) == 2
    out.write_bytes(b"my thesis")
    assert course("pack", folder) == 2
    assert out.read_bytes() == b"my thesis"


def test_errors_keep_the_zip_from_being_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder, out = tmp_path / "mine", tmp_path / "mine-hand-in.zip"
    course("new", folder)
    assert course("pack", folder) == 2
    fill(folder, "story", tmp_path / "tries")
    course("edit", folder, "story", "--set", "story=[replace with your story]")
    assert course("pack", folder) == 1
    assert not out.exists()
    assert "template.text" in capsys.readouterr().out
    assert course("pack", folder, "--anyway") == 1
    assert out.exists()
    (folder / "story-03.jpg").unlink()
    assert course("status", folder, "--json") == 1
    told = json.loads(capsys.readouterr().out.partition("\n{")[2].join(["{", ""]))
    story = next(each for each in told["tasks"] if each["task"] == "story")
    assert story["missing"] == [{"number": 3, "key": "image-path", "lost": True}]


def test_another_course_s_task_needs_a_file_and_no_code(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rules, folder = tmp_path / "ours.toml", tmp_path / "mine"
    rules.write_text(FIFTH)
    assert course("new", folder, "--spec", rules) == 0
    rules.unlink()  # the folder needs nothing else
    pictures = [tmp_path / f"{n}.png" for n in range(4)]
    for n, path in enumerate(pictures):
        path.write_bytes(handins.picture(800 + n, "a house", "limner-mini", n, "png"))
    for first, second in ((0, 1), (2, 3)):
        assert course("add", folder, "before-after", pictures[first], "--set", "steps=first this") == 0
        assert course("add", folder, "before-after", pictures[second], "--into", first // 2 + 1, "--key", "after") == 0
    assert course("status", folder) == 1
    assert "who; rules" in capsys.readouterr().out
    assert course("edit", folder, "before-after", "--set", "who=me", "--set", "rules=one", "--set", "rules=two") == 0
    assert course("status", folder) == 0
    assert "limner course pack" in capsys.readouterr().out
    assert course("pack", folder) == 0
    said = json.loads(zipfile.ZipFile(tmp_path / "mine-hand-in.zip").read("before-after.json"))
    assert said["rules"] == ["one", "two"]
    first = said["doubles"][0]
    assert (first["engine"], first["steps"], first["guidance"]) == ("limner-mini", "first this", 7.5)
    assert first["before"] != first["after"]
    assert course("validate", tmp_path / "mine-hand-in.zip", "--spec", folder / "assignment.toml") == 0


def test_commands_at_once_take_turns(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    course("new", folder)
    _, pictures = laid(tmp_path / "tries", "open-ended")
    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(lambda path: course("add", folder, "open-ended", path), pictures[:12])) == {0}
    here = opened(folder)
    draft = here.draft(here.spec.task("open-ended"))
    assert sorted(str(entry["seed"]) for entry in draft.entries) == sorted(map(str, range(1, 13)))
    assert len({*draft.names()}) == 12
    assert {*draft.names()} <= here.there()


def numbered(folder: Path, task: str) -> tuple[Folder, list[object]]:
    here = opened(folder)
    return here, [entry["seed"] for entry in here.draft(here.spec.task(task)).entries]


def test_order_replacing_and_removing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "mine"
    course("new", folder)
    _, pictures = laid(tmp_path / "tries", "open-ended")
    words = ("--correct", "A roof.", "--incorrect", "A door.")
    assert course("add", folder, "open-ended", *pictures[:4], *words) == 0
    assert course("move", folder, "open-ended", 4, 1) == 0
    assert numbered(folder, "open-ended")[1] == [4, 1, 2, 3]
    assert course("remove", folder, "open-ended", 2) == 0
    here, seeds = numbered(folder, "open-ended")
    assert seeds == [4, 2, 3]
    assert "open-ended-01.jpg" not in here.there()
    bare = tmp_path / "bare.jpg"
    bare.write_bytes(handins.bare(1))
    assert course("add", folder, "open-ended", bare, "--replace", 2) == 0
    assert "does not say its seed" in capsys.readouterr().out
    entry = here.draft(here.spec.task("open-ended")).entry(2)
    assert (entry["correct"], entry["incorrect"]) == ("A roof.", "A door.")
    assert not {"seed", "model", "prompt", "steps", "recipe"} & entry.keys()  # they were the other picture's
    assert "open-ended-02.jpg" not in here.there()
    assert course("add", folder, "open-ended", *pictures[:2], "--replace", 1) == 2
    assert course("move", folder, "open-ended", 1, 9) == 2


def test_what_a_task_does_not_take_is_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "mine"
    course("new", folder)
    fill(folder, "story", tmp_path / "tries")
    more = tmp_path / "more.jpg"
    more.write_bytes(handins.picture(900, "a seventh", "SDXL", 7))
    assert course("add", folder, "story", more) == 0
    capsys.readouterr()
    course("status", folder)
    assert "7, the first 6 count" in capsys.readouterr().out
    assert course("pack", folder) == 0
    with zipfile.ZipFile(tmp_path / "mine-hand-in.zip") as packed:
        assert "story-07.jpg" not in packed.namelist()
        assert len(json.loads(packed.read("story.json"))["pairs"]) == 6
    course("move", folder, "story", 7, 1)
    assert course("pack", folder) == 0
    with zipfile.ZipFile(tmp_path / "mine-hand-in.zip") as packed:
        assert json.loads(packed.read("story.json"))["pairs"][0]["prompt"] == "a seventh"


def test_a_file_edited_by_hand_is_never_made_worse(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder, picture = tmp_path / "mine", tmp_path / "p.jpg"
    course("new", folder)
    picture.write_bytes(handins.picture(1))
    file = folder / "story.json"
    file.write_text('{\n  "story": "A fox."\n  "pairs": []\n}\n')
    assert course("add", folder, "story", picture) == 2
    assert f"{file}:2:20: a comma is missing here" in capsys.readouterr().err
    assert file.read_text().startswith('{\n  "story": "A fox."\n')
    file.write_text('{"story": "A fox.", "pairs": [{"image-path": "../p.jpg", "mood": "sad"}], "mine": 1}')
    assert course("add", folder, "story", picture) == 0
    said = json.loads(file.read_text())
    assert said["mine"] == 1
    assert said["pairs"][0]["mood"] == "sad"
    course("pack", folder, "--anyway")
    with zipfile.ZipFile(tmp_path / "mine-hand-in.zip") as packed:
        assert packed.namelist() == ["story.json", "story-01.jpg"]  # nothing from elsewhere


def test_a_full_disk_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "mine"
    course("new", folder)
    before = (folder / "story.json").read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    assert course("edit", folder, "story", "--set", "story=x") == 2
    assert (folder / "story.json").read_bytes() == before
    assert not list(folder.glob(".*.part"))


@pytest.mark.parametrize(
    "words",
    [
        ("add", "story", "{none}"), ("add", "nothing", "{picture}"), ("add", "story", "{text}"),
        ("add", "story", "{picture}", "--set", "model=SDXXL"), ("add", "story", "{picture}", "--set", "seed=-1"),
        ("add", "story", "{picture}", "--set", "image-path=x.jpg"), ("add", "story", "{picture}", "--set", "seed"),
        ("add", "story", "{picture}", "--replace", "1"), ("edit", "story"), ("edit", "story", "1", "--set", "seed=1"),
        ("edit", "bias", "--set", "harm=x"),
    ],
)  # fmt: skip
def test_what_cannot_be_changes_nothing(words: tuple[str, ...], tmp_path: Path) -> None:
    folder, picture, text = tmp_path / "mine", tmp_path / "p.jpg", tmp_path / "t.jpg"
    course("new", folder)
    picture.write_bytes(handins.picture(1))
    text.write_bytes(b"no picture")
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    job, *rest = [word.format(none=tmp_path / "none.jpg", picture=picture, text=text) for word in words]
    assert course(job, folder, *rest) == 2
    assert {path.name: path.read_bytes() for path in folder.iterdir() if path.name != ".lock"} == before
    assert course("new", folder) == 2


def test_a_png_keeps_its_recipe_as_a_jpeg_and_its_size() -> None:
    data = handins.picture(3, "a <cat> & ünïcode", "SDXL", 7, "png")
    made, lost = jpeg(data, "it")
    assert lost == ""
    here, there = read_from(io.BytesIO(data), "it"), read_from(io.BytesIO(made), "it")
    assert (there.recipe, there.model, there.text) == (here.recipe, here.model, here.text)
    with Image.open(io.BytesIO(made)) as image:
        assert (image.format, image.size) == ("JPEG", (32, 32))
        assert image.layer[0][1:3] == (1, 1)  # colours at full size
    again, _ = jpeg(made, "it")
    assert again == made


GRAPH = {
    "1": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "sd_xl_base_1.0.safetensors"}},
    "2": {"class_type": "CLIPTextEncode", "inputs": {"text": "a boat", "clip": ["1", 1]}},
    "3": {"class_type": "EmptyLatentImage", "inputs": {"width": 64, "height": 64, "batch_size": 1}},
    "4": {"class_type": "KSampler", "inputs": {
        "seed": 5, "steps": 9, "cfg": 4.0, "sampler_name": "euler", "scheduler": "karras", "denoise": 1.0,
        "model": ["1", 0], "positive": ["2", 0], "negative": ["2", 0], "latent_image": ["3", 0]}},
    "5": {"class_type": "SaveImage", "inputs": {"images": ["4", 0]}},
}  # fmt: skip


@pytest.mark.parametrize("pad", [0, 70_000])
def test_other_programs_pictures_fill_an_entry_too(pad: int, tmp_path: Path) -> None:
    folder, comfy, webui = tmp_path / "mine", tmp_path / "c.png", tmp_path / "w.png"
    course("new", folder)
    for path, chunks in (
        (comfy, {"prompt": json.dumps(GRAPH), "workflow": json.dumps({"pad": "x" * pad})}),
        (
            webui,
            {"parameters": "a boat\nSteps: 9, Sampler: Euler, CFG scale: 4, Seed: 6, Model hash: 6ce0161689"},
        ),
    ):
        info = PngInfo()
        for name, text in chunks.items():
            info.add_itxt(name, text)
        Image.new("RGB", (64, 64), "red").save(path, "PNG", pnginfo=info)
    assert course("add", folder, "open-ended", comfy, webui) == 0
    here = opened(folder)
    first, second = here.draft(here.spec.task("open-ended")).entries
    assert (first["prompt"], first["model"], first["seed"], first["steps"]) == ("a boat", "SDXL", 5, 9)
    assert (second["prompt"], second["model"], second["seed"], second["guidance"]) == ("a boat", "SDv1.5", 6, 4.0)
    assert read(folder / str(first["image-path"])).wish.seed == 5
    assert read(folder / str(second["image-path"])).wish.seed == 6


def test_a_receipt_of_this_machine_s_is_signed_for_the_jpeg_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LIMNER_HOME", str(tmp_path / "home"))
    data = handins.picture(3, "a boat", "SDXL", 7, "png")
    recipe = read_from(io.BytesIO(data), "it").recipe
    with Image.open(io.BytesIO(data)) as image:
        receipt = issuer(print).issue(image.convert("RGB"), recipe, {})
    mine, forged, folder = tmp_path / "mine.png", tmp_path / "forged.png", tmp_path / "pf"
    mine.write_bytes(stamped(data, receipt.text()))
    forged.write_bytes(stamped(handins.picture(4, "a boat", "SDXL", 8, "png"), receipt.text()))
    course("new", folder)
    assert course("add", folder, "open-ended", mine, forged) == 0
    assert capsys.readouterr().out.count("its receipt is of the PNG file") == 1
    here = opened(folder)
    entry = here.draft(here.spec.task("open-ended")).entry(1)
    assert entry["receipt"]["statement"]["jpeg"] == coded(here.picture("open-ended-01.jpg"))
    book = FileBook(ledger.own().read().entries, own().known())
    told = [verify(name, here.picture(name), book, [receipt.statement.owner]).verdict
            for name in ("open-ended-01.jpg", "open-ended-02.jpg")]  # fmt: skip
    assert told[0] == Verdict.YOURS
    assert told[1] != Verdict.YOURS
