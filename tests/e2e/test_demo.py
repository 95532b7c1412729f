"""The demo against a real server: it misses nothing and doubles nothing, also when the server is killed on the way."""

import ast
import asyncio
import signal
import socket
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, get_args

import httpx
import pytest

from cli import accounts
from cli.demo import NEW_CUSTOMERS
from domain.notices import Told
from tests.e2e.process import ROOT, Serving, begun, run, serving
from tests.e2e.test_process import ask, settled, signed_in, verdict

LOG_IN = """mutation ($email: String!, $password: String!) {
  logIn(input: { email: $email, password: $password }) { token }
}"""
EVENTS = """query ($after: String) {
  events(first: 100, after: $after) { nodes { position type data } pageInfo { hasNextPage endCursor } }
}"""
NOTIFICATIONS = """query ($after: String) {
  notifications(first: 100, after: $after) { nodes { id position } pageInfo { hasNextPage endCursor } }
}"""
INVENTORY = """query ($after: String) {
  inventory(first: 100, after: $after) {
    nodes { medicineId availableQuantity reservedQuantity totalQuantity } pageInfo { hasNextPage endCursor }
  }
}"""
STATISTICS = "{ orderStatistics { revenue { amount } totalOrders } }"
ARGUMENTS = "--minutes", "0.2", "--rate", "20"
TOLD = {kind.__name__ for each in get_args(Told) for kind in get_args(each) or (each,)}
LONGEST = 60.0
"Seconds for a whole demo on a busy machine, reconnects included."
slow = pytest.mark.timeout(2 * LONGEST)


@asynccontextmanager
async def as_staff(server: Serving) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=server.url) as visitor:
        clerk = accounts.STAFF[0]
        token = (await ask(visitor, LOG_IN, email=clerk.email, password=accounts.PASSWORD))["token"]
    async with signed_in(server, token) as client:
        yield client


async def listed(client: httpx.AsyncClient, query: str) -> Sequence[Mapping[str, Any]]:
    """A whole list, page by page."""
    found: list[Mapping[str, Any]] = []
    info: dict[str, Any] = {"hasNextPage": True, "endCursor": None}
    while info["hasNextPage"]:
        page = await ask(client, query, after=info["endCursor"])
        found += page["nodes"]
        info = page["pageInfo"]
    return found


@dataclass
class Stock:
    """What is there and what is set aside, counted from the quantities of events alone."""

    there: int = 0
    reserved: dict[str, int] = field(default_factory=dict)

    def take(self, kind: str, data: Mapping[str, Any]) -> None:
        order_id, quantity = data.get("order_id", ""), data.get("quantity", 0)
        match kind:
            case "MedicineRegistered" | "StockAdjusted":
                self.there = data["stock_quantity"]
            case "StockReceived":
                self.there += quantity
            case "StockReserved":
                assert order_id not in self.reserved
                self.reserved[order_id] = quantity
            case "StockReleased" | "StockDispatched":
                assert self.reserved.pop(order_id) == quantity
                self.there -= quantity if kind == "StockDispatched" else 0
            case _:
                pass
        assert 0 <= sum(self.reserved.values()) <= self.there
        assert data.get("stock_quantity", self.there) == self.there
        assert data.get("reserved_quantity", self.counted) == self.counted

    @property
    def counted(self) -> int:
        return sum(self.reserved.values())


async def assert_books_are_right(client: httpx.AsyncClient) -> Counter[str]:
    """Check money, stock and notifications against the log; how often each type of event is in it."""
    await settled(client)
    events = await listed(client, EVENTS)
    assert [int(event["position"]) for event in events] == list(range(1, len(events) + 1))
    assert_money(events, (await ask(client, STATISTICS))["revenue"]["amount"])
    assert_stock(events, await listed(client, INVENTORY))
    notified = Counter(each["position"] for each in await listed(client, NOTIFICATIONS))
    assert notified == Counter(event["position"] for event in events if event["type"] in TOLD)
    return Counter(event["type"] for event in events)


def assert_money(events: Sequence[Mapping[str, Any]], revenue: str) -> None:
    def total(kind: str) -> int:
        return sum(event["data"]["amount"]["units"] for event in events if event["type"] == kind)

    assert Decimal(total("PaymentSucceeded") - total("PaymentRefunded")) / 100 == Decimal(revenue) > 0


def assert_stock(events: Sequence[Mapping[str, Any]], inventory: Sequence[Mapping[str, Any]]) -> None:
    stocks: dict[str, Stock] = {}
    for event in events:
        if event["type"].startswith("Stock") or event["type"] == "MedicineRegistered":
            stocks.setdefault(event["data"]["medicine_id"], Stock()).take(event["type"], event["data"])
    assert {
        row["medicineId"]: (row["totalQuantity"], row["reservedQuantity"], row["availableQuantity"])
        for row in inventory
    } == {id: (each.there, each.counted, each.there - each.counted) for id, each in stocks.items()}


