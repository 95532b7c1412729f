"""A process with a feed: what it hears under "there" it says again under "back"."""

import asyncio
import sys

from engine.feed import Feed


async def main(url: str, channel: str) -> None:
    feed = Feed(url, channel=channel)
    await feed.open()
    await feed.publish("ready", 1)
    heard = 0
    while True:
        heard = await feed.beyond("there", heard)
        await feed.publish("back", heard)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
