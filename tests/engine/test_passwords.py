"""Passwords: hashed so that nobody can read them, checked without holding anybody up."""

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Literal

import pytest
from argon2 import PasswordHasher, extract_parameters
from argon2.exceptions import InvalidHashError

from engine.faults import Busy
from engine.graphql.errors import told
from engine.passwords import Passwords

PASSWORD = "correct horse battery staple"


@pytest.fixture
async def passwords() -> AsyncIterator[Passwords]:
    made = Passwords.cheap()
    yield made
    await made.close()


async def test_the_password_that_was_hashed_is_recognized_and_no_other(passwords: Passwords) -> None:
    hash = await passwords.hash(PASSWORD)
    assert await passwords.verify(hash, PASSWORD)
    for other in ("", PASSWORD.upper(), f"{PASSWORD} ", hash):
        assert not await passwords.verify(hash, other)


async def test_the_same_password_has_another_hash_each_time_and_is_in_none(passwords: Passwords) -> None:
    first, second = await passwords.hash(PASSWORD), await passwords.hash(PASSWORD)
    assert first != second
    assert first.startswith("$argon2id$")
    assert PASSWORD not in first


async def test_nobody_has_no_password_not_even_the_empty_one(passwords: Passwords) -> None:
    for password in ("", PASSWORD):
        assert not await passwords.verify(None, password)


async def test_any_text_can_be_a_password(passwords: Passwords) -> None:
    for password in ("", "пароль 🔑", "\x00", "\ud800", "x" * 100_000):
        assert await passwords.verify(await passwords.hash(password), password)


async def test_an_unknown_user_costs_as_much_as_a_known_one() -> None:
    hasher = PasswordHasher(time_cost=2, memory_cost=16, parallelism=1)
    verified: list[str] = []

    class Noting(PasswordHasher):
        def verify(self, hash: str | bytes, password: str | bytes) -> Literal[True]:
            verified.append(str(hash))
            return hasher.verify(hash, password)

    passwords = Passwords(hasher=Noting(time_cost=2, memory_cost=16, parallelism=1))
    known = await passwords.hash(PASSWORD)
    await passwords.verify(known, "wrong")
    await passwords.verify(None, "wrong")
    await passwords.close()
    assert len(verified) == 2
    assert extract_parameters(verified[0]) == extract_parameters(verified[1])


async def test_a_shops_passwords_are_hashed_with_the_librarys_defaults() -> None:
    passwords = Passwords()
    hash = await passwords.hash(PASSWORD)
    await passwords.close()
    assert extract_parameters(hash) == extract_parameters(PasswordHasher().hash(""))


async def test_what_is_no_hash_is_a_fault_that_shows_nothing(passwords: Passwords) -> None:
    with pytest.raises(InvalidHashError) as caught:
        await passwords.verify("no hash, but a secret", PASSWORD)
    assert "secret" not in str(caught.value)
    assert PASSWORD not in str(caught.value)


async def test_more_than_can_wait_is_refused_at_once_and_places_become_free() -> None:
    passwords = Passwords.cheap(at_once=1, waiting=2)
    tasks = [asyncio.create_task(passwords.hash(PASSWORD)) for _ in range(4)]
    done, _ = await asyncio.wait(tasks)
    outcomes = [type(task.exception()) for task in tasks]
    assert outcomes == [type(None)] * 3 + [Busy]
    assert len(done) == 4
    (told_of,) = told([exception for task in tasks if (exception := task.exception()) and isinstance(exception, Busy)])
    assert told_of == {
        "message": "Too many passwords are being checked. Try again in a moment.",
        "extensions": {"code": "RATE_LIMITED"},
    }
    assert await passwords.verify(await passwords.hash(PASSWORD), PASSWORD)
    await passwords.close()


async def test_one_that_nobody_waits_for_any_more_keeps_its_place_until_it_is_done() -> None:
    gate = threading.Event()

    class Held(PasswordHasher):
        def hash(self, password: str | bytes, *, salt: bytes | None = None) -> str:
            gate.wait(10 if password else 0)
            return super().hash(password, salt=salt)

    passwords = Passwords(at_once=1, waiting=0, hasher=Held(time_cost=1, memory_cost=8, parallelism=1))
    given_up = asyncio.create_task(passwords.hash(PASSWORD))
    await asyncio.wait([given_up], timeout=0)
    given_up.cancel()
    with pytest.raises(asyncio.CancelledError):
        await given_up
    with pytest.raises(Busy):
        await passwords.hash(PASSWORD)
    gate.set()
    found = None
    while found is None:
        with suppress(Busy):
            found = await passwords.hash(PASSWORD)
        await asyncio.wait([given_up], timeout=0)
    await passwords.close()


async def test_the_event_loop_goes_on_while_a_password_is_hashed() -> None:
    passwords = Passwords()
    hashing = asyncio.create_task(passwords.hash(PASSWORD))
    turns = 0
    while not hashing.done():
        await asyncio.sleep(0)
        turns += 1
    await passwords.close()
    assert turns > 10


async def test_the_same_letters_typed_on_another_system_are_the_same_password(passwords: Passwords) -> None:
    hash = await passwords.hash("caf\u00e9 au lait")
    assert await passwords.verify(hash, "cafe\u0301 au lait")
    assert not await passwords.verify(hash, "cafe au lait")
