"""Frames as a client sees them: what `removed` names is what `upserted` named before."""

from tests.running import Shop

FOLLOW = "subscription { records { kind upserted { id } removed } }"


async def test_a_removed_record_goes_by_the_id_it_came_with(shop: Shop) -> None:
    await shop.accepted("writeRecord", key="greeting", value="hello")
    await shop.settled()
    async with shop.follow(FOLLOW) as stream:
        assert await stream.next() == {"kind": "SNAPSHOT", "upserted": [{"id": "record_greeting"}], "removed": []}
        await shop.accepted("deleteRecord", key="greeting")
        assert await stream.next() == {"kind": "CHANGES", "upserted": [], "removed": ["record_greeting"]}
