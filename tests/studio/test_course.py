"""A class file is read to the letter, its first mistake is named, and the page on it says what is in it."""

import re
from dataclasses import MISSING, Field, fields
from datetime import datetime
from pathlib import Path

import pytest

from limner.errors import LimnerError
from limner.studio.course import ROLES, About, Assignment, Doors, Place, Post, Retention, read
from limner.studio.register import Role

pytestmark = pytest.mark.tiny
PAGE = Path(__file__).parents[2] / "docs" / "course.md"
TABLES = {
    "course": About, "roles.student": Place, "invitations": Doors, "retention": Retention, "mail": Post,
    "assignments": Assignment,
}  # fmt: skip


def course(folder: Path, text: str) -> object:
    (folder / "course.toml").write_text(text, encoding="utf-8")
    return read(folder / "course.toml")


def test_what_is_left_out_is_as_usual(tmp_path: Path) -> None:
    told = course(tmp_path, '[course]\nname = "Graphics"\n')
    assert (told.course.name, told.course.models, told.course.filter) == ("Graphics", ("limner-mini",), True)
    assert told.roles == ROLES
    assert (told.invitations, told.retention, told.mail, told.assignments) == (Doors(), Retention(), None, ())
    with pytest.raises(LimnerError, match="no assignment 'story'; leave it out"):
        told.assignment("story")


def test_the_page_s_example_is_read(tmp_path: Path) -> None:
    (example,) = re.findall(r"^```toml\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    told = course(tmp_path, example)
    assert told.course.models == ("limner-mini", "SDv1.5")
    assert told.roles[Role.STUDENT] == Place(share=1.0, waiting=10)
    assert told.roles[Role.INSTRUCTOR] == Place(share=16.0, waiting=40)
    assert told.roles[Role.ASSISTANT] == ROLES[Role.ASSISTANT]
    assert told.invitations.closes == datetime(2027, 1, 31, 23, 59, 59, 999999).astimezone().timestamp()
    story = told.assignment("story")
    assert (story.pictures, story.seconds) == (200, None)
    assert story.opens == datetime(2027, 2, 1).astimezone().timestamp()
    assert story.closes == datetime.fromisoformat("2027-02-28T18:00:00-05:00").timestamp()
    assert told.assignment("open-ended").seconds == 1800
    assert told.mail == Post(host="smtp.example.org", sender="graphics@example.org", user="graphics")
    with pytest.raises(LimnerError, match="no assignment 'poster'; choose from story, open-ended"):
        told.assignment("poster")


def test_the_page_says_every_key() -> None:
    page = PAGE.read_text(encoding="utf-8")
    for name, kind in TABLES.items():
        for key in fields(kind):
            assert row(name, key) in page


def row(table: str, key: "Field[object]") -> str:
    usual = getattr(ROLES[Role.STUDENT], key.name) if table.startswith("roles") else key.default
    words = "has to be there" if usual is MISSING else said(usual)
    return f"| `{key.name}` | {key.metadata['help']} | {key.metadata['kind'].says} | {words} |"


def said(value: object) -> str:
    if value is None or value == "":
        return "none"
    if isinstance(value, tuple):
        return f"`{list(value)}`".replace("'", '"')
    return f"`{value}`".lower() if isinstance(value, bool | int | float) else f'`"{value}"`'


HEAD = '[course]\nname = "G"\n'
MISTAKES = {
    "": "course.toml: [course] is missing",
    "[course]\n": "course.toml, course: name is missing; it is a text of 1 to 200 characters",
    "[course]\nname = 3\n": "course.toml, course: name is 3; it has to be a text of 1 to 200 characters",
    "[course]\nname = \n": "course.toml is not TOML: Invalid value (at line 2, column 8)",
    "course = 3\n": "course.toml, course is no table; write it as [course]",
    "[cuorse]\n": "course.toml: no key is called 'cuorse'; did you mean course?",
    HEAD + "modles = []\n": "course.toml, course: no key is called 'modles'; did you mean models?",
    HEAD + "xyzzy = 1\n": "course.toml, course: no key is called 'xyzzy'; choose from name, models, address",
    HEAD + "models = []\n": "course: models is a list; it has to be a list of different names",
    HEAD + 'models = ["a", "a"]\n': "course: models is a list; it has to be a list of different names",
    HEAD + 'models = "a"\n': "course: models is 'a'; it has to be a list of different names",
    HEAD + 'filter = "no"\n': "course: filter is 'no'; it has to be true or false",
    HEAD + "filter = 1\n": "course: filter is 1; it has to be true or false",
    HEAD + 'ends = "soon"\n': "course: ends is 'soon'; it has to be a day, until its end, or a day and time",
    HEAD + 'address = "localhost"\n': "address is 'localhost'; it has to be an address that begins with http",
    HEAD + "[roles.dean]\n": "course.toml, roles: no key is called 'dean'",
    HEAD + "[roles.student]\nshare = -1\n": "roles.student: share is -1; it has to be a number from 0.01 to 100",
    HEAD + "[roles.student]\nshare = nan\n": "roles.student: share is nan; it has to be",
    HEAD + "[roles.student]\nwaiting = true\n": "waiting is True; it has to be a whole number from 1 to 10000",
    HEAD + "[roles]\nstudent = 4\n": "course.toml, roles.student is no table; write it as [roles.student]",
    HEAD + "[retention]\ndays = 1.5\n": "retention: days is 1.5; it has to be a whole number from 1 to 3650",
    HEAD + '[mail]\nhost = "h"\n': "course.toml, mail: sender is missing; it is a mail address",
    HEAD + '[mail]\nhost = "h"\nsender = "me"\n': "mail: sender is 'me'; it has to be a mail address",
    HEAD + '[mail]\nhost="h"\nsender="m@x"\nsecurity="ssl"\n': "security is 'ssl'; it has to be one of starttls, tls",
    "assignments = 3\n" + HEAD: "assignments is no list of tables; begin each with [[assignments]]",
    HEAD + "[[assignments]]\n": "course.toml, assignment 1: name is missing",
    HEAD + '[[assignments]]\nname="a"\npictures=1\nseconds=1\n': "assignment 1 has a budget in pictures and one in",
    HEAD + '[[assignments]]\nname="a"\n[[assignments]]\nname="a"\n': "assignment 2 is called 'a', as another is",
    HEAD + '[[assignments]]\nname="a"\nopens=2027-02-02\ncloses=2027-02-01\n': "assignment 1 closes before it opens",
}


@pytest.mark.parametrize("text", MISTAKES)
def test_the_first_mistake_is_named(text: str, tmp_path: Path) -> None:
    with pytest.raises(LimnerError) as caught:
        course(tmp_path, text)
    assert MISTAKES[text] in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(LimnerError, match=r"cannot read .*none.toml: No such file"):
        read(tmp_path / "none.toml")
    (tmp_path / "latin.toml").write_bytes("[course]\nname = 'José'\n".encode("latin-1"))
    with pytest.raises(LimnerError, match=r"latin.toml is not UTF-8"):
        read(tmp_path / "latin.toml")
