"""Work that is to be handed in, in the database: everybody's own, in order, and nothing lost to a second window."""

import pytest
from studios import Studio, recipe

from limner.coursework.drafts import picture_key
from limner.coursework.specfile import published
from limner.errors import LimnerError
from limner.metadata import Reading
from limner.recipe import Wish
from limner.studio.drafting import Desk, Drafting, Written

SPEC = published()
STORY, BIAS = SPEC.task("story"), SPEC.task("bias")


def drawn(*seeds: int) -> list[tuple[str, Reading]]:
    return [(f"{seed:016}", Reading("limner", "", Wish(prompt="a fox", seed=seed), (), "SDXL", {}, recipe(seed=seed)))
            for seed in seeds]  # fmt: skip


def drafting(studio: Studio) -> Drafting:
    return Drafting(studio.database, SPEC)


def seeds(desk: Desk) -> list[object]:
    return [each.said["seed"] for each in desk.entries]


def test_pictures_become_entries_once_for_a_token(studio: Studio) -> None:
    here, key = drafting(studio), picture_key(STORY)
    names = here.add("ada", "story", key, drawn(1, 2, 3), "token")
    assert here.add("ada", "story", key, drawn(1, 2, 3), "token") == names
    desk = here.desk("ada", "story")
    assert [each.id for each in desk.entries] == names
    assert seeds(desk) == [1, 2, 3]
    assert desk.entries[0].said["model"] == "SDXL"
    with pytest.raises(LimnerError, match="number 2 of A story"):
        here.add("ada", "story", key, drawn(4, 2), "another")
    assert here.desk("bob", "story").entries == ()


def test_many_pictures_are_one_entry_of_a_task_that_wants_many(studio: Studio) -> None:
    here, key = drafting(studio), picture_key(BIAS)
    (entry,) = here.add("ada", "bias", key, drawn(1, 2), "token")
    here.put("ada", "bias", key, drawn(3), entry, beside=True)
    here.put("ada", "bias", key, drawn(3), entry, beside=True)  # said again
    (kept,) = here.desk("ada", "bias").entries
    assert kept.said["image-paths"] == [f"{seed:016}.jpg" for seed in (1, 2, 3)]
    assert [each["seed"] for each in kept.said["recipes"]] == [1, 2, 3]
    here.put("ada", "bias", key, drawn(4), entry)
    assert here.desk("ada", "bias").entries[0].said["image-paths"] == [f"{4:016}.jpg"]


def test_order_and_what_is_taken_out(studio: Studio) -> None:
    here, key = drafting(studio), picture_key(STORY)
    one, two, three = here.add("ada", "story", key, drawn(1, 2, 3), "token")
    here.move("ada", "story", three, -1)
    here.move("ada", "story", one, -1)  # it is the first
    assert seeds(here.desk("ada", "story")) == [1, 3, 2]
    here.aside("ada", "story", three)
    desk = here.desk("ada", "story")
    assert (seeds(desk), [each.id for each in desk.aside]) == ([1, 2], [three])
    here.delete("ada", "story", two)  # which was not taken out
    here.delete("bob", "story", three)  # nor is it his
    here.back("ada", "story", three)
    assert seeds(here.desk("ada", "story")) == [1, 2, 3]
    here.aside("ada", "story", three)
    again = here.add("ada", "story", key, drawn(3), "again")
    with pytest.raises(LimnerError, match="number 3"):
        here.back("ada", "story", three)
    here.delete("ada", "story", three)
    assert [each.id for each in here.desk("ada", "story").entries] == [one, two, *again]
    with pytest.raises(LimnerError, match="not there any more"):
        here.move("bob", "story", one, 1)


def test_a_second_window_loses_nothing(studio: Studio) -> None:
    here, key = drafting(studio), picture_key(STORY)
    (entry,) = here.add("ada", "story", key, drawn(1), "token")
    own = here.desk("ada", "story").own
    assert here.write("ada", "story", [Written(own.id, own.turn, {"story": ["A fox."]})]) == []
    assert here.write("ada", "story", [Written(own.id, own.turn, {"story": ["A fox."]})]) == []  # said again
    late = [Written(own.id, own.turn, {"story": ["A cat."]}), Written(entry, 1, {"prompt": ["a red fox"]})]
    assert here.write("ada", "story", late) == [own.id]
    desk = here.desk("ada", "story")
    assert (desk.own.said["story"], desk.entries[0].said["prompt"]) == ("A fox.", "a red fox")
    assert here.write("ada", "story", [Written(own.id, desk.own.turn, {"story": ["A cat."]})]) == []
    assert here.desk("ada", "story").own.said["story"] == "A cat."
    for words in ({"model": ["SDXXL"]}, {"seed": ["-1"]}, {"image-path": ["x.jpg"]}, {"mood": ["sad"]}):
        with pytest.raises(LimnerError):
            here.write("ada", "story", [Written(entry, desk.entries[0].turn, words)])


def test_there_is_an_end_to_it(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("limner.studio.drafting.MOST", 3)
    here, key = drafting(studio), picture_key(STORY)
    names = here.add("ada", "story", key, drawn(1, 2, 3), "token")
    here.aside("ada", "story", names[0])
    with pytest.raises(LimnerError, match="more than 3"):
        here.add("ada", "story", key, drawn(4), "more")
