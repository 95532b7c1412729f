"""An application: what it refuses to be made of, and what it can say of itself."""

import asyncio
from collections.abc import Mapping
from contextlib import aclosing
from pathlib import Path
from types import MappingProxyType
from typing import TypeAlias

import pytest

from cli.application import DECLARATIONS
from domain.record import RECORD, RecordWritten, WriteRecord
from engine.app import App
from engine.beside import verify
from engine.declarations import Declarations
from engine.feed import wanted
from engine.lease import Seen
from engine.shapes import ReadModel, Receipt, Row
from engine.status import Status
from readmodels.medicines import MEDICINES
from readmodels.records import RECORDS
from tests import worlds
from tests.running import settings

Source: TypeAlias = RecordWritten


class KeyRow(Row):
    id: str


def keys(event: Source) -> tuple[str, ...]:
    return (event.key,)


def apply(row: KeyRow | None, event: Source) -> KeyRow:
    return row or KeyRow(id=event.key)


def test_a_model_that_mirrors_streams_must_handle_every_event_of_theirs() -> None:
    half = ReadModel("halves", row=KeyRow, keys=keys, apply=apply, of="record")
    with pytest.raises(ValueError, match=r"^halves mirrors 'record', so `apply` must handle RecordDeleted\.$"):
        Declarations([RECORD], [half])


def test_a_model_cannot_mirror_what_no_aggregate_is_called() -> None:
    lost = ReadModel("lost", row=KeyRow, keys=keys, apply=apply, of="nothing")
    with pytest.raises(ValueError, match="an aggregate called nothing"):
        Declarations([RECORD], [lost])


def test_a_model_that_mirrors_nothing_may_handle_what_it_likes() -> None:
    assert Declarations([RECORD], [ReadModel("keys", row=KeyRow, keys=keys, apply=apply)]).events


async def test_the_read_tables_are_verified_while_the_application_runs(tmp_path: Path) -> None:
    chosen = settings(tmp_path)
    async with App.running(chosen, DECLARATIONS) as app:
        sent = await app.send(WriteRecord(key="a", value="b"), command_id=None, expected_version=None, actor_id=None)
        assert isinstance(sent, Receipt)
        assert await app.settled()
        verdicts = {verdict.model: verdict for verdict in await verify(chosen, DECLARATIONS)}
    compared = {"records": 1, "record_statistics": 1}
    assert {name: (each.compared, each.position, each.is_exact) for name, each in verdicts.items()} == {
        model.name: (compared.get(model.name, 0), 1, True) for model in DECLARATIONS.models
    }


async def test_a_position_that_the_log_has_not_reached_is_waited_for_and_hurries_no_table(tmp_path: Path) -> None:
    async with App.running(settings(tmp_path, read_timeout_ms=50), DECLARATIONS) as app:
        assert not await app.reached(MEDICINES, 10**12)
        assert app.feed.latest(wanted(MEDICINES.name)) == 0
        sent = await app.send(WriteRecord(key="a", value="b"), command_id=None, expected_version=None, actor_id=None)
        assert isinstance(sent, Receipt)
        assert await app.settled()
        assert await app.reached(MEDICINES, sent.position)
        assert app.feed.latest(wanted(MEDICINES.name)) == sent.position


async def test_many_who_follow_the_statuses_cost_one_look_at_them(tmp_path: Path) -> None:
    async with App.running(settings(tmp_path), DECLARATIONS) as app:
        looks, look = [], app.projector.statuses

        async def looking(seen: Mapping[str, Seen] = MappingProxyType({})) -> list[Status]:
            looks.append(1)
            return await look(seen)

        app.projector.statuses = looking  # type: ignore[method-assign]  # the real one, counted
        followers = [app.follow_statuses(60) for _ in range(100)]
        found = await asyncio.gather(*(anext(each) for each in followers))
        assert all(each == found[0] for each in found)
        assert len(looks) == 1
        sent = await app.send(WriteRecord(key="a", value="b"), command_id=None, expected_version=None, actor_id=None)
        assert isinstance(sent, Receipt)
        assert await app.settled()
        async with asyncio.timeout(5), aclosing(app.follow_statuses(0.01)) as statuses:
            async for each in statuses:
                if {status.position for status in each} == {1}:
                    break


async def test_a_table_that_is_started_over_is_not_taken_for_what_it_was(tmp_path: Path) -> None:
    """A channel to Redis has positions asked for as soon as it is there, when tables may still be as they were."""
    chosen = settings(tmp_path, projector_batch_size=1, read_timeout_ms=20_000)
    async with App.running(chosen, DECLARATIONS) as app:
        for number in range(100):
            await app.dispatcher.send(WriteRecord(key=str(number), value="b"))
        assert await app.settled()
    worlds.sql(tmp_path / "read.db", "UPDATE checkpoints SET version = 77")
    async with App.running(chosen, DECLARATIONS) as app:
        assert await app.reached(RECORDS, 100)
        assert len((await app.rows.page(RECORDS, limit=1000)).rows) == 100
