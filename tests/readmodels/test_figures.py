"""The figures that several tables keep: sums by a key, and how many of each medicine."""

from domain.money import Money
from domain.order_line import OrderLine
from domain.status import OrderStatus
from readmodels.figures import MedicineCount, added, bought, moved, returned, top

ASPIRIN = MedicineCount("m1", "Aspirin", 2)
SALBUTAMOL = MedicineCount("m2", "Salbutamol", 1)


def line(medicine_id: str, name: str, quantity: int) -> OrderLine:
    return OrderLine(medicine_id, name, quantity, Money(100))


def test_a_number_is_added_under_its_key_and_the_sums_before_stay_as_they_were() -> None:
    before = {"USD": 100}
    assert added(before, "USD", 50) == {"USD": 150}
    assert added(before, "EUR", 50) == {"USD": 100, "EUR": 50}
    assert before == {"USD": 100}


def test_a_sum_that_comes_to_nothing_is_not_kept() -> None:
    assert added({"USD": 100, "EUR": 50}, "USD", -100) == {"EUR": 50}
    assert added({}, "USD", 0) == {}


def test_an_order_is_counted_under_one_status_only() -> None:
    assert moved({"INITIATED": 2}, OrderStatus.INITIATED, OrderStatus.VALIDATED) == {"INITIATED": 1, "VALIDATED": 1}
    assert moved({"INITIATED": 1, "VALIDATED": 1}, OrderStatus.INITIATED, OrderStatus.VALIDATED) == {"VALIDATED": 2}


def test_what_was_bought_is_counted_by_medicine() -> None:
    before = {"m1": ASPIRIN}
    after = bought(before, [line("m1", "Aspirin", 3), line("m2", "Salbutamol", 1)])
    assert after == {"m1": MedicineCount("m1", "Aspirin", 5), "m2": SALBUTAMOL}
    assert before == {"m1": ASPIRIN}


def test_a_medicine_has_the_name_it_was_last_bought_under() -> None:
    assert bought({"m1": ASPIRIN}, [line("m1", "Aspirin Protect", 1)]) == {
        "m1": MedicineCount("m1", "Aspirin Protect", 3)
    }


def test_what_came_back_entirely_is_not_kept() -> None:
    assert returned({"m1": ASPIRIN, "m2": SALBUTAMOL}, [line("m1", "Aspirin", 2)]) == {"m2": SALBUTAMOL}


def test_what_came_back_before_it_was_bought_comes_to_nothing_all_the_same() -> None:
    lines = [line("m1", "Aspirin", 2)]
    assert returned({}, lines) == {"m1": MedicineCount("m1", "Aspirin", -2)}
    assert bought(returned({}, lines), lines) == {}


def test_the_top_are_those_of_which_there_are_most_and_then_by_name() -> None:
    zinc, iron = MedicineCount("m0", "Zinc", 1), MedicineCount("m9", "Iron", 1)
    counts = {each.medicine_id: each for each in (zinc, iron, SALBUTAMOL, ASPIRIN)}
    assert top(counts, 3) == [ASPIRIN, iron, SALBUTAMOL]
    assert top(counts, 9) == [ASPIRIN, iron, SALBUTAMOL, zinc]
    assert top(counts, 0) == []
