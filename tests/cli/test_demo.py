"""What the demo would notice: a frame that is missing, a view that is wrong, books that do not add up."""

from typing import Any

import pytest

from cli.demo import Demo
from cli.demo_session import Session
from cli.demo_story import Story, Way, percentile
from cli.demo_views import Figures, Gap, View
from engine import ids

Row = dict[str, Any]


def session() -> Session:
    return Session("http://127.0.0.1:1/graphql", "a@example.org", "", ids.seeded(1))


def view(name: str = "orders", *rows: Row) -> View:
    return View(name, session(), {row["id"]: row for row in rows})


def frame(kind: str, since: int, position: int, *rows: Row, more: bool = False, removed: tuple[str, ...] = ()) -> Row:
    return {
        "kind": kind,
        "since": str(since),
        "position": str(position),
        "more": more,
        "upserted": list(rows),
        "removed": list(removed),
    }


def test_a_view_holds_what_the_frames_say() -> None:
    followed = view()
    followed.apply(frame("SNAPSHOT", 0, 5, {"id": "a", "n": 1}, {"id": "b", "n": 1}))
    followed.apply(frame("CHANGES", 5, 9, {"id": "a", "n": 2}, removed=("b",)))
    assert (followed.rows, followed.position) == ({"a": {"id": "a", "n": 2}}, "9")


def test_a_frame_that_does_not_follow_the_one_before_is_noticed() -> None:
    followed = view()
    followed.apply(frame("SNAPSHOT", 0, 5))
    with pytest.raises(Gap, match=r"^orders: a frame begins at 6, and the one before ended at 5\.$"):
        followed.apply(frame("CHANGES", 6, 7))


def test_a_snapshot_that_was_cut_off_is_no_place_to_go_on_from() -> None:
    followed = view()
    followed.apply(frame("SNAPSHOT", 0, 0, {"id": "a"}, more=True))
    assert followed.position is None


def test_a_reset_drops_everything() -> None:
    followed = view()
    followed.apply(frame("SNAPSHOT", 0, 5, {"id": "a"}))
    followed.apply(frame("RESET", 5, 5))
    assert (followed.rows, followed.position, followed.restarts) == ({}, None, 1)


async def test_when_a_position_was_reached_is_when_its_frame_came() -> None:
    followed = view()
    followed.apply(frame("SNAPSHOT", 0, 5))
    first = await followed.reached(5)
    followed.apply(frame("CHANGES", 5, 9))
    assert await followed.reached(5) == first <= await followed.reached(8)


def payment(id: str, amount: str, status: str = "SUCCEEDED", currency: str = "USD") -> Row:
    return {"id": id, "status": status, "amount": {"amount": amount, "currency": currency}}


@pytest.mark.parametrize(
    ("revenue", "problem"), [("3.30", ""), ("3.31", "3.30 was paid and kept, and the revenue is 3.31")]
)
def test_money_that_does_not_add_up_is_told(revenue: str, problem: str) -> None:
    payments = payment("a", "1.10"), payment("b", "2.20"), payment("c", "5.00", "REFUNDED"), payment("d", "7", "FAILED")
    figures = Figures(session(), {"revenue": {"amount": revenue, "currency": "USD"}})
    demo = Demo("", ids.seeded(1), views={"payments": view("payments", *payments)}, figures=figures)
    assert demo._money() == problem


@pytest.mark.parametrize(("reserved", "total", "is_right"), [(5, 9, True), (4, 8, False), (5, 10, False)])
def test_stock_that_does_not_add_up_is_told(reserved: int, total: int, is_right: bool) -> None:
    orders = [
        {"id": id, "status": status, "lines": [{"medicineId": "m", "quantity": quantity}]}
        for id, status, quantity in (("a", "PAID", 2), ("b", "VALIDATED", 3), ("c", "SHIPPED", 7))
    ]
    item = {
        "id": "inventory_m",
        "medicineId": "m",
        "medicineName": "Aspirin",
        "availableQuantity": 4,
        "reservedQuantity": reserved,
        "totalQuantity": total,
    }
    views = {"orders": view("orders", *orders), "inventory": view("inventory", item)}
    assert Demo("", ids.seeded(1), views=views)._stock() == ("" if is_right else "Aspirin do not")


def test_what_is_told_of_a_command_is_its_way(capsys: pytest.CaptureFixture[str]) -> None:
    story = Story()
    events = [{"type": "StockReceived", "position": "7"}, {"type": "StockReceived", "position": "8"}]
    steps: list[Row] = [
        {"projection": "inventory", "lagMilliseconds": 1.25},
        {"projection": "medicines", "lagMilliseconds": None},
    ]
    story.tell(Way("Ben", "receiveStock", "Aspirin +5", events, steps, stored=2.0, pushed=4.0, view="inventory"))
    told = capsys.readouterr().out
    assert "receiveStock         Aspirin +5 2.0 ms -> 2 StockReceived @8 -> inventory +1.2 ms, medicines" in told
    assert told.endswith(" -> frame of inventory +4.0 ms\n")
    assert (story.stored, story.projected, story.pushed) == ([2.0], [1.25], [4.0])


def test_a_command_that_was_sent_again_is_left_out_of_the_figures() -> None:
    story = Story()
    story.tell(Way("Ben", "receiveStock", "", stored=9000.0, pushed=9000.0, is_repeated=True))
    assert (story.stored, story.pushed) == ([], [])


@pytest.mark.parametrize(("part", "value"), [(0.5, 51), (0.95, 96), (1.0, 100)])
def test_a_percentile_is_one_of_the_values(part: float, value: float) -> None:
    assert percentile([float(each) for each in range(100, 0, -1)], part) == value
