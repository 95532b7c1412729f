"""The administrator that the settings name."""

from pathlib import Path

import pytest

from cli import administrator
from domain.standing import Role
from engine.faults import Unavailable
from readmodels.users import USERS
from tests.running import Shop, opened, settings

ADA = {"admin_email": "Ada@shop.example", "admin_password": "correct horse"}


async def ensured(shop: Shop, folder: Path, **changed: str) -> None:
    await administrator.ensure(shop.app, settings(folder, **{**ADA, **changed}), shop.front.passwords)
    await shop.settled()


async def users(shop: Shop) -> list[tuple[str, Role]]:
    page = await shop.app.rows.page(USERS, (), limit=10)
    return [(row.email, row.role) for row in page.rows]


async def test_the_administrator_is_made_once(tmp_path: Path) -> None:
    async with opened(tmp_path) as shop:
        await ensured(shop, tmp_path, admin_email="", admin_password="")
        assert shop.app.log.position == 0
        await ensured(shop, tmp_path)
        head = shop.app.log.position
    for email in ("Ada@shop.example", "ada@SHOP.example"):
        async with opened(tmp_path) as shop:
            await ensured(shop, tmp_path, admin_email=email, admin_password="another password")
            assert shop.app.log.position == head
            ((found, role),) = await users(shop)
            assert (found.lower(), role) == ("ada@shop.example", Role.ADMIN)


async def test_an_address_that_cannot_be_is_a_sentence(shop: Shop, tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match=r"^ADMIN_EMAIL='a@.*' is refused: "):
        await ensured(shop, tmp_path, admin_email="a@" + "x" * 300)
    assert shop.app.log.position == 0


async def test_the_password_is_in_no_event(shop: Shop, tmp_path: Path) -> None:
    await ensured(shop, tmp_path)
    events = await shop.app.log.read(0, 10)
    assert ADA["admin_password"] not in repr(events)
    assert "argon2" not in repr(events)
