"""What processes keep beside the log: found by index, bounded, and made anew in a file that has none of it."""

import sqlite3
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from engine.parked import Asks, Parked
from engine.store.log import Log
from engine.store.reactions import Reactions
from engine.store.session import Session
from tests import worlds
from tests.engine.errands import DECLARATIONS, START, town

ROWS = Reactions("errands")
SOON = START + timedelta(hours=1)


def waiting(*positions: int, key: str = "ann") -> list[Parked]:
    return [Parked("errands", position, key, START) for position in positions]


async def stored(folder: Path, *works: Callable[[Session], Any]) -> list[Any]:
    """Do units of work on a fresh log, one after the other; what each gave."""
    log = await Log.open(worlds.place(folder / "log.db"), DECLARATIONS.codec())
    try:
        return [await log.write(work) for work in works]
    finally:
        await log.close()


@pytest.mark.one_world("it is about files")
async def test_an_old_file_without_the_tables_of_processes_opens_and_works(tmp_path: Path) -> None:
    async with town(tmp_path) as at:
        await at.give("ann", 1)
        await at.drained()
    with sqlite3.connect(tmp_path / "log.db") as file:
        for table in ("consumers", "instances", "parked", "secrets", "leases", "log_revision"):
            file.execute(f"DROP TABLE {table}")
    file.close()
    async with town(tmp_path) as at:
        await at.drained()
        assert await at.notes("ann") == ["1"]  # what is past has had its consequences
        await at.give("ann", 2)
        await at.drained()
        assert await at.notes("ann") == ["1", "1 2"]
        tables = {name for (name,) in await at.query("SELECT name FROM sqlite_master")}
        assert {"secrets", "parked_due", "parked_by_key", "instances_due"} <= tables


async def test_the_first_that_waits_has_a_time_and_the_others_do_not(tmp_path: Path) -> None:
    *_, found, next_time = await stored(
        tmp_path,
        lambda connection: ROWS.park_behind(connection, waiting(1, 2, 3)),
        lambda connection: ROWS.park_behind(connection, waiting(2, 4)),
        lambda connection: ROWS.of(connection, "ann"),
        lambda connection: ROWS.next_time(connection, START - timedelta(1)),
    )
    assert [(each.position, each.retry_at) for each in found] == [(1, START), (2, None), (3, None), (4, None)]
    assert next_time == START


async def test_what_is_set_aside_from_before_others_takes_their_turn(tmp_path: Path) -> None:
    failed = Parked("errands", 1, "ann", START, Asks.FOLD, 1, SOON, "no")
    *_, found, _, after = await stored(
        tmp_path,
        lambda connection: ROWS.park_behind(connection, waiting(2, 3)),
        lambda connection: ROWS.park(connection, failed),
        lambda connection: ROWS.of(connection, "ann"),
        lambda connection: ROWS.release(connection, "ann", [1], SOON),
        lambda connection: ROWS.of(connection, "ann"),
    )
    assert [(each.position, each.retry_at) for each in found] == [(1, SOON), (2, None), (3, None)]
    assert [(each.position, each.retry_at) for each in after] == [(2, SOON), (3, None)]


async def test_what_was_discarded_while_it_was_tried_stays_discarded(tmp_path: Path) -> None:
    failed = Parked("errands", 1, "ann", START, Asks.REACTION, 1, SOON, "no")
    *_, found = await stored(
        tmp_path,
        lambda connection: ROWS.park(connection, failed),
        lambda connection: ROWS.discard(connection, 1, START),
        lambda connection: ROWS.fail(connection, Parked("errands", 1, "ann", START, Asks.REACTION, 2, None, "no")),
        lambda connection: ROWS.of(connection, "ann"),
    )
    assert [(each.attempts, each.retry_at, each.is_discarded, each.is_dead) for each in found] == [
        (0, START, True, False)
    ]


async def test_events_of_a_key_wait_from_its_first_that_is_set_aside_and_behind_a_waking(tmp_path: Path) -> None:
    woken = Parked("errands", 7, "bob", START, Asks.WAKE, 1, SOON, "no")
    *_, blocked = await stored(
        tmp_path,
        lambda connection: ROWS.park_behind(connection, waiting(5, 6)),
        lambda connection: ROWS.park(connection, woken),
        lambda connection: ROWS.blocked(connection, ["ann", "bob", "cyd"]),
    )
    assert blocked == {"ann": 5, "bob": 8}


@pytest.mark.parametrize(
    ("name", "parameters", "index"),
    [
        ("to_retry", (START, SOON, 10), "parked_due"),
        ("next_time", (START,), "parked_due"),
        ("next_time", (START,), "instances_due"),
        ("due", (START, 10), "instances_due"),
        ("due", (START, 10), "parked_by_key"),
        ("of", ("ann",), "parked_by_key"),
        ("blocked", (["ann"],), "parked_by_key"),
        ("park_behind", (waiting(1),), "parked_by_key"),
        ("again", (1, START), "parked_by_key"),
        ("discard", (1, START), "parked_by_key"),
        ("release", ("ann", [], START), "parked_by_key"),
    ],
)
@pytest.mark.one_world("it is about files")
async def test_what_is_asked_all_the_time_is_found_by_an_index(
    tmp_path: Path, name: str, parameters: tuple[Any, ...], index: str
) -> None:
    def plan(connection: Session) -> str:
        assert isinstance(connection, sqlite3.Connection)
        asked: list[str] = []
        connection.set_trace_callback(asked.append)
        getattr(ROWS, name)(connection, *parameters)
        connection.set_trace_callback(None)
        text = asked[-1]
        steps = connection.execute(f"EXPLAIN QUERY PLAN {text}").fetchall()
        return "\n".join(step[3] for step in steps)

    (found,) = await stored(tmp_path, plan)
    assert index in found
    assert "USE TEMP B-TREE" not in found
    lines = [line for line in found.splitlines() if "parked" in line or "instances" in line]
    assert all("SEARCH" in line for line in lines), found
