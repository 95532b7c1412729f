"""The ordinary way of executing an operation: graphql-core's executor, run to its end."""

from collections.abc import AsyncIterator, Sequence
from typing import Any, NamedTuple

from graphql import ExecutionResult, GraphQLError
from graphql.execution import Executor as CoreExecutor
from graphql.execution import create_source_event_stream
from strawberry.execution import is_awaitable

from engine.graphql.compiled.calls import Calls
from engine.graphql.documents import MAX_MESSAGE
from engine.graphql.errors import Shaped, let_go, located, told

IS_AWAITABLE: Any = is_awaitable.optimized_is_awaitable


class Outcome(NamedTuple):
    """What an execution came to."""

    data: dict[str, Any] | None
    errors: tuple[Shaped, ...]


async def executed(core: CoreExecutor[Any], serially: bool | None = None, calls: Calls | None = None) -> Outcome:
    """The outcome of an executor; what was called before is not called again. Never raises, but for cancellation."""
    if calls is None:
        return await _executed(core, serially)
    core.middleware_manager = calls.middleware
    try:
        return await _executed(core, serially)
    finally:
        calls.close()


async def _executed(core: CoreExecutor[Any], serially: bool | None) -> Outcome:
    try:
        result: Any = core.execute_operation(serially)
        if IS_AWAITABLE(result):
            result = await result
    except Exception as fault:
        # Going on is safe: graphql-core collects what resolvers raise, so this is one request's own misfortune.
        return Outcome(None, told([fault]))
    finally:
        let_core_go(core)
    return _outcome(result)


def let_core_go(core: CoreExecutor[Any]) -> None:
    """Free an executor that nobody runs any more, with all that the request brought."""
    # They refer to the executor, and it to them: both would stay in memory until all garbage is looked for.
    core.async_helpers = None  # type: ignore[assignment]  # nobody asks for them any more


def introspected(core: CoreExecutor[Any]) -> Outcome:
    """The outcome of an executor that awaits nothing. Never raises."""
    try:
        return _outcome(core.execute_operation())
    except Exception as fault:
        # Going on is safe, for the same reason.
        return Outcome(None, told([fault]))
    finally:
        let_core_go(core)


def _outcome(result: Any) -> Outcome:
    return Outcome(result.data, told(result.errors) if result.errors else ())


async def source(core: CoreExecutor[Any]) -> AsyncIterator[Any] | tuple[Shaped, ...]:
    """The source of a subscription, or why there is none. Never raises, but for cancellation."""
    try:
        found: Any = create_source_event_stream(core)
        if IS_AWAITABLE(found):
            found = await found
    except Exception as fault:
        # Going on is safe: nothing was started, and the client is told.
        return told([fault])
    if isinstance(found, ExecutionResult):
        return told(found.errors or ())
    iterator: AsyncIterator[Any] = aiter(found)
    return iterator


def refusals(errors: Sequence[GraphQLError]) -> tuple[Shaped, ...]:
    """Variables that were refused, with the code of the scalar that refused each if it named one."""
    let_go(errors)
    return tuple(map(_refusal, errors))


def _refusal(error: GraphQLError) -> Shaped:
    found = located(error, str((error.extensions or {}).get("code", "BAD_USER_INPUT")))
    return {**found, "message": error.message[:MAX_MESSAGE]}
