"""Another team's service: how much of each medicine was sold, kept up to date from what the shop tells RabbitMQ.

.venv/bin/python examples/sales.py [amqp://guest:guest@127.0.0.1:5672/] [sales.db]

Needs aio-pika and nothing of the shop. To make it yours, change BINDINGS and `apply`. The rest is what every consumer
needs: a queue that keeps what comes while you are away, each event counted once though it may come twice, and nothing
acknowledged before it is stored.
"""

import asyncio
import json
import sqlite3
import sys
from contextlib import closing, suppress
from typing import Any

import aio_pika
from aio_pika.abc import AbstractIncomingMessage
from aio_pika.exceptions import AMQPError

EXCHANGE = "events"
"RELAY_CHANNEL of the shop."
QUEUE = "sales"
"A name of your own: it is your place in the stream of events."
BINDINGS = ["order.OrderPaid", "order.OrderRefunded"]
"`<aggregate>.<Event>`; `order.*` for all of an order's, `#` for everything."
AGAIN = 1.0
"Seconds until a lost connection is tried again."

TABLES = """
CREATE TABLE IF NOT EXISTS sales (medicine TEXT PRIMARY KEY, quantity INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS seen (source TEXT, id TEXT, PRIMARY KEY (source, id)) WITHOUT ROWID;
"""


def apply(database: sqlite3.Connection, event: dict[str, Any]) -> None:
    """Count what was sold, and take back what was refunded."""
    sign = {"OrderPaid": 1, "OrderRefunded": -1}[event["type"]]
    for line in event["data"]["lines"]:
        database.execute(
            "INSERT INTO sales VALUES (?1, ?2) ON CONFLICT DO UPDATE SET quantity = quantity + ?2",
            (line["name"], sign * line["quantity"]),
        )


def take(database: sqlite3.Connection, event: dict[str, Any]) -> bool:
    """Apply an event, unless that was done; in one transaction, so that it is done once whatever happens in between."""
    with database:
        added = database.execute("INSERT OR IGNORE INTO seen VALUES (?, ?)", (event["source"], event["id"]))
        if not added.rowcount:
            return False
        apply(database, event)
    return True


async def follow(url: str, database: sqlite3.Connection) -> None:
    """Take events from the queue, one after the other, until the connection is lost."""
    connection = await aio_pika.connect(url)
    async with connection, connection.channel() as channel:
        await channel.set_qos(prefetch_count=100)
        exchange = await channel.declare_exchange(EXCHANGE, aio_pika.ExchangeType.TOPIC, durable=True)
        # One active consumer: a second instance of this service stands by, and order is kept.
        queue = await channel.declare_queue(QUEUE, durable=True, arguments={"x-single-active-consumer": True})
        for binding in BINDINGS:
            await queue.bind(exchange, binding)
        print(f"-- following {', '.join(BINDINGS)}", flush=True)
        async with queue.iterator() as messages:
            async for message in messages:
                await receive(database, message)


async def receive(database: sqlite3.Connection, message: AbstractIncomingMessage) -> None:
    """Acknowledge a message once what it tells is stored. Whatever fails before that, the message comes again."""
    event = json.loads(message.body)
    is_new = take(database, event)
    await message.ack()
    mark = "" if is_new else "  (again: counted before)"
    print(f"{event['id']:>6} {event['type']} {event['data']['number']}{mark}", flush=True)


async def main(url: str, path: str) -> None:
    with closing(sqlite3.connect(path)) as database:
        database.executescript(TABLES)
        while True:
            try:
                await follow(url, database)
            except (OSError, AMQPError) as lost:
                print(f"-- connection lost ({type(lost).__name__}); again in a second", flush=True)
            await asyncio.sleep(AGAIN)


if __name__ == "__main__":
    given = dict(enumerate(sys.argv))
    with suppress(KeyboardInterrupt):
        asyncio.run(main(given.get(1, "amqp://guest:guest@127.0.0.1:5672/"), given.get(2, "sales.db")))
