"""The relay, with real brokers: every event, in order, at least once, and nothing that is nobody's business."""

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from domain.record import WriteRecord
from domain.user import SuspendUser, UpdateUserContact
from engine import clock, ids
from engine import relay as relay_module
from engine.broker import Message, concealing
from engine.cloudevents import CloudEvents
from engine.relay import NAME, Relay
from engine.status import State, Status
from engine.store.reactions import Reactions
from tests import services
from tests.brokers import assert_in_order, firsts, listening
from tests.running import Shop, opened
from tests.wire import wired

KINDS = ("rabbitmq", "nats", "redis")
each_kind = pytest.mark.parametrize("kind", KINDS)


def channel() -> str:
    """A name for an exchange or a stream that is the test's alone."""
    return f"test-{ids.new()}"


async def write(shop: Shop, count: int, first: int = 0) -> None:
    """Events of seven streams, side by side."""
    await asyncio.gather(
        *(shop.command(WriteRecord(key=f"k{number % 7}", value=str(number))) for number in range(first, first + count))
    )


async def write_until(is_enough: asyncio.Event, shop: Shop) -> None:
    while not is_enough.is_set():
        await write(shop, 10)


async def relayed(shop: Shop, *, is_stalled: bool = False) -> Status:
    """How the relay stands, once it has failed or else is at the head."""
    async with asyncio.timeout(20):
        async for statuses in shop.app.follow_statuses(0.02):
            status = next(each for each in statuses if each.name == "relay")
            if (status.state is State.STALLED) if is_stalled else (status.lag_events == 0 and not status.last_error):
                return status
    raise AssertionError


@each_kind
async def test_every_event_arrives_once_in_order_and_whole(kind: str, tmp_path: Path) -> None:
    url, name = services.broker(kind), channel()
    async with (
        listening(kind, url, name) as listener,
        opened(tmp_path, relay_url=url, relay_channel=name, relay_personal_data=True) as shop,
    ):
        await write(shop, 500)
        heard = await listener.until(500)
        log = await shop.app.log.read(0, 1000)
        assert [each.position for each in firsts(heard)] == [each.position for each in heard] == list(range(1, 501))
        assert_in_order(heard)
        recorded, first = log[0], heard[0]
        assert (first.id, first.subject) == (f"{shop.app.log.id}:1", "record.RecordWritten")
        assert first.event == {
            "specversion": "1.0",
            "id": "1",
            "source": f"/logs/{shop.app.log.id}",
            "type": "RecordWritten",
            "subject": recorded.stream,
            "time": recorded.recorded_at.isoformat().replace("+00:00", "Z"),
            "datacontenttype": "application/json",
            "sequence": "00000000000000000001",
            "streamversion": 1,
            "commandid": recorded.command_id,
            "correlationid": recorded.correlation_id,
            "data": {"key": "k0", "value": "0", "is_new": True},
        }
        status = await relayed(shop)
        assert (status.position, status.state, status.lag_seconds) == (500, State.LIVE, 0.0)


@pytest.mark.one_world("it is about the broker, whatever is relayed")
@each_kind
async def test_a_broker_that_was_away_gets_everything_in_order_and_the_shop_goes_on(kind: str, tmp_path: Path) -> None:
    url, name = services.broker(kind), channel()
    far = urlsplit(url)
    async with listening(kind, url, name) as listener, wired(far.hostname or "", far.port or 0) as wire:
        near = far._replace(netloc=f"{far.netloc.rpartition(':')[0]}:{wire.port}").geturl()
        async with opened(tmp_path, relay_url=near, relay_channel=name) as shop:
            await write(shop, 100)
            await listener.until(100)
            for _ in range(3):
                before = shop.app.log.position
                is_enough = asyncio.Event()
                busy = asyncio.create_task(write_until(is_enough, shop))  # some is on its way when the wire is cut
                await listener.until(before + 1)
                await wire.cut()
                status = await relayed(shop, is_stalled=True)
                assert status.last_error
                is_enough.set()
                await busy
                await write(shop, 100)
                assert status.position < shop.app.log.position
                await wire.mend()
                await listener.until(shop.app.log.position)
                assert (await relayed(shop)).position == shop.app.log.position
            head = shop.app.log.position
    assert {each.position for each in listener.heard} == set(range(1, head + 1))
    assert_in_order(listener.heard)


