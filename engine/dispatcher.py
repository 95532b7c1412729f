"""Commands to their aggregates: decided in order against folded state, durable in groups, answered by a receipt."""

import asyncio
from collections.abc import Iterable, Sequence
from itertools import takewhile
from operator import attrgetter
from typing import Any

import structlog

from engine import ids, logs, metrics, tracing
from engine.clock import Clock, monotonic
from engine.codec import fingerprint, fingerprint_of
from engine.decider import Decider, Outcome, Request
from engine.faults import GONE, Unavailable, Unconfirmed
from engine.feed import LOG, Feed
from engine.refusals import InvalidInput, Refusal
from engine.shapes import Aggregate, Command, Receipt, Recorded
from engine.store.append import About
from engine.store.log import Log

logger = structlog.get_logger(__name__)

MOST_CHARACTERS_OF_ID = 200
_EVENT = attrgetter("event")
LONG = 0.5
"Seconds that a command has waited when, of a log that is gone, it is told with those who were first."
MOST_TOLD = 10
"Command ids in a log line."
NO_ID = f"A command id has 1 to {MOST_CHARACTERS_OF_ID} printable characters."
NO_TEXT = "Must be text that can be encoded."
STOPPING = "The server is stopping."
TOO_MANY = "Too many commands are waiting."
MOST_PATIENCE = 0.005
"Seconds that a group is held back for more to come."

_ANSWERS = Receipt, Refusal
_Waiting = tuple[Request, "asyncio.Future[Receipt | Refusal]"]


