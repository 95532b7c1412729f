"""A shop that moves: all of it arrives, what has not is found, and nothing starts on what is not proven."""

import asyncio
import re
import signal
from pathlib import Path
from typing import Any

import pytest

from cli import copying as command
from cli.application import DECLARATIONS
from engine import beside, copying
from engine.copying import TABLES
from engine.faults import Taken, Unavailable
from engine.store.dialect import POSTGRES, SQLITE
from engine.store.leases import leases
from engine.store.places import place
from engine.store.revisions import LOG
from engine.store.tables import head
from tests import worlds
from tests.e2e.process import begun, run
from tests.ports.test_mail import serving
from tests.redis import until
from tests.running import PASSWORD, Shop, opened, settings
from tests.schema.test_dead_letters import ONCE, Picky, letters, troubled

pytestmark = pytest.mark.one_world("its shops move from one world to the other")

LOG_IN = "mutation($a: String!, $b: String!) { logIn(input: { email: $a, password: $b }) { token } }"
FOLLOW = "subscription($after: Position) { orders(after: $after) { kind since position } }"
CHANGED = """CREATE FUNCTION changed() RETURNS trigger AS $$ BEGIN
    IF NEW.position = 3 THEN NEW.data = overlay(NEW.data placing '~' from 5 for 1); END IF; RETURN NEW;
    END $$ LANGUAGE plpgsql"""


def silent(step: str, done: int, total: int) -> None:
    """Tell nobody."""


async def seen(shop: Shop) -> dict[str, Any]:
    """What people see of a shop."""
    assert await shop.app.drained()
    return {
        "letters": await letters(shop),
        "orders": await shop.data(
            "{ orders(first: 9) { position nodes { id status position timeline { event at } } } }"
        ),
        "users": await shop.data("{ users(first: 9) { nodes { id email position orderCount } } }"),
        "stock": await shop.data("{ inventory(first: 9) { nodes { id availableQuantity reservedQuantity } } }"),
    }


def hashes(text: str) -> list[str]:
    return re.findall(r"(?m)^(\w+ +[\d,]+ rows  \w+)  equal$", text)


async def test_a_shop_moves_to_postgres_with_everything_in_it_and_goes_on_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = worlds.url(tmp_path / "log.db")
    async with troubled(tmp_path) as (shop, _):
        before = await seen(shop)
        assert before["letters"]
        token = (await shop.viewer("customer", "bob")).token
    with worlds.world("postgresql"):
        target = worlds.url(tmp_path / "log.db", is_empty=True)
        assert await command.copy(settings(tmp_path), source, target) == 0
        told = capsys.readouterr().out
        assert len(hashes(told)) == len(TABLES) + 1
        assert "Proven equal: " in told
        mailbox = Picky()
        async with (
            serving(mailbox) as port,
            opened(tmp_path, manner=ONCE, smtp_url=f"smtp://127.0.0.1:{port}") as shop,
        ):
            assert await seen(shop) == before
            assert await shop.data(LOG_IN, a="bob@example.org", b=PASSWORD)
            bob, after = await shop.client(token), before["orders"]["position"]
            async with bob.follow(FOLLOW, after=after) as stream:  # from where he was before
                await bob.accepted("placeOrder", id="there", lines=[{"medicineId": "aspirin", "quantity": 2}])
                frame = await stream.next()
                assert (frame["kind"], frame["since"]) == ("CHANGES", after)
            first = before["letters"][0]
            fields = {"process": first["process"], "position": first["position"]}
            await shop.accepted("retryDeadLetter", **fields)
            await shop.drained()
            assert await letters(shop) == []
            assert [row["availableQuantity"] for row in (await seen(shop))["stock"]["nodes"]] == [16]
            assert mailbox.subjects("ann@example.org")
            # The next event is right behind the last one that was copied.
            assert await shop.app.log.head() == worlds.sql(tmp_path / "log.db", "SELECT count(*) FROM events")[0][0]
        verdicts = await beside.verify(settings(tmp_path), DECLARATIONS)
        assert [each.model for each in verdicts if not each.is_exact] == []
        # And back, into a file.
        assert await command.copy(settings(tmp_path), target, f"sqlite:///{tmp_path / 'back' / 'log.db'}") == 0
        there = capsys.readouterr().out
    (tmp_path / "back" / "token.key").write_bytes((tmp_path / "token.key").read_bytes())
    async with opened(tmp_path / "back", manner=ONCE) as shop:
        await shop.settled()
        assert len((await shop.data("{ orders(first: 9) { nodes { id } } }"))["nodes"]) == 3
        assert await shop.data(LOG_IN, a="bob@example.org", b=PASSWORD)
    assert len(hashes(there)) == len(TABLES)


