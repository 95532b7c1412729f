"""Remembered pages: read again only when their table has moved, and never more of them than there is room for."""

from pathlib import Path
from typing import Any

from engine.shapes import equals
from engine.store.found import Page
from engine.store.pages import MOST_CHARACTERS, MOST_PAGES, Pages, Remembered
from engine.store.readstore import ReadStore
from tests import worlds
from tests.engine.test_rows import box
from tests.engine.toy import BOXES, START


async def write(store: ReadStore, position: int, *rows: Any) -> None:
    """What a projection does: rows and checkpoint in one transaction."""
    table = store.table(BOXES)

    def work(connection: Any) -> None:
        table.write(connection, "a", rows, (), ())
        table.move(connection, position, START)

    await store.write(work)


async def test_a_page_is_read_once_until_its_table_moves(tmp_path: Path) -> None:
    store, beside = (ReadStore(worlds.place(tmp_path / "read.db"), [BOXES], readonly=each) for each in (False, True))
    await store.open()
    await store.prepare(BOXES, "log", 0)
    await beside.open()
    await write(store, 1, box("a"))
    for reader in (store, beside):
        first = await reader.page(BOXES, limit=10)
        assert [row.id for row in first.rows] == ["a"]
        assert await reader.page(BOXES, limit=10) is first
        assert await reader.page(BOXES, limit=11) is not first
        assert (await reader.page(BOXES, (equals("owner", "nobody"),), limit=10)).rows == []
    await write(store, 2, box("b"))
    for reader in (store, beside):
        page = await reader.page(BOXES, limit=10)
        assert ([row.id for row in page.rows], page.position) == (["a", "b"], 2)
    await write(store, 3)
    assert (await store.page(BOXES, limit=10)).position == 3
    await beside.close()
    await store.close()


def test_no_more_pages_are_kept_than_there_is_room_for() -> None:
    pages, page = Pages(), Page[Any]([], False, 1)
    for number in range(MOST_PAGES + 5):
        pages.keep(number, Remembered(None, page, 1))
    assert len(pages) == MOST_PAGES
    assert pages.get(0) is None
    assert pages.get(5) is not None
    pages.keep("large", Remembered(None, page, MOST_CHARACTERS))
    assert len(pages) == 1
    pages.keep("large", Remembered(None, page, 1))
    for number in range(MOST_PAGES - 1):
        pages.keep(number, Remembered(None, page, 1))
    assert pages.get("large") is not None
    pages.keep("too large", Remembered(None, page, MOST_CHARACTERS + 1))
    assert len(pages) == 0
