"""Roles as processes: one shop on PostgreSQL and Redis, in which any process may die or stand still."""

import asyncio
import os
import signal
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import httpx
import psycopg
import pytest
import pytest_asyncio

from cli.application import DECLARATIONS
from cli.signing_in import LOG_IN
from engine.clock import monotonic
from tests import worlds
from tests.e2e.process import Serving, begun, ready, run
from tests.e2e.test_process import verdict
from tests.redis import own_redis, until
from tests.running import PATIENCE, Client, View, authorization
from tests.schema.test_medicines import ASPIRIN

if TYPE_CHECKING:
    from engine.app import App

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.timeout(240),
    pytest.mark.one_world("only PostgreSQL can be shared by several processes"),
]
ADMIN = {"ADMIN_EMAIL": "ada@shop.example", "ADMIN_PASSWORD": "correct horse battery"}
RECORDS = "subscription { records { kind since position upserted { id key writeCount } removed } }"
START = 60.0
"Seconds that processes which start together may take, on a machine that has other things to do."
CONSUMERS = {"projection": len(DECLARATIONS.models), "process": len(DECLARATIONS.processes)}
MOST = 10.0
"Seconds until another process has taken over."


@dataclass
class Estate:
    """The processes of one shop."""

    folder: Path
    settings: dict[str, str]
    reads: str
    log: str
    processes: list[tuple[str, Serving]] = field(default_factory=list)

    def alive(self, roles: str) -> list[Serving]:
        return [each for had, each in self.processes if had == roles and each.process.returncode is None]

    async def have(self, **wanted: int) -> None:
        """Have at least so many processes with these roles: start what lacks, all at once."""
        lacking = [name for name, count in wanted.items() for _ in range(count - len(self.alive(name)))]

        async def start(roles: str) -> None:
            process = await begun(self.folder, "serve", "--role", ROLES[roles], **self.settings)
            try:
                self.processes.append((roles, await ready(process, START)))
            finally:
                if process.returncode is None and all(process is not each.process for _, each in self.processes):
                    process.kill()

        await asyncio.gather(*map(start, lacking))

    async def end(self) -> None:
        for _, each in self.processes:
            if each.process.returncode is None:
                each.process.kill()
            await each.process.communicate()

    def owners(self, kind: str) -> dict[str, int]:
        """The process of each consumer that has one."""
        with psycopg.connect(self.reads if kind == "projection" else self.log) as connection:
            found = connection.execute(
                "SELECT name, owner FROM leases WHERE name LIKE %s"
                " AND expires_at > EXTRACT(EPOCH FROM clock_timestamp()) * 1000",
                (f"{kind} %",),
            ).fetchall()
        return {name: int(owner.split("/")[1]) for name, owner in found}

    async def spread(self, kind: str, roles: str) -> dict[str, int]:
        """The owners, once each of those alive has its part."""
        alive = {each.process.pid for each in self.alive(roles)}
        least, more = divmod(CONSUMERS[kind], len(alive))
        parts = sorted([least] * (len(alive) - more) + [least + 1] * more)
        found: dict[str, int] = {}

        async def is_so() -> bool:
            nonlocal found
            found = self.owners(kind)
            return sorted(Counter(found.values()).values()) == parts and alive == {*found.values()}

        await until(is_so, 2 * MOST)
        return found

    async def other_than(self, kind: str, gone: int) -> float:
        """Wait until none of these consumers is its any more and each has an owner; seconds."""
        began = monotonic()

        async def have_others() -> bool:
            owners = self.owners(kind)
            return len(owners) == CONSUMERS[kind] and gone not in owners.values()

        await until(have_others, 2 * MOST)
        return monotonic() - began

    @asynccontextmanager
    async def client(self, number: int = 0) -> AsyncIterator[Client]:
        """The administrator, at one of the processes with the API."""
        port = self.alive("api")[number].port
        url = f"http://127.0.0.1:{port}"
        async with httpx.AsyncClient(base_url=url, timeout=PATIENCE, verify=False) as http:
            nobody = Client(cast("App", None), http, port, None, None)
            given = {"email": ADMIN["ADMIN_EMAIL"], "password": ADMIN["ADMIN_PASSWORD"]}
            token = (await nobody.data(LOG_IN, input=given))["token"]
            http.headers.update(authorization(token))
            yield Client(nobody.app, http, port, token, None)


