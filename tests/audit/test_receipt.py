"""A receipt holds for what was signed, by whom it was signed, and for nothing else."""

import json
import os
import stat
from dataclasses import replace
from pathlib import Path

import pytest
from forgeries import DAY, ME, Made, drawing, fresh, known, said, untrue
from hypothesis import given, settings
from hypothesis import strategies as st
from studios import recipe

from limner.audit import keys, receipt
from limner.audit.keyring import Keyring
from limner.audit.ledger import Ledger
from limner.audit.receipt import Entry, Held, Seen, Statement, for_jpeg, signed, stated
from limner.errors import LimnerError
from limner.metadata import FORMATS, read_from
from limner.recipe import digest

pytestmark = pytest.mark.tiny


def made(seed: int = 1) -> Made:
    return Made(recipe(seed=seed), drawing(seed), fresh())


def test_what_was_signed_holds_and_nothing_else_does() -> None:
    one = made()
    ours = known(one.key)
    assert one.receipt.held(ours) == Held.OURS
    for name, value in (("owner", "3" * 16), ("at", "2027-01-01T00:00:00Z"), ("pixels", "f" * 64), ("device", "cuda")):
        assert replace(one.receipt, statement=replace(one.receipt.statement, **{name: value})).held(ours) == Held.BROKEN
    assert replace(one.receipt, signature=bytes(64)).held(ours) == Held.BROKEN
    assert replace(one.receipt, public=fresh().public).held({}) == Held.BROKEN  # another's key under that name


def test_a_key_that_nobody_knows_proves_nothing_until_it_is_trusted() -> None:
    one = made()
    assert one.receipt.held({}) == Held.STRANGE
    (theirs,) = keys.unpublished(json.dumps(keys.published(known(one.key).values())), "2026", "a duplicate")
    assert one.receipt.held({theirs.id: theirs}) == Held.TRUSTED
    assert theirs.name == "a duplicate"


@settings(max_examples=30, deadline=None)
@given(st.text(max_size=40), st.floats(0, 4e9))
def test_the_signed_bytes_are_read_back_as_they_were(device: str, at: float) -> None:
    plain = "".join(letter for letter in device if letter.isprintable())
    statement = stated(recipe(), Seen("a" * 64, "b" * 64, plain), ME, at)
    found = receipt.read(signed(fresh(), statement).text())
    assert found.held({}) == Held.STRANGE
    assert json.loads(found.statement.canonical())["device"] == plain
    assert found.statement.canonical() == json.dumps(
        json.loads(found.statement.canonical()), sort_keys=True, separators=(",", ":"), ensure_ascii=False
    ).encode()  # fmt: skip


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_carries_it(form: str, tmp_path: Path) -> None:
    one = made()
    file = tmp_path / f"a{FORMATS[form]}"
    file.write_bytes(one.file(form))
    with open(file, "rb") as stream:
        reading = read_from(stream, "it")
    assert replace(receipt.read(reading.receipt).statement, jpeg="") == one.receipt.statement
    assert reading.recipe == one.recipe


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", "null", '{"statement": {}}', '{"statement": []}', "[" * 5000, "x" * 5000,
     untrue(made().receipt.text(), owner="Ada Lovelace"), untrue(made().receipt.text(), version=2),
     untrue(made().receipt.text(), more=1), untrue(made().receipt.text(), pixels=3),
     untrue(made().receipt.text(), device="\ud800"), untrue(made().receipt.text(), limner="\udfff")],
)  # fmt: skip
def test_what_is_none_is_one_line(text: str) -> None:
    with pytest.raises(LimnerError, match="receipt"):
        receipt.read(text)


def test_a_name_cannot_stand_in_it() -> None:
    with pytest.raises(LimnerError, match="owner"):
        Statement("a" * 64, "a" * 64, "a" * 64, "a" * 64, "Ada", receipt.moment(DAY), "cpu", "0.1", "a" * 16)


def test_a_key_is_made_once_and_is_its_owners_alone(tmp_path: Path) -> None:
    first = keys.key(tmp_path / "keys")
    assert keys.key(tmp_path / "keys").id == first.id
    mode = (tmp_path / "keys" / keys.SECRET).stat().st_mode
    assert os.name == "nt" or stat.S_IMODE(mode) == 0o600
    assert not list((tmp_path / "keys").glob("*.part"))


