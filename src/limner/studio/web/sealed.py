"""Every page says who is signed in, and every form on it is sealed by their session: no page can forget it."""

import re
from dataclasses import dataclass

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from limner.studio.register import Role
from limner.studio.web.page import render
from limner.studio.web.user import User

FORM = re.compile(rb'<form\b[^>]*\bmethod="post"[^>]*>')  # what people have written has no < in it
WHO = b"<!-- who -->"


@dataclass(frozen=True, slots=True)
class Sealed:
    """Around an application with accounts: what leaves it as HTML is changed on its way.

    A page that somebody has signed in for is not kept by the browser, where the next one finds it.
    """

    app: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        begun: Message | None = None
        page = bytearray()

        async def sealed(message: Message) -> None:
            nonlocal begun
            user: User | None = scope.get("state", {}).get("user")
            if message["type"] == "http.response.start":
                headers = MutableHeaders(raw=message.setdefault("headers", []))
                if user and user.session:
                    headers.setdefault("cache-control", "no-store")
                if headers.get("content-type", "").startswith("text/html"):
                    begun = message
                    return
            elif begun is not None:
                page.extend(message.get("body", b""))
                if message.get("more_body"):
                    return
                message = {**message, "body": written(bytes(page), user)}
                MutableHeaders(raw=begun["headers"])["content-length"] = str(len(message["body"]))
                await send(begun)
                begun = None
            await send(message)

        await self.app(scope, receive, sealed)


def written(page: bytes, user: User | None) -> bytes:
    """The page as this user gets it; nobody who is not signed in has anything to seal."""
    if user is None or user.session is None:
        return page
    token = f'<input type="hidden" name="csrf" value="{user.session.csrf}">'.encode()
    teaches = user.may(Role.ASSISTANT)
    who = render("who.html", {"person": user.session.person, "teaches": teaches, "leads": user.may(Role.INSTRUCTOR)})
    return FORM.sub(lambda form: form[0] + token, page.replace(WHO, who.encode()))
