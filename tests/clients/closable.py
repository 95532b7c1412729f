"""A shop as a process of its own, that closes the sockets of a user with a code when it is told to.

Its first line says where it listens and with which tokens; a line of its input reads `<user> <code>`.
"""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from engine import logs
from tests.running import opened


async def serve(folder: Path, stores: dict[str, str], users: list[str]) -> None:
    async with opened(folder, **dict[str, Any](stores)) as shop:
        tokens = {user: (await shop.viewer("customer", user)).token for user in users}
        print(json.dumps({"port": shop.port, "staff": shop.token, "tokens": tokens}), flush=True)
        while line := await asyncio.to_thread(sys.stdin.readline):
            user, code = line.split()
            shop.close(user, int(code))


if __name__ == "__main__":
    logs.configure("error", "console")
    asyncio.run(serve(Path(sys.argv[1]), json.loads(sys.argv[2]), sys.argv[3:]))
