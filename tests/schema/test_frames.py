"""Frames as a client sees them: what `removed` names is what `upserted` named before."""

from pathlib import Path

from cli.application import DECLARATIONS
from engine.app import App
from engine.graphql.context import Context
from engine.graphql.execution import Executor, Request, Result
from tests.running import built, settings

WRITE = 'mutation { writeRecord(input: {key: "greeting", value: "hello"}) { record { id } } }'
DELETE = 'mutation { deleteRecord(input: {key: "greeting"}) { receipt { position } } }'
FOLLOW = "subscription { records { kind upserted { id } removed } }"


async def test_a_removed_record_goes_by_the_id_it_came_with(tmp_path: Path) -> None:
    executor = Executor(built())
    async with App.running(settings(tmp_path), DECLARATIONS) as app:
        await executor.execute(Request(WRITE), Context(app))
        frames = await executor.subscribe(Request(FOLLOW), Context(app))
        assert not isinstance(frames, Result)
        snapshot = await anext(frames)
        await executor.execute(Request(DELETE), Context(app))
        change = await anext(frames)
        await frames.aclose()
    assert snapshot.data == {"records": {"kind": "SNAPSHOT", "upserted": [{"id": "record_greeting"}], "removed": []}}
    assert change.data == {"records": {"kind": "CHANGES", "upserted": [], "removed": ["record_greeting"]}}
