"""Dead letters through the API."""

from pathlib import Path

import pytest

from tests.running import Shop, opened

NOBODY = "smtp://127.0.0.1:1"
"Where no mail server listens."
LIST = "{ deadLetters { process position attempts } }"


async def set_aside(shop: Shop) -> dict[str, str]:
    """A dead letter: the mail that welcomes somebody could not be sent."""
    await shop.viewer("customer")
    await shop.drained()
    (found,) = await shop.data(LIST)
    assert found == {"process": "correspondence", "position": "1", "attempts": 1}
    return {"process": found["process"], "position": found["position"]}


@pytest.mark.parametrize(("mutation", "fields"), [("retryDeadLetter", {}), ("discardDeadLetter", {"reason": "Over."})])
async def test_a_decision_that_is_repeated_once_the_dead_letter_is_gone_gets_the_stored_answer(
    tmp_path: Path, mutation: str, fields: dict[str, str]
) -> None:
    async with opened(tmp_path, smtp_url=NOBODY) as shop:
        decision = {**await set_aside(shop), **fields, "commandId": "decided"}
        receipt = await shop.accepted(mutation, **decision)
        await shop.drained()
        if mutation == "retryDeadLetter":  # it failed again
            await shop.accepted("discardDeadLetter", process="correspondence", position="1", reason="Over.")
            await shop.drained()
        assert await shop.data(LIST) == []
        head = shop.app.log.position
        assert await shop.accepted(mutation, **decision) == {**receipt, "replayed": True}
        assert shop.app.log.position == head
        (error,) = await shop.errors(mutation, **{**decision, "position": "2"})
        assert error["code"] == "NOT_FOUND"
