"""`server.py migrate`: what it tells, what it refuses, and the server that waits for it."""

import asyncio
import re
from pathlib import Path

import pytest

from cli import migrating
from engine.faults import Taken
from engine.store.revisions import LOG, READS
from tests import worlds
from tests.e2e.process import run, serving
from tests.running import opened, settings


@pytest.mark.one_world("it is about PostgreSQL")
async def test_a_server_starts_on_postgres_once_it_is_migrated_by_whoever_comes_first(tmp_path: Path) -> None:
    with worlds.world("postgresql"):
        shop = worlds.url(tmp_path / "shop", is_empty=True)  # one database for both
        name = worlds.name(tmp_path / "shop")
        urls = {"WRITE_DB_URL": shop, "READ_DB_URL": shop}
        for command in ("serve", "verify"):
            ended = await run(tmp_path, command, **urls)
            assert (ended.code, ended.out) == (2, "")
            assert ended.err == f"{name} has no tables of the log yet. Run `python server.py migrate` first.\n"
        found = await asyncio.gather(*[run(tmp_path, "migrate", **urls) for _ in range(2)])
        assert [(each.code, each.err) for each in found] == [(0, "")] * 2
        told = sorted(line.partition(": ")[2] for each in found for line in each.out.splitlines())
        assert told == sorted(
            f"{what}at revision {kind.newest}" for kind in (LOG, READS) for what in ("made, ", "nothing to do, ")
        )
        async with serving(tmp_path, **urls) as server:
            assert re.search(r"Log +postgresql://", server.greeting)


@pytest.mark.one_world("it is about files, beside the one about PostgreSQL")
async def test_what_became_of_each_store_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log, reads = tmp_path / "log.db", tmp_path / "read.db"
    assert await migrating.migrate(settings(tmp_path)) == 0
    assert capsys.readouterr().out == (
        f"log    {log}: made, at revision {LOG.newest}\nreads  {reads}: made, at revision {READS.newest}\n"
    )
    worlds.sql(log, "UPDATE log_revision SET version_num = 'r0001'", "DROP TABLE leases")
    worlds.sql(reads, "DROP TABLE reads_revision", "DROP TABLE leases")
    assert await migrating.migrate(settings(tmp_path)) == 0
    assert capsys.readouterr().out == (
        f"log    {log}: from revision r0001 to {LOG.newest}\nreads  {reads}: from revision none to {READS.newest}\n"
    )
    async with opened(tmp_path):
        with pytest.raises(Taken, match="Stop it first"):
            await migrating.migrate(settings(tmp_path))
