"""What a process wishes, done: commands sent and effects performed, each under an id that a repeat makes again."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import structlog

from engine import ids
from engine.refusals import Refusal
from engine.shapes import Command, Effect, Receipt

Performer = Callable[[Any, str], Awaitable[Sequence[Command]]]
"Performs an effect, known by an id that is the same when it is asked again; gives the commands that follow from it."

OURS = "process/"
"How the command ids of processes begin. They can be foretold, so a client must not send one: it would be used up."
MOST_REMEMBERED = 10_000
"Effects of which it is known that they were performed; a crash forgets them."

logger = structlog.get_logger(__name__)


class EffectCutShort(Exception):
    """An effect ended without an answer, although nobody here ended it."""


class Send(Protocol):
    """How commands are decided: `Dispatcher.send`."""

    def __call__(
        self,
        command: Command,
        *,
        command_id: str | None,
        correlation_id: str | None,
        causation_id: str | None,
        actor_id: str | None,
        trace: str | None,
    ) -> Awaitable[Receipt | Refusal]: ...


class Cause(NamedTuple):
    """What a wish goes back to: the process, what in it, and the event with its story."""

    process: str
    of: str
    "Tells this occasion from every other of the process."
    correlation_id: str
    position: int
    trace: str | None = None

    @property
    def actor(self) -> str:
        """Who acts. No user can be called so: an id holds no slash."""
        return f"{OURS}{self.process}"


class Wishes:
    """Fulfils wishes one after another. Raises whatever keeps one of them from being done."""

    def __init__(self, send: Send, performers: Mapping[type[Effect], Performer], *, timeout: float) -> None:
        self._send = send
        self._performers = performers
        self._timeout = timeout
        self._performed: OrderedDict[str, Sequence[Command]] = OrderedDict()

    async def fulfil(self, wishes: Sequence[Command | Effect], cause: Cause) -> None:
        for place, wish in enumerate(wishes):
            id = ids.derived(cause.process, cause.of, str(place))
            if isinstance(wish, Command):
                await self._command(wish, id, cause)
                continue
            for number, command in enumerate(await self._effect(wish, id)):
                await self._command(command, ids.derived(id, str(number)), cause)

    async def _effect(self, wish: Effect, id: str) -> Sequence[Command]:
        """Have an effect performed; one that was need not be again because the log could not take what came of it."""
        if (following := self._performed.get(id)) is not None:
            return following
        try:
            async with asyncio.timeout(self._timeout):
                following = tuple(await self._performer(wish)(wish, id))
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            raise EffectCutShort(f"Whoever performs {type(wish).__name__} cut it short.") from None
        self._performed[id] = following
        if len(self._performed) > MOST_REMEMBERED:
            self._performed.popitem(last=False)
        return following

    def _performer(self, wish: Effect) -> Performer:
        try:
            return self._performers[type(wish)]
        except KeyError:
            raise LookupError(f"Nobody performs {type(wish).__name__}; App.running takes the performers.") from None

    async def _command(self, command: Command, id: str, cause: Cause) -> None:
        outcome = await self._send(
            command,
            command_id=f"{OURS}{id}",
            correlation_id=cause.correlation_id,
            causation_id=str(cause.position),
            actor_id=cause.actor,
            trace=cause.trace,
        )
        if isinstance(outcome, Refusal):
            # An answer like any other: the world has moved on, and the process hears of that by an event.
            reason = type(outcome).__name__
            logger.debug("refused", process=cause.process, command=type(command).__name__, reason=reason)
