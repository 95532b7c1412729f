"""The event log: gapless, in commit order, and refused when it is not what it should be."""

import asyncio
import os
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from engine.codec import Codec
from engine.faults import Unavailable, UnknownEvent
from engine.shapes import Event, Receipt, Recorded
from engine.store import sqlite, tail
from engine.store.append import About, Appending
from engine.store.log import Log
from engine.store.session import FAULTS, Session, transaction
from tests import worlds
from tests.engine.lockers import CODEC, START, LockerRented, ThingPutIn
from tests.engine.toy import until


@asynccontextmanager
async def opened(path: Path, codec: Codec = CODEC) -> AsyncIterator[Log]:
    log = await Log.open(worlds.place(path), codec)
    try:
        yield log
    finally:
        await log.close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "log.db"


async def append(log: Log, *puts: tuple[str, list[Event]], seconds: int = 0, keep: bool = True, **about: Any) -> None:
    """One transaction that appends events to streams, each behind what the stream has, with a receipt for each."""
    at = START + timedelta(seconds=seconds)

    def work(connection: Session) -> Appending:
        appending = Appending(connection, log.codec, log.position, at, set())
        versions: dict[str, int] = {}
        for number, (stream, events) in enumerate(puts):
            version = versions.get(stream, appending.versions([stream])[stream])
            id = about.get("command_id") or f"{appending.head}-{number}"
            correlation = about.get("correlation_id", id)
            appending.append(stream, version, events, About(id, correlation, about.get("causation_id"), "ann", "trace"))
            versions[stream] = version + len(events)
            given = Receipt(id, appending.head, stream, versions[stream], at, len(events), False, "ann")
            appending.remember(b"mark", given)
        appending.commit() if keep else appending.abandon()
        return appending

    appending = await log.writer.run(work)
    if keep:
        log.committed(appending.recorded, appending.characters)


def put(*grams: int) -> list[Event]:
    return [ThingPutIn(locker="a", grams=each) for each in grams]


def positions(found: list[Recorded]) -> list[int]:
    return [each.position for each in found]


async def test_positions_are_gapless_in_the_order_of_commits_across_streams_and_restarts(path: Path) -> None:
    async with opened(path) as log:
        assert (log.position, await log.head()) == (0, 0)
        await append(log, ("a", put(1, 2)), ("b", put(3)), ("a", put(4)))
        await append(log, ("c", put(5)), keep=False)
        await append(log, ("b", put(6)))
    async with opened(path) as log:
        await append(log, ("a", put(7)))
        found = await log.read(0, 100)
        assert log.position == await log.head() == 6
    assert [(each.position, each.stream, each.version, each.event.grams) for each in found] == [  # type: ignore[attr-defined]
        (1, "a", 1, 1),
        (2, "a", 2, 2),
        (3, "b", 1, 3),
        (4, "a", 3, 4),
        (5, "b", 2, 6),
        (6, "a", 4, 7),
    ]


async def test_an_event_is_stored_with_all_that_is_known_of_it(path: Path) -> None:
    async with opened(path) as log:
        await append(log, ("a", put(1)), seconds=1.5, command_id="c", correlation_id="story", causation_id="cause")  # type: ignore[arg-type]
    async with opened(path) as log:
        assert await log.read(0, 1) == [
            Recorded(
                position=1,
                stream="a",
                version=1,
                event=ThingPutIn(locker="a", grams=1),
                recorded_at=START + timedelta(seconds=1.5),
                command_id="c",
                correlation_id="story",
                causation_id="cause",
                actor_id="ann",
                trace="trace",
            )
        ]
        assert log.last_recorded_at == START + timedelta(seconds=1.5)


async def test_receipts_and_events_are_stored_together_or_not_at_all(path: Path) -> None:
    async with opened(path) as log:
        await append(log, ("a", put(1)), keep=False, command_id="never")
        await append(log, ("a", put(1, 2)), command_id="once")
        assert await log.command("never") is None
        assert await log.command("once") == Receipt("once", 2, "a", 2, START, 2, False, "ann")
        # A version that is there already: nothing of the transaction stays.
        with pytest.raises(FAULTS):
            await log.writer.run(lambda connection: _clash(connection, log))
        assert await log.command("clash") is None
        assert await log.read(0, 10) == (await log.select())[0]
        assert await log.head() == 2