async def filled(folder: Path) -> str:
    """The URL of the log of a small shop."""
    async with opened(folder) as shop:
        await shop.viewer("customer")
        for number in range(5):
            await shop.accepted("writeRecord", key=f"k{number}", value="v")
        await shop.drained()
    return worlds.url(folder / "log.db")


def test_every_table_of_the_log_is_copied_or_known_not_to_be() -> None:
    copied = {table.name for table in TABLES}
    assert {table.name for table in LOG.of(POSTGRES)} - copied == {head.name, leases.name}
    assert {table.name for table in LOG.of(SQLITE)} - copied == {leases.name}


async def test_a_value_that_is_not_the_same_is_found_in_any_table(tmp_path: Path) -> None:
    source = await filled(tmp_path)
    fill = {
        "claims": "('s', 'v', 'x')",
        "parked": "('p', 1, 'k', 1, 'react', 1, NULL, 'e', 0)",
        "instances": "('p', 'k', 1, 'c', x'00ff', NULL)",
        "snapshots": "('s', 1, 'l', x'00ff')",
    }
    worlds.sql(tmp_path / "log.db", *[f"INSERT INTO {name} VALUES {row}" for name, row in fill.items()])
    with worlds.world("postgresql"):
        path = tmp_path / "log.db"
        target = worlds.url(path, is_empty=True)
        found = await copying.copy(source, target, silent)
        assert [each.table for each in found if each.is_equal] == [*[table.name for table in TABLES], "head"]
        for table in [*TABLES, head]:
            assert worlds.sql(path, f"SELECT count(*) FROM {table.name}")[0][0] > 0, table
            for column in table.columns:
                change = {"TEXT": "{0} || '~'", "BIGINT": "{0} + 1000", "BLOB": "{0} || '\\x00'::bytea"}
                changed = change[str(column.type.compile(POSTGRES.positional)).split()[0].replace("BYTEA", "BLOB")]
                where = "" if table is head else f"WHERE ctid = (SELECT max(ctid) FROM {table.name})"
                name = f'"{column.name}"'
                value = f"coalesce({changed.format(name)}, '1')" if column.nullable else changed.format(name)
                kept = f"CREATE TABLE kept AS TABLE {table.name}"
                worlds.sql(path, kept, f"UPDATE {table.name} SET {name} = {value} {where}")
                verdicts = copying.prove(place(source), place(target), silent)
                back = f"DELETE FROM {table.name}", f"INSERT INTO {table.name} TABLE kept", "DROP TABLE kept"
                worlds.sql(path, *back)
                expected = [] if (table, column.name) == (head, "one") else [table.name]
                assert [each.table for each in verdicts if not each.is_equal] == expected, column
        assert all(each.is_equal for each in copying.prove(place(source), place(target), silent))


async def test_rows_that_are_missing_or_too_many_are_found(tmp_path: Path) -> None:
    source = await filled(tmp_path)
    with worlds.world("postgresql"):
        path = tmp_path / "log.db"
        target = worlds.url(path, is_empty=True)
        await copying.copy(source, target, silent)
        kept = "CREATE TABLE kept AS TABLE events"
        worlds.sql(path, kept, "DELETE FROM events WHERE position = 4")
        (found,) = [each for each in copying.prove(place(source), place(target), silent) if not each.is_equal]
        assert (found.table, found.source.rows - found.target.rows, found.differs_at) == ("events", 1, 4)
        again = "INSERT INTO events SELECT 7000, stream, 9, type, schema, data, 1, 'c', 'c', NULL, NULL, NULL FROM kept"
        worlds.sql(path, "INSERT INTO events SELECT * FROM kept WHERE position = 4", f"{again} WHERE position = 1")
        (found,) = [each for each in copying.prove(place(source), place(target), silent) if not each.is_equal]
        assert (found.table, found.target.rows - found.source.rows) == ("events", 1)
        assert found.differs_at == found.target.rows


