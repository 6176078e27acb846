"""Whoever draws signs for it, and whoever marks asks who drew: as somebody types it."""

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest
from forgeries import drawing
from studios import MODEL, recipe

from limner.audit import keyring, keys, ledger
from limner.metadata import filed
from limner.studio.house import House
from limner.studio.leases import Pulse

Limner: TypeAlias = Callable[..., tuple[int, str, str]]
TINY = ("--model", "tiny")


@pytest.fixture(autouse=True)
def own(home: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """A home of one's own, in which nobody has drawn."""
    folder = tmp_path_factory.mktemp("own")
    (folder / "models").symlink_to(home / "models", target_is_directory=True)
    monkeypatch.setenv("LIMNER_HOME", str(folder))


def test_a_picture_is_signed_read_verified_and_not_signed_if_one_likes(limner: Limner) -> None:
    assert limner("make", "a cat", *TINY, "--count", 2)[0] == 0
    assert limner("make", "a cat", *TINY, "--format", "jpeg", "--out", "jpegs")[0] == 0
    assert "signed by this setup" in limner("read", "outputs")[1]
    assert "of these very pixels" in limner("read", "jpegs")[1]
    told = json.loads(limner("read", "outputs", "--json")[1])
    assert [each["signed"]["signature"] for each in told] == ["ours", "ours"]
    assert limner("course", "verify", "outputs", "jpegs")[0] == 0
    limner("make", "a cat", *TINY, "--seed", 3000, "--no-receipt", "--out", "bare")
    assert len(ledger.own().read().entries) == 2  # the JPEG is of the same recipe as the first
    code, out, _ = limner("course", "verify", "bare")
    assert (code, out.splitlines()[0].partition(": ")[2]) == (1, "unknown")
    code, out, _ = limner("course", "verify", "bare", "--remake", *TINY)
    assert (code, "re-made here, equal to the last bit" in out) == (0, True)


def test_credentials_are_signed_and_a_change_is_seen(limner: Limner) -> None:
    pytest.importorskip("c2pa")
    limner("make", "a cat", *TINY, "--credentials")
    (file,) = Path("outputs").iterdir()
    assert "C2PA by limner: the file is whole, vouched for" in limner("read", file)[1]
    data = bytearray(file.read_bytes())
    data[data.index(b"Steps: ") + 7] ^= 1
    at = data.index(b"tEXtparameters")
    from zlib import crc32

    end = at + 4 + int.from_bytes(data[at - 4 : at])
    data[end : end + 4] = crc32(data[at:end]).to_bytes(4)
    file.write_bytes(data)
    assert "the file is changed since" in limner("read", file)[1]


def test_a_zip_is_verified_and_its_claims_are_held_against_its_recipes(limner: Limner) -> None:
    limner("make", "a cat", *TINY, "--format", "jpeg", "--seed", 5)
    (file,) = Path("outputs").iterdir()
    pairs = [{"prompt": "a dog", "model": "SDXL", "seed": 6, "image-path": "one.jpg"}]
    with zipfile.ZipFile("hand-in.zip", "w") as out:
        out.writestr("story.json", json.dumps({"pairs": pairs, "story": "It was."}))
        out.write(file, "one.jpg")
    code, out_, _ = limner("course", "verify", "hand-in.zip", "--json")
    (told,) = json.loads(out_)["pictures"]
    assert (code, told["verdict"], told["name"]) == (1, "made here by you", "one.jpg")
    assert told["look"] == [
        "story.json, number 1 says another prompt: it was drawn by 'a cat'",
        "story.json, number 1 says seed 6: it was drawn from 5",
    ]


def test_keys_are_listed_turned_told_and_trusted(limner: Limner) -> None:
    limner("make", "a cat", *TINY)
    theirs = limner("keys", "export")[1]
    Path("theirs.json").write_text(theirs)
    first = json.loads(limner("keys", "list", "--json")[1])
    assert limner("keys", "trust", "theirs.json") == (0, "all of them were known already\n", "")
    assert "signs from here on" in limner("keys", "rotate")[1]
    assert "retired" in limner("keys", "list")[1]
    assert "signed by this setup" in limner("read", "outputs")[1]
    assert first["owner"] == keyring.own().owner
    (keyring.own().folder / "known.json").unlink()  # as on another machine
    assert "by a key that is not known here" in limner("read", "outputs")[1]
    assert "is trusted from here on, as ada" in limner("keys", "trust", "theirs.json", "--name", "ada")[1]
    assert "by a setup that is trusted here" in limner("read", "outputs")[1]
    assert limner("keys", "forget", first["keys"][0]["kid"])[0] == 0
    for wrong in (("keys", "forget", "f" * 16), ("keys", "trust", "none.json"), ("keys", "list", "--studio", "none"),
                  ("course", "verify", "outputs", "--studio", "none", "--as", "ada"),
                  ("course", "verify", "outputs", "--ledger", "none.jsonl"), ("course", "verify", "none")):  # fmt: skip
        code, out, err = limner(*wrong)
        assert (code, out, err.count("\n")) == (2, "", 1), wrong


def test_a_damaged_key_costs_a_line_and_no_picture_goes_unsigned(limner: Limner) -> None:
    limner("make", "a cat", *TINY)
    (keyring.own().folder / keys.SECRET).write_text("nothing")
    code, _, err = limner("make", "a cat", *TINY)
    assert (code, err.count("\n"), "limner keys rotate" in err) == (2, 1, True)
    assert len(list(Path("outputs").iterdir())) == 1
    limner("keys", "rotate")
    assert limner("make", "a cat", *TINY)[0] == 0


def test_a_studios_ledger_says_whose_it_is(limner: Limner, tmp_path: Path) -> None:
    house = House(f"sqlite:///{tmp_path / 'studio.db'}", tmp_path / "pictures")
    store, leases = house.store(), house.leases()
    (job,) = store.submit("ada", "1", recipe())
    (held,) = leases.lease("painter", MODEL, 1, "a" * 16)
    data = filed(drawing(1), "png", recipe(), "a red apple, Steps: 2")
    leases.finish(Pulse(job, held.lease, 2, 2, 0.1), house.vault().keep(data))
    store.database.close()
    leases.database.close()
    Path("one.png").write_bytes(data)
    drawing(1).save("two.jpg", quality=70)
    there = ("--studio", tmp_path)
    assert limner("course", "verify", "one.png", "two.jpg", *there, "--as", "ada")[0] == 0
    out = limner("course", "verify", "one.png", "two.jpg", *there, "--as", "bob")[1]
    assert out.count("made here, not by you") == 3
    assert len(limner("keys", "list", *there)[1].splitlines()) == 1
    assert limner("keys", "rotate", *there)[0] == 0
    assert limner("course", "verify", "one.png", *there, "--as", "ada")[0] == 0
