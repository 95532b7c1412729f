"""A record holds one value under one key."""

import pytest

from domain.record import MOST_KEY, MOST_VALUE, RECORD, DeleteRecord, RecordDeleted, RecordWritten, WriteRecord
from engine.refusals import InvalidInput, NotFound
from engine.testing import given

WRITTEN = RecordWritten(key="greeting", value="hello", is_new=True)
DELETED = RecordDeleted(key="greeting")


def test_the_first_write_makes_the_record() -> None:
    given(RECORD).when(WriteRecord(key="greeting", value="hello")).then(WRITTEN)


def test_a_further_write_changes_it() -> None:
    given(RECORD, WRITTEN).when(WriteRecord(key="greeting", value="good day")).then(
        RecordWritten(key="greeting", value="good day", is_new=False)
    )


def test_the_same_value_again_is_a_write_too() -> None:
    given(RECORD, WRITTEN).when(WriteRecord(key="greeting", value="hello")).then(
        RecordWritten(key="greeting", value="hello", is_new=False)
    )


def test_a_record_can_be_deleted() -> None:
    given(RECORD, WRITTEN).when(DeleteRecord(key="greeting")).then(DELETED)


def test_what_was_never_written_cannot_be_deleted() -> None:
    given(RECORD).when(DeleteRecord(key="greeting")).then_refused(
        NotFound, path=("key",), message="There is no record 'greeting'."
    )


def test_what_is_deleted_cannot_be_deleted_again() -> None:
    given(RECORD, WRITTEN, DELETED).when(DeleteRecord(key="greeting")).then_refused(NotFound, path=("key",))


def test_a_write_after_a_delete_makes_the_record_anew() -> None:
    given(RECORD, WRITTEN, DELETED).when(WriteRecord(key="greeting", value="hello")).then(WRITTEN)


def test_a_value_may_be_empty_and_long() -> None:
    given(RECORD).when(WriteRecord(key="k" * MOST_KEY, value="")).then(
        RecordWritten(key="k" * MOST_KEY, value="", is_new=True)
    )
    given(RECORD).when(WriteRecord(key="k", value="v" * MOST_VALUE)).then(
        RecordWritten(key="k", value="v" * MOST_VALUE, is_new=True)
    )


def test_everything_wrong_with_a_write_is_told_at_once() -> None:
    with pytest.raises(InvalidInput) as refused:
        WriteRecord(key=" ", value="v" * (MOST_VALUE + 1))
    assert [problem.path for problem in (refused.value, *refused.value.also)] == [("key",), ("value",)]