def _clash(connection: Session, log: Log) -> None:
    appending = Appending(connection, log.codec, log.position, START, set())
    try:
        appending.append("new", 0, put(1), About("clash", "clash"))
        appending.append("a", 1, put(1), About("clash", "clash"))
        appending.remember(b"", Receipt("clash", 4, "a", 2, START))
        appending.commit()
    finally:
        appending.abandon()


async def test_the_tail_in_memory_and_the_file_give_the_same(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tail, "MOST_EVENTS", 6)
    async with opened(path) as log:
        for number in range(5):
            await append(log, ("a", put(number, number)), seconds=number)
        whole = (await log.select(limit=100))[0]
        assert positions(whole) == list(range(1, 11))
        for after in range(12):
            for limit in (1, 3, 100):
                assert await log.read(after, limit) == whole[after : after + limit], (after, limit)


async def test_the_tail_is_bounded_by_its_size_too(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tail, "MOST_CHARACTERS", 5 * len(CODEC.encode(put(1)[0])))
    async with opened(path) as log:
        for number in range(4):
            await append(log, ("a", put(1, 1)), seconds=number)
        assert [positions(log._tail.read(after, 100) or []) for after in (3, 4, 5)] == [[], [5, 6, 7, 8], [6, 7, 8]]
        assert positions(await log.read(0, 100)) == list(range(1, 9))
        await append(log, ("a", [LockerRented(locker="a", code="x" * 1000)]), seconds=9)
        assert log._tail.read(8, 100) is None
        assert positions(await log.read(8, 100)) == [9]


SELECTIONS: list[tuple[dict[str, Any], list[int]]] = [
    ({}, [1, 2, 3, 4, 5, 6]),
    ({"after": 2}, [3, 4, 5, 6]),
    ({"before": 3}, [1, 2]),
    ({"after": 2, "before": 5}, [3, 4]),
    ({"stream": "a"}, [1, 2, 5]),
    ({"stream": "nowhere"}, []),
    ({"types": ["ThingPutIn"]}, [1, 2, 4, 5, 6]),
    ({"types": ["ThingPutIn", "LockerRented"]}, [1, 2, 3, 4, 5, 6]),
    ({"types": []}, []),
    ({"types": ["'; DROP TABLE events"]}, []),
    ({"command_id": "two"}, [3, 4]),
    ({"command_id": "nothing"}, []),
    ({"command_id": "never"}, []),
    ({"correlation_id": "story"}, [1, 2, 5]),
    ({"stream": "a", "types": ["ThingPutIn"], "correlation_id": "story", "after": 1, "command_id": "one"}, [2]),
]


@pytest.mark.parametrize(("chosen", "expected"), SELECTIONS)
async def test_events_are_selected_by_every_condition_both_ways(
    path: Path, chosen: dict[str, Any], expected: list[int]
) -> None:
    async with opened(path) as log:
        await append(log, ("a", put(1, 2)), command_id="one", correlation_id="story")
        await append(log, ("b", [LockerRented(locker="b", code="1"), *put(1)]), command_id="two")
        await append(log, ("a", []), command_id="nothing")
        await append(log, ("a", put(3)), command_id="three", correlation_id="story")
        await append(log, ("c", put(3)))
        found, head = await log.select(**chosen)
        back, _ = await log.select(**chosen, newest_first=True)
        assert (positions(found), positions(back), head) == (expected, expected[::-1], 6)
        assert positions((await log.select(**chosen, limit=1))[0]) == expected[:1]
        assert positions((await log.select(**chosen, limit=1, newest_first=True))[0]) == expected[::-1][:1]


