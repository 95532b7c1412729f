"""Executing an operation compiled and the ordinary way, to compare what that gives."""

import re
from collections.abc import Callable
from typing import Any

import strawberry

from engine.graphql.compiled.plan import Compiled
from engine.graphql.execution import Executor, Request
from engine.graphql.result import Result

_REQUEST_ID = re.compile(rb'"requestId":"[0-9a-f]+"')


class BothWays:
    """Two executors of one schema, of which one compiles."""

    def __init__(self, schema: strawberry.Schema) -> None:
        self.compiling = Executor(schema)
        self.ordinary = Executor(schema, compiles=False)
        self.ordinary.documents = self.compiling.documents
        self.seen = 0
        self.compiled = 0

    def compile(self, request: Request) -> Compiled | None:
        """Have the operation of a request compiled; None when that is not done."""
        operation = self.compiling.plan(request)
        if isinstance(operation, Result):
            return None
        while operation.uses < 2:
            self.compiling._compiled(operation)
        compiled: Compiled | None = operation.compiled
        self.seen += 1
        self.compiled += compiled is not None
        return compiled

    async def answers(self, request: Request, context: Callable[[], Any]) -> tuple[bytes, bytes]:
        """The answer of the ordinary way, and the compiled one."""
        self.compile(request)
        ordinary, compiled = context(), context()
        first = await self.ordinary.execute(request, ordinary)
        second = await self.compiling.execute(request, compiled)
        return plain(first.encode()), plain(second.encode())


def plain(answer: bytes) -> bytes:
    """An answer without the ids that errors are logged under."""
    return _REQUEST_ID.sub(b'"requestId":""', answer)
