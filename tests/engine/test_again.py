"""How long something that failed waits, and reads that outlast a store that is gone."""

import pytest

from engine.again import SOON, outlasting, pause
from engine.faults import GONE, Unavailable


def waits(error: Exception) -> list[float]:
    return [pause(each, error, first=0.5, longest=30.0, random=lambda: 1.0) for each in range(1, 9)]


def test_what_fails_is_tried_ever_more_seldom() -> None:
    assert waits(Unavailable("The disk is full.")) == [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0]
    assert pause(10_000, ValueError(), first=0.5, longest=30.0, random=lambda: 0.0) == 15.0


@pytest.mark.parametrize("gone", GONE)
def test_a_store_that_is_gone_is_looked_for_all_the_time(gone: type[Exception]) -> None:
    assert waits(gone("Nobody answers.")) == [0.5] + [SOON] * 7


async def test_a_follower_outlasts_a_store_that_is_gone_and_nothing_else() -> None:
    answers: list[Exception | str] = [*(each("Nobody answers.") for each in GONE[:1]), "here"]

    async def read() -> str:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    assert await outlasting(read) == "here"
    answers.append(Unavailable("The disk is full."))
    with pytest.raises(Unavailable, match="full"):
        await outlasting(read)