async def test_the_oldest_command_ids_are_forgotten_so_many_at_a_time(path: Path) -> None:
    async with opened(path) as log:
        for number in range(5):
            await append(log, ("a", put(number)), seconds=number, command_id=f"c{number}")
        before = START + timedelta(seconds=4)
        assert [await log.forget_commands(before, most=3) for _ in range(3)] == [3, 1, 0]
        kept = [await log.command(f"c{number}") for number in range(5)]
        assert [receipt and receipt.command_id for receipt in kept] == [None, None, None, None, "c4"]
        assert positions((await log.select())[0]) == [1, 2, 3, 4, 5]


async def test_a_log_with_an_event_unknown_to_this_code_is_refused(path: Path) -> None:
    async with opened(path) as log:
        await append(log, ("a", put(1)))
    for codec in (Codec([LockerRented]), Codec([type("ThingPutIn", (Event,), {"schema": 2})])):
        for opening in (Log.open, Log.look):
            with pytest.raises(UnknownEvent) as caught:
                await opening(worlds.place(path), codec)
            assert str(caught.value) == (
                f"{worlds.name(path)}: The log holds ThingPutIn at schema 1, unknown to this code. "
                "Run the code that wrote it, or newer."
            )
    async with opened(path) as log:
        assert log.position == 1


async def test_a_log_of_a_higher_format_is_refused(path: Path) -> None:
    async with opened(path) as log:
        await log.writer.run(lambda connection: connection.execute("UPDATE meta SET value = '2' WHERE name = 'format'"))
    with pytest.raises(UnknownEvent) as caught:
        await Log.open(worlds.place(path), CODEC)
    assert (
        str(caught.value)
        == f"{worlds.name(path)} has format 2; this code knows up to 1. Run the code that wrote it, or newer."
    )


@pytest.mark.one_world("it is about files")
async def test_a_file_that_is_no_database_is_refused_and_left_alone(path: Path) -> None:
    path.write_bytes(b"Dear diary, today was long. " * 300)
    for opening in (Log.open, Log.look):
        with pytest.raises(Unavailable, match=r"log\.db .*file is not a database"):
            await opening(worlds.place(path), CODEC)
    assert path.read_bytes().startswith(b"Dear diary")


@pytest.mark.parametrize(
    ("table", "reason"),
    [("meta (name TEXT, value TEXT)", "it holds something else"), ("cats (name)", "no such table: meta")],
)
@pytest.mark.one_world("it is about files")
async def test_a_database_of_something_else_is_refused_and_left_alone(path: Path, table: str, reason: str) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute(f"CREATE TABLE {table}")
    connection.close()
    for opening in (Log.open, Log.look):
        with pytest.raises(Unavailable, match=rf"log\.db is no event log: {reason}"):
            await opening(worlds.place(path), CODEC)
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT count(*) FROM sqlite_master").fetchall() == [(1,)]
    connection.close()


