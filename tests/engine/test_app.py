"""An application: what it refuses to be made of, and what it can say of itself."""

from pathlib import Path
from typing import TypeAlias

import pytest

from cli.application import DECLARATIONS
from domain.record import RECORD, RecordWritten, WriteRecord
from engine.app import App, Declarations, verify
from engine.shapes import ReadModel, Receipt, Row
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
