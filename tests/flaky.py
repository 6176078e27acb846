"""A line that fails: it stands between a client and a server, and cuts what it is told to cut."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import count
from socket import create_connection, create_server, socket
from threading import Thread


@dataclass(frozen=True)
class Cut:
    """How much of a connection comes through, in bytes: of what is asked, and of what is answered."""

    asked: int = 2**40
    answered: int = 2**40


@contextmanager
def line(to: int, cut: Callable[[int], Cut]) -> Iterator[int]:
    """A port that leads to another; `cut` says what befalls the connection of that number."""
    listening = create_server(("127.0.0.1", 0))

    def accept() -> None:
        for number in count():
            try:
                client, _ = listening.accept()
            except OSError:
                return
            Thread(target=joined, args=(client, to, cut(number)), daemon=True).start()

    Thread(target=accept, daemon=True).start()
    try:
        yield listening.getsockname()[1]
    finally:
        with suppress(OSError):
            listening.shutdown(2)
        listening.close()


def joined(client: socket, to: int, cut: Cut) -> None:
    server = create_connection(("127.0.0.1", to))
    ways = [(client, server, cut.asked), (server, client, cut.answered)]
    threads = [Thread(target=carried, args=way, daemon=True) for way in ways]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    client.close()
    server.close()


def carried(source: socket, sink: socket, most: int) -> None:
    """Both ends are closed at once when one is, or when enough came through."""
    with suppress(OSError):
        while most > 0 and (data := source.recv(min(most, 65536))):
            sink.sendall(data)
            most -= len(data)
    for each in (source, sink):
        with suppress(OSError):
            each.shutdown(2)