async def test_a_byte_that_changed_on_the_way_is_found_and_no_server_starts_on_it(tmp_path: Path) -> None:
    source = await filled(tmp_path)
    with worlds.world("postgresql"):
        target, path = worlds.url(tmp_path / "log.db"), tmp_path / "log.db"
        trigger = "CREATE TRIGGER changes BEFORE INSERT ON events FOR EACH ROW EXECUTE FUNCTION changed()"
        worlds.sql(path, CHANGED, trigger)
        ran = await run(tmp_path, "copy", "--from", source, WRITE_DB_URL=target)
        assert (ran.code, "Traceback" in ran.err) == (1, False)
        assert re.search(r"events .*  NOT EQUAL\n +\d+ rows  \w+  from row 3 on\n", ran.out)
        assert ran.out.count("NOT EQUAL") == 1
        with pytest.raises(Unavailable, match="holds a copy that was not proven equal"):
            async with opened(tmp_path):
                pass
        with pytest.raises(Unavailable, match="is itself a copy that was not proven equal"):
            await copying.copy(target, f"sqlite:///{tmp_path / 'other.db'}", silent)
        worlds.sql(path, "DROP TRIGGER changes ON events")
        ran = await run(tmp_path, "copy", "--from", source, WRITE_DB_URL=target)
        assert ran.code == 0, ran.err
        assert worlds.sql(path, "SELECT name FROM meta ORDER BY name") == [("format",), ("id",)]
        async with opened(tmp_path) as shop:
            await shop.drained()
            assert len((await shop.data("{ records(first: 9) { nodes { id } } }"))["nodes"]) == 5


async def waits_for_a_table(path: Path) -> bool:
    text = """SELECT 1 FROM pg_locks JOIN pg_class ON pg_class.oid = relation WHERE NOT granted
        AND relnamespace = current_schema()::regnamespace"""
    return bool(worlds.sql(path, text))


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
async def test_a_copy_that_is_cut_short_leaves_nothing_to_start_on_and_can_be_made_again(
    tmp_path: Path, how: signal.Signals
) -> None:
    source = await filled(tmp_path)
    with worlds.world("postgresql"):
        target, path = worlds.url(tmp_path / "log.db"), tmp_path / "log.db"
        with worlds.holding(path, "secrets"):  # by then most is on its way
            process = await begun(tmp_path, "copy", "--from", source, "--to", target)
            await until(lambda: waits_for_a_table(path), 30)
            process.send_signal(how)
            if how is signal.SIGKILL:
                await process.wait()
        out, err = await asyncio.wait_for(process.communicate(), 30)
        assert process.returncode == (130 if how is signal.SIGINT else -9), (out, err)
        assert b"Traceback" not in err

        # One that is told to end may have arrived by the time that it hears of it. It was not proven, then.
        unproven = [[("format",), ("id",), ("unproven copy",)]] if how is signal.SIGINT else []

        async def is_over() -> bool:
            found = worlds.sql(path, "SELECT 1 FROM events"), worlds.sql(path, "SELECT name FROM meta ORDER BY name")
            is_nothing = found == ([], [("format",), ("id",)])
            return (is_nothing or found[1] in unproven) and not await waits_for_a_table(path)

        await until(is_over, 30)
        found = await copying.copy(source, target, silent)
        assert all(each.is_equal for each in found)


