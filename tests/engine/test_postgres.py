"""What is so on PostgreSQL alone: several who append, lost connections, and what stands in for SQLite's search."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import clock
from engine.dispatcher import Dispatcher
from engine.faults import GONE, Unavailable
from engine.feed import Feed
from engine.shapes import Command, Receipt
from engine.store import arrays
from engine.store.log import Log
from engine.store.postgres import Database, PostgresConnection
from engine.store.postgres_session import PostgresSession
from engine.store.readstore import ReadStore
from engine.store.search import TOKENIZER, search_terms, search_vector, tokens, vector
from engine.store.session import Session
from engine.store.translation import translated
from tests import worlds
from tests.engine.lockers import CODEC, LOCKERS, PutIn, RentLocker
from tests.engine.test_projector import shop
from tests.engine.toy import BOXES, BoxOpened, BoxThrownAway, Tape, until
from tests.line import Line, line

pytestmark = pytest.mark.one_world("it is about PostgreSQL")


@pytest.fixture
def server(world: str) -> Iterator[None]:
    with worlds.world("postgresql"):
        yield


@asynccontextmanager
async def dispatching(place: Any) -> AsyncIterator[tuple[Log, Dispatcher]]:
    log, feed = await Log.open(place, CODEC), Feed()
    await feed.open()
    dispatcher = Dispatcher(log, [LOCKERS], feed, clock.now)
    dispatcher.start()
    try:
        yield log, dispatcher
    finally:
        await dispatcher.stop()
        await feed.close()
        await log.close()


@asynccontextmanager
async def behind_a_line(path: Path) -> AsyncIterator[tuple[Line, Database]]:
    """The database through a line of its own."""
    parts = urlsplit(worlds.url(path))
    async with line(parts.hostname or "127.0.0.1", parts.port or 5432) as made:
        user = f"{parts.username}@" if parts.username else ""
        yield made, Database(parts._replace(netloc=f"{user}127.0.0.1:{made.port}").geturl())


@pytest.mark.usefixtures("server")
async def test_a_group_takes_as_many_journeys_however_large_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journeys: list[str] = []
    alone, together = PostgresSession._try, PostgresSession.together

    def counting_alone(session: PostgresSession, do: Any, text: str) -> Any:
        journeys.extend([] if session._is_together else [text])
        return alone(session, do, text)

    @contextmanager
    def counting_together(session: PostgresSession, what: str = "COMMIT") -> Iterator[Any]:
        journeys.append(what)
        with together(session, what) as all:
            yield all

    async def sent(dispatcher: Dispatcher, *commands: Command) -> list[str]:
        journeys.clear()
        answers = await asyncio.gather(*(dispatcher.send(each, command_id=f"c-{each!r}") for each in commands))
        assert {type(each) for each in answers} == {Receipt}
        return list(journeys)

    place, all = worlds.place(tmp_path / "log.db"), range(20)
    async with dispatching(place) as (log, dispatcher):
        monkeypatch.setattr(PostgresSession, "_try", counting_alone)
        monkeypatch.setattr(PostgresSession, "together", counting_together)
        rented = [RentLocker(locker=f"l{each}", code=str(each)) for each in all]
        assert await sent(dispatcher, *rented) == ["SELECT", "SELECT", "COMMIT"]  # to begin, what is claimed, to end
    async with dispatching(place) as (log, dispatcher):
        filled = [PutIn(locker=f"l{each}", grams=1) for each in all]
        assert await sent(dispatcher, *filled) == ["SELECT", "SELECT", "COMMIT"]  # to begin, whole streams, to end
        more = [PutIn(locker=f"l{each}", grams=2) for each in all]
        assert await sent(dispatcher, *more) == ["SELECT", "COMMIT"]  # they are in memory
        assert [each.version for each in await log.read(20, 100)] == [2] * 20 + [3] * 20


@pytest.mark.usefixtures("server")
@pytest.mark.parametrize(
    ("kind", "made", "values"),
    [
        ("bigint[]", arrays.numbers, [0, -1, 2**63 - 1, -(2**63)]),
        ("bigint[]", arrays.numbers, [1, None, -(2**63)]),
        ("bigint[]", arrays.numbers, []),
        ("text[]", arrays.texts, ["", "é", '{a,"b\\\\}', None, "NULL", "\U0001f48a"]),
        ("bytea[]", arrays.blobs, [b"", b"\0\xff", None]),
        ("boolean[]", arrays.booleans, [True, False, None]),
        ("float8[]", arrays.floats, [0.1, -0.0, float("inf"), None, 5e-324]),
    ],
)
def test_an_array_arrives_as_it_was(tmp_path: Path, kind: str, made: Any, values: list[Any]) -> None:
    with closing(worlds.session(tmp_path / "log.db")) as session:
        found = session.execute(f"SELECT unnest(?::{kind})", (made(values),)).fetchall()
    assert [repr(value) for (value,) in found] == list(map(repr, values))


@pytest.mark.usefixtures("server")
async def test_what_one_has_found_of_others_its_fellows_need_not_read(tmp_path: Path) -> None:
    place = worlds.place(tmp_path / "log.db")
    async with dispatching(place) as (_, theirs), dispatching(place) as (log, mine):
        reads, once = list[int](), log._readers.once

        async def counting(work: Any) -> Any:
            reads.append(1)
            return await once(work)

        log._readers.once = counting  # type: ignore[method-assign]  # the real one, counted
        for number in range(1, 5):
            await theirs.send(PutIn(locker="a", grams=number))
            assert [each.position for each in await log.read(number - 1, 100)] == [number]
            assert await log.read(number - 1, 100) == await log.read(number - 1, 100)
            assert len(reads) == number
        await mine.send(PutIn(locker="a", grams=5))
        await theirs.send(PutIn(locker="a", grams=6))
        assert [each.position for each in await log.read(4, 100)] == [5]
        assert [each.position for each in await log.read(5, 100)] == [6]
        assert [each.position for each in await log.read(3, 100)] == [4, 5, 6]
        assert [each.version for each in await log.read(0, 100)] == [1, 2, 3, 4, 5, 6]
        assert len(reads) == 5


@pytest.mark.usefixtures("server")
async def test_several_who_append_share_one_log_without_a_gap_and_never_decide_on_what_is_past(tmp_path: Path) -> None:
    place = worlds.place(tmp_path / "log.db")
    async with dispatching(place) as (one, mine), dispatching(place) as (other, theirs):
        assert one.id == other.id
        seen: list[Any] = []

        async def follow() -> None:
            while len(seen) < 160:
                seen.extend(await one.read(len(seen), 7))
                await asyncio.sleep(0)

        following = asyncio.create_task(follow())
        sent = [
            dispatcher.send(PutIn(locker=f"{number % 3}", grams=1))
            for number in range(80)
            for dispatcher in (mine, theirs)
        ]
        receipts = await asyncio.gather(*sent)
        async with asyncio.timeout(20):
            await following
        assert [each.position for each in seen] == list(range(1, 161))
        assert sorted(each.position for each in receipts if isinstance(each, Receipt)) == list(range(1, 161))
        for stream in {each.stream for each in seen}:
            versions = [each.version for each in seen if each.stream == stream]
            assert versions == list(range(1, len(versions) + 1))
        assert [each.recorded_at for each in seen] == sorted(each.recorded_at for each in seen)
        assert await other.head() == await one.head() == 160


@pytest.mark.usefixtures("server")
async def test_a_claim_and_a_command_id_hold_against_another_process_too(tmp_path: Path) -> None:
    place = worlds.place(tmp_path / "log.db")
    async with dispatching(place) as (_, mine), dispatching(place) as (_, theirs):
        first = await mine.send(RentLocker(locker="a", code="1"), command_id="once")
        again = await theirs.send(RentLocker(locker="a", code="1"), command_id="once")
        taken = await theirs.send(RentLocker(locker="b", code="1"))
    assert isinstance(first, Receipt)
    assert isinstance(again, Receipt)
    assert (again.position, again.replayed) == (first.position, True)
    assert type(taken).__name__ == "AlreadyTaken"


@pytest.mark.usefixtures("server")
async def test_after_connections_were_lost_the_next_command_is_stored(tmp_path: Path) -> None:
    async with behind_a_line(tmp_path / "log.db") as (between, place), dispatching(place) as (log, dispatcher):
        for number in range(5):
            between.cut()
            await asyncio.sleep(0)
            assert isinstance(await dispatcher.send(PutIn(locker="a", grams=number + 1)), Receipt)
            between.cut()
            assert len((await log.select())[0]) == number + 1


@pytest.mark.usefixtures("server")
@pytest.mark.parametrize("times_before", range(5))
def test_what_stands_behind_a_statement_that_fails_is_done_the_next_time(tmp_path: Path, times_before: int) -> None:
    def count(session: Any, table: str, times: int) -> list[Any]:
        with session.together("SELECT") as all:
            session.execute(f"SELECT count(*) FROM {table}")
            return [all.execute("SELECT 7") for _ in range(times)]

    with closing(worlds.session(tmp_path / "log.db")) as session:
        count(session, "meta", times_before)  # at one of these the driver has it prepared on the server
        with pytest.raises(Unavailable, match="missing"):
            count(session, "missing", 1)
        session.ready()
        assert [each.fetchall() for each in count(session, "meta", 3)] == [[(7,)]] * 3


@pytest.mark.usefixtures("server")
async def test_a_connection_that_ends_as_soon_as_it_is_made_is_one_that_gave_way(tmp_path: Path) -> None:
    class Dying(Database):
        def connect(self) -> Any:
            made = super().connect()
            with super().connect() as other:
                other.execute("SELECT pg_terminate_backend($1::int)", (made.info.backend_pid,))
            return made

    with pytest.raises(GONE):
        await Dying(worlds.url(tmp_path / "log.db")).reader()


@pytest.mark.usefixtures("server")
async def test_each_statement_has_the_same_patience(tmp_path: Path) -> None:
    connection = await PostgresConnection.open(Database(worlds.url(tmp_path / "log.db")), 0.5, prepares=True)

    def work(session: Session) -> None:
        session.execute("SELECT 1")
        session.execute("SELECT pg_sleep(60)")

    try:
        async with asyncio.timeout(30):
            for _ in range(2):  # the second makes the connection anew
                with pytest.raises(GONE):
                    await connection.run(work)
    finally:
        await connection.close()


@pytest.mark.usefixtures("server")
def test_a_read_that_is_lost_at_its_end_is_made_again(tmp_path: Path) -> None:
    asked = 0

    def ask(session: Session) -> Any:
        nonlocal asked
        asked += 1
        found = session.execute("SELECT 7")
        if asked == 1:
            made.cut()
        return found

    with closing(worlds.session(tmp_path / "log.db")) as made:
        assert (made.look(ask).fetchone(), asked) == ((7,), 2)


@pytest.mark.usefixtures("server")
async def test_a_rebuild_and_who_reads_both_parts_of_a_table_do_not_wait_for_each_other(tmp_path: Path) -> None:
    tape = Tape([BoxOpened("a", "ann"), BoxThrownAway("a")])
    waits = "SELECT 1 FROM pg_locks WHERE NOT granted AND relation = 'boxes_a'::regclass"
    async with shop(tmp_path, tape, (BOXES,)) as (store, projector):
        assert await projector.settled()

        async def is_dropping() -> bool:
            return bool(await store.once(lambda session: session.execute(waits).fetchone()))

        with closing(worlds.session(tmp_path / "read.db")) as reading:
            reading.execute("BEGIN")
            reading.execute("SELECT * FROM boxes_a")
            rebuild = asyncio.create_task(projector.projections["boxes"].rebuild())
            await until(is_dropping)
            reading.execute("SELECT * FROM boxes_a_tombstones")
            reading.execute("COMMIT")
            await rebuild


@pytest.mark.usefixtures("server")
async def test_while_the_server_is_away_commands_fail_fast_and_then_go_on(tmp_path: Path) -> None:
    async with behind_a_line(tmp_path / "log.db") as (between, place), dispatching(place) as (log, dispatcher):
        assert isinstance(await dispatcher.send(PutIn(locker="a", grams=1)), Receipt)
        between.is_down = True
        between.cut()
        async with asyncio.timeout(5):
            with pytest.raises(Unavailable):
                await dispatcher.send(PutIn(locker="a", grams=2), command_id="two")
        between.is_down = False
        async with asyncio.timeout(5):
            assert isinstance(await dispatcher.send(PutIn(locker="a", grams=2), command_id="two"), Receipt)
        assert len((await log.select())[0]) == 2


@pytest.mark.usefixtures("server")
async def test_a_server_that_falls_silent_is_given_up_in_time(tmp_path: Path) -> None:
    async with behind_a_line(tmp_path / "log.db") as (between, place), dispatching(place) as (log, dispatcher):
        assert isinstance(await dispatcher.send(PutIn(locker="a", grams=1)), Receipt)
        between.silent(True)
        async with asyncio.timeout(10):
            with pytest.raises(Unavailable):
                await dispatcher.send(PutIn(locker="a", grams=2), command_id="two")
        between.silent(False)
        async with asyncio.timeout(10):
            assert isinstance(await dispatcher.send(PutIn(locker="a", grams=2), command_id="two"), Receipt)
        assert len((await log.select())[0]) == 2


@pytest.mark.usefixtures("server")
async def test_processes_that_start_together_make_the_read_tables_one_after_the_other(tmp_path: Path) -> None:
    stores = [ReadStore(worlds.place(tmp_path / "read.db"), [BOXES]) for _ in range(8)]
    try:
        await asyncio.gather(*(store.open() for store in stores))
        assert [await store.positions() for store in stores] == [{}] * 8
    finally:
        for store in stores:
            await store.close()


async def test_a_server_that_is_not_there_is_said_without_the_password() -> None:
    with pytest.raises(Unavailable) as caught:
        await Log.open(Database("postgresql://ann:hunter2@127.0.0.1:1/shop"), CODEC)
    assert str(caught.value).startswith("postgresql://127.0.0.1:1/shop cannot be reached: ")
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "made", "names"),
    [
        ("SELECT ?, ?", "SELECT $1, $2", None),
        ("SELECT ?2, ?1, ?2", "SELECT $2, $1, $2", None),
        ("a > :seen AND b = :id AND c < :seen", "a > $1 AND b = $2 AND c < $1", ("seen", "id")),
        ("SELECT ?::text[]", "SELECT $1::text[]", None),
        ("FROM parked INDEXED BY parked_by_key WHERE key = ?", "FROM parked WHERE key = $1", None),
    ],
)
def test_a_statement_is_written_once_for_both(text: str, made: str, names: tuple[str, ...] | None) -> None:
    assert translated(text) == (made, names)


WORDS = st.text(st.sampled_from("aAáeéñ-'\\\"*&|! ß1ø\u0301\n中"), max_size=12)


@given(WORDS)
def test_words_are_those_of_sqlites_tokenizer(text: str) -> None:
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute(f"CREATE VIRTUAL TABLE given USING fts5(text, tokenize='{TOKENIZER}')")
        connection.execute("CREATE VIRTUAL TABLE found USING fts5vocab(given, instance)")
        connection.execute("INSERT INTO given VALUES (?)", (text,))
        found = [term for (term,) in connection.execute("SELECT term FROM found ORDER BY offset")]
    assert tokens(text) == found


def test_a_search_finds_the_same_rows_in_both(server: None) -> None:
    # Every text with every search, by both databases themselves.
    texts = ["Crème brûlée", "creme", "foo-bar baz", "bar foo", "it's", "a\\b 'c'", "naïve 100mg", "", "中文 abc"]
    wanted = [
        "cre",
        "CRÈME bru",
        "foo-b",
        "bar-f",
        "foo bar",
        "it's",
        "it",
        "a\\b",
        "'c",
        "100",
        "-",
        "- foo",
        "中",
        "ab",
    ]
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute(f"CREATE VIRTUAL TABLE given USING fts5(text, tokenize='{TOKENIZER}')")
        connection.executemany("INSERT INTO given(rowid, text) VALUES (?, ?)", enumerate(texts))
        expected = {}
        for each in wanted:
            terms = search_terms(each)
            rows = connection.execute("SELECT rowid FROM given WHERE given MATCH ? ORDER BY rowid", (terms or '"-"',))
            expected[each] = [row for (row,) in rows]
    found = {
        each: [
            place
            for place, text in enumerate(texts)
            if (terms := search_vector(each)) and worlds.matches(vector([text]), terms)
        ]
        for each in wanted
    }
    assert found == expected
