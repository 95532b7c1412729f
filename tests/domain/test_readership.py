"""Reads of a record are counted, many at a time."""

import pytest

from domain.readership import READERSHIP, CountRecordReads, RecordReadsCounted
from engine.refusals import InvalidInput
from engine.testing import given


def test_reads_are_counted_together() -> None:
    given(READERSHIP).when(CountRecordReads(key="greeting", reads=3)).then(RecordReadsCounted(key="greeting", reads=3))


def test_counting_again_counts_on() -> None:
    given(READERSHIP, RecordReadsCounted(key="greeting", reads=3)).when(CountRecordReads(key="greeting", reads=1)).then(
        RecordReadsCounted(key="greeting", reads=1)
    )


@pytest.mark.parametrize("reads", [0, -1])
def test_reads_that_did_not_happen_cannot_be_counted(reads: int) -> None:
    with pytest.raises(InvalidInput) as refused:
        CountRecordReads(key="greeting", reads=reads)
    assert refused.value.path == ("reads",)
