"""The read tables: rows survive them, pages are stable, conditions mean the same in SQL and in memory."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from engine.faults import Unavailable
from engine.shapes import (
    Condition,
    ReadModel,
    Row,
    at_least,
    at_most,
    equals,
    one_of,
    replace,
    starts_with,
)
from engine.store.checkpoints import Checkpoint
from engine.store.columns import Layout
from engine.store.conditions import matches
from engine.store.dialect import Dialect
from engine.store.found import LAST_ID, Tombstone
from engine.store.readstore import ReadStore
from engine.store.rows import Table
from engine.store.search import search_terms
from engine.store.session import Session, transaction
from tests import worlds
from tests.engine.toy import BOXES, OWNERS, START, BoxRow, Color, Weight

ANYTHING = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
EVEN_HALF_PAIRS = st.text(st.characters(), max_size=4)
NUMBERS = st.integers(-(2**63), 2**63 - 1)
INSTANTS = st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))
ROWS = st.builds(
    BoxRow,
    id=ANYTHING,
    owner=ANYTHING,
    label=ANYTHING,
    weight=st.builds(Weight, NUMBERS, ANYTHING),
    is_heavy=st.booleans(),
    limit=st.none() | st.builds(Weight, NUMBERS, ANYTHING),
    color=st.sampled_from(Color),
    value=st.decimals(allow_nan=False, allow_infinity=False),
    ratio=st.floats(allow_nan=False),
    note=st.none() | ANYTHING,
    fills=st.lists(st.integers(0, 9), max_size=3).map(tuple),
    emptied_at=st.none() | INSTANTS,
    created_at=INSTANTS,
    updated_at=INSTANTS,
    position=st.integers(1, 9),
)
ORDERED = (
    st.tuples(st.just("label"), EVEN_HALF_PAIRS)
    | st.tuples(st.just("note"), EVEN_HALF_PAIRS)
    | st.tuples(st.sampled_from(["weight.grams", "limit.grams"]), NUMBERS | st.just(2**70) | st.just(-(2**70)))
    | st.tuples(st.just("is_heavy"), st.booleans())
    | st.tuples(st.just("emptied_at"), INSTANTS)
    | st.tuples(st.just("ratio"), st.floats(allow_nan=False))
)
OTHERS = st.tuples(st.just("color"), st.sampled_from(Color)) | st.tuples(st.just("value"), st.decimals(-9, 9, places=1))
CONDITIONS = (
    st.builds(lambda each: equals(*each), ORDERED | OTHERS | st.just(("note", None)) | st.just(("limit.grams", None)))
    | st.builds(lambda each: at_most(*each), ORDERED | st.just(("note", None)))
    | st.builds(lambda each: at_least(*each), ORDERED)
    | st.builds(lambda text: starts_with("label", text), EVEN_HALF_PAIRS | st.just("\U0010ffff") | st.just("a\ud7ff"))
    | st.builds(lambda text: starts_with("note", text), EVEN_HALF_PAIRS)
    | st.builds(lambda texts: one_of("label", texts), st.lists(EVEN_HALF_PAIRS, max_size=5))
    | st.builds(lambda colors: one_of("color", colors), st.lists(st.sampled_from(Color)))
)


def place(connection: Session, table: Table[Any], *rows: Row) -> None:
    with transaction(connection):
        table.write(connection, "a", rows, (), ())


class Place(NamedTuple):
    """Where the tables of a test are."""

    session: Any
    dialect: Dialect

    def empty(self, model: ReadModel[Any]) -> Table[Any]:
        """An empty table, with its bookkeeping."""
        table = Table(model, self.dialect)
        table.create(self.session, "a")
        table.begin(self.session, Checkpoint(1, table.fingerprint, "log", 0, 0, "a", 0))
        self.session.execute("DELETE FROM passages")
        return table

    def filled(self, *rows: BoxRow) -> Table[BoxRow]:
        """A table that holds these rows, and for the rest is as it was."""
        # PostgreSQL's text has no place for it: see docs/decisions/0021-postgresql.md.
        assume(not self.dialect.is_shared or "\\x00" not in repr(rows))
        table = Table(BOXES, self.dialect)
        self.session.execute("DELETE FROM boxes_a")
        place(self.session, table, *rows)
        return table


@pytest.fixture(scope="module")
def at(world_of_module: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """One for all tests in one world: to make tables for each example would take most of the time."""
    made = Place(worlds.session(tmp_path_factory.mktemp("rows") / "read.db"), worlds.dialect())
    made.empty(BOXES)
    yield made
    made.session.close()


@pytest.fixture
def table(at: Place) -> Table[BoxRow]:
    return at.empty(BOXES)


@pytest.fixture
def connection(at: Place) -> Session:
    return at.session  # type: ignore[no-any-return]  # sqlite3's own, or ours


def box(key: str, **changes: Any) -> BoxRow:
    return replace(BoxRow(id=key, owner="ann", label="tea", position=1), **changes)


@given(ROWS)
def test_a_row_comes_back_from_its_table_as_it_was(at: Place, row: BoxRow) -> None:
    assert at.filled(row).load(at.session, [row.id]) == {row.id: row}


@given(st.lists(ROWS, max_size=4, unique_by=lambda row: row.id), st.lists(CONDITIONS, max_size=2))
def test_conditions_mean_the_same_in_sql_and_in_memory(
    at: Place, rows: list[BoxRow], conditions: list[Condition]
) -> None:
    wanted, table = tuple(conditions), at.filled(*rows)
    found = table.page(at.session, wanted, order=(), limit=9).rows
    assert found == sorted((row for row in rows if matches(table.layout, row, wanted)), key=lambda row: row.id)


@given(st.lists(ANYTHING, unique=True, max_size=12), EVEN_HALF_PAIRS)
def test_a_prefix_finds_what_starts_with_it_and_nothing_else(at: Place, labels: list[str], prefix: str) -> None:
    table = at.filled(*(box(str(index), label=label) for index, label in enumerate(labels)))
    found = {row.label for row in table.page(at.session, (starts_with("label", prefix),), limit=99).rows}
    assert found == {label for label in labels if label.startswith(prefix)}


@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 2)), max_size=12), st.integers(1, 4), st.booleans())
def test_pages_put_together_are_the_whole_in_its_order(
    at: Place, boxes: list[tuple[str, int]], limit: int, descending: bool
) -> None:
    rows = [box(str(index), label=label, weight=Weight(grams)) for index, (label, grams) in enumerate(boxes)]
    table = at.filled(*rows)
    got: list[BoxRow] = []
    after, more = None, True
    while more:
        page = table.page(at.session, limit=limit, after=after, descending=descending)
        got = page.rows + got if descending else got + page.rows
        more = page.more
        after = table.cursor(page.rows[0 if descending else -1]) if page.rows else None
    assert got == sorted(rows, key=lambda row: (row.label, -row.weight.grams, row.id))


def test_a_page_goes_on_where_the_last_ended_though_rows_are_inserted(
    connection: Session, table: Table[BoxRow]
) -> None:
    place(connection, table, box("b", label="b"), box("d", label="d"))
    first = table.page(connection, limit=1)
    place(connection, table, box("a", label="a"), box("c", label="c"))
    rest = table.page(connection, limit=9, after=table.cursor(first.rows[-1]))
    assert [row.id for row in first.rows + rest.rows] == ["b", "c", "d"]


def test_one_place_precedes_another_as_the_order_has_it(table: Table[BoxRow]) -> None:
    assert table.precedes(("a", 5, "x"), ("b", 9, "x"))
    assert table.precedes(("a", 9, "x"), ("a", 5, "x"))  # the weight sorts downwards
    assert table.precedes(("a", 5, "x"), ("a", 5, "y"))
    assert not table.precedes(("a", 5, "x"), ("a", 5, "x"))


def test_a_cursor_of_another_order_is_refused(connection: Session, table: Table[BoxRow]) -> None:
    with pytest.raises(ValueError, match="not one of this order"):
        table.page(connection, limit=1, after=("only one",))
    with pytest.raises(ValueError, match="not one of this order"):
        table.page(connection, limit=1, after=("half \ud800", 1, "a"))


def test_a_search_finds_words_by_their_start_without_regard_to_accents(
    connection: Session, table: Table[BoxRow]
) -> None:
    place(connection, table, box("1", label="Crème brûlée"), box("2", label="Cream puff"), box("3", label="Tea"))
    assert [row.id for row in table.page(connection, limit=9, search="CRE").rows] == ["2", "1"]
    assert [row.id for row in table.page(connection, limit=9, search="bru creme").rows] == ["1"]
    assert [row.id for row in table.page(connection, limit=9, search='"tea" OR cream').rows] == []


def test_a_search_shows_what_a_row_says_now(connection: Session, table: Table[BoxRow]) -> None:
    place(connection, table, box("1", label="tea"), box("2", label="tea"))
    place(connection, table, box("1", label="coffee"))
    with transaction(connection):
        table.write(connection, "a", (), ["2"], ())
    assert table.page(connection, limit=9, search="tea").rows == []
    assert [row.id for row in table.page(connection, limit=9, search="cof").rows] == ["1"]


@given(st.text(st.characters(), max_size=20) | st.sampled_from(['"', "a*", "NEAR(", "a\x00b", "-", "", " ", "\ud800"]))
def test_no_search_text_is_an_error(at: Place, text: str) -> None:
    page = at.filled().page(at.session, limit=9, search=text)
    assert search_terms(text) or page.rows == []


def test_a_search_goes_on_from_a_cursor(connection: Session, table: Table[BoxRow]) -> None:
    place(connection, table, *(box(str(each)) for each in range(5)))
    first = table.page(connection, limit=2, search="tea")
    rest = table.page(connection, limit=9, search="tea", after=table.cursor(first.rows[-1]))
    assert ([row.id for row in first.rows + rest.rows], first.more, rest.more) == (list("01234"), True, False)


def test_a_model_without_searched_columns_finds_nothing(at: Place) -> None:
    assert at.empty(OWNERS).page(at.session, limit=9, search="ann").rows == []


def test_rows_and_removals_come_in_the_order_of_their_positions(connection: Session, table: Table[BoxRow]) -> None:
    old = box("b", position=1)
    with transaction(connection):
        table.write(
            connection, "a", [box("a", position=3), box("c", position=3)], ["b"], [Tombstone(old, "b", 2, START)]
        )
    found = table.changes(connection, after=(0, LAST_ID), limit=9)
    assert [(each.position, each.id, each.row is None) for each in found.entries] == [
        (2, "b", True),
        (3, "a", False),
        (3, "c", False),
    ]
    rest = table.changes(connection, after=(3, "a"), limit=9)
    assert [each.id for each in rest.entries] == ["c"]


def test_no_removal_outside_a_scope_is_told(connection: Session, table: Table[BoxRow]) -> None:
    mine, other = box("m", owner="me"), box("o", owner="other")
    with transaction(connection):
        table.write(connection, "a", (), (), [Tombstone(mine, "m", 2, START), Tombstone(other, "o", 3, START)])
    found = table.changes(connection, (equals("owner", "me"), at_least("weight.grams", 9)), after=(0, LAST_ID), limit=9)
    assert [each.id for each in found.entries] == ["m"]
    everything = table.changes(connection, after=(0, LAST_ID), limit=9)
    assert [(each.id, each.fixed) for each in everything.entries] == [("m", ("me",)), ("o", ("other",))]


def test_a_filter_decides_whether_a_changed_row_is_given(connection: Session, table: Table[BoxRow]) -> None:
    place(connection, table, box("a", weight=Weight(5)), box("b", weight=Weight(50)))
    wanted = (at_least("weight.grams", 9),)
    changed = table.changes(connection, wanted, after=(0, LAST_ID), limit=9)
    assert [(each.id, each.row is not None) for each in changed.entries] == [("a", False), ("b", True)]
    at_first = table.changes(connection, wanted, after=(0, LAST_ID), limit=9, seen=5)
    assert [each.id for each in at_first.entries] == ["b"]


def test_what_no_row_can_hold_is_found_nowhere_and_fails_nothing(connection: Session, table: Table[BoxRow]) -> None:
    place(connection, table, box("a", label="\ud7ff", note="b", weight=Weight(2**63 - 1)))
    conditions = {
        equals("label", "\ud800"): False,
        equals("weight.grams", 2**70): False,
        equals("note", None): False,
        equals("limit.grams", None): True,
        starts_with("label", "\ud7ff\ud800"): False,
        starts_with("label", "\ud7ff"): True,
        starts_with("label", "\U0010ffff"): False,
        starts_with("note", ""): True,
        one_of("weight.grams", [2**70]): False,
        one_of("label", []): False,
        at_most("label", "\ud800"): True,
        at_least("label", "\ud7ff\ud800"): False,
        at_most("weight.grams", 2**70): True,
        at_least("limit.grams", -(2**70)): False,
        at_most("note", None): False,
    }
    for condition, expected in conditions.items():
        found = table.page(connection, (condition,), limit=9).rows
        assert [matches(table.layout, row, (condition,)) for row in table.load(connection, ["a"]).values()] == [
            expected
        ]
        assert len(found) == expected, condition


def test_more_keys_than_one_statement_takes_are_loaded(connection: Session, table: Table[BoxRow]) -> None:
    rows = {str(each): box(str(each)) for each in range(1100)}
    place(connection, table, *rows.values())
    assert table.load(connection, [*rows, "missing"]) == rows


def test_an_id_that_no_row_can_have_finds_none(connection: Session, table: Table[BoxRow]) -> None:
    assert table.get(connection, "\ud800") == (None, 0)


def test_passages_tell_when_a_position_was_passed_and_are_forgotten_in_the_end(
    connection: Session, table: Table[BoxRow]
) -> None:
    for position in (3, 5, 9):
        table.move(connection, position, START + timedelta(seconds=position))
    assert table.passed(connection, 4) == START + timedelta(seconds=5)
    assert table.passed(connection, 10) is None
    table.forget_passages(connection, kept=1)
    assert table.passed(connection, 4) is None
    assert table.passed(connection, 5) is None
    assert table.passed(connection, 6) == START + timedelta(seconds=9)
    assert connection.execute("SELECT position FROM passages ORDER BY position").fetchall() == [(5,), (9,)]


def test_pruning_forgets_old_removals_and_says_up_to_where(connection: Session, table: Table[BoxRow]) -> None:
    with transaction(connection):
        buried = [
            Tombstone(box(key), key, at, START + timedelta(days=at)) for key, at in (("a", 1), ("b", 2), ("c", 8))
        ]
        table.write(connection, "a", (), (), buried)
    assert table.prune(connection, START + timedelta(days=5)) == 2
    assert table.prune(connection, START + timedelta(days=5)) == 0
    found = table.changes(connection, after=(0, LAST_ID), limit=9)
    assert ([each.id for each in found.entries], found.floor) == (["c"], 2)


def test_a_failing_write_leaves_nothing_behind(connection: Session, table: Table[BoxRow]) -> None:
    with pytest.raises(OverflowError), transaction(connection):
        table.write(connection, "a", [box("a"), box("b", weight=Weight(2**64))], (), ())
    assert table.page(connection, limit=9).rows == []


def test_the_fingerprint_tells_one_layout_from_another() -> None:
    class Other(BoxRow):
        more: int = 0

    other: ReadModel[Any] = ReadModel("boxes", row=Other, keys=BOXES.keys, apply=BOXES.apply, order=BOXES.order)
    assert Table(other).fingerprint != Table(BOXES).fingerprint


def test_what_cannot_be_a_table_is_refused_at_the_start() -> None:
    class NoId(Row):
        name: str

    with pytest.raises(ValueError, match=r"NoId has no field id"):
        Layout(NoId)
    with pytest.raises(ValueError, match="which may be None"):
        Table(ReadModel("boxes", row=BoxRow, keys=BOXES.keys, apply=BOXES.apply, order=("note",)))
    with pytest.raises(ValueError, match="no column 'weight"):
        matches(Table(BOXES).layout, box("a"), (equals("weight.stones", 1),))
    with pytest.raises(ValueError, match="has no order"):
        matches(Table(BOXES).layout, box("a"), (at_most("value", Decimal(1)),))


def test_a_value_object_that_is_not_plain_is_kept_as_json(at: Place) -> None:
    class Inner(Row):
        id: str
        weights: dict[str, Weight]
        part: Weight | str = ""

    inner: ReadModel[Any] = ReadModel("inner", row=Inner, keys=BOXES.keys, apply=BOXES.apply)
    table = at.empty(inner)
    row = Inner(id="a", weights={"x": Weight(1)})
    place(at.session, table, row)
    assert table.load(at.session, ["a"]) == {"a": row}
    assert [each.name for each in table.layout.columns][:3] == ["id", "weights", "part"]


def test_searched_columns_are_those_that_say_so() -> None:
    assert [each.name for each in Table(BOXES).layout.searched] == ["label"]


@pytest.mark.one_world("it is about files")
async def test_a_second_writer_is_told_who_writes(tmp_path: Path) -> None:
    first, second = ReadStore(tmp_path / "read.db", [BOXES]), ReadStore(tmp_path / "read.db", [BOXES])
    await first.open()
    with pytest.raises(Unavailable, match="pid"):
        await second.open()
    await first.close()
    await second.open()
    await second.close()


async def test_a_store_opened_for_reading_writes_nothing(tmp_path: Path) -> None:
    store = ReadStore(worlds.place(tmp_path / "read.db"), [BOXES])
    await store.open()
    reader = ReadStore(worlds.place(tmp_path / "read.db"), [BOXES], readonly=True)
    await reader.open()
    with pytest.raises(Unavailable, match="not open for writing"):
        await reader.write(lambda connection: None)
    assert await reader.checkpoint(BOXES) is None
    await reader.close()
    await store.close()


@pytest.mark.one_world("it is about files")
async def test_a_store_that_cannot_be_opened_leaves_no_lock(tmp_path: Path) -> None:
    (tmp_path / "read.db").mkdir()
    for _ in range(2):
        with pytest.raises(Unavailable, match=r"read\.db"):
            await ReadStore(tmp_path / "read.db", [BOXES]).open()


@pytest.mark.one_world("it keeps no tables")
async def test_two_models_of_one_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="called boxes"):
        ReadStore(tmp_path / "read.db", [BOXES, BOXES])


async def test_only_a_table_that_has_caught_up_may_be_swapped_in(tmp_path: Path) -> None:
    store = ReadStore(worlds.place(tmp_path / "read.db"), [BOXES])
    await store.open()
    await store.prepare(BOXES, "log", 0)
    with pytest.raises(Unavailable, match="moved"):
        await store.swap(BOXES, "b", 7)
    await store.close()