@pytest.mark.one_world("it is about the broker, whatever is relayed")
@each_kind
async def test_a_broker_that_stood_still_gets_everything_in_order(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay_module, "DEADLINE", 1.0)
    url, name = services.broker(kind), channel()
    far = urlsplit(url)
    async with listening(kind, url, name) as listener, wired(far.hostname or "", far.port or 0) as wire:
        near = far._replace(netloc=f"{far.netloc.rpartition(':')[0]}:{wire.port}").geturl()
        async with opened(tmp_path, relay_url=near, relay_channel=name) as shop:
            is_enough = asyncio.Event()
            busy = asyncio.create_task(write_until(is_enough, shop))
            await listener.until(20)
            wire.hold()
            status = await relayed(shop, is_stalled=True)
            assert status.last_error == "TimeoutError"
            # What was on its way on the old connection arrives now, beside what goes out again on a new one.
            wire.release()
            is_enough.set()
            await busy
            head = shop.app.log.position
            await listener.until(head)
            assert (await relayed(shop)).position == head
    assert {each.position for each in listener.heard} == set(range(1, head + 1))
    assert_in_order(listener.heard)


@pytest.mark.one_world("it is about the broker, whatever is relayed")
@each_kind
async def test_a_broker_that_stands_still_does_not_hold_up_the_end(kind: str, tmp_path: Path) -> None:
    url, name = services.broker(kind), channel()
    far = urlsplit(url)
    async with listening(kind, url, name) as listener, wired(far.hostname or "", far.port or 0) as wire:
        near = far._replace(netloc=f"{far.netloc.rpartition(':')[0]}:{wire.port}").geturl()
        async with AsyncExitStack() as stack:
            shop = await stack.enter_async_context(opened(tmp_path, relay_url=near, relay_channel=name))
            await write(shop, 10)
            await listener.until(10)
            wire.hold()
            await write(shop, 10)
            async with asyncio.timeout(10):
                await stack.aclose()
            assert not [task for task in asyncio.all_tasks() if task.get_name() == NAME]


async def test_a_redis_that_is_stopped_and_started_again_has_everything(tmp_path: Path) -> None:
    program, port = services.program("redis-server", "to be stopped"), services.free_port()
    url, name = f"redis://127.0.0.1:{port}/0", channel()
    options = ["--port", str(port), "--dir", str(tmp_path), "--appendonly", "yes", "--appendfsync", "always"]

    async def started() -> asyncio.subprocess.Process:
        quiet = asyncio.subprocess.DEVNULL
        return await asyncio.create_subprocess_exec(program, *options, "--save", "", stdout=quiet, stderr=quiet)

    server = await started()
    try:
        async with opened(tmp_path, relay_url=url, relay_channel=name) as shop:
            for _ in range(3):
                is_enough = asyncio.Event()
                before = shop.app.log.position
                busy = asyncio.create_task(write_until(is_enough, shop))
                await shop.app.feed.reached(NAME, before + 20, 10)
                server.kill()
                await server.wait()
                await relayed(shop, is_stalled=True)
                is_enough.set()
                await busy
                server = await started()
                await relayed(shop)
            head = shop.app.log.position
        async with listening("redis", url, name) as listener:
            assert {each.position for each in await listener.until(head)} == set(range(1, head + 1))
            assert_in_order(listener.heard)
    finally:
        server.kill()
        await server.wait()


@each_kind
async def test_what_was_confirmed_and_not_noted_goes_out_again_under_the_same_id(kind: str, tmp_path: Path) -> None:
    url, name = services.broker(kind), channel()
    async with listening(kind, url, name) as listener:
        async with opened(tmp_path, relay_url=url, relay_channel=name) as shop:
            await write(shop, 50)
            await listener.until(50)
        async with opened(tmp_path) as shop:
            await shop.app.log.write(lambda connection: Reactions(NAME).move(connection, 20))
        async with opened(tmp_path, relay_url=url, relay_channel=name) as shop:
            await write(shop, 1, 50)
            heard = await listener.until(51)
    # NATS knows the ids of the last two minutes, and drops the repeats itself.
    again = [] if kind == "nats" else list(range(21, 51))
    assert [each.position for each in heard] == [*range(1, 51), *again, 51]
    assert [each.position for each in firsts(heard)] == list(range(1, 52))


