"""Follow the catalogue from a terminal, and go on without a gap after the connection was lost.

.venv/bin/python examples/watch.py [ws://127.0.0.1:8000/graphql]
"""

import asyncio
import json
import sys
from contextlib import suppress

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

QUERY = """
subscription ($after: Position) {
  medicines(after: $after) {
    kind since position more
    upserted { id name strength price { amount currency } stockQuantity isAvailable }
    removed
  }
}
"""


async def watch(url: str) -> None:
    position: str | None = None
    "How far the view is exact; where to go on from."
    while True:
        try:
            async with connect(url, subprotocols=["graphql-transport-ws"]) as socket:  # type: ignore[list-item]
                await socket.send('{"type": "connection_init"}')
                subscribe = {"query": QUERY, "variables": {"after": position}}
                await socket.send(json.dumps({"type": "subscribe", "id": "1", "payload": subscribe}))
                async for text in socket:
                    message = json.loads(text)
                    if message["type"] == "next":
                        position = show(message["payload"]["data"]["medicines"])
                    elif message["type"] == "error":
                        raise SystemExit(message["payload"][0]["message"])
        except (OSError, ConnectionClosed) as lost:
            print(f"-- connection lost ({lost or type(lost).__name__}); again in a second, from position {position}")
            await asyncio.sleep(1)


def show(frame: dict[str, object]) -> str:
    """Print what a frame says; the position that the view is exact at once it is applied."""
    print(f"{frame['kind']:8} {frame['since']} -> {frame['position']}{'  (more)' if frame['more'] else ''}")
    rows = frame["upserted"]
    assert isinstance(rows, list)
    for row in rows if frame["kind"] != "SNAPSHOT" else rows[:3]:
        price = f"{row['price']['amount']} {row['price']['currency']}"
        print(f"  {row['name']} {row['strength']}: {price}, {row['stockQuantity']} in stock")
    if frame["kind"] == "SNAPSHOT" and len(rows) > 3:
        print(f"  ... and {len(rows) - 3} more")
    for gone in frame["removed"]:  # type: ignore[attr-defined]
        print(f"  gone: {gone}")
    return str(frame["position"])


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        asyncio.run(watch(sys.argv[1] if len(sys.argv) > 1 else "ws://127.0.0.1:8000/graphql"))
