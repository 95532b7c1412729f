"""A page of the catalogue, beside a bare route that answers with the same bytes out of the same file."""

from contextlib import AsyncExitStack
from functools import partial
from itertools import repeat
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import orjson

from benchmarks import contender, http, machine, records
from benchmarks.contender import Contender
from benchmarks.machine import Server
from benchmarks.report import Row, per_second, ratio

QUERY = """query Catalogue($first: Int) {
  medicines(first: $first) { nodes { id name genericName manufacturer strength stockQuantity } }
}"""
REGISTER = "mutation ($input: RegisterMedicineInput!) { registerMedicine(input: $input) { errors { message } } }"
CONNECTIONS = 32
PAGE = 100


def measure(*, rounds: int = 7, seconds: float = 1.0, medicines: int = 1000) -> tuple[Row, ...]:
    return (machine.run(_measure(rounds, seconds, medicines)),)


async def _measure(rounds: int, seconds: float, medicines: int) -> Row:
    async with AsyncExitStack() as stack:
        directory = Path(stack.enter_context(TemporaryDirectory()))
        server = await stack.enter_async_context(machine.dispensary(directory))
        await _register(server, medicines)
        tables = directory / "data" / "read.db"
        other = await stack.enter_async_context(machine.yardstick("bare.page", tables, directory=directory))
        request = _request(QUERY, {"first": PAGE}, server.token)
        answer = await _answer(other, request)
        _compare(await _answer(server, request), answer, min(PAGE, medicines))
        check = partial(_check, answer.removesuffix(b"}"))
        ours, bare = (
            Contender(each, check, connections=CONNECTIONS, has_read_models=False) for each in (server, other)
        )
        for number in range(rounds + 1):
            for each in (ours, bare):
                # The first round only warms up.
                await each.load(repeat(request), seconds, is_measured=bool(number))
    reached = ratio(ours.rates, bare.rates)
    return Row(
        f"`medicines(first: {PAGE})` with six fields, {CONNECTIONS} connections",
        per_second(ours.rates, "requests"),
        f"{per_second(bare.rates, 'requests')}: a bare Starlette route, SQLite making the same JSON",
        f"{reached:.2f}",
        ">= 0.40",
        reached >= 0.40,
        contender.notes({"ours": ours, "bare": bare}),
    )


def _request(query: str, variables: dict[str, Any], token: str) -> bytes:
    return http.post("/graphql", orjson.dumps({"query": query, "variables": variables}), token)


async def _register(server: Server, count: int) -> None:
    async with http.connected(server.port, 1) as (connection,):
        for number in range(count):
            medicine = {
                "id": f"medicine{number:05}",
                "name": f"Aspirin {number:05}",
                "genericName": "acetylsalicylic acid",
                "manufacturer": "Bayer",
                "strength": "500 mg tablet",
                "price": "4.99",
                "stockQuantity": 100 + number % 7,
            }
            answer = await connection.ask(_request(REGISTER, {"input": medicine}, server.token))
            if orjson.loads(answer)["data"]["registerMedicine"]["errors"]:
                raise RuntimeError(f"Refused: {answer.decode()[:500]}")
    await records.settled(server.port)


async def _answer(server: Server, request: bytes) -> bytes:
    async with http.connected(server.port, 1) as (connection,):
        return await connection.ask(request)


def _compare(ours: bytes, bare: bytes, count: int) -> None:
    """Byte for byte the same, but for what ours says about itself."""
    answer = orjson.loads(ours)
    answer.pop("extensions", None)
    if orjson.dumps(answer) != bare or len(answer["data"]["medicines"]["nodes"]) != count:
        raise RuntimeError(f"The answers differ: {ours[:300]!r} {bare[:300]!r}")


def _check(start: bytes, answer: bytes) -> None:
    if not answer.startswith(start):
        raise RuntimeError(f"Not the answer that was compared: {answer[:300]!r}")
