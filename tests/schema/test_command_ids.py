"""Command ids: those of clients, and those that processes make."""

from engine import ids
from tests.running import Shop
from tests.schema.ordering import order, paid, stocked


async def test_nobody_can_use_up_the_command_ids_that_processes_are_going_to_send(shop: Shop) -> None:
    await stocked(shop)
    ann, bob = await shop.viewer("customer", "ann"), await shop.viewer("customer", "bob")
    await shop.drained()
    head = shop.app.log.position
    for process in ("fulfilment", "settlement"):
        for position in range(head + 1, head + 20):
            # Nothing to do, so nothing is stored but the receipt: the position stays.
            command_id = ids.derived(process, str(position), "0")
            await bob.accepted("updateUserProfile", userId="bob", firstName="Bob", commandId=command_id)
    assert shop.app.log.position == head
    await paid(shop, ann, "o1")
    assert (await order(ann, "o1"))["status"] == "PAID"
    events = await shop.data("{ events(last: 100) { nodes { commandId actorId } } }")
    sent = [each["commandId"] for each in events["nodes"] if (each["actorId"] or "").startswith("process/")]
    assert len(sent) == 4  # reserved, validated, succeeded, paid
    for command_id in sent:
        (error,) = await bob.errors("updateUserProfile", userId="bob", firstName="Bob", commandId=command_id)
        assert (error["code"], error["path"]) == ("INVALID", ["commandId"])
