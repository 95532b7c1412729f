"""GraphQL operations, executed on a Strawberry schema without Strawberry's own machinery around each request."""

import json
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing, nullcontext
from dataclasses import dataclass
from typing import Any, Literal

import orjson
from graphql import ExecutionResult, GraphQLError, OperationType
from graphql.execution import Executor as CoreExecutor
from graphql.execution import create_source_event_stream
from strawberry import Schema
from strawberry.execution import is_awaitable

from engine.graphql.documents import Documents, Operation
from engine.graphql.errors import Shaped, located, shaped, told

Scope = Mapping[str, Any]
"Of the HTTP request or the socket, as ASGI gives it."


@dataclass(frozen=True, slots=True)
class Request:
    """What a client asks for."""

    query: str
    variables: dict[str, Any] | None = None
    operation_name: str | None = None
    extensions: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Peer:
    """Who asks, and over what."""

    scope: Scope
    params: Mapping[str, Any] | None = None
    "The payload of connection_init; None over HTTP."
    principal: Any = None
    "What the socket's `on_connect` made of it."


_IS_AWAITABLE: Any = is_awaitable.optimized_is_awaitable

ContextOf = Callable[[Peer, Request], Awaitable[Any]]
"Makes the context of one operation. What it raises is the answer: a ProtocolError as it is, anything else masked."


@dataclass(frozen=True, slots=True)
class Result:
    """An answer. A `refused` one never came to be executed, so it has no data at all, not even null."""

    data: dict[str, Any] | None = None
    errors: tuple[Shaped, ...] = ()
    kind: Literal["executed", "refused"] = "executed"

    def encode(self) -> bytes:
        """The answer as JSON. Never raises: what cannot be encoded is a fault like any other."""
        try:
            return _json(self.answer())
        except (TypeError, ValueError, RecursionError) as fault:
            return _json({"data": None, "errors": told([fault])})

    def encode_errors(self) -> bytes:
        """The errors alone, as JSON. Never raises."""
        try:
            return _json(self.errors)
        except (TypeError, ValueError, RecursionError) as fault:
            return _json(told([fault]))

    def answer(self) -> dict[str, Any]:
        answer: dict[str, Any] = {} if self.kind == "refused" else {"data": self.data}
        if self.errors:
            answer["errors"] = self.errors
        return answer


def refused(errors: tuple[Shaped, ...]) -> Result:
    return Result(None, errors, "refused")


def _json(value: Any) -> bytes:
    try:
        return orjson.dumps(value)
    except TypeError:
        # orjson stops at integers of 64 bits, at lone surrogates and at 254 levels; the standard library does not.
        return json.dumps(value, allow_nan=False).encode()


class Executor:
    """Executes operations on a schema, each with the context it is given."""

    def __init__(self, schema: Schema) -> None:
        # The one place that reaches past Strawberry's public face. `schema.execute` builds extensions, a middleware
        # manager and a wrapper for every request; graphql-core on the schema below it took 272 µs where that took 440.
        self._schema = schema._schema
        # Strawberry's own executor class: it gives resolvers the info that Strawberry expects.
        self._core: type[CoreExecutor[Any]] = schema.execution_context_class
        self.documents = Documents(self._schema)

    def plan(self, request: Request) -> Operation | Result:
        """Find the operation that is meant, so that its kind is known before anything runs."""
        found = self.documents.operation(request.query, request.operation_name)
        return found if isinstance(found, Operation) else refused(found)

    async def execute(self, request: Request, context: Any) -> Result:
        """Run a query or a mutation. Never raises, but for cancellation."""
        operation = self.plan(request)
        if isinstance(operation, Result):
            return operation
        if operation.kind is OperationType.SUBSCRIPTION:
            return refused((shaped("BAD_REQUEST", "A subscription gives many answers, and this asks for one."),))
        return await self.run(operation, request, context)

    async def run(self, operation: Operation, request: Request, context: Any) -> Result:
        """Run a query or a mutation that was planned before. Never raises, but for cancellation."""
        core = self._build(operation, request, context)
        return core if isinstance(core, Result) else await _settled(core)

    async def subscribe(self, request: Request, context: Any) -> AsyncGenerator[Result, None] | Result:
        """Start a subscription. Never raises, but for cancellation; a `refused` result ends the stream.

        Close the iterator to end the subscription: that runs the clean-up of the resolver's generator.
        """
        operation = self.plan(request)
        if isinstance(operation, Result):
            return operation
        if operation.kind is not OperationType.SUBSCRIPTION:
            return refused((shaped("BAD_REQUEST", "This is not a subscription."),))
        return await self.stream(operation, request, context)

    async def stream(
        self, operation: Operation, request: Request, context: Any
    ) -> AsyncGenerator[Result, None] | Result:
        """Start a subscription that was planned before. Never raises, but for cancellation."""
        core = self._build(operation, request, context)
        if isinstance(core, Result):
            return core
        try:
            source: Any = create_source_event_stream(core)
            if _IS_AWAITABLE(source):
                source = await source
        except Exception as fault:
            # Going on is safe: nothing was started, and the client is told.
            return refused(told([fault]))
        if isinstance(source, ExecutionResult):
            return refused(told(source.errors or ()))
        return _events(core, source)

    def _build(self, operation: Operation, request: Request, context: Any) -> CoreExecutor[Any] | Result:
        try:
            built = self._core.build(
                self._schema,
                operation.document,
                None,
                context,
                request.variables,
                operation.name,
                is_awaitable=_IS_AWAITABLE,
                operation_extensions=request.extensions,
            )
        except Exception as fault:
            # Going on is safe: nothing ran yet, and a scalar that raises harms only its own request.
            return refused(told([fault]))
        if isinstance(built, list):
            return refused(tuple(_coercion(error) for error in built))
        return built


def _coercion(error: GraphQLError) -> Shaped:
    """A variable that was refused, with the code of the scalar that refused it if it named one."""
    return located(error, str((error.extensions or {}).get("code", "BAD_USER_INPUT")))


async def _settled(core: CoreExecutor[Any], serially: bool | None = None) -> Result:
    try:
        outcome: Any = core.execute_operation(serially)
        if _IS_AWAITABLE(outcome):
            outcome = await outcome
    except Exception as fault:
        # Going on is safe: graphql-core collects what resolvers raise, so this is one request's own misfortune.
        return Result(None, told([fault]))
    return Result(outcome.data, told(outcome.errors) if outcome.errors else ())


async def _events(core: CoreExecutor[Any], source: Any) -> AsyncGenerator[Result, None]:
    source = aiter(source)
    async with aclosing(source) if hasattr(source, "aclose") else nullcontext():
        while True:
            try:
                payload = await anext(source)
            except StopAsyncIteration:
                return
            except Exception as fault:
                # Going on is safe: the source has ended by raising, and this subscription ends with it.
                yield refused(told([fault]))
                return
            yield await _settled(core.build_per_event_executor(payload), False)
