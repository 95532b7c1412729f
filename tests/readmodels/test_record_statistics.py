"""The statistics over all records: one row that counts them."""

from domain.readership import RecordReadsCounted
from domain.record import RecordDeleted, RecordWritten
from engine.testing import NOW, rows
from readmodels.record_statistics import RECORD_STATISTICS, RecordStatisticsRow

GREETING = RecordWritten(key="greeting", value="hello", is_new=True)
GREETING_AGAIN = RecordWritten(key="greeting", value="good day", is_new=False)
FAREWELL = RecordWritten(key="farewell", value="bye", is_new=True)
GREETING_READ = RecordReadsCounted(key="greeting", reads=3)
GREETING_DELETED = RecordDeleted(key="greeting")


def test_nothing_written_is_no_row() -> None:
    assert rows(RECORD_STATISTICS) == {}


def test_records_writes_and_reads_are_counted_over_all_keys() -> None:
    assert rows(RECORD_STATISTICS, GREETING, FAREWELL, GREETING_AGAIN, GREETING_READ) == {
        "all": RecordStatisticsRow(
            id="all",
            total_records=2,
            total_reads=3,
            total_writes=3,
            position=4,
            version=0,
            created_at=NOW,
            updated_at=NOW,
        )
    }


def test_a_deleted_record_is_one_less_but_its_writes_and_reads_still_count() -> None:
    assert rows(RECORD_STATISTICS, GREETING, GREETING_READ, GREETING_DELETED) == {
        "all": RecordStatisticsRow(
            id="all",
            total_records=0,
            total_reads=3,
            total_writes=1,
            position=3,
            version=0,
            created_at=NOW,
            updated_at=NOW,
        )
    }
