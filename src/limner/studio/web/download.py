"""A file that is made for whoever asks, sent, and gone."""

from collections.abc import Iterator
from typing import IO

from fastapi.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

PIECE = 2**16  # bytes that are sent at once


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


def _pieces(file: IO[bytes]) -> Iterator[bytes]:
    while piece := file.read(PIECE):
        yield piece