@pytest.mark.parametrize("name", ["folder", "file/log.db", "missing/folder/log.db"])
@pytest.mark.one_world("it is about files")
async def test_a_place_that_cannot_be_had_is_said_in_a_sentence(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("")
    if name.startswith("missing"):
        async with opened(tmp_path / name) as log:
            assert log.position == 0
        return
    for opening in (Log.open, Log.look):
        with pytest.raises(Unavailable, match=r"cannot be (made|opened|written).*\.$"):
            await opening(worlds.place(tmp_path / name), CODEC)


@pytest.mark.one_world("it is about files")
async def test_a_second_writer_is_refused_naming_the_first(path: Path) -> None:
    async with opened(path):
        with pytest.raises(Unavailable) as caught:
            await Log.open(worlds.place(path), CODEC)
    assert str(caught.value) == (
        f"Another process (pid {os.getpid()}) writes to {path}. Stop it first, or point this one at other files."
    )
    async with opened(path):
        pass


@pytest.mark.one_world("it is about files")
async def test_the_lock_of_a_process_that_died_is_free(path: Path) -> None:
    code = (
        "import os, sys; from pathlib import Path; from engine.store.lock import Lock;"
        "lock = Lock(Path(sys.argv[1])); os._exit(9)"
    )
    assert subprocess.run([sys.executable, "-c", code, str(path)], check=False).returncode == 9
    async with opened(path):
        pass


async def test_a_log_is_read_beside_its_writer(path: Path) -> None:
    async with opened(path) as log:
        await append(log, ("a", put(1)))
        beside = await Log.look(worlds.place(path), CODEC)
        try:
            assert (beside.id, beside.position) == (log.id, 1)
            assert await beside.read(0, 10) == await log.read(0, 10)
            await append(log, ("a", put(2)))
            assert await beside.head() == 2
            assert await beside.read(0, 10) == await log.read(0, 10)
            with pytest.raises(Unavailable, match="opened for reading only"):
                await beside.forget_commands(START)
        finally:
            await beside.close()


@pytest.mark.one_world("it is about files")
async def test_looking_makes_no_file(path: Path) -> None:
    with pytest.raises(Unavailable, match=r"log\.db cannot be opened: unable to open database file"):
        await Log.look(worlds.place(path), CODEC)
    assert list(path.parent.iterdir()) == []


async def test_every_log_has_an_id_of_its_own_that_stays(tmp_path: Path) -> None:
    async with opened(tmp_path / "one.db") as one, opened(tmp_path / "two.db") as two:
        ids = one.id, two.id
    async with opened(tmp_path / "one.db") as one:
        assert one.id == ids[0] != ids[1]


@pytest.mark.one_world("it is about files")
async def test_what_is_committed_comes_into_the_file_without_a_commit_that_waits_for_it(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "TRANSFER_EVERY", 0.01)

    async def is_in_the_file() -> bool:
        # A copy of the file alone, without what stands in the write-ahead log.
        copy = path.with_name("copy.db")
        await asyncio.to_thread(lambda: subprocess.run(["cp", path, copy], check=True))
        with closing(sqlite3.connect(copy)) as connection, suppress(sqlite3.DatabaseError):
            return bool(connection.execute("SELECT max(position) FROM events").fetchone() == (2,))
        return False

    async with opened(path) as log:
        await append(log, ("thing-a", put(1, 2)))
        await until(is_in_the_file)


async def test_who_looks_on_sees_what_is_appended_meanwhile(path: Path) -> None:
    async with opened(path) as log:
        await append(log, ("thing-a", put(1, 2)))
        looking = await Log.look(worlds.place(path), CODEC)
        try:
            assert [each.position for each in await looking.read(0, 100)] == [1, 2]
            for number in range(3, 6):
                await append(log, ("thing-b", put(number)))
                assert [each.position for each in await looking.read(number - 1, 100)] == [number]
        finally:
            await looking.close()


@pytest.mark.one_world("it is about files")
async def test_the_files_are_nobody_elses_to_read(path: Path) -> None:
    async with opened(path):
        files = [path.with_name(path.name + suffix) for suffix in ("", "-wal", "-shm")]
        assert [oct(file.stat().st_mode & 0o777) for file in files] == ["0o600"] * 3


@pytest.mark.one_world("it is about files")
async def test_what_a_savepoint_may_bring_back_is_put_into_no_other_file(tmp_path: Path) -> None:
    def write(session: Session) -> list[str]:
        session.execute("CREATE TABLE lines (number INTEGER PRIMARY KEY, text TEXT)")
        session.executemany("INSERT INTO lines VALUES (?, ?)", [(number, "a" * 400) for number in range(1000)])
        with transaction(session):
            session.execute("UPDATE lines SET text = upper(text)")
            session.execute("SAVEPOINT here")
            session.execute("UPDATE lines SET text = lower(text)")
            return [os.path.realpath(f"/proc/self/fd/{each}") for each in os.listdir("/proc/self/fd")]

    connection = await sqlite.Connection.open(tmp_path / "file.db")
    try:
        files = await connection.run(write)
    finally:
        await connection.close()
    assert str(tmp_path / "file.db") in files
    assert not [each for each in files if "etilqs" in each], "what SQLite calls its files of the moment"
