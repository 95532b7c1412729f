"""Roles in one process: applications on the same PostgreSQL, each with a part of the work."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from cli import importing
from cli.application import DECLARATIONS, performers
from domain.record import WriteRecord
from engine.app import App
from engine.beside import verify
from engine.lease import Leases, Seen, Token
from engine.shapes import Receipt
from engine.status import NOBODYS, State, Status
from engine.store.leases import LIVING, Rows
from engine.store.revisions import LOG, READS
from engine.store.session import Session
from engine.tenure import Lease
from readmodels.medicines import MEDICINES
from readmodels.records import RECORDS
from server import DEMO_FILE as CATALOGUE
from tests import worlds
from tests.redis import own_redis, until
from tests.running import settings

pytestmark = pytest.mark.one_world("only PostgreSQL can be shared by several processes")


@pytest.fixture(autouse=True)
def server() -> Iterator[None]:
    with worlds.world("postgresql"):
        yield


@asynccontextmanager
async def having(folder: Path, roles: str, **changed: str) -> AsyncIterator[App]:
    chosen = settings(folder, roles=roles, **changed)
    async with App.running(chosen, DECLARATIONS, performers(chosen)) as app:
        yield app


async def write(app: App, key: str = "a") -> int:
    sent = await app.send(WriteRecord(key=key, value="v"), command_id=None, expected_version=None, actor_id=None)
    assert isinstance(sent, Receipt)
    return sent.position


async def status(app: App, name: str = "records") -> Status:
    return next(each for each in await app.statuses() if each.name == name)


async def test_who_projects_nothing_sees_what_others_project_and_how_they_stand(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        api = await stack.enter_async_context(having(tmp_path, "api"))
        assert (await status(api)).last_error == NOBODYS
        assert not await api.reached(RECORDS, await write(api)), "nobody folds it"
        stack.push_async_callback((projecting := AsyncExitStack()).aclose)
        projector = await projecting.enter_async_context(having(tmp_path, "projector"))
        await stack.enter_async_context(having(tmp_path, "reactor"))
        assert await api.settled()
        assert (await api.rows.get(RECORDS, "a"))[0] is not None
        assert not api.projector.projections["records"].is_running

        async def is_live() -> bool:
            found = await api.statuses()
            return {(each.state, each.lag_events, each.last_error) for each in found} == {(State.LIVE, 0, None)}

        await until(is_live)
        projector.projector.projections["records"].pause()

        async def is_paused() -> bool:
            return (await status(api)).state is State.PAUSED

        await until(is_paused)
        projector.projector.projections["records"].resume()
        await projector.projector.projections["records"].rebuild()
        assert await api.reached(RECORDS, await write(api, "b"))
        assert [row.id for row in (await api.rows.page(RECORDS, limit=5)).rows] == ["a", "b"]
        await projecting.aclose()
        assert (await status(api)).last_error == NOBODYS


async def test_log_and_read_tables_may_be_in_one_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looks, muster = Counter[str](), Leases.muster

    async def counted(self: Leases, role: str, telling: Mapping[Token, str]) -> Any:
        looks[role] += 1
        return await muster(self, role, telling)

    monkeypatch.setattr(Leases, "muster", counted)
    url = worlds.url(tmp_path / "shop.db", is_empty=True)
    worlds.migrated(worlds.schema_of(tmp_path / "shop.db"), LOG, READS)
    both = {"write_db_url": url, "read_db_url": url}
    async with having(tmp_path, "projector", **both) as projector, having(tmp_path, "api,reactor", **both) as api:
        before = looks["projector"]

        async def has_looked_again() -> bool:
            return looks["projector"] >= before + 2

        await until(has_looked_again)
        assert all(each.is_running for each in projector.projector.projections.values())
        assert await api.reached(RECORDS, await write(api))
        assert await api.settled()


async def test_an_owner_that_was_passed_over_writes_nothing_more(tmp_path: Path) -> None:
    """Its lease is taken while it knows nothing of that, as if it had been paused."""
    async with having(tmp_path, "api,projector,reactor,relay") as app:
        assert await app.reached(RECORDS, await write(app))
        projection = app.projector.projections["records"]
        before = (await app.rows.checkpoint(RECORDS), await app.rows.get(RECORDS, "a"))

        def taken(session: Session) -> None:
            rows = Rows(app.rows.place.dialect)
            lease, now = rows.hold(session, projection.lease)
            rows.change(session, projection.lease, Lease("another", lease.token + 1, now + 10_000))

        await app.rows.write(taken)
        await write(app)

        async def has_stopped() -> bool:
            return not projection.is_running

        await until(has_stopped)
        assert (await app.rows.checkpoint(RECORDS), await app.rows.get(RECORDS, "a")) == before
        others = [each for each in app.projector.projections.values() if each is not projection]
        assert all(each.is_running for each in others), "what is still its own it goes on with"


async def test_a_process_that_starts_beside_others_shows_nobody_an_empty_table(tmp_path: Path) -> None:
    async with having(tmp_path, "api,projector,reactor,relay") as app:
        for number in range(20):
            await write(app, str(number))
        assert await app.settled()
        counts: set[int] = set()
        is_over = False

        async def look() -> None:
            while not is_over:
                counts.add(len((await app.rows.page(RECORDS, limit=1000)).rows))

        async def go_on() -> None:
            while not is_over:
                await write(app, "0")

        looking = asyncio.gather(look(), go_on())
        for _ in range(3):
            async with having(tmp_path, "api,projector,reactor,relay") as other:
                assert len((await other.rows.page(RECORDS, limit=1000)).rows) == 20
        is_over = True
        await looking
        assert counts == {20}

        async def owns_all_again() -> bool:
            return all(each.is_running for each in app.projector.projections.values())

        await until(owns_all_again)
        assert await app.settled()
    assert all(verdict.is_exact for verdict in await verify(settings(tmp_path), DECLARATIONS))


async def test_a_process_that_ends_leaves_its_consumers_to_the_next_at_once(tmp_path: Path) -> None:
    for _ in range(2):
        async with having(tmp_path, "api,projector,reactor,relay") as app:
            assert all(each.is_running for each in app.projector.projections.values())
            assert app._of_reads is not None
            seen = await app._of_reads.seen()
            assert all(is_owned(each) for name, each in seen.items() if name.startswith("projection "))
            await write(app)
            assert await app.drained()


async def test_the_relay_goes_on_in_another_process_where_the_last_one_stopped(tmp_path: Path) -> None:
    async with own_redis(tmp_path) as redis, AsyncExitStack() as stack:
        chosen = {"relay_url": redis.url, "relay_channel": "shop"}
        api = await stack.enter_async_context(having(tmp_path, "api", **chosen))
        ended = await stack.enter_async_context(AsyncExitStack())
        one = await ended.enter_async_context(having(tmp_path, "relay", **chosen))
        other = await stack.enter_async_context(having(tmp_path, "relay", **chosen))
        assert (one.owned()["relay"], other.owned()["relay"]) == (True, False)
        for number in range(3):
            await write(api, str(number))

        async def is_relayed() -> bool:
            found = await status(api, "relay")
            return (found.state, found.lag_events, found.last_error) == (State.LIVE, 0, None)

        await until(is_relayed)
        await ended.aclose()
        for number in range(3):
            await write(api, str(number))
        await until(is_relayed)
        assert other.owned()["relay"]
        assert await redis.ask("XLEN", "shop") == 6


def is_owned(seen: Seen) -> bool:
    return not seen.is_free


async def test_a_catalogue_is_imported_beside_those_that_serve_the_shop_and_takes_no_part_of_theirs(
    tmp_path: Path,
) -> None:
    chosen = settings(tmp_path)
    async with having(tmp_path, "api,projector,reactor,relay") as app:
        assert await importing.directly(chosen, CATALOGUE) == 0
        assert all(app.owned().values())
        assert await app.settled()
        assert (await app.rows.page(MEDICINES, limit=1)).rows
        assert app._of_reads is not None
        assert sum(name.startswith(LIVING) for name in await app._of_reads.seen()) == 1
