"""Subscriptions that are told the same share it: one source, one execution and one encoding, for any number of them.

A subscription starts by itself, with a snapshot or from the position that its client names. As soon as it stands where
others of the same document, variables and visibility stand, it gives up its own source and is told what they are told.
"""

import asyncio
from collections.abc import Hashable
from dataclasses import replace
from typing import Any

import orjson
import structlog
from graphql import (
    FieldNode,
    FragmentSpreadNode,
    VariableNode,
)

from engine.graphql.documents import Operation
from engine.graphql.errors import told
from engine.graphql.execution import Executor, Request
from engine.graphql.fragments import fragments
from engine.graphql.frame import Span
from engine.graphql.group import Group, Member, Opening, Subscription
from engine.graphql.result import Result, refused
from engine.graphql.scalars import Position
from engine.graphql.stream import Stream
from engine.graphql.traces import pushing

START = "after"
"The argument that says where a subscription goes on from: it matters at its start, and then no more."

_log = structlog.get_logger(__name__)


class Groups:
    """Every subscription that is shared, by what makes it the same as another."""

    def __init__(self, executor: Executor) -> None:
        self._executor = executor
        self._groups: dict[Hashable, Group] = {}
        self._frames = 0
        "Of groups that are no more, and to members that were told by themselves."

    @property
    def frames(self) -> int:
        """Answers sent to subscriptions."""
        return self._frames + sum(group.frames for group in self._groups.values())

    def __len__(self) -> int:
        return len(self._groups)

    @property
    def members(self) -> int:
        return sum(map(len, self._groups.values()))

    def subscription(self, operation: Operation, request: Request, context: Any) -> Subscription:
        """What is subscribed to, in a context made for one client."""
        field, start_name = _subject(operation)
        shared = context.shared(field) if hasattr(context, "shared") else None
        if shared is None:
            return Subscription(operation, request, context)
        visibility, common = shared
        variables = dict(request.variables or {})
        start = common.resume, variables.pop(start_name, None) if start_name else None
        try:
            said = orjson.dumps([variables, request.extensions], option=orjson.OPT_SORT_KEYS)
        except TypeError:  # an integer of more than 64 bits: let it be refused by itself
            return Subscription(operation, request, common, visibility)
        # A group holds its operation, so for as long as there is a group its operation's id is nobody else's.
        key = id(operation), said, visibility
        return Subscription(operation, request, common, visibility, key, start)

    async def follow(self, subscription: Subscription, member: Member, *, again: bool = False) -> Result | None:
        """Tell a member what it subscribed to, to the end or until it has a group that does. Gives what went wrong.

        A member that follows `again` goes on from what it was told before.
        """
        key = subscription.key if member.can_share else None
        group = self._groups.get(key)
        if group is not None and await group.welcome(subscription, member):
            self._executor.outcomes["subscription", "ok"] += not again
            return None
        context = subscription.context
        if member.since is not None:
            context = replace(context, resume=Position(member.since))
        stream = await self._executor.stream(subscription.operation, subscription.request, context, again=again)
        if isinstance(stream, Result):
            return stream
        try:
            return await self._tell(subscription, member, stream, key)
        finally:
            if member.group is None or member.group.stream is not stream:
                await stream.close()

    async def _tell(self, subscription: Subscription, member: Member, stream: Stream, key: Hashable) -> Result | None:
        opening = Opening(subscription.start)
        while True:
            try:
                payload = await stream.next()
            except StopAsyncIteration:
                return None
            except Exception as fault:
                # Going on is safe: the source has ended by raising, and this subscription ends with it.
                return refused(told([fault]))
            with await pushing(subscription.context, payload):
                answer = await _said(member, payload, await stream.answer(payload), is_shared=key is not None)
            self._frames += 1
            if key is not None and opening.take(payload, answer, member):
                group = self._groups.get(key)
                if group is None:
                    self._groups[key] = Group(subscription, stream, member, opening, self._dropped)
                    return None
                if await group.join(member, opening):
                    return None

    def _dropped(self, group: Group) -> None:
        if self._groups.get(group.key) is group:
            del self._groups[group.key]
            self._frames += group.frames

    async def close(self, within: float) -> None:
        """End every source. Those that do not end in so many seconds are left."""
        if tasks := [group.close() for group in list(self._groups.values())]:
            _, stuck = await asyncio.wait(tasks, timeout=within)
            if stuck:
                _log.error("shared subscriptions do not end when cancelled", count=len(stuck))


def _subject(operation: Operation) -> tuple[str, str | None]:
    """The one root field that a validated operation subscribes to, perhaps inside fragments, and the variable that says
    where to go on from, if that is all it says."""
    found = fragments(operation.document)
    within: Any = operation.definition
    while not isinstance(node := within.selection_set.selections[0], FieldNode):
        within = found[node.name.value] if isinstance(node, FragmentSpreadNode) else node
    values = (each.value for each in node.arguments or () if each.name.value == START)
    start = next((value.name.value for value in values if isinstance(value, VariableNode)), None)
    return node.name.value, start if start is not None and operation.passes.times(start) == 1 else None


async def _said(member: Member, payload: Any, result: Result, *, is_shared: bool) -> bytes:
    """Tell a member an answer, unless it is the state that it was told last."""
    answer = result.encode()
    if not is_shared or isinstance(payload, Span):
        await member.send(answer)
        return answer
    # As it would be if it were not the first answer of its source.
    state = answer if result.extensions is None else replace(result, extensions=None).encode()
    if state != member.told:
        await member.send(answer)
        member.told = state
    return answer
