"""Whether the server is ready, and why not."""

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from engine.health import Condition, Health, Service
from engine.shapes import EPOCH
from engine.status import State, Status
from tests.running import Shop, opened

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def status(
    name: str = "boxes",
    state: State = State.LIVE,
    lag: float = 0.0,
    dead_letters: int = 0,
    *,
    is_waiting: bool = False,
) -> Status:
    return Status(name, 5, 9, 4, lag, state, 0.0, None, dead_letters, is_waiting, as_of=EPOCH)


def health(*statuses: Status, deadline: float = 5.0, now: Callable[[], datetime] = lambda: NOW) -> Health:
    async def found() -> list[Status]:
        return list(statuses)

    return Health(found, {"boxes"}, most_lag=30, most_dead_letters=10, deadline=deadline, fresh=0.0, now=now)


def reasons(condition: Condition) -> list[tuple[str, str, str]]:
    return [(each.service.value, each.name, each.reason) for each in condition.reasons]


@pytest.mark.parametrize(
    ("found", "why"),
    [
        (status(), []),
        (status(lag=30), []),
        (status(state=State.CATCHING_UP, lag=31), [("reads", "boxes", "31 s behind, of 30 that are allowed")]),
        (status("mail", State.CATCHING_UP, 31), [("processes", "mail", "31 s behind, of 30 that are allowed")]),
        # To have stopped is not to be behind, and to be far behind is not to have stopped.
        (status(state=State.STALLED), [("reads", "boxes", "stalled after position 5")]),
        (status(state=State.STALLED, lag=99), [("reads", "boxes", "stalled after position 5")]),
        # What only waits for a store shows what it showed; the store is the reason, if it is one.
        (status(state=State.STALLED, lag=99, is_waiting=True), []),
        (status(state=State.REBUILDING, lag=9999), []),
        (status(state=State.PAUSED, lag=9999), []),
        (status("mail", dead_letters=9), []),
        (
            status("mail", dead_letters=10),
            [("processes", "mail", "10 events set aside, of 10 that there is room for")],
        ),
    ],
)
async def test_what_follows_the_log_must_keep_up(found: Status, why: list[tuple[str, str, str]]) -> None:
    assert reasons(await health(found).condition()) == why


async def test_any_number_of_dead_letters_may_be_allowed() -> None:
    async def found() -> list[Status]:
        return [status("mail", dead_letters=10**6)]

    assert not (await Health(found, (), most_lag=1, most_dead_letters=0).condition()).reasons


async def test_consumers_that_cannot_be_looked_at_are_not_taken_for_well() -> None:
    async def found() -> list[Status]:
        raise OSError("the disk is gone")

    looked = await Health(found, (), most_lag=1, most_dead_letters=0).condition()
    assert looked.consumers is None
    assert {each.service for each in looked.reasons} == {Service.READS, Service.PROCESSES}


async def test_a_dependency_is_told_with_its_state_since_when_and_its_last_error() -> None:
    times = iter([NOW, NOW + timedelta(seconds=1), NOW + timedelta(seconds=2)])
    broken: list[Any] = []

    async def probe() -> None:
        if broken:
            raise ConnectionError("refused")

    looked = health(now=lambda: next(times))
    looked.register("broker", probe, [Service.PROCESSES])
    told = []
    for trouble in ([], [], [1], [1], []):
        broken[:] = trouble
        condition = await looked.condition()
        (found,) = condition.dependencies
        told.append((found.is_up, (found.since - NOW).seconds, found.last_error, reasons(condition)))
    error = "ConnectionError: refused"
    why = [("processes", "broker", f"does not answer: {error}")]
    assert told == [
        (True, 0, None, []), (True, 0, None, []),
        (False, 1, error, why), (False, 1, error, why),
        (True, 2, error, []),
    ]  # fmt: skip


async def test_what_hangs_has_a_deadline_and_is_not_asked_a_second_time_meanwhile() -> None:
    asked, answer = [], asyncio.Event()

    async def probe() -> None:
        asked.append(1)
        await answer.wait()

    looked = health(deadline=0.02)
    looked.register("broker", probe)
    found = [(await looked.condition()).dependencies[0] for _ in range(3)]
    assert [each.last_error for each in found] == ["TimeoutError: No answer within 0.02 s."] * 3
    assert len(asked) == 1
    answer.set()
    assert (await looked.condition()).dependencies[0].is_up
    assert (await looked.condition()).dependencies[0].is_up
    assert len(asked) == 2
    await looked.close()


