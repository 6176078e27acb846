"""A mail server that is there, on a port of its own, and keeps what it is given."""

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session
from persons import COURSE

from limner.studio.course import Course, Post

SECRET = "the server's password"


class Box:
    """What a mail server takes in: not for those who have moved, and `most` at a time."""

    def __init__(self, most: int = 100) -> None:
        self.letters, self.encrypted, self.most = list[EmailMessage](), list[bool](), most

    async def handle_RCPT(self, server: SMTP, session: Session, envelope: Envelope, to: str, options: list[str]) -> str:
        if to.startswith("moved"):
            return "550 no such mailbox"
        envelope.rcpt_tos.append(to)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        if len(self.letters) == self.most:
            return "421 I close now"
        self.letters.append(message_from_bytes(envelope.content, policy=default))
        self.encrypted.append(server.transport.get_extra_info("sslcontext") is not None)
        return "250 OK"


@contextmanager
def server(box: Box, security: str = "none", tls: ssl.SSLContext | None = None, user: str = "") -> Iterator[Course]:
    def let_in(server: SMTP, session: Session, envelope: Envelope, kind: str, said: object) -> AuthResult:
        return AuthResult(success=said.password == SECRET.encode(), handled=False)

    signed = {"authenticator": let_in, "auth_required": True, "auth_require_tls": True} if user else {}
    options = {"tls_context": tls, "require_starttls": True} if security == "starttls" else {}
    over = {"ssl_context": tls} if security == "tls" else {}
    with socket.create_server(("localhost", 0)) as free:
        port = free.getsockname()[1]
    controller = Controller(box, "localhost", port, server_hostname="localhost", **options, **over, **signed)
    controller.start()
    try:
        mail = Post(host="localhost", port=port, sender="course@example.org", security=security, user=user)
        yield replace(COURSE, mail=mail)
    finally:
        controller.stop()
