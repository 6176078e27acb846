"""The process that answers browsers and programs, on a socket that outlives it."""

import asyncio
from collections.abc import Sequence
from socket import socket

import uvicorn

from limner.studio.classfile import Classfile
from limner.studio.house import House
from limner.studio.web.app import application
from limner.studio.web.feed import Feed
from limner.studio.web.guest import Guest, invited

GUEST = 5  # seconds after which Gradio may come, where it is installed: the studio's own page is there long before
LEAVE = 3  # seconds for which a server that ends waits for answers on their way


def serve(house: House, listening: socket, course: Classfile | None = None, proxies: Sequence[str] = ()) -> None:
    """Until this process is asked to end (SIGTERM).  For a process of its own.

    Of `proxies` it is believed for whom they ask; of others it is not.
    """
    app = application(house, course=course)
    config = uvicorn.Config(
        app, log_level="warning", access_log=False, proxy_headers=bool(proxies), forwarded_allow_ips=list(proxies),
        server_header=False, ws="none", lifespan="on", timeout_graceful_shutdown=LEAVE,
    )  # fmt: skip
    asyncio.run(_served(uvicorn.Server(config), listening, app.state.feed, app.state.guest))


async def _served(server: uvicorn.Server, listening: socket, feed: Feed, guest: Guest) -> None:
    ending = asyncio.create_task(_told(server, feed))
    coming = asyncio.create_task(_come(guest))
    await server.serve(sockets=[listening])
    coming.cancel()
    await ending


async def _told(server: uvicorn.Server, feed: Feed) -> None:
    """Streams never end by themselves: they are told when the server is."""
    while not server.should_exit:
        await asyncio.sleep(0.1)
    await feed.end()


async def _come(guest: Guest) -> None:
    """Before anybody asks: gradio_client waits for five seconds only."""
    await asyncio.sleep(GUEST)
    if invited():
        await guest.come()