async def test_many_who_ask_at_once_are_told_of_one_look() -> None:
    asked = []

    async def probe() -> None:
        asked.append(1)

    looked = Health(lambda: _nothing(), (), most_lag=1, most_dead_letters=0, fresh=60)
    looked.register("broker", probe)
    await asyncio.gather(*(looked.condition() for _ in range(50)))
    assert len(asked) == 1


async def _nothing() -> list[Status]:
    return []


async def ready(shop: Shop, services: str = "commands,reads,processes") -> tuple[int, Any]:
    answer = await shop.http.get("/health/ready", params={"for": services})
    return answer.status_code, answer.json()


async def until(shop: Shop, code: int, services: str = "commands,reads,processes") -> Any:
    while (found := await ready(shop, services))[0] != code:
        pass
    return found[1]


@pytest.mark.one_world("it is about files")
async def test_a_log_that_cannot_be_written_is_told_and_reads_go_on(tmp_path: Path) -> None:
    async with opened(tmp_path) as shop:
        await shop.accepted("writeRecord", key="a", value="1")
        assert await shop.app.drained()
        assert (await ready(shop))[0] == 200
        with closing(sqlite3.connect(tmp_path / "log.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")  # nobody else can write now
            told = await until(shop, 503)
            why = "does not answer: TimeoutError: No answer within 2 s."
            assert {(each["for"], each["name"], each["reason"]) for each in told["reasons"]} == {
                ("commands", "write store", why),
                ("processes", "write store", why),
            }
            # Who has read to a head that nobody can ask for has not caught up.
            assert {each["state"] for each in told["projections"].values()} == {"UNKNOWN"}
            assert (await ready(shop, "reads"))[0] == 200
            text = (await shop.http.get("/metrics")).text
            assert 'dispensary_dependency_up{dependency="write store"} 0.0' in text
            assert 'dispensary_consumer_lag_events{consumer="records"} NaN' in text
            assert 'dispensary_consumer_state{consumer="records",state="unknown"} 1.0' in text
            assert "dispensary_ready 0.0" in text
            other.execute("ROLLBACK")
        assert (await until(shop, 200))["reasons"] == []
        found = (await shop.http.get("/health/dependencies")).json()["dependencies"]
        assert found["write store"]["state"] == "UP"
        assert found["write store"]["lastError"] == "TimeoutError: No answer within 2 s."


async def test_a_read_model_that_stopped_is_told(tmp_path: Path) -> None:
    async with opened(tmp_path) as shop:
        await shop.app.rows.write(lambda connection: connection.execute("ALTER TABLE records_a RENAME TO hidden"))
        await shop.accepted("writeRecord", key="a", value="1")
        told = await until(shop, 503)
        assert told["reasons"] == [{"for": "reads", "name": "records", "reason": "stalled after position 0"}]
        assert told["projections"]["records"] == {"state": "STALLED", "position": "0"}
        text = (await shop.http.get("/metrics")).text
        assert 'dispensary_consumer_state{consumer="records",state="stalled"} 1.0' in text
        assert 'dispensary_consumer_errors_total{consumer="records",event="RecordWritten"}' in text
        await shop.app.rows.write(lambda connection: connection.execute("ALTER TABLE hidden RENAME TO records_a"))
        assert (await until(shop, 200))["reasons"] == []


async def test_each_dependency_is_told_by_its_name(shop: Shop) -> None:
    found = (await shop.http.get("/health/dependencies")).json()
    assert found["status"] == "ok"
    assert {
        name: (each["state"], each["lastError"], each["neededFor"]) for name, each in found["dependencies"].items()
    } == {
        "write store": ("UP", None, ["commands", "processes"]),
        "read store": ("UP", None, ["reads"]),
        "broadcast channel": ("UP", None, []),
        "search": ("UP", None, ["reads"]),
    }


@pytest.mark.one_world("it is about files")
async def test_a_search_that_fails_is_told_apart_from_the_store_it_is_in(shop: Shop) -> None:
    names = await shop.app.rows.read(
        lambda connection: [name for (name,) in connection.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND sql LIKE '%fts5%'"
        )]
    )  # fmt: skip
    await shop.app.rows.write(lambda connection: [connection.execute(f"DROP TABLE {name}") for name in names])
    told = await until(shop, 503, "reads")
    assert [each["name"] for each in told["reasons"]] == ["search"]
    found = (await shop.http.get("/health/dependencies")).json()["dependencies"]
    assert {name for name, each in found.items() if each["state"] == "DOWN"} == {"search"}


async def test_nobody_can_be_ready_for_what_does_not_exist(shop: Shop) -> None:
    code, told = await ready(shop, "reads,tea")
    assert (code, told) == (400, {"error": "`for` takes commands, reads, processes, with commas between them."})
