"""What another client of the same shop does while a page is open, over the public API."""

import itertools
from typing import Any, NamedTuple

import httpx

from tests.e2e.test_process import ask

NUMBERS = itertools.count(1)


class Made(NamedTuple):
    id: str
    name: str


async def command(client: httpx.AsyncClient, name: str, /, **given: Any) -> None:
    """Send one that is accepted: "receiveStock", with the fields of its input."""
    kind = f"{name[0].upper()}{name[1:]}Input"
    answer = await ask(
        client, f"mutation ($input: {kind}!) {{ {name}(input: $input) {{ errors {{ message }} }} }}", input=given
    )
    assert answer == {"errors": []}


async def medicine(client: httpx.AsyncClient, **given: Any) -> Made:
    """One that nobody else has heard of; 40 of them, unless something else is given."""
    number = next(NUMBERS)
    made = Made(f"test-medicine-{number}", f"Testol{number}")
    usual = {"genericName": "testamine", "manufacturer": "Tests", "strength": "5 mg tablet", "price": "2.50"}
    await command(client, "registerMedicine", id=made.id, name=made.name, **{**usual, "stockQuantity": 40, **given})
    return made


async def customer(client: httpx.AsyncClient) -> Made:
    """Somebody new, whose email address is their last name at example.org."""
    number = next(NUMBERS)
    made = Made(f"test-user-{number}", f"Vic Tester{number}")
    first, last = made.name.split()
    names = {"firstName": first, "lastName": last, "email": f"{last.lower()}@example.org", "password": "a-password"}
    await command(client, "registerUser", id=made.id, **names)
    return made


async def order(client: httpx.AsyncClient, user_id: str, medicine_id: str, quantity: int = 1) -> Made:
    """One of somebody; its name is its number."""
    id = f"test-order-{next(NUMBERS)}"
    lines = [{"medicineId": medicine_id, "quantity": quantity}]
    placed = await ask(
        client,
        "mutation ($input: PlaceOrderInput!) { placeOrder(input: $input) { order { number } } }",
        input={"id": id, "userId": user_id, "lines": lines},
    )
    return Made(id, placed["order"]["number"])


async def press(client: httpx.AsyncClient, projection: str, action: str) -> None:
    """One of the demo's buttons: "pause" or "resume" a projection."""
    answer = await client.post(f"/demo/projections/{projection}", json={"action": action})
    answer.raise_for_status()
