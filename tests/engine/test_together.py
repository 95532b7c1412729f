"""Reads that are shared, and none that is older than who asked for it."""

import asyncio

import pytest

from engine.together import Together


class Slow:
    """A read that ends when the test says so; it gives how often it was begun."""

    def __init__(self) -> None:
        self.begun = 0
        self.gate = asyncio.Event()

    async def __call__(self) -> int:
        self.begun += 1
        found = self.begun
        await self.gate.wait()
        return found


async def ask(together: Together, work: Slow, many: int) -> list[asyncio.Task[int]]:
    tasks = [asyncio.create_task(together.read("key", work)) for _ in range(many)]
    for _ in range(5):
        await asyncio.sleep(0)
    return tasks


async def test_a_thousand_who_ask_at_one_time_cost_one_read() -> None:
    together, work = Together(), Slow()
    work.gate.set()
    assert await asyncio.gather(*(together.read("key", work) for _ in range(1000))) == [1] * 1000


async def test_whoever_asks_after_a_read_has_begun_gets_a_later_one() -> None:
    together, work = Together(), Slow()
    first = await ask(together, work, 2)
    later = await ask(together, work, 3)
    assert work.begun == 1, "one at a time"
    work.gate.set()
    assert await asyncio.gather(*first, *later) == [1, 1, 2, 2, 2]
    assert await together.read("key", work) == 3


async def test_different_reads_do_not_wait_for_each_other() -> None:
    together, work, other = Together(), Slow(), Slow()
    (waiting,) = await ask(together, work, 1)
    other.gate.set()
    assert await together.read("other", other) == 1
    waiting.cancel()


async def test_one_that_goes_away_takes_nothing_from_the_others() -> None:
    together, work = Together(), Slow()
    first, second = await ask(together, work, 2)
    first.cancel()
    work.gate.set()
    assert await second == 1
    with pytest.raises(asyncio.CancelledError):
        await first


async def test_all_are_told_of_a_failure_and_the_next_is_tried_anew() -> None:
    together, tries = Together(), [1]

    async def work() -> str:
        if tries:
            raise OSError(f"{tries.pop()}")
        return "found"

    failed = await asyncio.gather(*(together.read("key", work) for _ in range(3)), return_exceptions=True)
    assert list(map(str, failed)) == ["1"] * 3
    assert await together.read("key", work) == "found"


async def test_closing_ends_what_is_under_way() -> None:
    together, work = Together(), Slow()
    tasks = [*await ask(together, work, 1), *await ask(together, work, 1)]
    await together.close()
    ended = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(each) for each in ended] == [asyncio.CancelledError] * 2
    assert asyncio.all_tasks() == {asyncio.current_task()}
