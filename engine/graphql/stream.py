"""A running subscription."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import Any

from graphql.execution import Executor as CoreExecutor

from engine.graphql import ordinary
from engine.graphql.compiled.calls import Calls
from engine.graphql.compiled.plan import Compiled, Plan, attempted
from engine.graphql.errors import told
from engine.graphql.result import Result, refused


class Stream:
    """A running subscription: what its source gives, and the answer that each of that comes to."""

    def __init__(
        self,
        core: CoreExecutor[Any],
        source: AsyncIterator[Any],
        compiled: Callable[[], Compiled | None],
        extensions: dict[str, Any],
    ) -> None:
        self._core: Any = core
        self.context: Any = core.context_value
        self._source = source
        self._compiled = compiled
        "Gives what there is when an operation is used once more: each answer is a use."
        self._plan: Plan | None = None
        self._extensions: dict[str, Any] | None = extensions
        "Of the first answer."

    async def next(self) -> Any:
        """What the source gives next. Raises StopAsyncIteration at its end, and whatever the source raises."""
        return await anext(self._source)

    async def encoded(self, payload: Any) -> bytes:
        """The answer to what the source gave, as JSON.

        It is made once for all streams of a plan that are given the same, if nothing but that has a part in it: their
        variables decide what their sources give, and then no more.
        """
        plan = self._plan
        if plan is None or not plan.is_plain or self._extensions is not None:
            return (await self.answer(payload)).encode()
        answer = plan.said(payload)
        if answer is None:
            answer = (await self.answer(payload)).encode()
            plan.note(payload, answer)
        return answer

    async def answer(self, payload: Any) -> Result:
        """The answer to what the source gave. Never raises, but for cancellation."""
        core = self._core
        calls: Calls | None = None
        extensions, self._extensions = self._extensions, None
        if plan := self._plan or self._planned():
            run = plan.terms.run(
                plan.terms, core.variable_values, core.context_value, core.operation_extensions, payload
            )
            outcome = await attempted(plan, run)
            if isinstance(outcome, dict):
                return Result(outcome, extensions=extensions)
            calls = outcome
        data, errors = await ordinary.executed(core.build_per_event_executor(payload), False, calls)
        return Result(data, errors, extensions=extensions)

    def _planned(self) -> Plan | None:
        compiled = self._compiled()
        self._plan = compiled.events(self._core.variable_values) if compiled else None
        return self._plan

    async def close(self) -> None:
        """End the source: that runs the clean-up of the resolver's generator."""
        try:
            if hasattr(self._source, "aclose"):
                await self._source.aclose()
        finally:
            ordinary.let_core_go(self._core)

    async def answers(self) -> AsyncGenerator[Result, None]:
        """All of them, one by one; a `refused` one is the last."""
        try:
            while True:
                try:
                    payload = await self.next()
                except StopAsyncIteration:
                    return
                except Exception as fault:
                    # Going on is safe: the source has ended by raising, and this subscription ends with it.
                    yield refused(told([fault]))
                    return
                yield await self.answer(payload)
        finally:
            await self.close()
