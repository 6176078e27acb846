"""Studies on each database: asked once, bound to jobs, labelled by lines, pooled by who gives, gone in time."""

from dataclasses import replace
from pathlib import Path

import pytest
from persons import COURSE, joined
from sqlalchemy import select
from studios import Studio, pulse, recipe

from limner.audit.study import Study
from limner.audit.tally import UNDONE, Answer
from limner.errors import LimnerError
from limner.recipe import to_json
from limner.studio.course import Retention
from limner.studio.explanation import explain
from limner.studio.people.deletion import erase
from limner.studio.people.retention import DAY, announce, retire
from limner.studio.schema import LABELS, STUDIED, STUDIES
from limner.studio.studies import EACH, Studies
from limner.studio.vault import Vault

pytestmark = pytest.mark.usefixtures("quick")
KEEP = replace(COURSE, retention=Retention(days=100, notice=10))
ASKED = Study(("a red apple",), ("red", "green"), "red", count=3)


def test_a_study_is_written_down_once_and_keeps_every_line(studio: Studio) -> None:
    studies = Studies(studio.database)
    name = studies.make("ada", "key", ASKED, recipe(), False)
    assert studies.make("ada", "key", ASKED, recipe(), False) == name
    assert studies.make("bob", "key", ASKED, recipe(), False) != name
    made = studies.one(name)
    assert (made.study, made.owner, [each.seed for each in made.recipes().values()]) == (ASKED, "ada", [42, 43, 44])
    for answer in ("red", "green"):  # the second is the same click again
        studies.label(made, Answer("eve", "a-42", answer))
    studies.label(made, Answer("bob", "a-43", "green"))
    studies.undo(made, "eve", "a-43")  # not hers
    assert studies.answers(made) == {"a-42": {"eve": "red"}, "a-43": {"bob": "green"}}
    studies.undo(made, "eve", "a-42")
    assert [line.answer for line in studies.lines(name)] == ["red", "green", UNDONE]
    with pytest.raises(LimnerError, match="stays"):
        studies.leave(name, "ada")
    studies.say(name, "bob", "nobody")  # not his
    studies.say(name, "ada", "  who paints \n green ones ")
    assert studies.one(name).study.harm == "who paints green ones"
    assert studies.answers(studies.one(name)) == {"a-42": {}, "a-43": {"bob": "green"}}
    studies.seek(name, "ada", True)
    assert [[each.id for each in studies.wanting(who)] for who in ("ada", "bob")] == [[], [name]]


def test_nobody_has_more_than_so_many(studio: Studio) -> None:
    studies = Studies(studio.database)
    names = [studies.make("ada", str(k), ASKED, recipe(), False) for k in range(EACH)]
    with pytest.raises(LimnerError, match="are yours already"):
        studies.make("ada", "more", ASKED, recipe(), False)
    studies.leave(names[0], "ada")
    studies.make("ada", "more", ASKED, recipe(), False)
    with pytest.raises(LimnerError, match="no such study"):
        studies.one(names[0])


def test_a_pool_is_of_those_who_give_and_holds_no_maps(studio: Studio, tmp_path: Path) -> None:
    studies, vault = Studies(studio.database), Vault(tmp_path / "pictures")
    (job,) = studio.ask("ada")
    (held,) = studio.lease()
    assert studio.leases.finish(pulse(held, 10, 1.0), vault.keep(b"apple"))
    explain(studio.store, "ada", job)  # whose recipe is the same
    wanted = {to_json(recipe()): job}
    assert studies.pooled("ada", [recipe()], False) == wanted
    assert studies.pooled("bob", [recipe()], True) == {}  # it is nobody's but hers
    made = studies.one(studies.make("ada", "key", ASKED, recipe(), True))
    studies.bind(made.id, {"a-42": job})
    assert studies.pooled("bob", [recipe()], True) == wanted
    assert studies.pooled("bob", [recipe()], False) == {}
    assert {name: each.job for name, each in studies.drawn(made).items()} == studies.bound(made) == {"a-42": job}


def test_what_is_somebodys_goes_with_them_and_what_is_old_goes(studio: Studio, tmp_path: Path) -> None:
    announce(studio.database, KEEP)
    ada, bob, vault = joined(studio, "ada"), joined(studio, "bob"), Vault(tmp_path / "pictures")
    studies = Studies(studio.database)
    mine, theirs = (studies.make(who.id, "key", ASKED, recipe(), False) for who in (ada, bob))
    for name in (mine, theirs):
        studies.bind(name, {"a-42": "0" * 16})
        studies.label(studies.one(name), Answer(ada.id, "a-42", "red"))
    erase(studio.database, vault, ada, ada)
    assert [each.id for each in studies.of(ada.id) + studies.of(bob.id)] == [theirs]
    (line,) = studies.lines(theirs)
    assert line.answer == "red"
    assert line.rater.startswith("gone ")
    studio.time.passes(101 * DAY)
    retire(studio.database, vault, KEEP)
    for table in (STUDIES, STUDIED, LABELS):
        assert studio.database.read(lambda c, table=table: c.execute(select(table)).all()) == []
