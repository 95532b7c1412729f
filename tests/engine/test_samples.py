"""Samples: one look for all who follow, a beat while nothing changes, and no look while nobody follows."""

import asyncio
from contextlib import aclosing

import pytest

from engine.samples import Samples


class Weather:
    """Something to look at, which counts the looks."""

    def __init__(self) -> None:
        self.is_fine = True
        self.is_foggy = False
        self.looks = 0

    async def look(self) -> list[bool]:
        self.looks += 1
        if self.is_foggy:
            raise LookupError
        return [self.is_fine]


async def test_many_followers_cost_one_look() -> None:
    weather = Weather()
    samples = Samples(weather.look)
    followers = [samples.follow(60) for _ in range(10)]
    assert await asyncio.gather(*(anext(each) for each in followers)) == [[True]] * 10
    assert weather.looks == 1
    for each in followers:
        await each.aclose()


async def test_what_stays_the_same_is_told_once_and_with_a_beat_again_and_again() -> None:
    weather = Weather()
    samples = Samples(weather.look)
    async with asyncio.timeout(5):
        async with aclosing(samples.follow(0.001)) as changes:
            assert await anext(changes) == [True]
            following = asyncio.ensure_future(anext(changes))
            async with aclosing(samples.follow(0.001, beat=0.002)) as beats:
                assert [await anext(beats) for _ in range(4)] == [[True]] * 4
            assert weather.looks >= 4
            assert not following.done()
            weather.is_fine = False
            assert await following == [False]


async def test_nothing_is_looked_at_while_nobody_follows() -> None:
    weather = Weather()
    samples = Samples(weather.look)
    assert weather.looks == 0
    async with aclosing(samples.follow(0)) as changes:
        assert await anext(changes) == [True]
    looks = weather.looks
    for _ in range(100):
        await asyncio.sleep(0)
    assert weather.looks == looks


async def test_a_look_that_fails_ends_its_follower_and_no_other() -> None:
    weather = Weather()
    samples = Samples(weather.look)
    async with aclosing(samples.follow(0.001)) as changes:
        assert await anext(changes) == [True]
        weather.is_foggy = True
        with pytest.raises(LookupError):
            await anext(samples.follow(0))
        weather.is_foggy = weather.is_fine = False
        assert await anext(changes) == [False]
