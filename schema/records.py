"""Records in the API."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Self

import strawberry
from strawberry import UNSET

from domain.readership import CountRecordReads
from domain.record import DeleteRecord, WriteRecord
from engine.graphql.connection import Connection, Slice
from engine.graphql.frame import Frame
from engine.graphql.mutation import CommandInput
from engine.graphql.scalars import Position, given
from readmodels.record_statistics import ALL, RECORD_STATISTICS, RecordStatisticsRow
from readmodels.records import RECORDS, RecordRow, where
from schema.context import Info, ShopContext
from schema.nodes import Node
from schema.payloads import CommandPayload, send


@strawberry.type(description="A value under a key.")
class Record(Node):
    prefix = "record_"

    version: int = strawberry.field(description="The version of its stream, for `expectedVersion`.")
    position: Position = strawberry.field(description="The last event that changed it.")
    key: str = strawberry.field(description="The key.")
    value: str = strawberry.field(description="The value.")
    created_at: datetime = strawberry.field(description="When the key was first written, since it last held nothing.")
    updated_at: datetime = strawberry.field(description="When the record last changed, counters included.")
    read_count: int = strawberry.field(description="How often `record` gave it; counted in batches, a moment later.")
    write_count: int = strawberry.field(description="How often it was written.")

    @classmethod
    def of(cls, row: RecordRow) -> Self:
        return cls(
            id=strawberry.ID(cls.prefix + row.id),
            version=row.version,
            position=Position(row.position),
            key=row.id,
            value=row.value,
            created_at=row.created_at,
            updated_at=row.updated_at,
            read_count=row.read_count,
            write_count=row.write_count,
        )

    @classmethod
    async def find(cls, context: ShopContext, id: str) -> Self | None:
        row = await context.row(RECORDS, id.removeprefix(cls.prefix)) if id.startswith(cls.prefix) else None
        return cls.of(row) if row else None


@strawberry.type(description="Figures over all records.")
class RecordStatistics:
    total_records: int = strawberry.field(description="How many keys hold a value now.")
    total_reads: int = strawberry.field(description="How many reads were counted, ever.")
    total_writes: int = strawberry.field(description="How many writes were accepted, ever.")
    position: Position = strawberry.field(description="The last event that changed the figures.")

    @classmethod
    def of(cls, row: RecordStatisticsRow | None) -> Self:
        found = row or RecordStatisticsRow()
        return cls(
            total_records=found.total_records,
            total_reads=found.total_reads,
            total_writes=found.total_writes,
            position=Position(found.position),
        )


# ---------------------------------------------------------------- commands


@strawberry.input(description="A value to keep under a key.")
class WriteRecordInput(CommandInput):
    key: str = strawberry.field(description="1 to 200 characters.")
    value: str = strawberry.field(description="At most 65536 characters.")

    def command(self) -> WriteRecord:
        return WriteRecord(key=self.key, value=self.value)


@strawberry.input(description="A key to empty.")
class DeleteRecordInput(CommandInput):
    key: str = strawberry.field(description="Which record.")

    def command(self) -> DeleteRecord:
        return DeleteRecord(key=self.key)


@strawberry.type
class RecordPayload(CommandPayload):
    @strawberry.field(
        description="The record with this command's effect; null if the read model does not show it in time."
    )
    async def record(self, info: Info) -> Record | None:
        row = await info.context.after(RECORDS, self.accepted, self.key)
        return Record.of(row) if row else None


@strawberry.type(description="The answer to writeRecord.")
class WriteRecordPayload(RecordPayload):
    pass


@strawberry.type(description="The answer to deleteRecord; its record is null once the deletion shows.")
class DeleteRecordPayload(RecordPayload):
    pass


@strawberry.type
class Mutation:
    @strawberry.mutation(description="Keep a value under a key, in place of what was there. Staff.")
    async def write_record(self, info: Info, input: WriteRecordInput) -> WriteRecordPayload:
        return await send(info, input, WriteRecordPayload)

    @strawberry.mutation(description="Empty a key. Staff.")
    async def delete_record(self, info: Info, input: DeleteRecordInput) -> DeleteRecordPayload:
        return await send(info, input, DeleteRecordPayload)


# ---------------------------------------------------------------- reads


@strawberry.type
class Query:
    @strawberry.field(description="The record under a key; null when there is none. This read is counted.")
    async def record(self, info: Info, key: str, at_least: Position | None = UNSET) -> Record | None:
        row = await info.context.row(RECORDS, key, at_least)
        if row is None:
            return None
        info.context.tally(_counted, key)
        return Record.of(row)

    @strawberry.field(description="The records by key, all of them or those whose key starts with `prefix`.")
    async def records(
        self,
        info: Info,
        prefix: str | None = UNSET,
        first: int | None = UNSET,
        after: str | None = UNSET,
        last: int | None = UNSET,
        before: str | None = UNSET,
        at_least: Position | None = UNSET,
    ) -> Connection[Record]:
        part = Slice.of(first, after, last, before)
        return await info.context.page(RECORDS, Record.of, part, where(prefix=given(prefix)), at_least=at_least)

    @strawberry.field(description="Figures over all records.")
    async def record_statistics(self, info: Info, at_least: Position | None = UNSET) -> RecordStatistics:
        return RecordStatistics.of(await info.context.row(RECORD_STATISTICS, ALL, at_least))


@strawberry.type
class Subscription:
    @strawberry.subscription(description="The record under a key as it is now, then each time it changes.")
    async def record(self, info: Info, key: str) -> AsyncIterator[Record | None]:
        async for record in info.context.states(RECORDS, Record.of, key):
            yield record

    @strawberry.subscription(description="The records, then each change to them.")
    async def records(
        self, info: Info, prefix: str | None = UNSET, after: Position | None = UNSET
    ) -> AsyncIterator[Frame[Record]]:
        chosen = where(prefix=given(prefix))
        async for frame in info.context.frames(RECORDS, Record.of, chosen, after, prefix=Record.prefix):
            yield frame

    @strawberry.subscription(description="Figures over all records as they are now, then each time they change.")
    async def record_statistics(self, info: Info) -> AsyncIterator[RecordStatistics]:
        async for row in info.context.app.views.watch(RECORD_STATISTICS, ALL):
            yield RecordStatistics.of(row)


def _counted(key: str, times: int) -> CountRecordReads:
    return CountRecordReads(key=key, reads=times)
