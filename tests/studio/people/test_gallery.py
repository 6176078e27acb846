"""A picture is its owner's alone until it is shared; one that is taken down is nobody's but the instructor's."""

from pathlib import Path

import pytest
from persons import joined
from studios import Studio, pulse

from limner.errors import LimnerError
from limner.studio.people import log
from limner.studio.people.gallery import Gallery, Mark
from limner.studio.people.person import OPERATOR, Person, find, suspend
from limner.studio.register import Role
from limner.studio.vault import Vault

NOT_YOURS = "no picture '[0-9a-f]+' of yours; see the list of your pictures"


@pytest.fixture
def gallery(studio: Studio, tmp_path: Path) -> Gallery:
    return Gallery(studio.database, Vault(tmp_path / "pictures"))


def drawn(studio: Studio, gallery: Gallery, who: Person, data: bytes = b"a picture") -> str:
    (job,) = studio.ask(who.id)
    (held,) = studio.lease()
    assert studio.leases.finish(pulse(held), gallery.vault.keep(data))
    return job


@pytest.fixture
def people(studio: Studio) -> dict[str, Person]:
    roles = {"ada": Role.STUDENT, "bob": Role.STUDENT, "tom": Role.ASSISTANT, "eve": Role.INSTRUCTOR}
    return {name: joined(studio, name, role) for name, role in roles.items()}


def seeing(gallery: Gallery, people: dict[str, Person], job: str) -> list[str]:
    """Who of them sees it; the others are told the same as of what is not there, or why it was taken down."""
    found = []
    for name, person in people.items():
        try:
            assert gallery.see(person, job) == b"a picture"
            found.append(name)
        except LimnerError:
            pass
    return found


def test_a_picture_is_private_until_it_is_shared(studio: Studio, gallery: Gallery, people: dict[str, Person]) -> None:
    job = drawn(studio, gallery, people["ada"])
    assert seeing(gallery, people, job) == ["ada"]
    for name in ("bob", "tom", "eve"):
        with pytest.raises(LimnerError, match=NOT_YOURS):
            gallery.see(people[name], job)
        with pytest.raises(LimnerError, match=NOT_YOURS):
            gallery.share(people[name], job)
        with pytest.raises(LimnerError, match=NOT_YOURS):
            gallery.report(people[name], job, "I cannot see it")
    for _ in range(2):
        gallery.share(people["ada"], job)
    assert seeing(gallery, people, job) == ["ada", "bob", "tom", "eve"]
    assert gallery.shown() == [job]
    assert gallery.marks(people["ada"], [job]) == {job: Mark(True, "")}
    assert gallery.marks(people["bob"], [job]) == {}
    gallery.withdraw(people["ada"], job)
    assert seeing(gallery, people, job) == ["ada"]
    assert gallery.shown() == []


def test_a_picture_may_be_called_by_its_content(studio: Studio, gallery: Gallery, people: dict[str, Person]) -> None:
    """As permalinks do: whoever drew the same sees it, whoever's is shared."""
    mine, other = (drawn(studio, gallery, people[name]) for name in ("ada", "bob"))
    picture = studio.store.job(mine).picture
    assert picture == studio.store.job(other).picture
    for name in ("ada", "bob"):
        assert gallery.find(people[name], picture) == b"a picture"
    for nothing in (picture, "c" * 64, "", "../../etc/passwd", "a\0"):
        with pytest.raises(LimnerError, match=r"no picture .* of yours") as caught:
            gallery.find(people["tom"], nothing)
        assert caught.value.status == 404
    gallery.share(people["bob"], other)
    assert gallery.find(people["tom"], picture) == b"a picture"
    gallery.take_down(people["eve"], other, "because")
    assert gallery.find(people["eve"], picture) == b"a picture"
    for name, fault in (("ada", "taken down: because"), ("tom", "no picture")):
        with pytest.raises(LimnerError, match=fault):
            gallery.find(people[name], picture)


def test_what_is_not_there_and_what_has_no_picture_are_nobody_s(
    studio: Studio, gallery: Gallery, people: dict[str, Person]
) -> None:
    (job,) = studio.ask(people["ada"].id)
    for name in (job, "no such", "", "a\0b", "' OR 1=1 --"):
        for call in (gallery.see, gallery.share, gallery.withdraw):
            with pytest.raises(LimnerError, match=r"no picture .* of yours"):
                call(people["ada"], name)
    assert gallery.marks(people["ada"], [job]) == {}


