"""Records: one row per key, with how often it was written and read."""

from typing import TypeAlias, assert_never

from domain.readership import RecordReadsCounted
from domain.record import RecordDeleted, RecordWritten
from engine.shapes import Conditions, ReadModel, Row, replace, starts_with

Source: TypeAlias = RecordWritten | RecordReadsCounted | RecordDeleted


class RecordRow(Row):
    id: str
    value: str
    read_count: int = 0
    write_count: int = 0


def keys(event: Source) -> tuple[str, ...]:
    return (event.key,)


def apply(row: RecordRow | None, event: Source) -> RecordRow | None:
    match event:
        case RecordWritten():
            if row is None:
                return RecordRow(id=event.key, value=event.value, write_count=1)
            return replace(row, value=event.value, write_count=row.write_count + 1)
        case RecordReadsCounted():
            return row and replace(row, read_count=row.read_count + event.reads)
        case RecordDeleted():
            return None
        case _:
            assert_never(event)


def where(*, prefix: str | None = None) -> Conditions:
    """The records whose key starts with `prefix`; all of them without one."""
    return (starts_with("id", prefix),) if prefix else ()


RECORDS = ReadModel("records", row=RecordRow, keys=keys, apply=apply, version=1, of="record")
