"""Invitations on their way: as mail, or on a sheet of paper to be cut up and handed out."""

import os
import smtplib
import ssl
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from html import escape
from pathlib import Path

from limner.errors import LimnerError
from limner.studio.course import Course, Post
from limner.studio.people.invitations import Invitation

PASSWORD = "LIMNER_MAIL_PASSWORD"
PATIENCE = 20.0  # seconds
PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Invitations to {course}</title>
<style>
body {{ font: 12pt/1.4 sans-serif; margin: 1cm }}
article {{ border-bottom: 1px dashed; padding: .6cm 0; break-inside: avoid }}
h2 {{ font-size: 14pt; margin: 0 }}
p {{ margin: .2cm 0; overflow-wrap: anywhere }}
</style></head><body>
<h1>Invitations to {course}</h1>
{cards}
</body></html>
"""
CARD = """<article><h2>{name}</h2><p>{mail}</p>
<p>Open this once, until {until}, and choose a password. It is for you alone.</p><p><code>{link}</code></p></article>"""
LETTER = """Dear {name},

you are invited to the studio of {course}. Open this link and choose a password:

{link}

It is for you alone, good once, and until {until}. You sign in by this mail address.
"""


@dataclass(frozen=True, slots=True)
class Lost:
    """Somebody who was not reached, and why."""

    invitation: Invitation
    why: str


def sheet(course: Course, invitations: Iterable[Invitation]) -> str:
    """A page of HTML that asks nobody for anything: a card for each person, to be printed, cut and deleted."""
    cards = (CARD.format(**_plain(each)) for each in invitations)
    return PAGE.format(course=escape(course.course.name), cards="\n".join(cards))


def write(file: Path, text: str) -> None:
    """A file that only its owner reads; LimnerError where there is one already."""
    try:
        with open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as out:
            out.write(text)
    except FileExistsError as fault:
        raise LimnerError(f"there is a file {file} already", "choose another name") from fault


def post(course: Course, invitations: Iterable[Invitation]) -> Iterator[Invitation | Lost]:
    """Mail them one by one, and tell of each how it went: who was not reached can be invited again.

    LimnerError where the class file names no server, or that cannot be spoken to, or lets us not in.
    """
    if (server := course.mail) is None:
        raise LimnerError("the class file names no mail server", "write a [mail] section, or print a sheet")
    if server.user and server.security == "none":
        raise LimnerError("a password is not sent without encryption", "leave out mail.user, or mail.security = none")
    letters = [(each, _letter(course, server, each)) for each in invitations]
    with _spoken(server) as connection:
        for invitation, letter in letters:
            try:
                connection.send_message(letter)
            except smtplib.SMTPServerDisconnected as fault:
                raise LimnerError(
                    f"{server.host} hung up before {invitation.person.mail}", "send theirs again"
                ) from fault
            except smtplib.SMTPException as fault:
                yield Lost(invitation, _why(fault))
            else:
                yield invitation


def _letter(course: Course, server: Post, invitation: Invitation) -> EmailMessage:
    letter, who = EmailMessage(), invitation.person
    name, _, host = who.mail.rpartition("@")
    letter["From"], letter["To"] = server.sender, Address(who.name, name, host)
    letter["Subject"] = f"Your invitation to {course.course.name}"
    letter["Date"], letter["Message-ID"] = (
        formatdate(localtime=True),
        make_msgid(domain=server.sender.rpartition("@")[2]),
    )
    letter.set_content(
        LETTER.format(name=who.name, course=course.course.name, link=invitation.link, until=day(invitation.until)),
        cte="quoted-printable",
    )
    return letter


@contextmanager
def _spoken(server: Post) -> Iterator[smtplib.SMTP]:
    """A connection that is encrypted as the class file says, and signed in."""
    try:
        with SECURITY[server.security](server) as connection:
            if server.user:
                connection.login(server.user, os.environ.get(PASSWORD, ""))
            yield connection
    except smtplib.SMTPAuthenticationError as fault:
        raise LimnerError(f"{server.host} lets {server.user} not in", f"set {PASSWORD} in the environment") from fault
    except (OSError, smtplib.SMTPException) as fault:
        where = f"{server.host}:{server.port}"
        raise LimnerError(f"cannot send by {where}: {_why(fault)}", "see [mail] in the class file") from fault


def _starttls(server: Post) -> smtplib.SMTP:
    connection = smtplib.SMTP(server.host, server.port, timeout=PATIENCE)
    try:
        connection.starttls(context=ssl.create_default_context())
    except BaseException:
        connection.close()
        raise
    return connection


SECURITY: Mapping[str, Callable[[Post], smtplib.SMTP]] = {
    "starttls": _starttls,
    "tls": lambda it: smtplib.SMTP_SSL(it.host, it.port, timeout=PATIENCE, context=ssl.create_default_context()),
    "none": lambda it: smtplib.SMTP(it.host, it.port, timeout=PATIENCE),
}


def _why(fault: Exception) -> str:
    if isinstance(fault, smtplib.SMTPRecipientsRefused):
        code, words = next(iter(fault.recipients.values()))
        return f"{code} {words.decode('utf-8', 'replace')}"
    return " ".join(str(fault).split()) or type(fault).__name__


def day(moment: float) -> str:
    """A moment in words, where this machine stands."""
    return datetime.fromtimestamp(moment).astimezone().strftime("%d %B %Y, %H:%M (%Z)")


def _plain(invitation: Invitation) -> Mapping[str, str]:
    who = invitation.person
    told = {"name": who.name, "mail": who.mail, "link": invitation.link, "until": day(invitation.until)}
    return {key: escape(value) for key, value in told.items()}