async def test_what_cannot_be_copied_is_one_sentence(tmp_path: Path) -> None:
    source = await filled(tmp_path)
    other = f"sqlite:///{tmp_path / 'other.db'}"
    (tmp_path / "empty.db").touch()
    refused: list[tuple[str, str | None, str]] = [
        (f"sqlite:///{tmp_path / 'empty.db'}", other, r"empty\.db holds no event log\.$"),
        (source, source, r"log\.db cannot be copied to itself\."),
        (f"sqlite:///{tmp_path}/none.db", other, r"none\.db is no file\."),
        ("sqlite:/none.db", other, r"--from must name a SQLite file"),
        (source, "mysql://db/shop", r"--to must name a SQLite file"),
        (source, "postgresql://ann:hunter2@127.0.0.1:1/shop", r"^postgresql://127.0.0.1:1/shop cannot be reached"),
        (f"sqlite:///{tmp_path / 'token.key'}", other, r"token\.key cannot be|file is not a database"),
    ]
    for one, two, sentence in refused:
        with pytest.raises(Unavailable, match=sentence) as caught:
            await command.copy(settings(tmp_path), one, two)
        assert "hunter2" not in str(caught.value)
    assert (tmp_path / "empty.db").read_bytes() == b""
    with worlds.world("postgresql"):
        nothing = worlds.url(tmp_path / "nothing.db", is_empty=True)
        with pytest.raises(Unavailable, match=r"holds no event log\.$"):
            await command.copy(settings(tmp_path), nothing, other)
        made = "SELECT tablename FROM pg_tables WHERE schemaname = current_schema()"
        assert worlds.sql(tmp_path / "nothing.db", made) == []
        older = worlds.url(tmp_path / "older.db")
        worlds.sql(tmp_path / "older.db", "UPDATE log_revision SET version_num = 'r0001'")
        with pytest.raises(Unavailable, match=r"Run `python server\.py migrate` first\.$"):
            await command.copy(settings(tmp_path), older, other)
    assert await command.copy(settings(tmp_path), source, other) == 0
    with pytest.raises(Unavailable, match=r"other\.db holds something already: 2 rows of claims\. Copy into"):
        await command.copy(settings(tmp_path), source, other)


async def test_nothing_is_copied_beside_a_running_server(tmp_path: Path) -> None:
    source = await filled(tmp_path)
    with worlds.world("postgresql"):
        target = worlds.url(tmp_path / "log.db")
        async with opened(tmp_path):  # on the target
            with pytest.raises(Unavailable, match="Stop it first"):
                await copying.copy(source, target, silent)
        known = {"token": "1", "expires_at": f"{2**60}"}
        values = ", ".join(known.get(column.name, "'host-7'") for column in leases.columns)
        worlds.sql(tmp_path / "log.db", f"INSERT INTO leases VALUES ({values})")
        empty = worlds.url(tmp_path / "other.db")
        with pytest.raises(Unavailable, match=r"^A server runs on postgresql://.* \(host-7\)\. Stop it first\.$"):
            await copying.copy(target, empty, silent)
    async with opened(tmp_path):
        with pytest.raises(Taken, match="Stop it first"):
            await copying.copy(source, f"sqlite:///{tmp_path / 'other.db'}", silent)
    assert not (tmp_path / "other.db").exists()


async def test_nothing_is_copied_beside_a_process_that_only_takes_commands(tmp_path: Path) -> None:
    with worlds.world("postgresql"):
        source, target = worlds.url(tmp_path / "log.db"), f"sqlite:///{tmp_path / 'other.db'}"
        async with opened(tmp_path, roles="api") as shop:
            await shop.accepted("writeRecord", key="a", value="v")
            with pytest.raises(Unavailable, match=r"^A server runs on postgresql://.*\. Stop it first\.$"):
                await copying.copy(source, target, silent)
        await copying.copy(source, target, silent)  # it says as well that it has gone


async def test_what_the_other_database_cannot_hold_is_said_and_nothing_of_it_stays(tmp_path: Path) -> None:
    source = await filled(tmp_path)
    worlds.sql(tmp_path / "log.db", "UPDATE events SET data = data || char(0) WHERE position = 3")
    with worlds.world("postgresql"):
        target, path = worlds.url(tmp_path / "log.db"), tmp_path / "log.db"
        with pytest.raises(Unavailable, match=r"^/.*log\.db cannot be copied to postgresql://.*: .*NUL.*\.$"):
            await copying.copy(source, target, silent)
        assert worlds.sql(path, "SELECT 1 FROM claims") == []


async def test_a_copy_that_another_took_the_place_of_is_not_taken_for_proven(tmp_path: Path) -> None:
    source = await filled(tmp_path)
    with worlds.world("postgresql"):
        target, path = worlds.url(tmp_path / "log.db"), tmp_path / "log.db"

        def disturbing(step: str, done: int, total: int) -> None:
            if (step, done) == ("Proving", total):
                worlds.sql(path, "UPDATE meta SET value = 'other' WHERE name = 'unproven copy'")

        with pytest.raises(Unavailable, match=r"^Somebody else copied to postgresql://.* meanwhile\. Copy again\.$"):
            await copying.copy(source, target, disturbing)
        with pytest.raises(Unavailable, match="holds a copy that was not proven equal"):
            async with opened(tmp_path):
                pass