class Dispatcher:
    """Routes each command to the aggregate that declares it, and owns the only writer of the log.

    Commands that arrive while a group is being committed form the next group, so the disk decides the group's size; and
    those whose senders were just answered, if they come within the time that it took.
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
        self.counted = metrics.Writing()
        self.last_error: str | None = None
        "Why the last group could not be stored."
        self._waiting: list[_Waiting] = []
        self._arrived = asyncio.Event()
        self._expected = 1
        "Commands in the next group, if each sender of the last one has a next one."
        self._patience = 0.0
        "Seconds that they are waited for: at most what the last group took."
        self._complete = asyncio.Event()
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

    def send(
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
    ) -> "asyncio.Future[Receipt | Refusal]":
        """Decide and store a command; done once it is on disk. `said`: see engine.codec.fingerprint.

        Raises Unavailable when it could not be stored, or when that is not known within the timeout: sending it again
        under the same command id then finds out.
        """
        future: asyncio.Future[Receipt | Refusal] = asyncio.get_running_loop().create_future()
        if command_id is not None and not _is_id(command_id):
            future.set_result(InvalidInput(NO_ID, ["commandId"]))
            return future
        if self._is_stopping or len(self._waiting) >= self._most_waiting:
            self.counted.outcomes[type(command), "failed"] += 1
            future.set_exception(Unavailable(STOPPING if self._is_stopping else TOO_MANY))
            return future
        stream = self._decider.stream(command)
        if not _is_text(stream):
            future.set_result(InvalidInput(NO_TEXT, [self._decider.identity(command)]))
            return future
        id = command_id or ids.new()
        traced = _traced(command, id, trace or tracing.carried(), future)
        about = About(id, correlation_id or id, causation_id, actor_id, traced)
        logs.bind(id, about.correlation_id)
        mark = fingerprint(command, expected_version, said)
        request = Request(command, stream, about, command_id is None, expected_version, mark, monotonic())
        self._waiting.append((request, future))
        self._arrived.set()
        if len(self._waiting) >= self._expected:
            self._complete.set()
        return future

    @property
    def waiting(self) -> int:
        """Commands that wait for the next group."""
        return len(self._waiting)

    async def recall(
        self, kind: type[Command], command_id: str, expected_version: int | None, said: Any
    ) -> Receipt | None:
        """The stored answer to a command of which `said` is what its sender gave; None when another came, or none."""
        mark, receipt = await self._log.answer(command_id) if _is_id(command_id) else (b"", None)
        return receipt if mark == fingerprint_of(kind, expected_version, said) else None

    async def _run(self) -> None:
        while True:
            await self._arrived.wait()
            if len(self._waiting) < self._expected:
                await self._gather()
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

    async def _gather(self) -> None:
        """Give those who were just answered the time for their next command: what a group costs, all in it share."""
        self._complete.clear()
        timer = asyncio.get_running_loop().call_later(self._patience, self._complete.set)
        await self._complete.wait()
        timer.cancel()

    async def _commit(self, group: Sequence[_Waiting]) -> None:
        requests = [request for request, _ in group]
        # One deadline for the group and for those behind it: a timer for each command would cost more than deciding it.
        self._deadline = asyncio.get_running_loop().call_later(self._timeout, self._give_up, group)
        began = monotonic()
        try:
            outcomes, appended = await self._log.writer.run(
                lambda connection: self._decider.decide_group(connection, requests)
            )
        except Unconfirmed as error:
            logger.warning("commands not confirmed", count=len(group), reason=str(error))
            outcomes = [Unavailable(f"{error} {_again(each)}") for each in requests]
        except Exception as error:  # the writer must outlive any fault of one group; the group's senders are told
            outcomes = self._failed(error, requests)
        else:
            self._log.committed(appended.recorded, appended.characters)
            self._count(appended.recorded, len(group), monotonic() - began)
            self.last_error = None
        now = monotonic()
        self._expected = min(len(group) + len(self._waiting), self._most_in_group)
        self._patience = min(now - began, MOST_PATIENCE)
        self.counted.answered(
            [type(each.command) for each in requests],
            list(map(_outcome, outcomes)),
            [now - each.came_at for each in requests],
        )
        _answer(group, outcomes)
        self._deadline.cancel()
        self._feed.note(LOG, self._log.position)  # at once to those in this process
        await self._feed.publish(LOG, self._log.position)

    def _failed(self, error: Exception, requests: Sequence[Request]) -> list[Outcome]:
        self.last_error = f"{type(error).__name__}: {error}"
        if isinstance(error, Unavailable):
            logger.warning("commands not stored", count=len(requests), reason=str(error))
            self._let_go(error)
        else:
            first = [each.about.command_id for each in requests[:MOST_TOLD]]
            logger.exception("commands not stored", count=len(requests), command_ids=first)
        return [_not_stored(error)] * len(requests)

    def _count(self, recorded: Sequence[Recorded], commands: int, seconds: float) -> None:
        counted = self.counted
        counted.commits.add(seconds)
        counted.groups.add(commands)
        counted.events.update(map(type, map(_EVENT, recorded)))

    def _let_go(self, error: Exception) -> None:
        """Tell those, too, who have waited for long already: the next attempt may take as long."""
        if not isinstance(error, GONE):
            return
        since = monotonic() - LONG
        late = list(takewhile(lambda each: each[0].came_at < since, self._waiting))
        del self._waiting[: len(late)]
        self.counted.outcomes.update((type(request.command), "failed") for request, _ in late)
        for _, future in late:
            if not future.done():
                future.set_exception(_not_stored(error))

    def _give_up(self, group: Sequence[_Waiting]) -> None:
        # Armed again, for those who come while the log goes on being silent.
        self._deadline = asyncio.get_running_loop().call_later(self._timeout, self._give_up, ())
        waiting = [*group, *self._waiting]
        self.counted.outcomes.update((type(request.command), "failed") for request, _ in self._waiting)
        self._waiting.clear()
        if waiting:
            logger.error("the log does not answer", seconds=self._timeout, commands=len(waiting))
        for request, future in waiting:
            if not future.done():
                future.set_exception(Unavailable(f"Not confirmed within {self._timeout:g} s. {_again(request)}"))


def _answer(group: Sequence[_Waiting], outcomes: Sequence[Outcome]) -> None:
    for (_, future), outcome in zip(group, outcomes, strict=True):
        if future.done():
            continue
        if isinstance(outcome, _ANSWERS):
            future.set_result(outcome)
        else:
            future.set_exception(outcome)


def _not_stored(error: Exception) -> Unavailable:
    return Unavailable(f"The command could not be stored: {str(error).removesuffix('.')}.")


def _again(request: Request) -> str:
    return f"Send it again under the command id {request.about.command_id!r} to find out."


def _traced(command: Command, id: str, trace: str | None, future: "asyncio.Future[Any]") -> str | None:
    """The traceparent that the events of a command are to carry: of the span that lasts until it is stored."""
    if not tracing.is_on():
        return trace
    return tracing.until(future, f"append {type(command).__name__}", trace, command_id=id)


def _outcome(outcome: Outcome) -> str:
    """What an answer counts as."""
    if type(outcome) is Receipt:
        return "replayed" if outcome.replayed else "accepted"
    return "refused" if isinstance(outcome, Refusal) else "failed"


def _is_id(value: str) -> bool:
    return 1 <= len(value) <= MOST_CHARACTERS_OF_ID and value.isprintable()


def _is_text(value: str) -> bool:
    """Whether a database can hold it: half of a surrogate pair has no UTF-8 form."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True
