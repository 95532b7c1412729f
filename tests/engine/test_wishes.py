"""Wishes: in order, under ids that a repeat makes again, and each effect once as long as the server lives."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from engine import ids, wishes
from engine.refusals import NotAllowedNow, Refusal
from engine.shapes import Command, Effect, Receipt
from engine.wishes import OURS, Cause, EffectCutShort, Performer, Wishes
from tests.engine.errands import START, Deliver, Note

CAUSE = Cause("errands", "7", "story", 7, "trace")


class Desk:
    """Takes commands down."""

    def __init__(self, answer: Refusal | Exception | None = None) -> None:
        self.sent: list[tuple[Command, Mapping[str, Any]]] = []
        self.answer = answer

    async def send(self, command: Command, **about: Any) -> Receipt | Refusal:
        self.sent.append((command, about))
        if isinstance(self.answer, Exception) and not isinstance(self.answer, Refusal):
            raise self.answer
        return self.answer or Receipt(about["command_id"], 1, "a", 1, START)


def fulfiller(desk: Desk, perform: Performer | None = None, timeout: float = 5.0) -> Wishes:
    return Wishes(desk.send, {Deliver: perform} if perform else {}, timeout=timeout)


async def test_commands_and_effects_are_done_in_order_under_ids_derived_from_their_place() -> None:
    desk, performed = Desk(), []

    async def perform(effect: Effect, id: str) -> Sequence[Command]:
        performed.append(id)
        return [Note("b", "then"), Note("b", "and then")]

    await fulfiller(desk, perform).fulfil([Note("a", "first"), Deliver("a", 1), Note("a", "last")], CAUSE)
    effect = ids.derived("errands", "7", "1")
    assert performed == [effect]
    assert [(command, about["command_id"]) for command, about in desk.sent] == [
        (Note("a", "first"), OURS + ids.derived("errands", "7", "0")),
        (Note("b", "then"), OURS + ids.derived(effect, "0")),
        (Note("b", "and then"), OURS + ids.derived(effect, "1")),
        (Note("a", "last"), OURS + ids.derived("errands", "7", "2")),
    ]
    assert {key: value for key, value in desk.sent[1][1].items() if key != "command_id"} == {
        "correlation_id": "story",
        "causation_id": "7",
        "actor_id": "process/errands",
        "trace": "trace",
    }


async def test_a_refused_command_holds_up_none_behind_it() -> None:
    desk = Desk(NotAllowedNow("No.", "OPEN"))
    await fulfiller(desk).fulfil([Note("a", "1"), Note("a", "2")], CAUSE)
    assert [command for command, _ in desk.sent] == [Note("a", "1"), Note("a", "2")]


async def test_an_effect_is_not_performed_again_when_what_follows_from_it_could_not_be_sent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(wishes, "MOST_REMEMBERED", 2)
    desk, performed = Desk(OSError("gone")), []

    async def perform(effect: Deliver, id: str) -> Sequence[Command]:
        performed.append(effect.number)
        return [Note("a", str(effect.number))]

    made = fulfiller(desk, perform)

    async def attempt(number: int) -> None:
        with pytest.raises(OSError, match="gone"):
            await made.fulfil([Deliver("a", number)], CAUSE._replace(of=str(number)))

    for number in (1, 1, 2, 1, 3, 2, 3, 1):  # with a third one the first is forgotten
        await attempt(number)
    assert performed == [1, 2, 3, 1]


async def test_an_effect_that_takes_too_long_is_cut_short_and_not_taken_for_done() -> None:
    asked = []

    async def perform(effect: Effect, id: str) -> Sequence[Command]:
        asked.append(id)
        await asyncio.Event().wait()
        return []

    made = fulfiller(Desk(), perform, 0.001)
    for _ in range(2):
        with pytest.raises(TimeoutError):
            await made.fulfil([Deliver("a", 1)], CAUSE)
    assert len(asked) == 2


async def test_an_effect_that_ends_itself_is_told_from_being_ended_by_others() -> None:
    begun = asyncio.Event()

    async def perform(effect: Deliver, id: str) -> Sequence[Command]:
        if effect.number == 1:
            raise asyncio.CancelledError
        begun.set()
        await asyncio.Event().wait()
        return []

    made = fulfiller(Desk(), perform)
    with pytest.raises(EffectCutShort, match=r"^Whoever performs Deliver cut it short\.$"):
        await made.fulfil([Deliver("a", 1)], CAUSE)
    task = asyncio.create_task(made.fulfil([Deliver("a", 2)], CAUSE))
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_an_effect_that_nobody_performs_is_named() -> None:
    with pytest.raises(LookupError, match=r"^Nobody performs Deliver; App"):
        await fulfiller(Desk()).fulfil([Deliver("a", 1)], CAUSE)
