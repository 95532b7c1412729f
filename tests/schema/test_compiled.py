"""Generated operations on the whole schema, compiled and not: the same bytes, for whoever asks."""

import asyncio
import re
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, suppress
from dataclasses import fields
from typing import Any

import pytest
import pytest_asyncio
from graphql import OperationType
from structlog.testing import capture_logs

from domain.standing import Role
from engine.graphql import execution, stream
from engine.graphql.compiled import plan
from engine.graphql.compiled.plan import Plan
from engine.graphql.errors import ProtocolError
from engine.graphql.result import Result
from engine.tally import MakeCommand
from schema.context import ShopContext
from schema.viewers import ANONYMOUS, Viewer
from tests.engine.graphql.both_ways import BothWays, plain
from tests.running import Shop, as_staff, built, opened
from tests.schema.documents import Documents

SEED = 20260101
MANY = 250
"Documents in each test."
RESTLESS = frozenset({"eventsPerSecond", "lagSeconds", "asOf"})
"Fields that differ from one moment to the next."
ROOTS = {kind: list(getattr(built()._schema, f"{kind.value}_type").fields) for kind in OperationType}
SILENT = ("command", "events")
"Subscriptions that say nothing before something happens."
VIEWERS = [Viewer("admin", Role.ADMIN), Viewer("staff", Role.STAFF), Viewer("customer", Role.CUSTOMER), ANONYMOUS]
KNOWN: dict[str, list[Any]] = {
    "id": ["m1", "m2", "o1", "customer", "record_k1", "inventory_m1", "event_3", "nothing"],
    "medicineId": ["m1", "m2", "nothing"],
    "orderId": ["o1", "o2"],
    "userId": ["customer", "staff", "nobody"],
    "key": ["k1", "k2", "new"],
    "prefix": ["k", ""],
    "text": ["asp", "tablet", ""],
    "first": [1, 2, 100, 0, 101],
    "last": [1, 2],
    "after": ["0", "3"],
    "currency": ["USD", "EUR"],
    "email": ["customer@example.org", "a@example.org"],
    "commandId": ["c1", *(f"c{number}" for number in range(2, 60))],
    "expectedVersion": [1, 2],
    "quantity": [1, 3],
    "reason": ["lost"],
    "name": ["Ibuprofen"],
    "genericName": ["Ibuprofen"],
    "manufacturer": ["Maker"],
    "strength": ["1 g"],
    "price": ["9.99", "x"],
    "process": ["fulfilment"],
}


TRIES = 5
"Where two of several reads fail, the ordinary way itself does not always tell of the same."


class Quiet(ShopContext):
    """A context that counts nothing, so that looking changes nothing."""

    __slots__ = ()

    def tally(self, command: MakeCommand, key: str) -> None:
        pass


