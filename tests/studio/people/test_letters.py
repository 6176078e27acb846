"""Invitations go out by a mail server that is there, in the encryption that was asked for, or on paper."""

import smtplib
import ssl
import subprocess
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from persons import COURSE
from postbox import SECRET, Box, server

from limner.errors import LimnerError
from limner.studio.people import letters
from limner.studio.people.invitations import Invitation
from limner.studio.people.letters import Lost, post, sheet, write
from limner.studio.people.person import Person
from limner.studio.register import Role, Standing

LINK = "https://studio.example.org/join/" + "x" * 43


def invitation(name: str = "Zoë Ångström", mail: str = "zoe@example.org") -> Invitation:
    return Invitation(Person("0" * 16, name, mail, Role.STUDENT, Standing.INVITED), LINK, 1e9)


def test_a_letter_says_what_to_do() -> None:
    box, asked = Box(), [invitation(), invitation("Bo, Jr.", "bo@example.org")]
    with server(box) as course:
        assert list(post(course, asked)) == asked
    first, second = box.letters
    assert first["To"].addresses[0].display_name == "Zoë Ångström"
    assert (second["To"].addresses[0].display_name, second["To"].addresses[0].addr_spec) == (
        "Bo, Jr.",
        "bo@example.org",
    )
    assert (first["From"], first["Subject"]) == ("course@example.org", "Your invitation to Graphics & <Pictures>")
    assert first["Message-ID"].endswith("@example.org>")
    assert first["Date"]
    text = first.get_content().replace("\r\n", "\n")
    assert text.startswith("Dear Zoë Ångström,\n")
    assert f"\n{LINK}\n" in text
    assert letters.day(1e9) in text


def test_who_cannot_be_reached_is_told_and_the_others_are() -> None:
    box, asked = Box(), [invitation(mail="moved@example.org"), invitation()]
    with server(box) as course:
        assert list(post(course, asked)) == [Lost(asked[0], "550 no such mailbox"), asked[1]]
    assert len(box.letters) == 1


def test_a_server_that_closes_is_told_with_whose_letter_was_next() -> None:
    box, asked = Box(most=1), [invitation(), invitation(mail="bo@example.org"), invitation(mail="cy@example.org")]
    told = list[object]()
    with server(box) as course:
        sent = post(course, asked)
        told += [next(sent), next(sent)]
        with pytest.raises(LimnerError, match=r"localhost hung up before cy@example.org; send theirs again"):
            next(sent)
    assert told == [asked[0], Lost(asked[1], told[1].why)]


def test_a_server_that_is_not_there_is_named() -> None:
    with server(Box()) as course:
        pass
    with pytest.raises(LimnerError, match=rf"cannot send by localhost:{course.mail.port}: .*refused; see \[mail\]"):
        list(post(course, [invitation()]))
    with pytest.raises(LimnerError, match=r"names no mail server; write a .mail. section, or print a sheet"):
        list(post(COURSE, [invitation()]))


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("certificate")
    command = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-days",
        "2",
    ]
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    files = ["-keyout", str(folder / "key.pem"), "-out", str(folder / "certificate.pem")]
    subprocess.run([*command, *names, *files], check=True, capture_output=True)
    return folder / "certificate.pem"


@pytest.fixture
def proof(certificate: Path) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, certificate.with_name("key.pem"))
    return context


@pytest.mark.system
@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_the_way_is_encrypted_to_a_server_that_proves_who_it_is(
    security: str, certificate: Path, proof: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    box = Box()
    with server(box, security, proof) as course:
        with pytest.raises(LimnerError, match=r"cannot send by localhost:.*self-signed certificate"):
            list(post(course, [invitation()]))
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        assert list(post(course, [invitation()])) == [invitation()]
    assert box.encrypted == [True]


@pytest.mark.system
def test_one_signs_in_by_a_password_from_the_environment(
    certificate: Path, proof: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    box = Box()
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with server(box, "starttls", proof, user="course") as course:
        monkeypatch.setenv(letters.PASSWORD, "wrong")
        with pytest.raises(LimnerError, match="localhost lets course not in; set LIMNER_MAIL_PASSWORD"):
            list(post(course, [invitation()]))
        monkeypatch.setenv(letters.PASSWORD, SECRET)
        assert list(post(course, [invitation()])) == [invitation()]
        assert len(box.letters) == 1
        plain = replace(course, mail=replace(course.mail, security="none"))
        with pytest.raises(LimnerError, match="a password is not sent without encryption"):
            list(post(plain, [invitation()]))


def test_a_server_that_does_not_encrypt_is_not_told_anything() -> None:
    box = Box()
    with server(box) as course:
        plain = replace(course, mail=replace(course.mail, security="starttls"))
        with pytest.raises(LimnerError, match=r"STARTTLS extension not supported"):
            list(post(plain, [invitation()]))
    assert box.letters == []


def test_a_sheet_has_a_card_for_each_and_nothing_that_a_name_put_there(tmp_path: Path) -> None:
    page = sheet(COURSE, [invitation("<script>alert(1)</script>"), invitation("Bo")])
    tags = list[str]()

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attributes: object) -> None:
            tags.append(tag)

    Reader().feed(page)
    assert tags.count("article") == 2
    assert set(tags) == {"html", "head", "meta", "title", "style", "body", "h1", "article", "h2", "p", "code"}
    assert "&lt;script&gt;" in page
    assert page.count(LINK) == 2
    assert "Graphics &amp; &lt;Pictures&gt;" in page
    write(tmp_path / "sheet.html", page)
    assert (tmp_path / "sheet.html").stat().st_mode & 0o777 == 0o600
    with pytest.raises(LimnerError, match=r"there is a file .*sheet.html already"):
        write(tmp_path / "sheet.html", page)


def test_every_security_has_its_way() -> None:
    assert set(letters.SECURITY) == {"starttls", "tls", "none"}
    assert issubclass(smtplib.SMTPException, OSError)  # as `_spoken` counts on