async def test_personal_data_stays_in_the_shop_unless_it_is_let_out(tmp_path: Path) -> None:
    url = services.broker("redis")
    told: dict[bool, dict[str, Any]] = {}
    for is_let_out in (False, True):
        name = channel()
        async with (
            listening("redis", url, name) as listener,
            opened(
                tmp_path / str(is_let_out), relay_url=url, relay_channel=name, relay_personal_data=is_let_out
            ) as shop,
        ):
            await shop.viewer("customer", "ada")
            await shop.command(UpdateUserContact(user_id="ada", phone="555-1234", address="1 Main Street"))
            await shop.command(SuspendUser(user_id="ada", reason="Ada wrote rude words"))
            told[is_let_out] = {each.event["type"]: each.event["data"] for each in await listener.until(3)}
    assert told[False] == {
        "UserRegistered": {"user_id": "ada", "role": "CUSTOMER"},
        "UserContactChanged": {"user_id": "ada"},
        "UserSuspended": {"user_id": "ada"},
    }
    assert told[True] == {
        "UserRegistered": {
            "user_id": "ada",
            "email": "ada@example.org",
            "first_name": "Ada",
            "last_name": "Example",
            "role": "CUSTOMER",
        },
        "UserContactChanged": {"user_id": "ada", "phone": "555-1234", "address": "1 Main Street"},
        "UserSuspended": {"user_id": "ada", "email": "ada@example.org", "reason": "Ada wrote rude words"},
    }


async def test_without_a_broker_nothing_is_relayed(shop: Shop) -> None:
    await write(shop, 10)
    assert shop.app.relay is None
    assert NAME not in {each.name for each in await shop.app.statuses()}
    assert NAME not in {task.get_name() for task in asyncio.all_tasks()}
    assert await shop.app.log.reader(Reactions(NAME).consumer) is None


async def test_staff_sees_in_the_api_how_the_relay_stands_and_no_password(tmp_path: Path) -> None:
    url = f"amqp://ann:hush%21hush@127.0.0.1:{services.free_port()}/"
    async with opened(tmp_path, relay_url=url) as shop:
        await write(shop, 3)
        await relayed(shop, is_stalled=True)
        statuses = await shop.data("{ projections { name state position lagEvents lastError } }")
    (found,) = [each for each in statuses if each["name"] == "relay"]
    assert (found["state"], found["position"], found["lagEvents"]) == ("STALLED", "0", 3)
    assert "127.0.0.1" in found["lastError"]
    assert "hush" not in found["lastError"]


async def test_what_a_broker_says_is_told_without_the_password(tmp_path: Path) -> None:
    class Chatty:
        async def connect(self) -> None:
            raise ConnectionError("Cannot reach redis://ann:hush%21hush@h, that is with hush!hush.")

        async def publish(self, messages: Sequence[Message]) -> None: ...

        async def ping(self) -> None: ...

        async def close(self) -> None:
            raise OSError("It was never open.")

    async with opened(tmp_path) as shop:
        log, feed = shop.app.log, shop.app.feed
        relay = Relay(
            log,
            Chatty(),
            feed,
            CloudEvents(log.id, tells_personal=False),
            now=clock.now,
            random=lambda: 0.5,
            conceal=concealing("redis://ann:hush%21hush@h"),
        )
        await relay.start()
        async with asyncio.timeout(5):
            while relay.last_error is None:  # noqa: ASYNC110  # nothing else needs to know
                await asyncio.sleep(0)
        status = await relay.status()
        await relay.stop()
    assert status.last_error == "ConnectionError: Cannot reach redis://ann:***@h, that is with ***."


async def test_a_gap_in_the_log_is_not_passed_over(tmp_path: Path) -> None:
    url, name = services.broker("redis"), channel()
    async with opened(tmp_path) as shop:
        await write(shop, 5)
        await shop.app.log.write(lambda connection: connection.execute("DELETE FROM events WHERE position = 3"))
    async with listening("redis", url, name), opened(tmp_path, relay_url=url, relay_channel=name) as shop:
        status = await relayed(shop, is_stalled=True)
    assert status.last_error == "RuntimeError: The log has no event 3, but later ones."