URLS = ("WRITE_DB_URL", "READ_DB_URL")
ROLES = {"api": "api", "projector": "projector", "reactor": "reactor,relay"}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def estate(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Estate]:
    folder = tmp_path_factory.mktemp("estate")
    with worlds.schemas("log", "reads") as (log, reads):
        async with own_redis(folder) as redis:
            settings = {
                "WRITE_DB_URL": log,
                "READ_DB_URL": reads,
                "REDIS_URL": redis.url,
                "LOG_LEVEL": "warning",
                "DB_POOL_MAX_SIZE": "2",  # the server has 100 connections for everybody
                "PAYMENT_MINUTES": "60",
                **ADMIN,
            }
            made = Estate(folder, settings, reads, log)
            try:
                await made.have(api=2, projector=1, reactor=1)
                yield made
            finally:
                await made.end()


def counts(view: View) -> dict[str, int]:
    """How often each record was written, as a client sees it."""
    return {row["key"]: row["writeCount"] for row in view.rows.values()}


async def eventually(look: Callable[[], Awaitable[Any]], wanted: Any, patience: float = 2 * MOST) -> None:
    async def is_so() -> bool:
        return bool(await look() == wanted)

    await until(is_so, patience)


async def ordered(client: Client, id: str) -> None:
    """Place an order, and see it come to what the processes make of it."""
    await client.send("registerMedicine", **ASPIRIN, stockQuantity=1000)
    await client.accepted("placeOrder", id=id, lines=[{"medicineId": "aspirin", "quantity": 1}])

    async def status() -> str:
        return str((await client.data("query($id: ID!) { order(id: $id) { status } }", id=id) or {}).get("status"))

    await eventually(status, "VALIDATED")


async def test_what_one_process_writes_is_a_frame_at_another(estate: Estate) -> None:
    await estate.have(api=2, projector=1, reactor=1)
    async with estate.client(0) as here, estate.client(1) as there, there.follow(RECORDS) as stream:
        view = View()
        view.apply(await stream.next())
        times = []
        for number in range(20):
            began = monotonic()
            receipt = await here.accepted("writeRecord", key=f"frame-{number}", value="v", commandId=f"c-{number}")
            await view.until(stream, receipt["position"])
            times.append(monotonic() - began)
            assert counts(view)[f"frame-{number}"] == 1
        assert sorted(times)[10] < 1, times
        query = 'query($at: Position!) { record(key: "frame-0", atLeast: $at) { value } }'
        assert await there.data(query, at=receipt["position"]) == {"value": "v"}

        async def progress() -> Any:
            found = await there.data('{ command(id: "c-19") { isComplete projections { projection } } }')
            return found["isComplete"], sorted(each["projection"] for each in found["projections"])

        await eventually(progress, (True, ["record_statistics", "records"]))

        async def states() -> Any:
            found = await there.data("{ projections { name state lagEvents lastError } }")
            return {(each["name"], each["state"], each["lagEvents"], each["lastError"]) for each in found}

        await eventually(states, {(name, "LIVE", 0, None) for name in DECLARATIONS.followers})
        lag = 'dispensary_consumer_lag_events{consumer="records"} 0.0'
        assert lag in (await there.http.get("/metrics")).text
        assert (await there.http.get("/health/ready")).status_code == 200


async def test_an_order_goes_on_through_processes_of_its_own(estate: Estate) -> None:
    await estate.have(api=1, projector=1, reactor=1)
    async with estate.client() as client:
        await ordered(client, "o-first")


async def test_read_models_are_shared_out_among_the_projectors(estate: Estate) -> None:
    await estate.have(projector=2)
    assert len(await estate.spread("projection", "projector")) == len(DECLARATIONS.models)


async def test_others_take_over_from_those_that_were_killed(estate: Estate) -> None:
    await estate.have(api=1, projector=2, reactor=2)
    projector = (await estate.spread("projection", "projector"))["projection records"]
    reactor = (await estate.spread("process", "reactor"))["process fulfilment"]
    async with estate.client() as client, client.follow(RECORDS) as stream:
        view = View()
        view.apply(await stream.next())
        os.kill(projector, signal.SIGKILL)
        os.kill(reactor, signal.SIGKILL)
        receipt = await client.accepted("writeRecord", key="killed", value="v")
        times = await asyncio.gather(estate.other_than("projection", projector), estate.other_than("process", reactor))
        assert max(times) <= MOST, times
        await view.until(stream, receipt["position"])
        assert counts(view)["killed"] == 1
        await ordered(client, "o-killed")


