"""The example of a consumer, as it stands, with a real shop and a real RabbitMQ."""

import asyncio
import signal
import sqlite3
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from urllib.parse import urlsplit

import aio_pika
import pytest

from engine import ids
from engine.relay import NAME
from engine.store.reactions import Reactions
from tests import services
from tests.running import Client, Shop, opened
from tests.schema.ordering import pay, placed, stocked
from tests.wire import wired

ROOT = Path(__file__).parents[2]
PATIENCE = 20.0


@pytest.fixture
async def name() -> AsyncIterator[str]:
    """An exchange and a queue of this test's own."""
    url, name = services.broker("rabbitmq"), f"test-{ids.new()}"
    yield name
    connection = await aio_pika.connect(url)
    async with connection, connection.channel() as channel:
        await channel.queue_delete(name)
        await channel.exchange_delete(name)


class Example:
    """The running example, and what it says."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process

    async def says(self, text: str, times: int = 1) -> None:
        """Wait until it has said something so many times."""
        assert self.process.stdout
        async with asyncio.timeout(PATIENCE):
            while times:
                line = (await self.process.stdout.readline()).decode()
                assert line, "It ended."
                times -= text in line


@asynccontextmanager
async def example(folder: Path, name: str, url: str) -> AsyncIterator[Example]:
    text = (ROOT / "examples" / "sales.py").read_text()
    for constant, usual in (("EXCHANGE", "events"), ("QUEUE", "sales")):
        assert text.count(f'{constant} = "{usual}"') == 1
        text = text.replace(f'{constant} = "{usual}"', f'{constant} = "{name}"')
    (folder / "sales.py").write_text(text)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "sales.py", url, "sales.db", cwd=folder, stdout=asyncio.subprocess.PIPE
    )
    try:
        yield Example(process)
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def buy(shop: Shop, customer: Client, first: int, count: int) -> None:
    for number in range(first, first + count):
        await placed(shop, customer, f"o{number}", m1=1, m2=2)
        assert (await pay(customer, f"o{number}"))["errors"] == []
    await shop.drained()


def sales(folder: Path) -> dict[str, int]:
    with closing(sqlite3.connect(folder / "sales.db")) as database:
        return dict(database.execute("SELECT medicine, quantity FROM sales").fetchall())


async def test_the_example_counts_each_sale_once_whatever_happens(tmp_path: Path, name: str) -> None:
    url = services.broker("rabbitmq")
    far = urlsplit(url)
    async with wired(far.hostname or "", far.port or 0) as wire:
        near = far._replace(netloc=f"{far.netloc.rpartition(':')[0]}:{wire.port}").geturl()
        async with opened(tmp_path, relay_url=url, relay_channel=name) as shop:
            await stocked(shop, 100)
            customer = await shop.viewer("customer")
            async with example(tmp_path, name, near) as running:
                await running.says("following")
                await buy(shop, customer, 0, 3)
                await running.says("OrderPaid", 3)
                await wire.cut()
                await buy(shop, customer, 3, 2)
                await wire.mend()
                await running.says("OrderPaid", 2)
                running.process.send_signal(signal.SIGKILL)
            await buy(shop, customer, 5, 2)  # nobody listens; the queue keeps them
            await shop.accepted("refundPayment", commandId="r", paymentId="p-o0", reason="came broken")
            await shop.drained()
        async with opened(tmp_path) as shop:
            await shop.app.log.write(lambda connection: Reactions(NAME).move(connection, 0))
        # All of it goes out again.
        async with opened(tmp_path, relay_url=url, relay_channel=name), example(tmp_path, name, url) as running:
            await running.says("OrderRefunded")
            await running.says("again: counted before", 8)
            running.process.send_signal(signal.SIGINT)
            assert await running.process.wait() == 0
    assert sales(tmp_path) == {"Aspirin": 6, "Zinc": 12}
