"""Secrets: kept beside their stream, in nothing else, until another takes their place or they are erased."""

import sqlite3
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TypeAlias, assert_never

import pytest

from engine.codec import Codec, fingerprint, secrets
from engine.refusals import NotAllowedNow
from engine.shapes import Aggregate, Claim, Command, Erase, Event, Receipt, Release, Secret, State
from tests import worlds
from tests.engine.lockers import Desk, desk

WORD = "open sesame"
OTHER = "close sesame"


class LockCave(Command):
    cave: str
    password: Secret
    hint: Secret | None = None
    owner: str = ""


class LookAt(Command):
    cave: str


class BlowUp(Command):
    cave: str
    password: Secret | None = None


CaveCommand: TypeAlias = LockCave | LookAt | BlowUp


class CaveLocked(Event):
    cave: str
    owner: str


class CaveBlownUp(Event):
    cave: str


CaveEvent: TypeAlias = CaveLocked | CaveBlownUp


class Cave(State):
    owner: str = ""


def decide(cave: Cave, command: CaveCommand, now: datetime) -> Sequence[CaveEvent]:
    match command:
        case LockCave():
            if command.owner == "nobody":
                raise NotAllowedNow("Somebody must.", "OPEN")
            return [] if command.owner == "same" else [CaveLocked(command.cave, command.owner)]
        case LookAt():
            return []
        case BlowUp():
            return [CaveBlownUp(command.cave)]
        case _:
            assert_never(command)


def evolve(cave: Cave, event: CaveEvent) -> Cave:
    return cave


def claims(event: CaveEvent) -> Sequence[Claim | Release | Erase]:
    return [Erase()] if isinstance(event, CaveBlownUp) else []


CAVES = Aggregate(
    "cave", identity="cave", initial=Cave(), decide=decide, evolve=evolve, claims=claims, snapshot_every=1
)
CODEC = Codec([CaveLocked, CaveBlownUp])


def lock(cave: str = "a", word: str = WORD, owner: str = "", hint: str | None = None) -> LockCave:
    return LockCave(cave, Secret(word), None if hint is None else Secret(hint), owner)


async def kept(at: Desk) -> list[tuple[str, str, str]]:
    return await at.query("SELECT stream, name, value FROM secrets ORDER BY stream, name")


async def test_a_secret_is_kept_beside_its_stream_and_nowhere_else(tmp_path: Path) -> None:
    async with desk(tmp_path, CAVES, CODEC) as at:
        await at.accepted(lock(hint="rhymes"))
        assert await at.log.secret("cave-a", "password") == WORD
        assert await at.log.secret("cave-a", "hint") == "rhymes"
        assert await at.log.secret("cave-b", "password") is None
        assert await kept(at) == [("cave-a", "hint", "rhymes"), ("cave-a", "password", WORD)]
        await at.query("DELETE FROM secrets")
        tables = [name for (name,) in await at.query(worlds.TABLES[worlds.is_postgres()])]
        everything = [await at.query(f"SELECT * FROM {table}") for table in tables]
    assert WORD not in repr(everything)
    assert repr(lock()) == "LockCave(cave='a', password=Secret(…), hint=None, owner='')"


async def test_a_later_secret_takes_the_place_of_an_earlier_one_and_one_that_is_not_given_does_not(
    tmp_path: Path,
) -> None:
    async with desk(tmp_path, CAVES, CODEC) as at:
        await at.accepted(lock(hint="rhymes"), lock(word=OTHER))
        assert await kept(at) == [("cave-a", "hint", "rhymes"), ("cave-a", "password", OTHER)]


async def test_a_command_that_is_refused_or_has_nothing_to_do_keeps_no_secret(tmp_path: Path) -> None:
    async with desk(tmp_path, CAVES, CODEC) as at:
        await at.send(lock(owner="nobody"))
        await at.accepted(lock(owner="same"))
        assert await kept(at) == []


async def test_the_first_secret_stays_when_its_command_comes_again_with_another(tmp_path: Path) -> None:
    async with desk(tmp_path, CAVES, CODEC) as at:
        first = await at.send(lock(), "c1")
        again = await at.send(lock(word=OTHER), "c1")
        assert isinstance(first, Receipt)
        assert isinstance(again, Receipt)
        assert again.replayed
        assert await at.log.secret("cave-a", "password") == WORD


@pytest.mark.parametrize("together", [True, False])
async def test_what_is_erased_is_gone_and_what_comes_after_it_is_kept(tmp_path: Path, together: bool) -> None:
    async with desk(tmp_path, CAVES, CODEC) as at:
        commands = [lock(), lock("b"), BlowUp("a", Secret("boom")), lock("b", OTHER), BlowUp("b"), lock("b", "new")]
        if together:
            await at.together(*commands)
        else:
            await at.accepted(*commands)
        assert await kept(at) == [("cave-b", "password", "new")]


@pytest.mark.one_world("it is about files")
async def test_what_is_erased_leaves_no_trace_in_the_file(tmp_path: Path) -> None:
    async with desk(tmp_path, CAVES, CODEC) as at:
        await at.accepted(lock(), BlowUp("a"))
    with sqlite3.connect(tmp_path / "log.db") as file:
        file.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    file.close()
    assert WORD.encode() not in (tmp_path / "log.db").read_bytes()


def test_a_secret_does_not_count_when_two_inputs_are_compared() -> None:
    marks = {fingerprint(lock()), fingerprint(lock(word=OTHER)), fingerprint(lock(hint="rhymes"))}
    assert len(marks) == 1
    assert fingerprint(lock(owner="ali")) not in marks
    assert fingerprint(lock(), said={"cave": "a"}) == fingerprint(lock(word=OTHER), said={"cave": "a"})


def test_the_secrets_of_a_command_are_told_by_the_types_of_its_fields() -> None:
    assert secrets(lock(hint="rhymes")) == {"password": WORD, "hint": "rhymes"}
    assert secrets(lock()) == {"password": WORD}
    assert secrets(LookAt("a")) == {}


class Leaked(Event):
    cave: str
    password: Secret | None = None


def test_an_event_cannot_hold_a_secret() -> None:
    with pytest.raises(ValueError, match=r"^Leaked holds a secret; only a command may\.$"):
        Codec([Leaked])