class Counted:
    """How the attempts of plans ended."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.by_plan = Counter[bool]()
        attempted = plan.attempted

        async def counting(chosen: Plan, run: Any) -> Any:
            outcome = await attempted(chosen, run)
            self.by_plan[isinstance(outcome, dict)] += 1
            return outcome

        for module in (execution, stream):
            monkeypatch.setattr(module, "attempted", counting)


def context(shop: Shop, viewer: Viewer) -> Quiet:
    staff = as_staff(shop.app)
    same: dict[str, Any] = {each.name: getattr(staff, each.name) for each in fields(staff)}
    return Quiet(**{**same, "viewer": viewer, "actor_id": viewer.user_id, "_loaders": {}})


async def fill(shop: Shop) -> None:
    """A little of everything; what it comes to is the same each time, but for times and the ids of events."""
    for kind in ("admin", "staff", "customer"):
        await shop.viewer(kind)
    for name in ("m1", "m2", "m3"):
        await shop.accepted(
            "registerMedicine",
            id=name,
            name=f"Aspirin {name}",
            genericName="Acetylsalicylic acid",
            manufacturer="Maker",
            strength="500 mg tablet",
            price="9.99",
            stockQuantity=5,
            commandId=f"register-{name}",
        )
    await shop.settled()
    customer = await shop.viewer("customer")
    for name in ("o1", "o2"):
        lines = [{"medicineId": "m1", "quantity": 1}, {"medicineId": "m2", "quantity": 2}]
        await customer.accepted("placeOrder", id=name, lines=lines, commandId=f"place-{name}")
        await shop.drained()
    paid = {"orderId": "o1", "amount": "29.97", "method": "CARD", "commandId": "pay-o1", "id": "p1"}
    await customer.accepted("processPayment", **paid)
    for name in ("k1", "k2", "k3"):
        await shop.accepted("writeRecord", key=name, value=f"value of {name}", commandId=f"write-{name}")
    await shop.drained()
    await shop.settled()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shops(world_of_module: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[list[Shop]]:
    """Two that are alike."""
    async with AsyncExitStack() as stack:
        made = [await stack.enter_async_context(opened(tmp_path_factory.mktemp("shop"))) for _ in range(2)]
        for shop in made:
            await fill(shop)
        yield made


def documents(seed: int, left_out: frozenset[str] = RESTLESS) -> Documents:
    return Documents(built()._schema, seed, KNOWN, left_out)


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.timeout(180)
@pytest.mark.parametrize("viewer", VIEWERS, ids=lambda viewer: viewer.user_id or "nobody")
async def test_generated_queries_get_the_same_bytes_both_ways(
    viewer: Viewer, shops: list[Shop], monkeypatch: pytest.MonkeyPatch
) -> None:
    shop, counted = shops[0], Counted(monkeypatch)
    generated, ways = documents(SEED + VIEWERS.index(viewer)), BothWays(built())
    for _ in range(MANY):
        request = generated.request(OperationType.QUERY, ROOTS[OperationType.QUERY])
        with capture_logs():
            for _ in range(TRIES):
                ordinary, compiled = await ways.answers(request, lambda: context(shop, viewer))
                if compiled == ordinary:
                    break
        assert compiled == ordinary, request
    assert ways.seen > 0.9 * MANY
    assert ways.compiled > 0.9 * ways.seen
    if viewer.is_staff:
        assert counted.by_plan[True] > 0.4 * ways.seen


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.timeout(180)
async def test_generated_subscriptions_answer_each_frame_with_the_same_bytes(
    shops: list[Shop], monkeypatch: pytest.MonkeyPatch
) -> None:
    counted, generated, ways = Counted(monkeypatch), documents(SEED), BothWays(built())
    roots = [name for name in ROOTS[OperationType.SUBSCRIPTION] if name not in SILENT]
    seen = 0
    for number in range(MANY):
        request = generated.request(OperationType.SUBSCRIPTION, roots, most=1)
        viewer = VIEWERS[number % len(VIEWERS)]
        ways.compile(request)
        operation = ways.compiling.plan(request)
        if isinstance(operation, Result):
            continue
        with capture_logs():
            first = await ways.ordinary.stream(operation, request, context(shops[0], viewer))
            second = await ways.compiling.stream(operation, request, context(shops[0], viewer))
            if isinstance(first, Result) or isinstance(second, Result):
                assert isinstance(first, Result)
                assert isinstance(second, Result)
                assert plain(second.encode()) == plain(first.encode())
                continue
            with suppress(ProtocolError):  # of a source that refuses before it gives anything
                async with asyncio.timeout(10):
                    payload = await first.next()
                ordinary, compiled = await first.answer(payload), await second.answer(payload)
                assert plain(compiled.encode()) == plain(ordinary.encode()), request
                seen += 1
            await first.close()
            await second.close()
    assert seen > MANY / 2
    assert counted.by_plan[True] > 0.5 * seen


CALM = ["writeRecord", "deleteRecord", "changeMedicinePrice", "discontinueMedicine", "updateUserProfile", "logIn"]
"Mutations that no process follows, whose events would come between those of the next ones."
ENTITIES = frozenset({"medicine", "order", "payment", "user"})
"Fields of a payload that may already show what a process did next."
VARYING = re.compile(rb'"\d{4}-\d\d-\d\dT[0-9:.]+Z"|[0-9a-f]{32}|eyJ[\w.-]+')
"Times, ids that the server made, and tokens."


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.timeout(180)
async def test_generated_mutations_do_the_same_in_two_shops_that_are_alike(
    shops: list[Shop], monkeypatch: pytest.MonkeyPatch
) -> None:
    counted, ways = Counted(monkeypatch), BothWays(built())
    calm, alone = documents(SEED), documents(SEED, ENTITIES)
    before = shops[0].app.log.position
    for number in range(MANY):
        if number % 2:
            request = calm.request(OperationType.MUTATION, CALM)
        else:
            request = alone.request(OperationType.MUTATION, ROOTS[OperationType.MUTATION], most=1)
        viewer = VIEWERS[number % 2 * (number % 4)]
        ways.compile(request)
        found = []
        for executor, shop in zip((ways.ordinary, ways.compiling), shops, strict=True):
            with capture_logs():
                result = await executor.execute(request, context(shop, viewer))
            await shop.drained()
            await shop.settled()
            found.append((VARYING.sub(b"", plain(result.encode())), shop.app.log.position))
        assert found[1] == found[0], request
    assert ways.compiled > 0.9 * ways.seen
    assert counted.by_plan[True] > 0.3 * ways.seen
    assert shops[0].app.log.position > before + 20
