"""A record: one value under one key."""

from collections.abc import Sequence
from datetime import datetime
from typing import TypeAlias, assert_never

from domain.text import characters, named, text
from engine.refusals import NotFound, check
from engine.shapes import Aggregate, Command, Event, Personal, State

MOST_KEY = 200
MOST_VALUE = 65_536


class WriteRecord(Command):
    key: str
    value: str

    def __post_init__(self) -> None:
        check(text("key", self.key, MOST_KEY), characters("value", self.value, MOST_VALUE))


class DeleteRecord(Command):
    key: str


RecordCommand: TypeAlias = WriteRecord | DeleteRecord


class RecordWritten(Event):
    key: str
    value: Personal[str]
    is_new: bool


class RecordDeleted(Event):
    key: str


RecordEvent: TypeAlias = RecordWritten | RecordDeleted


class Record(State):
    exists: bool = False


def decide(record: Record, command: RecordCommand, now: datetime) -> Sequence[RecordEvent]:
    match command:
        case WriteRecord():
            # The same value again is a write too: writes are counted.
            return [RecordWritten(key=command.key, value=command.value, is_new=not record.exists)]
        case DeleteRecord():
            if not record.exists:
                raise NotFound(f"There is no record {named(command.key)}.", ["key"])
            return [RecordDeleted(key=command.key)]
        case _:
            assert_never(command)


def evolve(record: Record, event: RecordEvent) -> Record:
    match event:
        case RecordWritten():
            return Record(exists=True)
        case RecordDeleted():
            return Record(exists=False)
        case _:
            assert_never(event)


RECORD = Aggregate("record", identity="key", initial=Record(), decide=decide, evolve=evolve)
