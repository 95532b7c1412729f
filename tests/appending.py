"""Whoever appends to the log of a shop beside it, as a process does that serves nobody."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from cli.application import DECLARATIONS
from engine import clock
from engine.dispatcher import Dispatcher
from engine.feed import Feed
from engine.store.log import Log
from engine.store.postgres import Database


@asynccontextmanager
async def appending(url: str, redis_url: str = "") -> AsyncIterator[Dispatcher]:
    """A dispatcher on the same log, with connections of its own, which tells of what it wrote over Redis if that is."""
    log = await Log.open(Database(url), DECLARATIONS.codec())
    feed = Feed(redis_url, channel=f"hints:{log.id}")
    await feed.open()
    dispatcher = Dispatcher(log, DECLARATIONS.aggregates, feed, clock.now)
    dispatcher.start()
    try:
        yield dispatcher
    finally:
        await dispatcher.stop()
        await feed.close()
        await log.close()
