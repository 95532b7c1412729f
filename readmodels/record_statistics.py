"""Statistics over all records: one row, under the key `all`."""

from typing import TypeAlias, assert_never

from domain.readership import RecordReadsCounted
from domain.record import RecordDeleted, RecordWritten
from engine.shapes import ReadModel, Row, replace

Source: TypeAlias = RecordWritten | RecordReadsCounted | RecordDeleted

ALL = "all"


class RecordStatisticsRow(Row):
    id: str = ALL
    total_records: int = 0
    total_reads: int = 0
    total_writes: int = 0


def keys(event: Source) -> tuple[str, ...]:
    return (ALL,)


def apply(row: RecordStatisticsRow | None, event: Source) -> RecordStatisticsRow:
    total = row or RecordStatisticsRow()
    match event:
        case RecordWritten():
            return replace(total, total_records=total.total_records + event.is_new, total_writes=total.total_writes + 1)
        case RecordReadsCounted():
            return replace(total, total_reads=total.total_reads + event.reads)
        case RecordDeleted():
            return replace(total, total_records=total.total_records - 1)
        case _:
            assert_never(event)


RECORD_STATISTICS = ReadModel("record_statistics", row=RecordStatisticsRow, keys=keys, apply=apply, version=1)
