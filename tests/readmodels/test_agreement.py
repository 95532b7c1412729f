"""The tables agree with each other and with the rules, whatever happens to any orders."""

import sqlite3
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import readmodels
from domain.medicine import MEDICINE, DiscontinueMedicine, RegisterMedicine
from domain.money import Money
from domain.order import ORDER, CancelOrder, CompleteOrder, OrderEvent, PlaceOrder, ShipOrder
from domain.order_line import OrderLine
from domain.payment import ConfirmPayment, FailPayment, PaymentEvent, ProcessPayment, RefundPayment
from domain.payment_method import PaymentMethod
from domain.status import OrderStatus, PaymentStatus
from domain.stock import AdjustStock, ReceiveStock, StockEvent
from domain.user import DeleteUser, RegisterUser
from engine.discovery import declared
from engine.fold import Fold
from engine.shapes import ReadModel, Secret, replace
from engine.store.dialect import SQLITE
from engine.store.revisions import READS, made_by
from engine.store.rows import Table
from engine.testing import NOW, fold
from readmodels.figures import MedicineCount
from readmodels.inventory import INVENTORY
from readmodels.medicines import MEDICINES
from readmodels.notifications import NOTIFICATIONS
from readmodels.order_statistics import ORDER_STATISTICS
from readmodels.orders import ORDERS
from readmodels.payments import PAYMENTS
from readmodels.user_orders import USER_ORDERS
from readmodels.users import USERS
from tests.readmodels.shop import Shop

MEDICINES_BY_CURRENCY = {
    "USD": (("m1", "Aspirin", Money(450)), ("m2", "Salbutamol", Money(600))),
    "EUR": (("m3", "Ibuprofen", Money(100, "EUR")), ("m4", "Zinc", Money(7, "EUR"))),
}
PRODUCTS = tuple(each for products in MEDICINES_BY_CURRENCY.values() for each in products)
USER_IDS = ("u1", "u2")
OPEN = {OrderStatus.VALIDATED, OrderStatus.PAID}
KEPT = {OrderStatus.PAID, OrderStatus.SHIPPED, OrderStatus.COMPLETED, OrderStatus.CANCELLED}
Move = tuple[str, int, int]
"What happens, to which one of those there are, and how much of it."


def opened() -> Shop:
    """A shop with two customers and four medicines."""
    shop = Shop()
    for id in USER_IDS:
        shop.send(RegisterUser(id, f"{id}@example.org", "Ann", "Lee", Secret("hash")))
    for id, name, price in PRODUCTS:
        shop.send(RegisterMedicine(id, name, name, "Bayer", "5 mg", price, stock_quantity=6, low_stock_threshold=2))
    return shop


def count(shop: Shop, category: str) -> int:
    return sum(stream.startswith(f"{category}-") for stream in shop.states)


def order(shop: Shop, which: int) -> str:
    """The id of one of the orders there are, the latest first."""
    return f"o{(count(shop, 'order') - 1 - which) % max(count(shop, 'order'), 1)}"


def medicine(which: int) -> str:
    return PRODUCTS[which % len(PRODUCTS)][0]


