"""The records as readers see them: one row per key, with its counters."""

from datetime import UTC, datetime

from domain.readership import RecordReadsCounted
from domain.record import RecordDeleted, RecordWritten
from engine.shapes import replace, starts_with
from engine.testing import NOW, recorded, rows
from readmodels.records import RECORDS, RecordRow, where

WRITTEN = RecordWritten(key="greeting", value="hello", is_new=True)
READ_TWICE = RecordReadsCounted(key="greeting", reads=2)
DELETED = RecordDeleted(key="greeting")


def test_a_first_write_makes_a_row() -> None:
    assert rows(RECORDS, WRITTEN) == {
        "greeting": RecordRow(
            id="greeting", value="hello", write_count=1, position=1, version=1, created_at=NOW, updated_at=NOW
        )
    }


def test_a_further_write_changes_the_value_and_counts() -> None:
    later = datetime(2030, 1, 2, tzinfo=UTC)
    first, second = recorded(WRITTEN, RecordWritten(key="greeting", value="good day", is_new=False))
    assert rows(RECORDS, first, replace(second, recorded_at=later)) == {
        "greeting": RecordRow(
            id="greeting", value="good day", write_count=2, position=2, version=2, created_at=NOW, updated_at=later
        )
    }


def test_reads_are_added_without_changing_the_version_a_writer_expects() -> None:
    assert rows(RECORDS, WRITTEN, READ_TWICE, READ_TWICE) == {
        "greeting": RecordRow(
            id="greeting",
            value="hello",
            read_count=4,
            write_count=1,
            position=3,
            version=1,
            created_at=NOW,
            updated_at=NOW,
        )
    }


def test_a_deleted_record_has_no_row_and_its_late_reads_make_none() -> None:
    assert rows(RECORDS, WRITTEN, DELETED, READ_TWICE) == {}


def test_a_record_written_anew_starts_with_fresh_counters() -> None:
    assert rows(RECORDS, WRITTEN, READ_TWICE, DELETED, WRITTEN) == {
        "greeting": RecordRow(
            id="greeting", value="hello", write_count=1, position=4, version=3, created_at=NOW, updated_at=NOW
        )
    }


def test_each_key_has_a_row_of_its_own() -> None:
    table = rows(RECORDS, WRITTEN, RecordWritten(key="farewell", value="bye", is_new=True))
    assert {key: row.value for key, row in table.items()} == {"greeting": "hello", "farewell": "bye"}


def test_records_can_be_chosen_by_the_start_of_their_key() -> None:
    assert where(prefix="gree") == (starts_with("id", "gree"),)


def test_without_a_prefix_all_records_are_meant() -> None:
    assert where() == ()
    assert where(prefix="") == ()