class Demo:
    """A demo that runs, and what it has said so far."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.lines: list[str] = []

    async def line(self) -> str:
        assert self.process.stdout
        line = (await self.process.stdout.readline()).decode()
        assert line, f"It ended:\n{''.join(self.lines[-20:])}{(await self.process.communicate())[1].decode()}"
        self.lines.append(line)
        return line

    async def commands(self, count: int) -> None:
        """Wait until it has told of so many more commands."""
        while count:
            count -= " -> frame of " in await self.line()

    async def until(self, text: str) -> None:
        while text not in await self.line():
            pass

    async def ended(self) -> str:
        """Wait until it ends, which must be a success; all that it said."""
        out, err = await self.process.communicate()
        self.lines.append(out.decode())
        assert (self.process.returncode, err.decode()) == (0, ""), "".join(self.lines[-60:])
        return "".join(self.lines)


@asynccontextmanager
async def demonstrating(folder: Path, url: str, *arguments: str) -> AsyncIterator[Demo]:
    process = await begun(folder, "demo", "--url", f"{url}/graphql", *ARGUMENTS, *arguments)
    try:
        async with asyncio.timeout(LONGEST):
            yield Demo(process)
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()


def free_port() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


@slow
async def test_a_demo_shows_commands_on_their_way_and_its_views_are_right(tmp_path: Path) -> None:
    async with serving(tmp_path, "--demo") as server:
        assert accounts.PASSWORD in server.greeting
        assert all(account.email in server.greeting for account in accounts.EXAMPLES)
        async with demonstrating(tmp_path, server.url, "--seed", "2") as demo:
            said = await demo.ended()
        assert "Views equal to queries: yes\nMoney adds up: yes\nStock adds up: yes\n" in said
        assert "Lost connections: 0;" in said
        assert "\x1b" not in said
        line = next(line for line in said.splitlines() if " placeOrder " in line)
        assert all(part in line for part in (" -> OrderInitiated @", "orders +", " ms -> frame of orders +"))
        async with as_staff(server) as client:
            types = await assert_books_are_right(client)
        # What the demo is to show happens in it, also the rush and what goes wrong.
        wanted = {"OrderRejected", "PaymentFailed", "OrderCompleted", "MedicinePriceChanged", "StockAdjusted"}
        assert wanted <= set(types)


@slow
async def test_a_demo_gets_over_a_server_that_is_killed(tmp_path: Path) -> None:
    port = free_port()
    async with AsyncExitStack() as stack:

        async def started() -> Serving:
            return await stack.enter_async_context(serving(tmp_path, "--demo", PORT=port))

        server = await started()
        demo = await stack.enter_async_context(demonstrating(tmp_path, server.url, "--minutes", "0.25"))
        for _ in range(2):
            await demo.commands(8)
            await killed(server)
            server = await started()
            await demo.until("connected again")
        said = await demo.ended()
        assert "Lost connections: 2;" in said
        assert " 0 views begun anew;" in said
        assert "Views equal to queries: yes\nMoney adds up: yes\nStock adds up: yes\n" in said
        client = await stack.enter_async_context(as_staff(server))
        types = await assert_books_are_right(client)
        # Neither a start again nor a command sent again registered anybody twice.
        assert types["UserRegistered"] == len(accounts.ALL) + NEW_CUSTOMERS
        found = await run(tmp_path, "verify")
        assert (found.code, set(verdict(found.out)), found.err) == (0, {"equal"}, "")


async def killed(server: Serving) -> None:
    server.process.kill()
    await server.process.wait()


@pytest.mark.one_world("it is about what the demo is told to do")
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ["--password", "wrong"],
            "does not let ben@example.org in: Email address and password do not belong together.",
        ),
        (["--email", accounts.CUSTOMERS[0].email], "dora@example.org is no staff at "),
        (["--url", "http://127.0.0.1:1/graphql"], "http://127.0.0.1:1/graphql did not answer: "),
    ],
)
async def test_what_keeps_a_demo_from_beginning_is_one_sentence(
    seeded: Serving, tmp_path: Path, arguments: Sequence[str], said: str
) -> None:
    ended = await run(tmp_path, "demo", "--url", f"{seeded.url}/graphql", *arguments)
    assert (ended.code, ended.out, ended.err.count("\n")) == (2, "", 1)
    assert said in ended.err


@pytest.fixture
async def seeded(tmp_path: Path) -> AsyncIterator[Serving]:
    async with serving(tmp_path, "--demo") as server:
        yield server


@pytest.mark.one_world("it is about the end of the demo, not of the server")
async def test_ctrl_c_ends_a_demo_with_its_summary(seeded: Serving, tmp_path: Path) -> None:
    async with demonstrating(tmp_path, seeded.url, "--minutes", "5") as demo:
        await demo.commands(5)
        demo.process.send_signal(signal.SIGINT)
        said = await demo.ended()
    assert "Views equal to queries: yes\n" in said
    assert "Lost connections: 0;" in said


@pytest.mark.parametrize("path", sorted(ROOT.glob("cli/demo*.py")), ids=lambda path: path.name)
def test_the_demo_knows_of_the_shop_only_what_any_client_does(path: Path) -> None:
    nodes = list(ast.walk(ast.parse(path.read_text())))
    modules = [node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)]
    modules += [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    ours = {
        module for module in modules if module.split(".")[0] in ("engine", "domain", "readmodels", "schema", "ports")
    }
    assert ours <= {"engine", "engine.clock", "engine.ids", "engine.faults"}
    if "engine" in ours:
        names = {
            alias.name
            for node in nodes
            if isinstance(node, ast.ImportFrom) and node.module == "engine"
            for alias in node.names
        }
        assert names <= {"clock", "ids"}