def test_what_the_old_key_signed_stays_ours_when_another_signs(tmp_path: Path) -> None:
    ring, lines = Keyring(tmp_path / "keys"), list[str]()
    old = replace(made(), key=ring.key(DAY, lines.append))
    new = ring.rotate(DAY + 1)
    assert new.id != old.key.id == old.receipt.statement.key
    assert old.receipt.held(ring.known()) == Held.OURS
    assert [each.standing for each in ring.known().values()] == ["retired", "current"]
    assert ring.key(DAY + 2, lines.append).id == new.id
    assert lines == []
    assert ring.owner == ring.owner


def test_a_lost_key_is_said_and_a_damaged_one_signs_nothing(tmp_path: Path) -> None:
    ring, lines = Keyring(tmp_path / "keys"), list[str]()
    first = ring.key(DAY, lines.append)
    (tmp_path / "keys" / keys.SECRET).unlink()
    second = ring.key(DAY, lines.append)
    assert lines == [f"the key {first.id} is gone from {tmp_path / 'keys'}: {second.id} signs from here on"]
    (tmp_path / "keys" / keys.SECRET).write_text("-----BEGIN nothing-----")
    with pytest.raises(LimnerError, match=r"is no signing key any more; .*limner keys rotate"):
        ring.key(DAY, lines.append)
    assert ring.rotate(DAY).id not in (first.id, second.id)
    (tmp_path / "keys" / "known.json").write_text("{}")
    with pytest.raises(LimnerError, match=r"known\.json is damaged"):
        ring.known()


def test_another_setup_is_trusted_and_forgotten(tmp_path: Path) -> None:
    ring, one = Keyring(tmp_path / "keys"), made()
    theirs = keys.unpublished(json.dumps(keys.published(known(one.key).values())), "2026")
    assert [each.id for each in ring.trust(theirs)] == [one.key.id]
    assert ring.trust(theirs) == []
    assert one.receipt.held(ring.known()) == Held.TRUSTED
    ring.forget(one.key.id)
    with pytest.raises(LimnerError, match="is no key that is trusted here"):
        ring.forget(one.key.id)
    with pytest.raises(LimnerError, match="no public keys"):
        keys.unpublished('{"keys": [{"kty": "RSA"}]}', "2026")


def test_to_draw_again_adds_no_line_and_another_owner_does(tmp_path: Path) -> None:
    ledger, one = Ledger(tmp_path / "receipts.jsonl"), made()
    first = ledger.add(one.entry)
    later = Entry(signed(one.key, replace(one.receipt.statement, at="2027-01-01T00:00:00Z")), one.recipe)
    assert ledger.add(later).receipt == first.receipt
    ledger.add(one.by("3" * 16).entry)
    assert len(ledger.read().entries) == 2


def test_a_line_that_power_cut_off_costs_no_other(tmp_path: Path) -> None:
    ledger, one = Ledger(tmp_path / "receipts.jsonl"), made()
    ledger.add(one.entry)
    ledger.path.write_bytes(ledger.path.read_bytes() + one.by("3" * 16).entry.line().encode()[:200])
    ledger.add(one.by("4" * 16).entry)
    found = ledger.read()
    assert [each.receipt.statement.owner for each in found.entries] == [ME, "4" * 16]
    assert found.damaged == [2]


def test_a_ledgers_line_of_another_recipe_is_none() -> None:
    one = made()
    line = json.loads(one.entry.line())
    line["recipe"]["seed"] = 7
    with pytest.raises(LimnerError, match="not the one that was signed"):
        receipt.entry(json.dumps(line))


def test_a_jpegs_receipt_is_of_its_own_code_and_of_what_was_drawn() -> None:
    one = made()
    there = for_jpeg(one.key, one.receipt, "c" * 64)
    assert there.held(known(one.key)) == Held.OURS
    assert replace(there.statement, jpeg="") == one.receipt.statement
    assert there.statement.recipe == digest(one.recipe)
    assert said(one.file()) == one.receipt
