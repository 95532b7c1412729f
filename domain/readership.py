"""Readership: how often the record under a key was read.

A stream of its own, so that counting a read never changes the version that a writer of the record expects.
"""

from collections.abc import Sequence
from datetime import datetime

from domain.text import whole
from engine.refusals import check
from engine.shapes import Aggregate, Command, Event, State

MOST_READS = 1_000_000_000


class CountRecordReads(Command):
    key: str
    reads: int

    def __post_init__(self) -> None:
        check(whole("reads", self.reads, 1, MOST_READS))


class RecordReadsCounted(Event):
    key: str
    reads: int


class Readership(State):
    """Nothing: no rule depends on how often a record was read."""


def decide(readership: Readership, command: CountRecordReads, now: datetime) -> Sequence[RecordReadsCounted]:
    return [RecordReadsCounted(key=command.key, reads=command.reads)]


def evolve(readership: Readership, event: RecordReadsCounted) -> Readership:
    return readership


READERSHIP = Aggregate("readership", identity="key", initial=Readership(), decide=decide, evolve=evolve)
