"""Migrations: the same tables whichever way they came to be, nothing lost, and no others taken for ours."""

import asyncio
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from alembic.script import ScriptDirectory

from engine import migration
from engine.faults import Unavailable, UnknownEvent
from engine.migration import Migrated
from engine.store.log import Log
from engine.store.migrating import configured
from engine.store.places import place
from engine.store.readstore import ReadStore
from engine.store.revisions import LOG, READS, Kind
from engine.store.session import Place
from tests import worlds
from tests.e2e.process import ROOT
from tests.engine.lockers import CODEC
from tests.engine.toy import BOXES

KINDS = pytest.mark.parametrize("kind", [LOG, READS], ids=lambda kind: kind.name)
EVENT = """INSERT INTO events VALUES (1, 'locker-a', 1, 'LockerRented', 1, '{"locker":"a","code":"1"}', 5, 'c', 'c',
    NULL, 'ann', NULL)"""
CHECKPOINT = "INSERT INTO checkpoints VALUES ('boxes', 1, 'l', 'log', 7, 0, 'a', 0)"


def empty(folder: Path, kind: Kind) -> Place:
    return place(worlds.url(folder / f"{kind.name}.db", is_empty=True))


async def opened(where: Place, kind: Kind) -> None:
    """What a server does with it when it starts."""
    if kind is LOG:
        await (await Log.open(where, CODEC)).close()
    else:
        store = ReadStore(where, [BOXES])
        await store.open()
        await store.close()


async def looked_at(where: Place, kind: Kind) -> None:
    """What `server.py verify` does with it."""
    if kind is LOG:
        await (await Log.look(where, CODEC)).close()
    else:
        store = ReadStore(where, [BOXES], readonly=True)
        try:
            await store.open()
        finally:
            await store.close()


def tables(path: Path) -> list[tuple[Any, ...]]:
    """Whatever a database tells of its tables, columns and indexes."""
    if not worlds.is_postgres():
        found = worlds.sql(path, "SELECT type, name, sql FROM sqlite_master ORDER BY type, name")
        return [
            (type, name, " ".join((text or "").replace(" IF NOT EXISTS", "").split())) for type, name, text in found
        ]
    columns = """SELECT table_name, column_name, ordinal_position, data_type, collation_name, is_nullable,
        column_default FROM information_schema.columns WHERE table_schema = current_schema() ORDER BY 1, 3"""
    indexes = """SELECT tablename, indexname, replace(indexdef, schemaname, '') FROM pg_indexes
        WHERE schemaname = current_schema() ORDER BY 1, 2"""
    return worlds.sql(path, columns) + worlds.sql(path, indexes)


def from_before(path: Path, kind: Kind) -> None:
    """A database of the code from before there were migrations, with something in it."""
    world = "postgresql" if worlds.is_postgres() else "sqlite"
    golden = (ROOT / "tests" / "golden" / f"tables-before-migrations.{world}.sql").read_text()
    log, _, reads = golden.partition("-- reads\n")
    if kind is READS:
        worlds.sql(path, *reads.splitlines(), CHECKPOINT)
        return
    head = ["INSERT INTO head VALUES (1, 1, 5)"] if worlds.is_postgres() else []
    worlds.sql(path, *log.splitlines()[1:], "INSERT INTO meta VALUES ('format', '1'), ('id', 'shop')", EVENT, *head)


@KINDS
async def test_tables_are_the_same_whichever_way_they_came_to_be(tmp_path: Path, kind: Kind) -> None:
    folders = [tmp_path / name for name in ("made", "migrated", "taken over")]
    paths = [folder / f"{kind.name}.db" for folder in folders]
    for folder in folders:
        folder.mkdir()
    if worlds.is_postgres():  # the tests' own short way
        worlds.url(paths[0], is_empty=True)
        worlds.migrated(worlds.schema_of(paths[0]), kind)
    else:
        await opened(empty(folders[0], kind), kind)
    found = await migration.migrated(empty(folders[1], kind), kind)
    assert (found.is_new, found.before, found.after) == (True, None, kind.newest)
    where = empty(folders[2], kind)
    from_before(paths[2], kind)
    found = await migration.migrated(where, kind)
    assert (found.is_new, found.before, found.after) == (False, None, kind.newest)
    made, migrated, taken_over = map(tables, paths)
    assert len(made) >= 5
    assert migrated == made
    assert taken_over == made
    for folder in folders:
        await opened(empty(folder, kind), kind)
        await looked_at(empty(folder, kind), kind)


async def test_a_log_from_before_there_were_migrations_keeps_all_that_it_holds(tmp_path: Path) -> None:
    where, path = empty(tmp_path, LOG), tmp_path / "log.db"
    from_before(path, LOG)
    if worlds.is_postgres():
        with pytest.raises(Unavailable) as caught:
            await opened(where, LOG)
        assert str(caught.value) == (
            f"{where.name} has tables that older code made of the log. Run `python server.py migrate` first."
        )
        await migration.migrated(where, LOG)
    log = await Log.open(where, CODEC)
    try:
        (event,) = await log.read(0, 10)
        assert (log.id, log.position, event.stream, event.actor_id) == ("shop", 1, "locker-a", "ann")
    finally:
        await log.close()
    assert worlds.sql(path, "SELECT version_num FROM log_revision") == [(LOG.newest,)]


