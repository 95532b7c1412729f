"""One log on PostgreSQL that several processes write: whoever follows it sees each event once, in order, none left out.

The database itself delays commits, and rolls some of them back: a trigger runs when all of a transaction is written and
only its commit is left. As long as one holds the head of the log nobody else can append, so few are delayed there; each
writer waits before each of its commands, too, and each process now and then until it learns that it has committed.
"""

import asyncio
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from engine.store.log import Log
from tests import worlds
from tests.e2e.process import ROOT, environment
from tests.engine.ledgers import CODEC

pytestmark = pytest.mark.one_world("it is about PostgreSQL")

EVENTS = 100_000
PROCESSES = 4
FOLLOWERS = 3
LONGEST = 150.0
"Seconds; a quiet machine needs a fifth of it."
FATE = """
CREATE FUNCTION fate() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE chance float := random();
BEGIN
    IF chance < 0.1 THEN RAISE EXCEPTION 'rolled back by chance'; END IF;
    IF chance < 0.13 THEN PERFORM pg_sleep(random() * 0.5); END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER fate AFTER UPDATE ON head DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION fate();
"""


@pytest.fixture
def url(world: str, tmp_path: Path) -> Iterator[str]:
    with worlds.world("postgresql"):
        yield worlds.url(tmp_path / "log.db")


async def begun(url: str, *arguments: str) -> asyncio.subprocess.Process:
    pipe = asyncio.subprocess.PIPE
    command = [sys.executable, "-m", "tests.engine.ledgers", url, *arguments]
    return await asyncio.create_subprocess_exec(*command, cwd=ROOT, env=environment(), stdin=pipe, stdout=pipe)


async def said(process: asyncio.subprocess.Process, told: str = "") -> Any:
    out, _ = await process.communicate(told.encode())
    assert process.returncode == 0
    return json.loads(out)


@pytest.mark.timeout(LONGEST + 30)
async def test_whoever_follows_a_log_that_several_processes_write_sees_each_event_once_in_order(
    url: str, tmp_path: Path
) -> None:
    log = await Log.open(worlds.place(tmp_path / "log.db"), CODEC)
    await log.close()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(FATE)
    processes = [await begun(url, "follow") for _ in range(FOLLOWERS)]
    try:
        share = str(EVENTS // PROCESSES)
        processes += [await begun(url, "write", str(seed), share) for seed in range(PROCESSES)]
        async with asyncio.timeout(LONGEST):
            written = await asyncio.gather(*map(said, processes[FOLLOWERS:]))
            seen = await asyncio.gather(*(said(each, f"{EVENTS}\n") for each in processes[:FOLLOWERS]))
    finally:
        for each in processes:
            if each.returncode is None:
                each.kill()
                await each.wait()
    accepted = {id: place for each in written for id, place in each["accepted"].items()}
    assert sum(count for _, count in accepted.values()) == EVENTS
    assert all(each["failed"] for each in written), "some were rolled back in every process"
    for each in seen:
        assert each["position"] == EVENTS
        assert each["digest"] == seen[0]["digest"]
        assert each["commands"] == accepted