def place(shop: Shop, which: int, much: int) -> None:
    products = list(MEDICINES_BY_CURRENCY.values())[which % 2]
    lines = tuple(OrderLine(*product[:2], much, product[2]) for product in products[: 1 + which // 2 % 2])
    user_id, number = USER_IDS[which % 3 % 2], count(shop, "order")
    shop.send(PlaceOrder(f"o{number}", f"{number}", user_id, f"{user_id}@example.org", lines, 3600))


def pay(shop: Shop, which: int, much: int) -> None:
    id = order(shop, which)
    found = shop.state(ORDER, id)
    if found.status:
        looked_up = (found.number, found.status, found.total, found.user_id)
        shop.send(ProcessPayment(f"p{count(shop, 'payment')}", id, *looked_up, found.total, PaymentMethod.CARD))


def answer(shop: Shop, which: int, much: int) -> None:
    """The gateway says yes to most payments."""
    if shop.charges:
        id = shop.charges.pop(which % len(shop.charges)).payment_id
        shop.send(FailPayment(id, "card expired") if much == 1 else ConfirmPayment(id))


def buy(shop: Shop, which: int, much: int) -> None:
    """An order as most are: paid for as soon as that is possible, unless too little is left or the payment fails."""
    place(shop, which, much)
    for step in (pay, answer):
        shop.work()
        step(shop, 0, much)


def refund(shop: Shop, which: int, much: int) -> None:
    shop.send(RefundPayment(f"p{which % max(count(shop, 'payment'), 1)}", "broken"))


MOVES: dict[str, Callable[[Shop, int, int], None]] = {
    "work": lambda shop, which, much: shop.work(),
    "buy": buy,
    "place": place,
    "pay": pay,
    "answer": answer,
    "ship": lambda shop, which, much: shop.send(ShipOrder(order(shop, which))),
    "complete": lambda shop, which, much: shop.send(CompleteOrder(order(shop, which))),
    "cancel": lambda shop, which, much: shop.send(CancelOrder(order(shop, which), "changed my mind", much > 2)),
    "expire": lambda shop, which, much: shop.expire(order(shop, which)),
    "refund": refund,
    "receive": lambda shop, which, much: shop.send(ReceiveStock(medicine(which), much * 4)),
    "count": lambda shop, which, much: shop.send(AdjustStock(medicine(which), much, "counted")),
    "discontinue": lambda shop, which, much: shop.send(DiscontinueMedicine(medicine(which), "old")),
    "delete user": lambda shop, which, much: shop.send(DeleteUser(USER_IDS[which % 2])),
}
STEPS = st.sampled_from([*MOVES, *["work", "buy", "answer", "pay", "ship", "cancel", "refund", "receive"] * 2])
STORIES = st.lists(st.tuples(STEPS, st.integers(0, 5), st.integers(1, 4)), min_size=8, max_size=40)
TO_PAID: tuple[Move, ...] = (("work", 0, 1), ("pay", 0, 1), ("work", 0, 1), ("answer", 0, 2), ("work", 0, 1))
BUSY: list[Move] = [
    ("place", 2, 2),
    *TO_PAID,
    ("ship", 0, 1),
    ("work", 0, 1),
    ("complete", 0, 1),
    ("refund", 0, 1),
    ("work", 0, 1),
    ("place", 1, 4),
    ("place", 3, 4),  # too many
    ("work", 0, 1),
    ("pay", 1, 1),
    ("work", 0, 1),
    ("answer", 0, 1),  # no
    ("work", 0, 1),
    ("pay", 1, 1),
    ("work", 0, 1),
    ("cancel", 1, 1),
    ("answer", 0, 2),  # too late
    ("work", 0, 1),
    ("receive", 2, 4),
    ("count", 0, 3),
]
"A story in which every kind of event of an order and of a payment happens."


def told(story: list[Move]) -> Shop:
    shop = opened()
    for what, which, much in story:
        MOVES[what](shop, which, much)
        shop.pass_time(5)
    return shop


def test_there_is_a_story_of_every_event() -> None:
    happened = {type(each.event) for each in told(BUSY).log}
    assert {*_all(OrderEvent), *_all(PaymentEvent)} <= happened
    assert {"StockReserved", "StockReservationDeclined", "StockReleased", "StockDispatched", "StockRanLow"} <= {
        each.__name__ for each in happened & {*_all(StockEvent)}
    }


def _all(union: Any) -> tuple[type[Any], ...]:
    return tuple(union.__args__)


@example(BUSY)
@given(STORIES)
def test_every_order_is_counted_once_and_under_the_status_it_has(story: list[Move]) -> None:
    log = told(story).log
    orders = fold(ORDERS, {}, log).values()
    by_user, users = fold(USER_ORDERS, {}, log), fold(USERS, {}, log)
    for currency, row in fold(ORDER_STATISTICS, {}, log).items():
        mine = [each for each in orders if each.total.currency == currency]
        assert row.by_status == Counter(each.status.value for each in mine)
        assert row.total_orders == sum(row.by_status.values()) == sum(each.orders for each in row.by_day.values())
    for id, counted in by_user.items():
        assert counted.by_status == Counter(each.status.value for each in orders if each.user_id == id)
        assert counted.total_orders == sum(counted.by_status.values()) == users[id].order_count
    assert {id for id, user in users.items() if user.order_count} == by_user.keys()


@example(BUSY)
@given(STORIES)
def test_revenue_is_what_users_spent_is_what_was_paid_and_not_refunded(story: list[Move]) -> None:
    shop = told(story)
    users, by_user = fold(USERS, {}, shop.log), fold(USER_ORDERS, {}, shop.log)
    orders = fold(ORDERS, {}, shop.log)
    kept = [each for each in orders.values() if each.status in KEPT and shop.state(ORDER, each.id).payment_id]
    for currency, row in fold(ORDER_STATISTICS, {}, shop.log).items():
        mine = [each for each in kept if each.total.currency == currency]
        assert row.revenue == sum(each.total.units for each in mine)
        assert row.revenue == sum(each.spent.get(currency, 0) for each in users.values())
        assert row.revenue == sum(each.spent.get(currency, 0) for each in by_user.values())
        assert row.revenue == sum(each.revenue for each in row.by_day.values())
        assert row.paid_orders == len(mine) == sum(each.paid_orders.get(currency, 0) for each in by_user.values())
        assert row.sold == _counts(line for each in mine for line in each.lines)
    for id, counted in by_user.items():
        assert counted.bought == _counts(line for each in kept if each.user_id == id for line in each.lines)
        assert counted.spent == users[id].spent


def _counts(lines: Any) -> dict[str, MedicineCount]:
    quantities: Counter[tuple[str, str]] = Counter()
    for line in lines:
        quantities[line.medicine_id, line.name] += line.quantity
    return {id: MedicineCount(id, name, quantity) for (id, name), quantity in quantities.items()}


@example(BUSY)
@given(STORIES)
def test_the_inventory_is_what_the_rules_know_and_never_less_than_nothing(story: list[Move]) -> None:
    shop = told(story)
    catalogue = fold(MEDICINES, {}, shop.log)
    inventory = fold(INVENTORY, {}, shop.log)
    assert inventory.keys() == catalogue.keys() == {id for id, _, _ in PRODUCTS}
    for id, row in inventory.items():
        stock = shop.state(MEDICINE, id).stock
        assert row.available_quantity == stock.available >= 0
        assert row.reserved_quantity == sum(stock.reservations.values())
        assert set(row.pending_orders) == stock.reservations.keys()
        assert row.total_quantity == stock.quantity == catalogue[id].stock_quantity
        assert row.reserved_quantity == catalogue[id].reserved_quantity
        assert row.low_stock_alert is (stock.available <= 2)


@example(BUSY)
@given(STORIES)
def test_an_order_shows_its_latest_payment_as_the_table_of_payments_does(story: list[Move]) -> None:
    log = told(story).log
    payments, orders = fold(PAYMENTS, {}, log), fold(ORDERS, {}, log)
    latest = {each.order_id: each for each in sorted(payments.values(), key=lambda each: each.created_at)}
    assert {id: row.payment for id, row in orders.items() if row.payment} == latest
    for id, row in orders.items():
        mine = [each for each in log if getattr(each.event, "order_id", "") == id and each.stream[0] in "op"]
        assert [(each.event, each.position) for each in row.timeline] == [
            (type(each.event).__name__, each.position) for each in mine
        ]
        assert (row.position, row.updated_at) == (mine[-1].position, mine[-1].recorded_at)


@example(BUSY)
@given(STORIES)
def test_once_all_is_done_only_open_orders_hold_stock_and_only_orders_hold_money(story: list[Move]) -> None:
    shop = told(story)
    shop.work()
    orders, payments = fold(ORDERS, {}, shop.log), fold(PAYMENTS, {}, shop.log)
    reserved = {id for row in fold(INVENTORY, {}, shop.log).values() for id in row.pending_orders}
    assert reserved == {id for id, row in orders.items() if row.status in OPEN}
    received: Counter[str] = Counter()
    for each in payments.values():
        if each.status is PaymentStatus.SUCCEEDED:
            received[each.amount.currency] += each.amount.units
    statistics = fold(ORDER_STATISTICS, {}, shop.log)
    assert {currency: row.revenue for currency, row in statistics.items() if row.revenue} == received


@pytest.mark.parametrize("size", [1, 7, 1000])
@pytest.mark.parametrize("model", declared(readmodels, ReadModel), ids=lambda each: each.name)
def test_a_stored_table_holds_what_was_folded_whatever_the_batches(model: ReadModel[Any], size: int) -> None:
    log, table = told(BUSY).log, Table(model)
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        for text in made_by(SQLITE, READS):
            connection.execute(text)
        table.create(connection, "a")
        for start in range(0, len(log), size):
            Fold(model).write(connection, table, "a", log[start : start + size])
        stored = table.page(connection, limit=len(log)).rows
    assert {row.id: row for row in stored} == fold(model, {}, log)


def test_notifications_come_newest_first_even_those_of_one_moment() -> None:
    log = [replace(entry, recorded_at=NOW) for entry in told(BUSY).log]
    table = Table(NOTIFICATIONS)
    places = [table.cursor(row) for row in fold(NOTIFICATIONS, {}, log).values()]
    assert len(places) > 10
    assert all(table.precedes(newer, older) for older, newer in pairwise(places))
