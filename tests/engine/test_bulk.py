"""Many commands at once, each with an effect once, however often the whole is repeated."""

from pathlib import Path

from domain.medicine import RegisterMedicine
from domain.money import Money
from domain.stock import MOST_STOCK, ReceiveStock
from engine.bulk import Tallied, send_all
from engine.shapes import Command
from tests.running import opened


def registration(number: int, name: str = "Aspirin") -> RegisterMedicine:
    return RegisterMedicine(
        medicine_id=f"m{number}",
        name=name,
        generic_name="acid",
        manufacturer="Bayer",
        strength="5 mg",
        price=Money(number),
        stock_quantity=1,
    )


async def test_each_command_is_sent_once_and_told_what_became_of_it(tmp_path: Path) -> None:
    commands: list[Command] = [registration(number) for number in range(200)]
    told = 0

    def progress() -> None:
        nonlocal told
        told += 1

    async with opened(tmp_path) as shop:
        assert await send_all(shop.app, commands, progress) == Tallied(accepted=200, already_there=0, refused=())
        assert (told, shop.app.log.position) == (200, 200)
        assert await send_all(shop.app, commands, progress) == Tallied(accepted=0, already_there=200, refused=())
        # Another command for what is there already is refused by the rules, and counts as there.
        mixed = [
            registration(3, "Aspirin forte"),
            ReceiveStock(medicine_id="m1", quantity=MOST_STOCK),
            registration(200),
        ]
        assert await send_all(shop.app, mixed, progress) == Tallied(
            accepted=1,
            already_there=1,
            refused=(f"That would make {MOST_STOCK + 1} in stock; the most is {MOST_STOCK}.",),
        )
        assert (told, shop.app.log.position) == (403, 201)
    async with opened(tmp_path) as shop:
        assert (await send_all(shop.app, commands, progress)).already_there == 200
        assert shop.app.log.position == 201


async def test_nothing_to_send_is_done_at_once(tmp_path: Path) -> None:
    async with opened(tmp_path) as shop:
        assert await send_all(shop.app, [], lambda: None) == Tallied(accepted=0, already_there=0, refused=())
