"""What an instructor does without a browser."""

import json
import os
import re
import time
from argparse import Namespace
from pathlib import Path
from zipfile import ZipFile

import pytest
from persons import PASSWORD
from postbox import Box, server
from sqlalchemy import delete
from studios import recipe

from limner.cli import Parser, people
from limner.errors import LimnerError
from limner.studio.course import read
from limner.studio.database import Database, connect
from limner.studio.leases import Leases, Pulse
from limner.studio.people.classroom import Classroom
from limner.studio.people.invitations import Invitations
from limner.studio.people.person import find
from limner.studio.people.sessions import Session, Sessions
from limner.studio.people.tokens import Scope, Tokens
from limner.studio.register import LOG, Role
from limner.studio.store import Store
from limner.studio.vault import Vault

COURSE = """[course]
name = "Graphics"
address = "https://studio.example.org"
"""
ROSTER = "name,mail,role\nAda,ada@example.org,\nEve,eve@example.org,instructor\n"


class Desk:
    """An instructor's folder, and the command."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "course.toml").write_text(COURSE)
        (folder / "class.csv").write_text(ROSTER)
        self.database: Database = connect(f"sqlite:///{folder / 'studio.db'}")

    def run(self, job: str, *words: str) -> int:
        parser = Parser(prog="limner studio people", allow_abbrev=False)
        people.flags(parser)
        place = ["--folder", str(self.folder)]
        course = (
            ["--class", str(self.folder / "course.toml")]
            if job in ("begin", "invite", "resend", "retire", "grant")
            else []
        )
        args: Namespace = parser.parse_args([job, *words, *place, *course])
        return people.run(args)

    def invite(self, sheet: str = "sheet.html") -> list[str]:
        assert self.run("invite", str(self.folder / "class.csv"), "--sheet", str(self.folder / sheet)) == 0
        return self.tokens(sheet)

    def tokens(self, sheet: str) -> list[str]:
        return re.findall(r"/join/([\w-]+)", (self.folder / sheet).read_text())

    def join(self) -> Session:
        invitations = Invitations(self.database, read(self.folder / "course.toml"))
        return next(invitations.accept(token, PASSWORD) for token in self.invite())

    def draw(self, who: str) -> str:
        (job,) = Store(self.database).submit(who, "key", recipe())
        (held,) = Leases(self.database).lease("first", "a" * 64, 1, "token")
        vault = Vault(self.folder / "pictures")
        picture = vault.keep(b"a picture")
        Leases(self.database).finish(Pulse(held.job, held.lease, 10, 10, 1.0), picture)
        os.utime(vault.path(picture), (time.time() - 7200,) * 2)
        return job


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_a_roster_becomes_a_sheet_and_a_list(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    assert desk.run("list") == 0
    assert "nobody is in the course" in capsys.readouterr().out
    assert len(desk.invite()) == 2
    assert "2 invited, 0 were in the course already" in capsys.readouterr().out
    assert desk.run("list", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert [(each["name"], each["role"], each["standing"]) for each in told] == [
        ("Eve", "instructor", "invited"),
        ("Ada", "student", "invited"),
    ]
    assert desk.run("invite", str(desk.folder / "class.csv"), "--sheet", str(desk.folder / "more.html")) == 0
    assert "0 invited, 2 were in the course already" in capsys.readouterr().out
    assert not (desk.folder / "more.html").exists()


def test_the_first_instructor_comes_in_by_a_link_and_so_does_one_who_is_locked_out(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    links = list[str]()
    for _ in range(2):
        assert desk.run("begin", "Zoe", "zoe@example.org") == 0
        links.append(capsys.readouterr().out.strip())
    assert all(link.startswith("https://studio.example.org/join/") for link in links)
    invitations = Invitations(desk.database, read(desk.folder / "course.toml"))
    with pytest.raises(LimnerError, match="not good any more"):
        invitations.whose(links[0].rpartition("/")[2])
    assert invitations.accept(links[1].rpartition("/")[2], PASSWORD).person.role == Role.INSTRUCTOR
    desk.invite()
    with pytest.raises(LimnerError, match=r"ada@example\.org is no instructor; limner studio people role"):
        desk.run("begin", "Ada", "ada@example.org")


def test_nobody_is_invited_whose_link_could_not_be_given(desk: Desk) -> None:
    roster = str(desk.folder / "class.csv")
    (desk.folder / "there.html").write_text("mine")
    for words, fault in (
        (["--sheet", str(desk.folder / "there.html")], "there is a file .*there.html already"),
        (["--sheet", str(desk.folder / "none" / "sheet.html")], "there is no folder .*none"),
        (["--mail"], "course.toml names no mail server"),
        ([], "one of the arguments --sheet --mail is required"),
    ):
        with pytest.raises(LimnerError, match=fault):
            desk.run("invite", roster, *words)
    (desk.folder / "class.csv").write_text("name,mail\nAda,ada\n")
    with pytest.raises(LimnerError, match=r"class.csv, line 2, column 2 \(mail\): 'ada' is no mail address"):
        desk.run("invite", roster, "--sheet", str(desk.folder / "sheet.html"))
    assert desk.run("list") == 0
    assert (desk.folder / "there.html").read_text() == "mine"


def test_another_link_goes_to_whom_one_names_or_who_has_not_come(desk: Desk) -> None:
    first = desk.join()
    assert desk.run("resend", "--pending", "--sheet", str(desk.folder / "pending.html")) == 0
    invitations = Invitations(desk.database, read(desk.folder / "course.toml"))
    (token,) = desk.tokens("pending.html")
    assert invitations.whose(token).mail == "eve@example.org"
    invitations.accept(token, PASSWORD)
    with pytest.raises(LimnerError, match="there is nobody to send a link to"):
        desk.run("resend", "--pending", "--sheet", str(desk.folder / "again.html"))
    assert desk.run("resend", "ada@example.org", "--sheet", str(desk.folder / "again.html")) == 0
    (token,) = desk.tokens("again.html")
    assert invitations.whose(token) == first.person
    with pytest.raises(LimnerError, match="there is no 'nobody' in this course"):
        desk.run("resend", "nobody", "--sheet", str(desk.folder / "third.html"))
    assert not (desk.folder / "third.html").exists()


def test_mail_is_sent_and_who_was_not_reached_is_told(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    box, roster = Box(), desk.folder / "class.csv"
    roster.write_text("name,mail\nAda,ada@example.org\nBo,moved@example.org\n")
    with server(box) as course:
        mail = f'[mail]\nhost = "localhost"\nsender = "g@example.org"\nsecurity = "none"\nport = {course.mail.port}\n'
        (desk.folder / "course.toml").write_text(COURSE + mail)
        assert desk.run("invite", str(roster), "--mail") == 1
        said = capsys.readouterr()
        assert "sent to ada@example.org" in said.out
        assert said.err == "moved@example.org: 550 no such mailbox\n"
        assert desk.run("resend", "ada@example.org", "--mail") == 0
    assert [letter["To"] for letter in box.letters] == ["Ada <ada@example.org>"] * 2


def test_a_student_is_given_more(desk: Desk) -> None:
    person = desk.join().person
    (desk.folder / "course.toml").write_text(COURSE + '[[assignments]]\nname = "story"\npictures = 3\n')
    assert desk.run("grant", person.mail, "story", "2") == 0
    assert desk.run("grant", person.mail, "story", "-1") == 0
    course = read(desk.folder / "course.toml")
    assert Classroom(Store(desk.database), course).balances(person)[0].budget == 4


def test_roles_suspensions_and_what_lets_one_in(desk: Desk) -> None:
    began = desk.join()
    who, sessions = began.person.mail, Sessions(desk.database)
    tokens = [Tokens(desk.database).make(began.person, name, [Scope.DRAW]) for name in ("first", "second")]
    assert desk.run("revoke", who, "--token", "first") == 0
    assert Tokens(desk.database).who(tokens[0], Scope.DRAW) is None
    assert sessions.who(began.token) == began
    assert desk.run("revoke", who) == 0
    assert sessions.who(began.token) is Tokens(desk.database).who(tokens[1], Scope.DRAW) is None
    assert desk.run("role", who, "assistant") == 0
    assert find(desk.database, who).role == Role.ASSISTANT
    assert desk.run("suspend", who) == 0
    with pytest.raises(LimnerError, match="suspended"):
        sessions.sign_in(who, PASSWORD, "10.0.0.1")
    assert desk.run("readmit", who) == 0
    sessions.sign_in(who, PASSWORD, "10.0.0.1")
    with pytest.raises(LimnerError, match="invalid choice: 'dean'"):
        desk.run("role", who, "dean")


def test_data_are_exported_and_deleted(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    person = desk.join().person
    job, file = desk.draw(person.id), desk.folder / "ada.zip"
    assert desk.run("export", person.mail, str(file)) == 0
    assert file.stat().st_mode & 0o777 == 0o600
    with ZipFile(file) as zipped:
        assert zipped.read(f"pictures/{job}.png") == b"a picture"
    with pytest.raises(LimnerError, match=r"there is a file .*ada.zip already"):
        desk.run("export", person.mail, str(file))
    with pytest.raises(LimnerError, match=r"cannot write .*nowhere"):
        desk.run("export", person.mail, str(desk.folder / "nowhere" / "ada.zip"))
    assert sorted(path.name for path in desk.folder.iterdir() if path.suffix in (".zip", ".part")) == ["ada.zip"]
    with pytest.raises(LimnerError, match=r"ada@example.org and 1 jobs would be deleted; say --yes"):
        desk.run("delete", person.mail)
    capsys.readouterr()
    assert desk.run("delete", person.mail, "--yes") == 0
    assert capsys.readouterr().out == "deleted ada@example.org: 1 jobs, 1 pictures\n"
    assert list((desk.folder / "pictures").glob("??/*")) == []
    for who in (person.mail, person.id):
        with pytest.raises(LimnerError, match=r"there is no|was deleted"):
            desk.run("export", who, str(desk.folder / "again.zip"))
    assert desk.run("retire") == 0
    assert capsys.readouterr().out == "removed 0 jobs, 0 pictures, 0 accounts\n"


def test_an_audit_finds_a_line_that_is_missing(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    desk.join()
    assert desk.run("audit", "--last", "2") == 0
    said = capsys.readouterr().out
    assert said.count("signed in") == said.count("came in") == 1
    (mark,) = re.findall(r"^mark (\d+:[0-9a-f]{64}): keep it elsewhere", said, re.MULTILINE)
    assert desk.run("audit", "--mark", mark) == 0
    with pytest.raises(LimnerError, match="'6' is no mark of the log"):
        desk.run("audit", "--mark", "6")
    desk.database.write(lambda moment: moment.run(delete(LOG).where(LOG.c.number == 3)))
    capsys.readouterr()
    assert desk.run("audit") == 1
    assert "!! line 3 is missing" in capsys.readouterr().out


def test_without_flags_the_studio_is_the_usual_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LIMNER_HOME", str(tmp_path / "home"))
    parser = Parser(prog="limner studio people", allow_abbrev=False)
    people.flags(parser)
    assert people.run(parser.parse_args(["list"])) == 0
    assert (tmp_path / "home" / "studio" / "studio.db").is_file()
    with pytest.raises(LimnerError, match="see limner studio people --help"):
        parser.parse_args([])
