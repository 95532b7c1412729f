"""Bare Starlette: the least that a server does which answers the same."""

import asyncio
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

ID = "019aa5b16d7d7b0f8d6c0d8e6a0f3c5e"
PAGE = """SELECT '{"data":{"medicines":{"nodes":' || json_group_array(json_object(
    'id', id, 'name', name, 'genericName', generic_name, 'manufacturer', manufacturer, 'strength', strength,
    'stockQuantity', stock_quantity)) || '}}}'
FROM (SELECT id, name, generic_name, manufacturer, strength, stock_quantity FROM medicines_a
    ORDER BY name, strength, id LIMIT ?)"""


def answer(position: int) -> dict[str, Any]:
    """What our server says to a record that was accepted."""
    receipt = {
        "commandId": ID,
        "position": str(position),
        "stream": "record-benchmark-00000001",
        "version": 1,
        "acceptedAt": "2030-01-01T12:00:00+00:00",
        "replayed": False,
    }
    return {"data": {"writeRecord": {"receipt": receipt, "errors": []}}}


def route() -> Starlette:
    """A route that reads JSON and answers JSON."""
    constant = answer(1)

    async def write(request: Request) -> JSONResponse:
        await request.json()
        return JSONResponse(constant)

    return Starlette(routes=[Route("/graphql", write, methods=["POST"])])


def page(path: Path) -> Starlette:
    """A route that answers with medicines from a file of read tables. SQLite makes the JSON, on a thread of its own."""
    thread = ThreadPoolExecutor(1)
    connection = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, check_same_thread=False)

    def read(count: int) -> bytes:
        (text,) = connection.execute(PAGE, (count,)).fetchone()
        return str(text).encode()

    async def medicines(request: Request) -> Response:
        count = (await request.json())["variables"]["first"]
        text = await asyncio.get_running_loop().run_in_executor(thread, read, count)
        return Response(text, media_type="application/json")

    return Starlette(routes=[Route("/graphql", medicines, methods=["POST"])])


def sockets() -> Starlette:
    """Every record that is posted goes to every open socket as the frame that ours would send, before the answer."""
    opened: set[WebSocket] = set()
    position = 0

    async def follow(socket: WebSocket) -> None:
        await socket.accept("graphql-transport-ws")
        opened.add(socket)
        try:
            async for _ in socket.iter_text():
                pass
        finally:
            opened.discard(socket)

    async def write(request: Request) -> JSONResponse:
        nonlocal position
        input = (await request.json())["variables"]["input"]
        position += 1
        text = _frame(position, input)
        for socket in list(opened):
            await socket.send_text(text)
        return JSONResponse(answer(position))

    return Starlette(routes=[Route("/graphql", write, methods=["POST"]), WebSocketRoute("/graphql", follow)])


def _frame(position: int, input: dict[str, str]) -> str:
    row = {**input, "version": 1, "position": str(position)}
    frame = {
        "kind": "CHANGES",
        "since": str(position - 1),
        "position": str(position),
        "more": False,
        "upserted": [row],
        "removed": [],
    }
    return orjson.dumps({"id": ID, "type": "next", "payload": {"data": {"records": frame}}}).decode()