async def test_read_tables_from_before_there_were_migrations_are_not_folded_anew(tmp_path: Path) -> None:
    where = empty(tmp_path, READS)
    from_before(tmp_path / "reads.db", READS)
    if worlds.is_postgres():
        await migration.migrated(where, READS)
    await opened(where, READS)
    assert worlds.sql(tmp_path / "reads.db", "SELECT model, position FROM checkpoints") == [("boxes", 7)]


@KINDS
async def test_tables_of_an_older_revision_are_migrated_in_a_file_and_refused_on_a_server(
    tmp_path: Path, kind: Kind
) -> None:
    where, path = empty(tmp_path, kind), tmp_path / f"{kind.name}.db"
    await migration.migrated(where, kind)
    older = "DROP TABLE leases", f"UPDATE {kind.name}_revision SET version_num = 'r0001'"
    worlds.sql(path, *older)
    with pytest.raises(Unavailable, match=r"has tables that older code made of the \w+\. Run `python server\.py"):
        await looked_at(where, kind)
    if worlds.is_postgres():
        with pytest.raises(Unavailable, match=r"has tables that older code made of the \w+\. Run `python server\.py"):
            await opened(where, kind)
        await migration.migrated(where, kind)
    await opened(where, kind)
    assert worlds.sql(path, "SELECT count(*) FROM leases") == [(0,)]
    worlds.sql(path, *older)
    assert await migration.migrated(where, kind) == Migrated(kind.name, where.name, False, "r0001", kind.newest)
    assert await migration.migrated(where, kind) == Migrated(kind.name, where.name, False, kind.newest, kind.newest)


@KINDS
async def test_tables_of_newer_code_are_refused_and_left_alone(tmp_path: Path, kind: Kind) -> None:
    where, path = empty(tmp_path, kind), tmp_path / f"{kind.name}.db"
    await migration.migrated(where, kind)
    worlds.sql(path, f"UPDATE {kind.name}_revision SET version_num = 'r9999'")
    before = tables(path)
    for attempt in (opened, looked_at, migration.migrated):
        with pytest.raises(UnknownEvent) as caught:
            await attempt(where, kind)
        assert str(caught.value) == (
            f"The tables of {where.name} are at revision r9999 of the {kind.name}, and this code knows up to "
            f"{kind.newest}. Run the code that migrated them, or newer."
        )
    assert tables(path) == before


@KINDS
@pytest.mark.one_world("it is about files")
async def test_a_server_without_tables_is_refused_and_left_alone(tmp_path: Path, kind: Kind) -> None:
    with worlds.world("postgresql"):
        where = empty(tmp_path, kind)
        for attempt in (opened, looked_at):
            with pytest.raises(Unavailable) as caught:
                await attempt(where, kind)
            assert str(caught.value) == (
                f"{where.name} has no tables of the {kind.name} yet. Run `python server.py migrate` first."
            )
        assert tables(tmp_path / f"{kind.name}.db") == []


async def test_what_is_no_log_is_not_migrated(tmp_path: Path) -> None:
    where, path = empty(tmp_path, LOG), tmp_path / "log.db"
    worlds.sql(path, "CREATE TABLE meta (name TEXT, value TEXT)")
    before = tables(path)
    with pytest.raises(Unavailable, match="is no event log: it holds something else"):
        await migration.migrated(where, LOG)
    assert tables(path) == before


async def test_a_migration_that_fails_leaves_everything_as_it_was(tmp_path: Path) -> None:
    where, path = empty(tmp_path, LOG), tmp_path / "log.db"
    meta = "CREATE TABLE meta (name TEXT, value TEXT)", "INSERT INTO meta VALUES ('format', '1'), ('id', 'shop')"
    worlds.sql(path, *meta, "CREATE TABLE parked (position BIGINT)")  # too little to make an index on
    before = tables(path)
    with pytest.raises(Unavailable, match=r"cannot be migrated: .*column.*\.$"):
        await migration.migrated(where, LOG)
    assert tables(path) == before


@KINDS
async def test_of_many_who_migrate_at_once_one_does(tmp_path: Path, kind: Kind) -> None:
    where, path = empty(tmp_path, kind), tmp_path / f"{kind.name}.db"
    found = await asyncio.gather(*[_or_taken(where, kind) for _ in range(6)])
    assert [each.before for each in found if each].count(None) == 1
    assert {each.after for each in found if each} == {kind.newest}
    if worlds.is_postgres():
        assert None not in found
    if kind is LOG:
        assert worlds.sql(path, "SELECT count(*) FROM meta") == [(2,)]


async def _or_taken(where: Place, kind: Kind) -> Migrated | None:
    with suppress(Unavailable):
        return await migration.migrated(where, kind)
    return None


@KINDS
def test_alembic_knows_the_revisions_that_the_code_knows(kind: Kind) -> None:
    scripts = ScriptDirectory.from_config(configured(kind))
    assert tuple(reversed([script.revision for script in scripts.walk_revisions()])) == kind.revisions
    assert scripts.get_current_head() == kind.newest


@pytest.mark.one_world("it is about files")
def test_a_start_that_finds_what_it_needs_imports_no_alembic(tmp_path: Path) -> None:
    code = """
import asyncio, sys
from pathlib import Path
from engine.store.log import Log
from engine.store.readstore import ReadStore
from tests.engine.lockers import CODEC
async def start():
    await (await Log.open(Path('log.db'), CODEC)).close()
    store = ReadStore(Path('read.db'), [])
    await store.open()
    await store.close()
for _ in range(2):
    asyncio.run(start())
print('alembic' in sys.modules)
"""
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True
    )
    assert (ran.stdout, ran.stderr) == ("False\n", "")
