"""No picture is done without its receipt, whoever dies; and a receipt goes with whom it names."""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path

import pytest
from crashes import Mortal
from forgeries import ME, drawing, saved
from persons import joined
from sqlalchemy import select
from studios import MODEL, recipe

from limner.audit import keys, likeness
from limner.audit.receipt import Held
from limner.errors import LimnerError
from limner.metadata import filed
from limner.recipe import Recipe
from limner.studio import notary, receipts
from limner.studio.archive import backup, restore
from limner.studio.database import Database, connect
from limner.studio.leases import Leases, Pulse
from limner.studio.notary import Notary
from limner.studio.people.deletion import erase
from limner.studio.receipts import StudioBook
from limner.studio.schema import JOBS, RECEIPTS, State
from limner.studio.store import Store
from limner.studio.vault import Vault

TEXT = "a red apple\nSteps: 10, Sampler: Euler, Device: cpu, Precision: float32, Backend: eager"


@dataclass
class Here:
    url: str
    database: Database
    vault: Vault

    @property
    def leases(self) -> Leases:
        return Leases(self.database, notary=Notary(self.vault))

    def draw(self, owner: str, key: str, wanted: Recipe, data: bytes | None = None) -> str:
        """A job that is asked for, and done."""
        (job,) = Store(self.database).submit(owner, key, wanted)
        self.end(self.database, job, data or picture(wanted))
        return job

    def end(self, database: "Database | Mortal", job: str, data: bytes) -> None:
        leases = replace(self.leases, database=database)
        (held,) = leases.lease("painter", MODEL, 1, f"{job[:16]}")
        assert leases.finish(Pulse(job, held.lease, 2, 2, 0.5), self.vault.keep(data))

    def rows(self) -> list[tuple[str, str]]:
        return self.database.read(
            lambda c: [tuple(row) for row in c.execute(select(RECEIPTS.c.owner, RECEIPTS.c.pseudonym))]
        )


def picture(wanted: Recipe) -> bytes:
    """What a painter makes of a recipe, with all that a worker writes into it."""
    return filed(drawing(wanted.seed, 64, 64), "png", wanted, TEXT)


@pytest.fixture
def here(url: str, tmp_path: Path) -> Iterator[Here]:
    database = connect(url, patience=1.0)
    yield Here(url, database, Vault(tmp_path / "studio" / "pictures"))
    database.close()


def test_equal_recipes_have_as_many_receipts_as_owners_and_each_names_one(here: Here) -> None:
    ada, bob = "Ada Lovelace", "Bob Kahn"
    first = here.draw(ada, "1", recipe())
    here.draw(bob, "1", recipe())
    again = here.draw(ada, "2", recipe())
    book = StudioBook(here.database, here.vault)
    name = likeness.pixels(drawing(42, 64, 64))
    assert sorted(entry.owner for entry in book.exact(name)) == sorted([ada, bob])
    jobs = [Store(here.database).job(job) for job in (first, again)]
    mine = [receipts.receipt(here.database, job, picture(recipe())) for job in jobs]
    assert mine[0] == mine[1]
    said = mine[0].statement
    assert (said.pixels, said.model, said.device) == (name, MODEL, "cpu float32 eager")
    assert mine[0].held(book.keys()) == Held.OURS
    whole = json.dumps([entry.receipt.text() for entry in book.exact(name)])
    assert not any(word in whole for word in (ada, bob))
    assert said.owner == receipts.pseudonym(here.database, ada) != receipts.pseudonym(here.database, bob)
    assert [e.owner for e in book.alike(said.likeness, 0)] == [e.owner for e in book.drawn(said.recipe)]
    assert likeness.pixels(likeness.opened(book.original(book.exact(name)[0]))) == name


@pytest.mark.parametrize("after", [False, True])
def test_who_dies_at_the_commit_leaves_both_or_neither(after: bool, here: Here) -> None:
    """A worker's second write is that by which its job is done (the first lends it)."""
    (job,) = Store(here.database).submit(ME, "1", recipe())
    here.database.close()
    process = get_context("fork").Process(target=_mortal, args=(here, job, after))
    process.start()
    process.join()
    assert process.exitcode not in (0, 1)
    done = State(here.database.read(lambda c: c.scalar(select(JOBS.c.state)))) == State.DONE
    assert (done, len(here.rows())) == ((True, 1) if after else (False, 0))


def _mortal(here: Here, job: str, after: bool) -> None:
    here.end(Mortal(connect(here.url, patience=1.0), 2, after), job, picture(recipe()))
    os._exit(0)


def test_who_goes_takes_their_receipts_along_and_nobody_elses(here: Here, quick: object) -> None:
    ada, bob = joined(Store(here.database), "ada"), joined(Store(here.database), "bob")
    here.draw(ada.id, "1", recipe())
    here.draw(bob.id, "1", recipe())
    erase(here.database, here.vault, ada, ada)
    assert [owner for owner, _ in here.rows()] == [bob.id]
    assert receipts.pseudonym(here.database, ada.id) == ""


def test_a_studio_that_is_restored_knows_what_was_signed_before(here: Here, tmp_path: Path) -> None:
    job = here.draw(ME, "1", recipe())
    backup(here.database, here.vault, tmp_path / "backup.zip")
    there = connect(f"sqlite:///{tmp_path / 'there.db'}")
    vault = Vault(tmp_path / "there" / "pictures")
    notary.opening(there, Notary(vault))  # it was started, and has a key of its own
    restore(there, vault, tmp_path / "backup.zip")
    book = StudioBook(there, vault)
    assert receipts.receipt(there, Store(there).job(job), b"").held(book.keys()) == Held.OURS
    assert "is not here: " in notary.opening(there, Notary(vault))
    found = there.read(notary.keys)
    assert sorted(key.standing for key in found.values()) == ["current", "retired"]
    there.close()


def test_keys_turn_and_strangers_are_trusted(here: Here) -> None:
    job, signs = here.draw(ME, "1", recipe()), Notary(here.vault)
    new = receipts.rotate(here.database, "operator", signs)
    assert keys.key(signs.folder).id == new
    here.draw(ME, "2", recipe(seed=2))
    known = here.database.read(notary.keys)
    assert [known[name].standing for name in (new, *[k for k in known if k != new])] == ["current", "retired"]
    assert receipts.receipt(here.database, Store(here.database).job(job), b"").held(known) == Held.OURS
    (theirs,) = keys.unpublished(json.dumps(keys.published([replace(known[new], raw=bytes(range(32)))])), "2026", "bob")
    assert receipts.trust(here.database, "operator", [theirs, theirs]) == [theirs, theirs][:1]
    receipts.forget(here.database, "operator", theirs.id)
    with pytest.raises(LimnerError, match="no key that is trusted"):
        receipts.forget(here.database, "operator", new)


def test_what_is_no_picture_of_its_recipe_is_not_signed(here: Here) -> None:
    with pytest.raises(LimnerError, match="does not carry its recipe"):
        here.draw(ME, "1", recipe(), saved(drawing(1), "PNG"))
    assert here.rows() == []
