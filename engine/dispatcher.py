"""Commands to their aggregates: decided in order against folded state, durable in groups, answered by a receipt."""

import asyncio
from collections.abc import Iterable, Sequence
from typing import Any

import structlog

from engine import ids
from engine.clock import Clock
from engine.codec import fingerprint, fingerprint_of
from engine.decider import Decider, Request
from engine.faults import Unavailable
from engine.feed import LOG, Feed
from engine.refusals import InvalidInput, Refusal
from engine.shapes import Aggregate, Command, Receipt
from engine.store.append import About
from engine.store.log import Log

logger = structlog.get_logger(__name__)

MOST_CHARACTERS_OF_ID = 200


_Waiting = tuple[Request, "asyncio.Future[Receipt | Refusal]"]


class Dispatcher:
    """Routes each command to the aggregate that declares it, and owns the only writer of the log.

    Commands that arrive while a group is being committed form the next group, so the disk decides the group's size.
    A caller that goes away harms nothing: its command is decided and stored all the same.
    """

    def __init__(
        self,
        log: Log,
        aggregates: Iterable[Aggregate[Any]],
        feed: Feed,
        clock: Clock,
        *,
        most_waiting: int = 10_000,
        most_in_group: int = 512,
        most_cached: int = 10_000,
        timeout: float = 30.0,
    ) -> None:
        self._log = log
        self._feed = feed
        self._decider = Decider(log, aggregates, clock, most_cached)
        self._most_waiting = most_waiting
        self._most_in_group = most_in_group
        self._timeout = timeout
        self._waiting: list[_Waiting] = []
        self._arrived = asyncio.Event()
        self._is_stopping = False
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name="dispatcher")

    async def stop(self) -> None:
        """Refuse new commands, finish those accepted, end."""
        self._is_stopping = True
        self._arrived.set()
        if self._task:
            await self._task

    async def send(
        self,
        command: Command,
        *,
        command_id: str | None = None,
        expected_version: int | None = None,
        correlation_id: str | None = None,
        causation_id: str | None = None,
        actor_id: str | None = None,
        trace: str | None = None,
        said: Any = None,
    ) -> Receipt | Refusal:
        """Decide and store a command; returns once it is on disk. `said`: see engine.codec.fingerprint.

        Raises Unavailable when it could not be stored, or when that is not known within the timeout: sending it again
        under the same command id then finds out.
        """
        if command_id is not None and not _is_id(command_id):
            return InvalidInput(f"A command id has 1 to {MOST_CHARACTERS_OF_ID} printable characters.", ["commandId"])
        if self._is_stopping:
            raise Unavailable("The server is stopping.")
        if len(self._waiting) >= self._most_waiting:
            raise Unavailable("Too many commands are waiting.")
        aggregate = self._decider.aggregate(command)
        stream = aggregate.stream(getattr(command, aggregate.identity))
        if not _is_text(stream):
            return InvalidInput("Must be text that can be encoded.", [aggregate.identity])
        id = command_id or ids.new()
        about = About(id, correlation_id or id, causation_id, actor_id, trace)
        mark = fingerprint(command, expected_version, said)
        request = Request(command, stream, about, command_id is None, expected_version, mark)
        future: asyncio.Future[Receipt | Refusal] = asyncio.get_running_loop().create_future()
        self._waiting.append((request, future))
        self._arrived.set()
        return await future

    async def recall(
        self, kind: type[Command], command_id: str, expected_version: int | None, said: Any
    ) -> Receipt | None:
        """The stored answer to a command of which `said` is what its sender gave; None when another came, or none."""
        mark, receipt = await self._log.answer(command_id) if _is_id(command_id) else (b"", None)
        return receipt if mark == fingerprint_of(kind, expected_version, said) else None

    async def _run(self) -> None:
        while True:
            await self._arrived.wait()
            # Those who were just answered get the turn first: they may have the next command ready for this group.
            await asyncio.sleep(0)
            group = self._waiting[: self._most_in_group]
            del self._waiting[: self._most_in_group]
            if not self._waiting:
                self._arrived.clear()
            if group:
                await self._commit(group)
            elif self._is_stopping:
                return
            if self._is_stopping:
                self._arrived.set()

    async def _commit(self, group: Sequence[_Waiting]) -> None:
        requests = [request for request, _ in group]
        # One deadline for the group and for those behind it: a timer for each command would cost more than deciding it.
        self._deadline = asyncio.get_running_loop().call_later(self._timeout, self._give_up, group)
        try:
            outcomes, appended = await self._log.writer.run(
                lambda connection: self._decider.decide_group(connection, requests)
            )
        except Exception as error:  # the writer must outlive any fault of one group; the group's senders are told
            logger.exception("commands not stored", count=len(group))
            outcomes = [Unavailable(f"The command could not be stored: {error}.")] * len(group)
        else:
            self._log.committed(appended.recorded, appended.characters)
        for (_, future), outcome in zip(group, outcomes, strict=True):
            if future.done():
                continue
            if isinstance(outcome, Receipt | Refusal):
                future.set_result(outcome)
            else:
                future.set_exception(outcome)
        self._deadline.cancel()
        await self._feed.publish(LOG, self._log.position)

    def _give_up(self, group: Sequence[_Waiting]) -> None:
        # Armed again, for those who come while the log goes on being silent.
        self._deadline = asyncio.get_running_loop().call_later(self._timeout, self._give_up, ())
        waiting = [*group, *self._waiting]
        self._waiting.clear()
        if waiting:
            logger.error("the log does not answer", seconds=self._timeout, commands=len(waiting))
        for request, future in waiting:
            if not future.done():
                again = f"Send it again under the command id {request.about.command_id!r} to find out."
                future.set_exception(Unavailable(f"Not confirmed within {self._timeout:g} s. {again}"))


def _is_id(value: str) -> bool:
    return 1 <= len(value) <= MOST_CHARACTERS_OF_ID and value.isprintable()


def _is_text(value: str) -> bool:
    """Whether a database can hold it: half of a surrogate pair has no UTF-8 form."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True