async def test_an_owner_that_was_paused_writes_nothing_when_it_wakes(estate: Estate) -> None:
    await estate.have(api=1, projector=2)
    paused = (await estate.spread("projection", "projector"))["projection records"]
    async with estate.client() as client:
        await client.accepted("writeRecord", key="hot", value="first")  # who signs in waits for the users
        is_enough, count = asyncio.Event(), 1

        async def write() -> None:
            nonlocal count
            while not is_enough.is_set():
                await client.accepted("writeRecord", key="hot", value=str(count))
                count += 1
                with suppress(TimeoutError):  # as fast as it can, it would be the load that is measured
                    await asyncio.wait_for(is_enough.wait(), 0.05)

        writer = asyncio.create_task(write())
        try:
            os.kill(paused, signal.SIGSTOP)
            assert await estate.other_than("projection", paused) <= MOST
            position = (await client.accepted("writeRecord", key="paused", value="v"))["position"]
            os.kill(paused, signal.SIGCONT)

            async def has_its_part() -> bool:
                return paused in estate.owners("projection").values()

            await until(has_its_part, 2 * MOST)
        finally:
            os.kill(paused, signal.SIGCONT)
            is_enough.set()
            await writer
        position = (await client.accepted("writeRecord", key="paused", value="w"))["position"]

        async def writes() -> Any:
            query = 'query($at: Position!) { record(key: "hot", atLeast: $at) { writeCount } }'
            return ((await client.answer(query, at=position))["data"] or {}).get("record")

        await eventually(writes, {"writeCount": count})
    found = await run(estate.folder, "verify", **estate.settings)
    assert (found.code, set(verdict(found.out)), found.err) == (0, {"equal"}, "")


@pytest.mark.parametrize(
    ("kind", "roles", "service"),
    [("projector", ["projector"], "reads"), ("reactor", ["reactor", "relay"], "processes")],
)
async def test_a_process_without_the_api_tells_how_it_is_and_nothing_else(
    estate: Estate, kind: str, roles: list[str], service: str
) -> None:
    await estate.have(projector=1, reactor=1)
    server = estate.alive(kind)[0]
    assert f"\n  Roles     {', '.join(roles)}\n" in server.greeting
    assert f"\n  Hints     {estate.settings['REDIS_URL']}\n" in server.greeting
    assert "GraphQL" not in server.greeting
    async with httpx.AsyncClient(base_url=server.url, timeout=PATIENCE, verify=False) as http:

        async def status() -> int:
            return (await http.get(f"/health/ready?for={service}")).status_code

        await eventually(status, 200)
        found = (await http.get("/health/dependencies")).json()
        assert found["roles"] == roles
        assert found["connections"]["hints"] == estate.settings["REDIS_URL"]
        assert "dispensary_consumer_lag_seconds" in (await http.get("/metrics")).text
        for path in ("/", "/graphql"):
            answer = await http.post(path, json={"query": "{ __typename }"})
            assert (answer.status_code, f"what it does is: {', '.join(roles)}." in answer.text) == (404, True)
        assert (await http.get("/health/live", headers={"host": "example.org"})).status_code == 421


@pytest.mark.parametrize(
    ("arguments", "changed", "said"),
    [
        (["--role", "api"], {}, "ROLES='api' needs PostgreSQL, which several processes can share: set WRITE_DB_URL"),
        (["--role", "relay,cook"], {}, "ROLES='relay,cook' is refused: must be one or more of api, projector, reactor"),
        (["--demo", "--role", "api"], dict.fromkeys(URLS, "postgresql://h/d"), "--demo needs a process that does it"),
    ],
)
async def test_what_cannot_be_is_refused_with_a_sentence(
    tmp_path: Path, arguments: list[str], changed: dict[str, str], said: str
) -> None:
    found = await run(tmp_path, "serve", *arguments, **changed)
    assert (found.code, found.out, found.err.count("\n")) == (2, "", 1)
    assert found.err.startswith(said)
