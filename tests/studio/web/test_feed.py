"""Whoever waits for news may go at any moment, and takes nobody with him."""

import asyncio
from pathlib import Path

import pytest

from limner.studio.house import House
from limner.studio.web.feed import Feed


@pytest.mark.parametrize("turns", range(6))
def test_who_goes_while_the_news_come_in_is_simply_gone(tmp_path: Path, turns: int) -> None:
    feed = Feed(House(f"sqlite:///{tmp_path / 'studio.db'}", tmp_path / "pictures").store())

    async def day() -> list[BaseException | None]:
        waiting = [asyncio.create_task(feed.wait("ada", 0, 5.0)) for _ in range(8)]
        await asyncio.sleep(0.01)
        end = asyncio.create_task(feed.end())
        for _ in range(turns):  # of the loop, between the news and the going
            await asyncio.sleep(0)
        for _ in range(20):
            for task in waiting[::2]:
                task.cancel()  # again and again, as Starlette ends a stream whose listener went
            await asyncio.sleep(0)
        await end
        return await asyncio.gather(*waiting, return_exceptions=True)

    gone = asyncio.run(asyncio.wait_for(day(), 3.0))
    assert all(each is None or isinstance(each, asyncio.CancelledError) for each in gone), gone
    feed.store.database.close()
