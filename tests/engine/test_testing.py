"""The helpers for examples fail when an example is wrong."""

import pytest

from domain.record import RECORD, DeleteRecord, RecordDeleted, RecordWritten, WriteRecord
from domain.stock import ReceiveStock, StockReceived
from engine.refusals import AlreadyTaken, NotFound
from engine.shapes import Command, Event, Process, ReadModel, Recorded, Row, State, replace
from engine.testing import NOW, fold, followed, given, reactions, recorded, rows
from readmodels.records import RECORDS

WRITTEN = RecordWritten(key="greeting", value="hello", is_new=True)


class Unowned(Event):
    key: str


def test_other_events_than_expected_fail() -> None:
    decided = given(RECORD).when(WriteRecord(key="greeting", value="hello"))
    decided.then(WRITTEN)
    with pytest.raises(AssertionError):
        decided.then()
    with pytest.raises(AssertionError):
        decided.then(WRITTEN, WRITTEN)
    with pytest.raises(AssertionError):
        decided.then_refused(NotFound)


def test_another_refusal_than_expected_fails() -> None:
    decided = given(RECORD).when(DeleteRecord(key="greeting"))
    decided.then_refused(NotFound, path=("key",))
    with pytest.raises(AssertionError, match="expected AlreadyTaken, got NotFound"):
        decided.then_refused(AlreadyTaken)
    with pytest.raises(AssertionError):
        decided.then_refused(NotFound, path=("value",))
    with pytest.raises(AssertionError, match="refused: NotFound"):
        decided.then()


def test_messages_of_another_aggregate_are_an_error() -> None:
    with pytest.raises(TypeError, match="StockReceived does not belong to the aggregate 'record'"):
        given(RECORD, StockReceived(medicine_id="m1", quantity=1, stock_quantity=1))
    with pytest.raises(TypeError, match="ReceiveStock does not belong to the aggregate 'record'"):
        given(RECORD).when(ReceiveStock(medicine_id="m1", quantity=1))


def test_plain_events_are_recorded_on_the_stream_of_their_aggregate() -> None:
    assert recorded(WRITTEN, RecordDeleted(key="greeting"))[1] == Recorded(
        position=2,
        stream="record-greeting",
        version=2,
        event=RecordDeleted(key="greeting"),
        recorded_at=NOW,
        command_id="command-2",
        correlation_id="command-2",
        causation_id=None,
        actor_id=None,
    )


def test_plain_events_follow_those_that_are_recorded_already() -> None:
    first = replace(recorded(WRITTEN)[0], position=41, version=6)
    assert [(entry.position, entry.version) for entry in recorded(first, WRITTEN)] == [(41, 6), (42, 7)]


def test_an_event_without_an_aggregate_has_to_be_given_recorded() -> None:
    with pytest.raises(TypeError, match=r"No aggregate beside .* evolves with Unowned"):
        recorded(Unowned(key="greeting"))


def test_events_that_a_read_model_does_not_fold_leave_its_rows_alone() -> None:
    other = StockReceived(medicine_id="greeting", quantity=1, stock_quantity=1)
    assert rows(RECORDS, WRITTEN, other) == rows(RECORDS, WRITTEN)


def test_a_table_can_be_folded_further() -> None:
    log = recorded(WRITTEN, replace(WRITTEN, value="good day", is_new=False))
    before = fold(RECORDS, {}, log[:1])
    assert fold(RECORDS, before, log[1:]) == rows(RECORDS, *log)
    assert before == rows(RECORDS, WRITTEN)


class NoteRow(Row):
    id: str
    text: str
    by: str | None


def note(row: NoteRow | None, event: RecordWritten, entry: Recorded) -> NoteRow:
    return NoteRow(id=event.key, text="once written", by=entry.actor_id)


NOTES = ReadModel("notes", row=NoteRow, keys=lambda event: (event.key,), apply=note)


def test_a_fold_may_look_at_the_recorded_event() -> None:
    (entry,) = recorded(WRITTEN)
    assert rows(NOTES, replace(entry, actor_id="anna"))["greeting"].by == "anna"


def test_a_row_that_an_event_leaves_as_it_was_keeps_its_position() -> None:
    assert rows(NOTES, WRITTEN, WRITTEN)["greeting"].position == 1


class Greetings(State):
    written: int = 0


def count(greetings: Greetings, event: RecordWritten) -> Greetings:
    return Greetings(greetings.written + 1)


def clear(greetings: Greetings, event: RecordWritten) -> list[Command]:
    return [DeleteRecord(key=event.key)] * greetings.written


CLEARING = Process("clearing", key=lambda event: event.key, initial=Greetings(), evolve=count, react=clear)


def test_reactions_are_those_to_the_last_event_in_the_state_after_it() -> None:
    other = replace(WRITTEN, key="farewell")
    assert followed(CLEARING, WRITTEN, other, WRITTEN) == Greetings(2)
    assert reactions(CLEARING, WRITTEN, other, WRITTEN) == [DeleteRecord(key="greeting")] * 2
    assert reactions(CLEARING, WRITTEN, other) == [DeleteRecord(key="farewell")]


def test_events_that_a_process_does_not_follow_are_an_error() -> None:
    with pytest.raises(TypeError, match="RecordDeleted does not belong to the process 'clearing'"):
        reactions(CLEARING, RecordDeleted(key="greeting"))
