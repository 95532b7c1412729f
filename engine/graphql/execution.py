"""GraphQL operations, executed on a Strawberry schema without Strawberry's own machinery around each request."""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from graphql import OperationType
from graphql.execution import Executor as CoreExecutor
from strawberry import Schema

from engine.graphql import ordinary
from engine.graphql.compiled.calls import Calls
from engine.graphql.compiled.plan import Compiled, attempted, used
from engine.graphql.documents import Documents, Operation
from engine.graphql.errors import Shaped, shaped, told
from engine.graphql.ordinary import IS_AWAITABLE
from engine.graphql.persisted import Persisted
from engine.graphql.result import Result, refused
from engine.graphql.stream import Stream
from engine.graphql.uses import MUCH

Scope = Mapping[str, Any]
"Of the HTTP request or the socket, as ASGI gives it."


# Not frozen, here and in the contexts, though nobody changes them: measured, making one takes four times as long then.
@dataclass(slots=True)
class Request:
    """What a client asks for."""

    query: str
    variables: dict[str, Any] | None = None
    operation_name: str | None = None
    extensions: dict[str, Any] | None = None
    document_id: str | None = None
    "Names the document; `query` may be empty then."
    size: int | None = None
    "Characters of the JSON it came in, if that is known."


@dataclass(slots=True)
class Peer:
    """Who asks, and over what."""

    scope: Scope
    params: Mapping[str, Any] | None = None
    "The payload of connection_init; None over HTTP."
    principal: Any = None
    "What the socket's `on_connect` made of it."
    renew: Callable[[Any], Awaitable[None]] | None = None
    "Gives the socket another principal; None over HTTP."
    headers: Mapping[bytes, bytes] | None = None
    "Of the request by name, those of one name joined; None on a socket."


COSTLY = 1000
"Values of an answer from which on it takes less time to compile an operation than that saves."
ContextOf = Callable[[Peer, Request], Awaitable[Any]]
"Makes the context of one operation. What it raises is the answer: a ProtocolError as it is, anything else masked."


class Executor:
    """Executes operations on a schema, each with the context it is given.

    What is plain runs compiled, from the second time on that a document is seen. `compiles=False` lets everything go
    the ordinary way, which gives the same answers.
    """

    def __init__(self, schema: Schema, persisted: Persisted | None = None, *, compiles: bool = True) -> None:
        self._strawberry = schema
        self._compiles = compiles
        # The one place that reaches past Strawberry's public face. `schema.execute` builds extensions, a middleware
        # manager and a wrapper for every request; graphql-core on the schema below it took 272 µs where that took 440.
        self._schema = schema._schema
        # Strawberry's own executor class: it gives resolvers the info that Strawberry expects.
        self._core: type[CoreExecutor[Any]] = schema.execution_context_class
        self.documents = Documents(self._schema)
        self._persisted = Persisted() if persisted is None else persisted
        self.outcomes: Counter[tuple[str, str]] = Counter()
        "Of operations, by kind."

    def plan(self, request: Request) -> Operation | Result:
        """Find the operation that is meant, so that its kind and cost are known before anything runs."""
        text = self._persisted.text(request.query, request.document_id, request.extensions)
        if not isinstance(text, str):
            return self._refused((text,))
        found = self.documents.operation(text, request.operation_name)
        if not isinstance(found, Operation):
            return self._refused(found)
        if request.variables and found.passes.is_much(request.variables, request.size):
            return self._refused((shaped("TOO_COMPLEX", MUCH),))
        requested, limit = found.price.requested(request.variables), found.price.limit
        if requested > limit:
            text = f"The operation asks for up to {requested} values; at most {limit} are allowed."
            error = shaped("TOO_COMPLEX", text, requested=requested, limit=limit)
            return replace(self._refused((error,)), extensions=found.price.told(request.variables))
        return found

    def _refused(self, errors: tuple[Shaped, ...]) -> Result:
        self.outcomes["none", "refused"] += 1
        return refused(errors)

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
        extensions = operation.price.told(request.variables)
        compiled = operation.compiled or self._compiled(operation, extensions["cost"]["requested"] > COSTLY)
        begun = compiled and compiled.begin(request.variables or {}, context, request.extensions)
        outcome = await attempted(*begun) if begun else None
        kind = "mutation" if operation.kind is OperationType.MUTATION else "query"
        if isinstance(outcome, dict):
            self.outcomes[kind, "ok"] += 1
            return Result(outcome, extensions=extensions)
        result = await self._run(operation, request, context, outcome)
        self.outcomes[kind, "refused" if result.kind == "refused" else "errors" if result.errors else "ok"] += 1
        return replace(result, extensions=extensions)

    async def _run(self, operation: Operation, request: Request, context: Any, calls: Calls | None) -> Result:
        core = self._build(operation, request, context)
        if isinstance(core, Result):
            return core
        if operation.price.is_introspection and calls is None:
            # One of the whole schema takes 70 ms and waits for nothing in between, so it must not have the event loop.
            return Result(*await asyncio.to_thread(ordinary.introspected, core))
        return Result(*await ordinary.executed(core, calls=calls))

    def _compiled(self, operation: Operation, is_costly: bool = False) -> Compiled | None:
        return used(self._strawberry, operation, at_once=is_costly) if self._compiles else None

    async def subscribe(self, request: Request, context: Any) -> AsyncGenerator[Result, None] | Result:
        """Start a subscription. Never raises, but for cancellation; a `refused` result ends the answers.

        Close the iterator to end the subscription: that runs the clean-up of the resolver's generator.
        """
        operation = self.plan(request)
        if isinstance(operation, Result):
            return operation
        if operation.kind is not OperationType.SUBSCRIPTION:
            return refused((shaped("BAD_REQUEST", "This is not a subscription."),))
        stream = await self.stream(operation, request, context)
        return stream if isinstance(stream, Result) else stream.answers()

    async def stream(
        self, operation: Operation, request: Request, context: Any, *, again: bool = False
    ) -> Stream | Result:
        """Start a subscription that was planned before, or `again`. Never raises, but for cancellation."""
        core = self._build(operation, request, context)
        source = core.errors if isinstance(core, Result) else await ordinary.source(core)
        self.outcomes["subscription", "refused" if isinstance(source, tuple) else "ok"] += not again
        if isinstance(core, Result):
            return core
        if isinstance(source, tuple):
            return refused(source)
        extensions = operation.price.told(request.variables)
        return Stream(core, source, lambda: self._compiled(operation), extensions)

    def _build(self, operation: Operation, request: Request, context: Any) -> CoreExecutor[Any] | Result:
        try:
            built = self._core.build(
                self._schema,
                operation.document,
                None,
                context,
                request.variables,
                operation.name,
                is_awaitable=IS_AWAITABLE,
                # Of a name as long as the body may be, finding similar ones took 160 ms.
                hide_suggestions=True,
                operation_extensions=request.extensions,
            )
        except Exception as fault:
            # Going on is safe: nothing ran yet, and a scalar that raises harms only its own request.
            return refused(told([fault]))
        if isinstance(built, list):
            return refused(ordinary.refusals(built))
        return built
