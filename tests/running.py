"""A shop that runs: the real stores in a directory, the real endpoint on a free port, real clients."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import strawberry
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

import schema
from cli import endpoint
from cli.application import DECLARATIONS, performers
from cli.endpoint import Front
from cli.settings import ShopSettings
from domain.standing import Role
from domain.user import RegisterUser
from engine import clock, serving
from engine.app import MANNER, App
from engine.clock import Clock
from engine.endpoint import PATH
from engine.lane import Manner
from engine.passwords import Passwords
from engine.shapes import Command, Receipt, Secret
from engine.tokens import Tokens
from readmodels.users import UserRow
from schema.context import ShopContext
from schema.viewers import Viewer
from tests import worlds

PROTOCOL = Subprotocol("graphql-transport-ws")
PATIENCE = 10.0
"Seconds after which something that a test waits for counts as never coming."


@cache
def built() -> strawberry.Schema:
    return schema.build()


def settings(folder: Path, **changed: Any) -> ShopSettings:
    """The defaults, with the files in a folder; the environment is left out."""
    files = {**worlds.settings(folder), "data_dir": str(folder)}
    return ShopSettings(_env_file=None, **{"gateway_delay_ms": 0, **files, **changed})  # type: ignore[call-arg]  # pydantic-settings' own


class Stream:
    """The answers of one subscription, in order."""

    def __init__(self, client: ClientConnection) -> None:
        self._client = client

    async def message(self) -> dict[str, Any]:
        async with asyncio.timeout(PATIENCE):
            message: dict[str, Any] = json.loads(await self._client.recv())
        return message

    async def next(self) -> Any:
        """The data of the next answer: of its only field."""
        message = await self.message()
        assert message["type"] == "next", message
        assert "errors" not in message["payload"], message["payload"]["errors"]
        (value,) = message["payload"]["data"].values()
        return value

    async def stays_silent(self) -> None:
        """Whether what is asked later on the same socket is answered first."""
        for number in range(3):
            operation = {"type": "subscribe", "id": f"later-{number}", "payload": {"query": "{ __typename }"}}
            await self._client.send(json.dumps(operation))
            assert [(await self.message())["id"] for _ in range(2)] == [f"later-{number}"] * 2

    async def completed(self) -> None:
        assert (await self.message())["type"] == "complete"

    async def error(self) -> dict[str, Any]:
        """The error that the stream ends with, whichever way it travels."""
        message = await self.message()
        errors = message["payload"] if message["type"] == "error" else message["payload"]["errors"]
        found: dict[str, Any] = errors[0]
        return found


@dataclass
class Client:
    """A client of a running shop, over HTTP and on sockets, signed in or not."""

    app: App
    http: httpx.AsyncClient
    port: int
    token: str | None
    user_id: str | None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}{PATH}"

    @property
    def ws(self) -> str:
        return f"ws://127.0.0.1:{self.port}{PATH}"

    async def post(self, query: str, **variables: Any) -> httpx.Response:
        return await self.http.post(PATH, json={"query": query, "variables": variables})

    async def answer(self, query: str, **variables: Any) -> dict[str, Any]:
        """The whole answer of an operation that was executed."""
        response = await self.post(query, **variables)
        assert response.status_code == 200, response.text
        found: dict[str, Any] = response.json()
        return found

    async def data(self, query: str, **variables: Any) -> Any:
        """What the only field of an operation gives, which must be without an error."""
        answer = await self.answer(query, **variables)
        assert "errors" not in answer, answer
        (value,) = answer["data"].values()
        return value

    async def refused(self, query: str, **variables: Any) -> dict[str, Any]:
        """The only top-level error of an operation."""
        response = await self.post(query, **variables)
        assert response.status_code in (200, 400), response.text
        (error,) = response.json()["errors"]
        found: dict[str, Any] = error
        return found

    async def send(self, mutation: str, entity: str = "", **fields: Any) -> dict[str, Any]:
        """The payload of a mutation; `entity` selects from it what it names."""
        kind = f"{mutation[0].upper()}{mutation[1:]}Input"
        payload = await self.data(
            f"mutation($input: {kind}!) {{ {mutation}(input: $input) {{ {RECEIPT} {ERRORS} {entity} }} }}", input=fields
        )
        found: dict[str, Any] = payload
        return found

    async def accepted(self, mutation: str, **fields: Any) -> dict[str, Any]:
        """The receipt of a command that must be accepted."""
        payload = await self.send(mutation, **fields)
        assert payload["errors"] == []
        receipt: dict[str, Any] = payload["receipt"]
        return receipt

    async def errors(self, mutation: str, **fields: Any) -> list[dict[str, Any]]:
        """Why a command was refused, which must have stored nothing."""
        before = self.app.log.position
        payload = await self.send(mutation, **fields)
        assert payload["receipt"] is None
        assert self.app.log.position == before
        errors: list[dict[str, Any]] = payload["errors"]
        return errors

    @asynccontextmanager
    async def follow(self, query: str, **variables: Any) -> AsyncIterator[Stream]:
        """A subscription on a socket of its own."""
        async with self.socket(authorization(self.token)) as client:
            stream = Stream(client)
            assert (await stream.message())["type"] == "connection_ack"
            payload = {"query": query, "variables": variables}
            await client.send(json.dumps({"type": "subscribe", "id": "1", "payload": payload}))
            yield stream

    @asynccontextmanager
    async def socket(self, init: Any) -> AsyncIterator[ClientConnection]:
        """A socket that has sent connection_init with a payload."""
        async with connect(self.ws, subprotocols=[PROTOCOL], compression=None) as client:
            await client.send(json.dumps({"type": "connection_init", "payload": init}))
            yield client


@dataclass
class Shop(Client):
    """A running shop, and its client that is signed in as staff."""

    front: Front
    server: serving.Server
    stack: AsyncExitStack
    viewers: dict[str | None, Client] = field(default_factory=dict)

    async def settled(self) -> None:
        assert await self.app.settled()

    def close(self, user_id: str, code: int) -> None:
        """Have the server close the sockets of a user, and end their streams."""
        close = self.front.endpoint.close_where
        close(lambda viewer: viewer.user_id == user_id, code=code, reason=f"Said {code}")

    async def drained(self) -> None:
        """Wait until nothing follows any more from what was accepted."""
        assert await self.app.drained()

    async def viewer(self, kind: str | None, name: str | None = None) -> Client:
        """A client for a user "customer", "staff" or "admin", who is registered when first asked for; None: for nobody.

        The user's id is `name`, or the kind.
        """
        user_id = name or kind
        if user_id not in self.viewers:
            token = None if kind is None else await self._registered(str(user_id), Role[kind.upper()])
            self.viewers[user_id] = await self.client(token, user_id)
        return self.viewers[user_id]

    async def client(self, token: str | None, user_id: str | None = None) -> Client:
        """A client that sends this token."""
        http = httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{self.port}", timeout=PATIENCE, verify=False, headers=authorization(token)
        )
        return Client(self.app, await self.stack.enter_async_context(http), self.port, token, user_id)

    async def _registered(self, user_id: str, role: Role) -> str:
        password = Secret(await self.front.passwords.hash(PASSWORD))
        receipt = await self.command(
            RegisterUser(
                user_id=user_id,
                email=f"{user_id}@example.org",
                first_name=user_id.capitalize(),
                last_name="Example",
                password=password,
                role=role,
            )
        )
        return self.front.tokens.issue(user_id, receipt.position).text

    async def command(self, command: Command) -> Receipt:
        """Send a command past the API, which must be accepted."""
        outcome = await self.app.send(command, command_id=None, expected_version=None, actor_id=None)
        assert isinstance(outcome, Receipt), outcome
        return outcome


def authorization(token: str | None) -> dict[str, str]:
    """How a token travels: as a header, and as the payload of connection_init."""
    return {} if token is None else {"Authorization": f"Bearer {token}"}


PASSWORD = "correct horse battery staple"
"Of every user that `Shop.viewer` registers."
STAFF = UserRow(id="somebody-of-staff", email="staff@example.org", first_name="A", last_name="Clerk", role=Role.STAFF)
"Who a shop's own client is signed in as. No event tells of this user, so that a test's first event is the log's first."


RECEIPT = "receipt { commandId position stream version acceptedAt replayed }"
ERRORS = (
    "errors { __typename code message path ... on VersionConflict { expected actual } ... on NotAllowedNow { state } "
    "... on InsufficientStock { medicineId requested available } }"
)


@asynccontextmanager
async def opened(
    folder: Path, now: Clock = clock.now, manner: Manner = MANNER, *, is_demo: bool = False, **changed: Any
) -> AsyncIterator[Shop]:
    """A shop on the files in a folder, where `desk` holds the build of the desk if there is one."""
    chosen = settings(folder, **changed)
    async with (
        App.running(chosen, DECLARATIONS, performers(chosen), manner=manner) as app,
        AsyncExitStack() as stack,
    ):
        door = endpoint.opened(
            app,
            chosen,
            built=built(),
            passwords=Passwords.cheap(),
            now=now,
            is_demo=is_demo,
            build=folder / "desk",
        )
        front = await stack.enter_async_context(door)
        # Known without a row: this is the one user that the log does not hold.
        front.viewers.remember(STAFF, 2**62)
        running = serving.running(front.endpoint, drain=front.endpoint.drain)
        server = await stack.enter_async_context(running)
        token = front.tokens.issue(STAFF.id, 0).text
        http = httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{server.port}", timeout=PATIENCE, verify=False, headers=authorization(token)
        )
        async with http:
            yield Shop(app, http, server.port, token, STAFF.id, front, server, stack)


async def _nowhere(token: str) -> Viewer:
    raise AssertionError("nothing here is asked over a socket")


def as_staff(app: App) -> ShopContext:
    """What a resolver gets when staff asks, for an application without an endpoint."""
    tokens = Tokens(b"k" * 32, lifetime=timedelta(hours=1), issuer="i", audience="a", now=clock.now)
    return ShopContext(
        app=app,
        actor_id=STAFF.id,
        viewer=Viewer(STAFF.id, STAFF.role),
        passwords=Passwords.cheap(),
        tokens=tokens,
        payment_minutes=15,
        now=clock.now,
        renew=_nowhere,
    )


class View:
    """What a client keeps of a plural subscription, checked at every frame."""

    def __init__(self, position: str | None = None) -> None:
        self.rows: dict[str, Any] = {}
        self.position = position
        self.kinds: list[str] = []

    def apply(self, frame: Mapping[str, Any]) -> None:
        if frame["kind"] == "RESET":
            self.rows.clear()
        else:
            assert self.position is None or frame["since"] == self.position
        for row in frame["upserted"]:
            self.rows[row["id"]] = row
        for id in frame["removed"]:
            self.rows.pop(id, None)
        self.position = frame["position"]
        self.kinds.append(frame["kind"])

    async def until(self, stream: Stream, position: str) -> None:
        """Take frames until the view is exact as of a position."""
        while self.position is None or int(self.position) < int(position):
            self.apply(await stream.next())
