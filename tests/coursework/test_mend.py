"""--fix mends how a hand-in is packed and spelt, in a new zip, and no word of its student's."""

import io
import json
import zipfile
from pathlib import Path

import pytest
from defects import TASKS, Defect, defects, packed, phone
from handins import good

from limner.cli import main
from limner.coursework.finding import Severity
from limner.coursework.handin import Source
from limner.coursework.mend import mend
from limner.coursework.specfile import published
from limner.coursework.validate import report

MENDED = {  # rules whose defects are mended wherever a finding says so
    "zip.folder", "zip.mac", "file.name", "json.encoding", "json.comma-missing", "json.comma-extra", "json.quotes",
    "json.key-quotes", "json.comment", "json.line-break", "json.inner-quote", "json.escape", "json.colon",
    "json.unended", "json.word", "json.unexpected", "json.after", "key.spelling", "model.label", "value.kind",
    "path.case", "path.folder", "picture.format",
}  # fmt: skip
CASES = [each for task in TASKS[1:] for each in defects(task) if each.rule in MENDED]


def written(pack: object, folder: Path) -> tuple[Path, bytes]:
    file = folder / "handin.zip"
    file.write_bytes(pack if isinstance(pack, bytes) else packed(pack))  # type: ignore[arg-type]
    return file, file.read_bytes()


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.task}-{case.name}")
def test_what_a_finding_says_it_mends_is_mended_and_the_words_stay(case: Defect, tmp_path: Path) -> None:
    file, data = written(case.pack, tmp_path)
    spec, source = published(), [Source(file, file.name)]
    before = report("handin.zip", source, spec)
    mends = all(each.mends for each in before.findings if each.severity == Severity.ERROR)
    changes = mend("handin.zip", source, spec, tmp_path / "new.zip")
    after = report("new.zip", [Source(tmp_path / "new.zip", "new.zip")], spec)
    assert file.read_bytes() == data
    if mends:
        assert [each for each in after.findings if each.severity == Severity.ERROR] == []
        assert changes
    ours, theirs = ([said(work) for work in each.works] for each in (after, before))
    assert ours == theirs


def said(work: object) -> object:
    """A work's own words: its texts, without the names of pictures."""
    entries = [[value.text for key, value in entry.fields.items() if "image" not in key] for entry in work.entries]
    return {key: value.text for key, value in work.fields.items()}, entries


def test_a_phones_picture_becomes_a_jpeg_that_says_what_it_said(tmp_path: Path) -> None:
    from PIL import Image
    from pillow_heif import from_pillow

    files, heic = dict(good("story")), io.BytesIO()
    with Image.open(io.BytesIO(files.pop("story-2.jpg"))) as image:
        from_pillow(image).save(heic, quality=-1, exif=image.info["exif"], xmp=image.info["xmp"])
    files |= {
        "story-2.HEIC": heic.getvalue(),
        "story.json": files["story.json"].replace(b"story-2.jpg", b"story-2.HEIC"),
    }
    file, _ = written(files, tmp_path)
    mend("handin.zip", [Source(file, file.name)], published(), tmp_path / "new.zip")
    found = report("new.zip", [Source(tmp_path / "new.zip", "new.zip")], published())
    assert found.findings == ()  # its recipe among what it says
    assert [entry.shots[0].path for entry in found.works[0].entries][1] == "story-2.jpg"


def test_a_phones_picture_that_cannot_be_read_stays_as_it_is(tmp_path: Path) -> None:
    files = {**good("story"), "story-2.jpg": phone()[:-300]}
    file, _ = written(files, tmp_path)
    assert mend("handin.zip", [Source(file, file.name)], published(), tmp_path / "new.zip") == []
    with zipfile.ZipFile(tmp_path / "new.zip") as made:
        assert made.read("story-2.jpg") == files["story-2.jpg"]


def test_the_command_says_what_it_changed_and_overwrites_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = good("story")["story.json"].replace(b'"SDv2.1",', b'"sdv2.1"', 1)
    folder = {f"me/{name}": data for name, data in {**good("story"), "story.json": text, ".DS_Store": b"x"}.items()}
    file, _ = written(folder, tmp_path)
    new = tmp_path / "new.zip"
    assert main(["course", "validate", str(file)]) == 1
    assert main(["course", "validate", str(file), "--fix", str(new)]) == 0
    out = capsys.readouterr().out
    assert "story.json:5:24: json.comma-missing: a comma is missing here; done: write a comma" in out
    assert "me/: its files moved out" in out
    assert "me/.DS_Store: taken out" in out
    with zipfile.ZipFile(new) as made:
        assert sorted(made.namelist()) == sorted(good("story"))
        assert json.loads(made.read("story.json")) == json.loads(good("story")["story.json"])
    data = new.read_bytes()
    assert main(["course", "validate", str(file), "--fix", str(new)]) == 2
    assert f"{new} exists; nothing is overwritten" in capsys.readouterr().err
    assert new.read_bytes() == data
    assert sorted(path.name for path in tmp_path.iterdir()) == ["handin.zip", "new.zip"]
    assert main(["course", "validate", str(new), "--fix", str(tmp_path / "again.zip")]) == 0
    assert "there was nothing to mend" in capsys.readouterr().out
    (tmp_path / "no.zip").write_bytes(b"PK\x03\x04")
    assert main(["course", "validate", str(tmp_path / "no.zip"), "--fix", str(tmp_path / "x.zip")]) == 2
