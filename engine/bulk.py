"""Many commands, sent with bounded concurrency, each at most once however often the whole is repeated."""

import asyncio
from collections.abc import Callable, Sequence

from engine.app import App
from engine.codec import fingerprint
from engine.refusals import AlreadyTaken, Refusal
from engine.shapes import Command, Value

AT_ONCE = 64
ACTOR = "server/import"
"Who acts. No user can be called so: an id holds no slash."


class Tallied(Value):
    """What became of the commands."""

    accepted: int
    already_there: int
    refused: tuple[str, ...]


async def send_all(app: App, commands: Sequence[Command], progress: Callable[[], None]) -> Tallied:
    """Send every command, calling `progress` after each. Known by its content, so a repeat changes nothing."""
    accepted, there = 0, 0
    refused: list[str] = []
    remaining = iter(commands)

    async def worker() -> None:
        nonlocal accepted, there
        for command in remaining:
            id = f"import-{fingerprint(command, None).hex()}"
            outcome = await app.send(command, command_id=id, expected_version=None, actor_id=ACTOR)
            if isinstance(outcome, AlreadyTaken):
                there += 1
            elif isinstance(outcome, Refusal):
                refused.append(outcome.message)
            elif outcome.replayed:
                there += 1
            else:
                accepted += 1
            progress()

    await asyncio.gather(*(worker() for _ in range(AT_ONCE)))
    return Tallied(accepted=accepted, already_there=there, refused=tuple(refused))