def test_the_last_shared_is_shown_first(studio: Studio, gallery: Gallery, people: dict[str, Person]) -> None:
    jobs = [drawn(studio, gallery, people[name], name.encode()) for name in ("ada", "bob", "eve")]
    for job, name in zip(jobs[::-1], ("eve", "bob", "ada"), strict=True):
        gallery.share(people[name], job)
        studio.time.passes(1)
    assert gallery.shown() == jobs
    assert gallery.shown(1) == jobs[:1]


def test_who_is_suspended_sees_nothing(studio: Studio, gallery: Gallery, people: dict[str, Person]) -> None:
    job = drawn(studio, gallery, people["ada"])
    gallery.share(people["ada"], job)
    suspend(studio.database, OPERATOR, people["ada"].id)
    with pytest.raises(LimnerError, match=NOT_YOURS):
        gallery.see(find(studio.database, people["ada"].id), job)


def test_a_report_lets_those_who_teach_look_and_decide(
    studio: Studio, gallery: Gallery, people: dict[str, Person]
) -> None:
    job = drawn(studio, gallery, people["ada"])
    gallery.share(people["ada"], job)
    for _ in range(2):
        gallery.report(people["bob"], job, "  this is a person I know ")
    gallery.withdraw(people["ada"], job)
    assert seeing(gallery, people, job) == ["ada", "tom", "eve"]
    (report,) = gallery.reports(people["tom"])
    assert (report.job, report.owner, report.reporter) == (job, people["ada"].id, people["bob"].id)
    assert (report.why, report.taken) == ("this is a person I know", "")
    for call in (lambda: gallery.reports(people["bob"]), lambda: gallery.dismiss(people["tom"], job)):
        with pytest.raises(LimnerError, match=r"only an"):
            call()
    gallery.dismiss(people["eve"], job)
    assert gallery.reports(people["eve"]) == []
    assert seeing(gallery, people, job) == ["ada"]
    for nothing in ("", "  ", "x" * 1001, "a\0"):
        with pytest.raises(LimnerError, match=r"a reason is needed"):
            gallery.report(people["ada"], job, nothing)


def test_what_is_taken_down_is_an_instructor_s_alone(
    studio: Studio, gallery: Gallery, people: dict[str, Person]
) -> None:
    mine, other = (drawn(studio, gallery, people[name]) for name in ("ada", "bob"))  # the same prompt and seed
    for name, job in (("ada", mine), ("bob", other)):
        gallery.share(people[name], job)
    gallery.report(people["tom"], other, "a person I know")
    for name in ("ada", "tom"):
        with pytest.raises(LimnerError, match=r"only an instructor may do that"):
            gallery.take_down(people[name], mine, "no")
    for _ in range(2):
        gallery.take_down(people["eve"], mine, "it shows a student")
    for job, owner, stranger in ((mine, "ada", "bob"), (other, "bob", "ada")):
        assert seeing(gallery, people, job) == ["eve"]
        why = "this picture was taken down: it shows a student; ask your instructor"
        with pytest.raises(LimnerError, match=why):
            gallery.see(people[owner], job)
        with pytest.raises(LimnerError, match=NOT_YOURS):
            gallery.see(people[stranger], job)
        with pytest.raises(LimnerError, match=r"taken down"):
            gallery.share(people[owner], job)
        assert gallery.marks(people[owner], [job]) == {job: Mark(True, "it shows a student")}
    assert gallery.shown() == gallery.reports(people["eve"]) == []
    (taken,) = gallery.taken_down(people["tom"])  # once, though two have drawn it
    assert (taken.job, taken.owner, taken.why) == (mine, people["ada"].id, "it shows a student")
    gallery.restore(people["eve"], other)
    assert seeing(gallery, people, mine) == ["ada", "bob", "tom", "eve"]
    deeds = [line.deed for line in log.lines(studio.database, about=people["eve"].id)]
    assert deeds[-2:] == ["took down", "restored"]
    for call in (lambda job: gallery.take_down(people["eve"], job, "no"), lambda job: gallery.restore(OPERATOR, job)):
        with pytest.raises(LimnerError, match=r"no picture 'none'"):
            call("none")
