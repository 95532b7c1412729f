"""The servers that ours is held against: stock Strawberry, and a bare Starlette route."""

import sys
from datetime import UTC, datetime
from typing import Any

import strawberry
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Mount, Route
from strawberry.asgi import GraphQL
from strawberry.extensions import ParserCache, ValidationCache
from strawberry.schema.config import StrawberryConfig

from engine import serving
from engine.graphql.mutation import ReceiptType
from engine.graphql.scalars import SCALARS, Position
from schema.records import WriteRecordInput, WriteRecordPayload

RECEIPT = ReceiptType(
    command_id=strawberry.ID("019aa5b16d7d7b0f8d6c0d8e6a0f3c5e"),
    position=Position(1),
    stream="record-benchmark-00000001",
    version=1,
    accepted_at=datetime(2030, 1, 1, 12, tzinfo=UTC),
    replayed=False,
)
ANSWER = {
    "data": {
        "writeRecord": {
            "receipt": {
                "commandId": RECEIPT.command_id,
                "position": str(RECEIPT.position),
                "stream": RECEIPT.stream,
                "version": RECEIPT.version,
                "acceptedAt": RECEIPT.accepted_at.isoformat(),
                "replayed": RECEIPT.replayed,
            },
            "errors": [],
        }
    }
}


@strawberry.type
class Query:
    nothing: str | None = None


@strawberry.type
class Mutation:
    @strawberry.mutation
    async def write_record(self, input: WriteRecordInput) -> WriteRecordPayload:
        return WriteRecordPayload(receipt=RECEIPT, errors=[])


def stock() -> Starlette:
    """The same mutation as ours, as Strawberry's documentation serves it, with both its caches. It does nothing."""
    schema = strawberry.Schema(
        Query,
        Mutation,
        extensions=[lambda: ParserCache(), lambda: ValidationCache()],
        config=StrawberryConfig(scalar_map=SCALARS),
    )
    endpoint: GraphQL[Any, Any] = GraphQL(schema)
    return Starlette(routes=[Route("/graphql", endpoint), Mount("/graphql", endpoint)])


def bare() -> Starlette:
    """A route that reads JSON and answers JSON."""

    async def answer(request: Request) -> JSONResponse:
        await request.json()
        return JSONResponse(ANSWER)

    return Starlette(routes=[Route("/graphql", answer, methods=["POST"])])


if __name__ == "__main__":
    made = {"strawberry": stock, "starlette": bare}[sys.argv[1]]()
    sys.exit(serving.serve(made, "127.0.0.1", 0, ready=lambda port: print(f"http://127.0.0.1:{port}", flush=True)))
