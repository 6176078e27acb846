"""A file that is made for whoever asks, sent, and gone."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from tempfile import SpooledTemporaryFile
from typing import IO

from fastapi.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

PIECE = 2**16  # bytes that are sent at once
LIGHT = 8 * 2**20  # bytes of a zip that stays in memory


class Download(StreamingResponse):
    """An open file, from its beginning on; it is closed when it was sent, or whoever waited for it went away."""

    def __init__(self, file: IO[bytes], size: int, kind: str, name: str) -> None:
        headers = {"content-disposition": f'attachment; filename="{name}"', "content-length": str(size)}
        file.seek(0)
        super().__init__(_pieces(file), media_type=kind, headers=headers)
        self.file = file

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self.file.close()


def zipped(name: str, write: Callable[[IO[bytes]], None]) -> Download:
    """The zip that `write` writes; where it raises, nothing is left open."""
    with ExitStack() as stack:
        file: IO[bytes] = stack.enter_context(SpooledTemporaryFile(LIGHT))
        write(file)
        stack.pop_all()  # the download closes it
    return Download(file, file.tell(), "application/zip", name)


def _pieces(file: IO[bytes]) -> Iterator[bytes]:
    while piece := file.read(PIECE):
        yield piece
