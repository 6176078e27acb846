"""A roster is read as spreadsheets write it, and its first mistake is named by line and column."""

from pathlib import Path

import pytest

from limner.errors import LimnerError
from limner.studio.people.roster import MOST, Guest, parse, read
from limner.studio.register import Role

pytestmark = pytest.mark.tiny


@pytest.mark.parametrize(
    "text",
    [
        "name,mail,role\nAda Lovelace,Ada@Example.org,\nEve,eve@example.org,Instructor\n",
        "\ufeffRole;E-Mail;Full Name\r\n;ada@example.org;Ada Lovelace\r\n\r\ninstructor;eve@example.org;Eve\r\n",
        "mail\tremark\tname\trole\nada@example.org\tx, y\t Ada Lovelace \nEVE@example.org\t\tEve\tinstructor",
        'name,mail,role\n"Ada Lovelace",ada@example.org\n"Eve",eve@example.org,"instructor"\n',
    ],
)
def test_a_roster_is_read_as_it_is_written(text: str) -> None:
    ada, eve = parse(text.encode())
    assert ada == Guest("Ada Lovelace", "ada@example.org", Role.STUDENT)
    assert eve == Guest("Eve", "eve@example.org", Role.INSTRUCTOR)
    assert "Ada" not in repr(ada)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "the roster has no people in it"),
        ("name,mail\n", "the roster has no people in it"),
        (
            "name,role\nAda,student\n",
            "the roster, line 1: no column is called mail; begin with the line name,mail,role",
        ),
        ("name,mail,e-mail\n", "the roster, line 1, column 3: a second column for the mail"),
        ("name,mail\nAda,ada at home\n", "the roster, line 2, column 2 (mail): 'ada at home' is no mail address"),
        ("mail,name\nada@x.org,\n", "the roster, line 2, column 2 (name): '' is no name"),
        ("name,mail\nAda\n", "the roster, line 2, column 2 (mail): '' is no mail address"),
        ("name,mail\n\n\nA,a@x.org,\nB,b@x\nC,@x\n", "the roster, line 6, column 2 (mail): '@x' is no mail address"),
        ("name,mail\nA,a@x\r\nB,A@X\n", "the roster, line 3, column 2 (mail): a@x stands in line 2 already"),
        ("name,mail,role\nA,a@x,dean\n", "the roster, line 2, column 3 (role): 'dean' is no role; choose from student"),
        ('name,mail\n"A\nB",a@x\n', "the roster, line 2, column 1 (name): 'A\\nB' is no name"),
        ('name,mail\nA,a@x\n"B,b@x\n', "the roster, line 3: unexpected end of data; see that its quotation marks"),
        ("name,mail\nA,a@x@y\n", "the roster, line 2, column 2 (mail): 'a@x@y' is no mail address"),
        ("name,mail\nA,<a@x>\n", "'<a@x>' is no mail address"),
    ],
)
def test_the_first_mistake_is_named(text: str, fault: str) -> None:
    with pytest.raises(LimnerError) as caught:
        parse(text.encode())
    assert fault in str(caught.value)


def test_what_is_no_roster_at_all(tmp_path: Path) -> None:
    with pytest.raises(LimnerError, match=r"cannot read .*none.csv: No such file"):
        read(tmp_path / "none.csv")
    with pytest.raises(LimnerError, match="the roster, line 2 is not UTF-8; save it as CSV UTF-8"):
        parse("name,mail\nJosé,j@x\n".encode("latin-1"))
    with pytest.raises(LimnerError, match="is it the roster"):
        parse(b"x" * (MOST + 1))
    (tmp_path / "class.csv").write_text("name,mail\nA,x\n")
    with pytest.raises(LimnerError, match=r"class.csv, line 2, column 2 \(mail\)"):
        read(tmp_path / "class.csv")
