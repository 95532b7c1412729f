"""A user's socket: operations over graphql-transport-ws, and the socket opened again whenever it was lost."""

import asyncio
import json
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Any, Self

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, WebSocketException
from websockets.typing import Subprotocol

from engine import clock
from engine.ids import Seeded

PROTOCOL = Subprotocol("graphql-transport-ws")
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 1.0
"Seconds between two tries to connect, before jitter."
LONGEST_SIGN_IN = 30.0
UNREACHABLE = (OSError, WebSocketException, TimeoutError, ValueError)
NEW_TOKEN_NEEDED = 4403
LAST_OWN_FAULT = 4500
"Codes from 4400 to this mean that the client did something wrong: coming again would not help."
AGAIN = {"UNAVAILABLE", "RATE_LIMITED", "STALE_READ"}
"Top-level errors that pass."
LOST: dict[str, Any] = {"type": "lost"}

LOG_IN = """mutation ($email: String!, $password: String!) {
  logIn(input: { email: $email, password: $password }) { token errors { message } }
}"""


class Lost(Exception):
    """The socket went away before the operation ended; whether a command was stored is not known."""


class Denied(Exception):
    """The server answered with an error. `code` is its extensions.code."""

    def __init__(self, message: str, code: str = "") -> None:
        super().__init__(message)
        self.code = code


class Session:
    """One signed-in user. `run` keeps its socket open; everything else may be called at any time."""

    def __init__(self, url: str, email: str, password: str, random: Seeded) -> None:
        self.url = url
        self.email = email
        self.on_lost: Callable[[str], None] = lambda reason: None
        self.on_found: Callable[[float], None] = lambda seconds: None
        self._password = password
        self._random = random
        self._token = ""
        self._socket: ClientConnection | None = None
        self._is_up = asyncio.Event()
        self._failed: Denied | None = None
        self._answers: dict[str, asyncio.Queue[dict[str, Any]]] = {}
        self._last = 0
        self._was_up = False
        self._tries = 0
        self._lost_at = 0.0

    def beside(self) -> Self:
        """Another socket of the same user, signed in as this one is."""
        other = type(self)(self.url, self.email, self._password, self._random)
        other._token = self._token
        return other

    @property
    def is_signed_in(self) -> bool:
        return bool(self._token)

    # ------------------------------------------------------------ operations

    async def connected(self) -> None:
        """Wait until the socket is open. Raises Denied when it never will be again."""
        await self._is_up.wait()
        if self._failed:
            raise self._failed

    async def operate(
        self, query: str, variables: dict[str, Any] | None = None
    ) -> AsyncGenerator[dict[str, Any], None]:
        """The answers of one operation. Raises Lost, and Denied."""
        await self.connected()
        self._last += 1
        id, answers = str(self._last), asyncio.Queue[dict[str, Any]]()
        self._answers[id] = answers
        has_ended = False
        try:
            await self._say(type="subscribe", id=id, payload={"query": query, "variables": variables or {}})
            while (message := await answers.get())["type"] == "next":
                yield _data(message["payload"])
            has_ended = True
            if message["type"] == "error":
                raise _denied(message["payload"])
            if message is LOST:
                raise Lost
        finally:
            self._answers.pop(id, None)
            if not has_ended and self._is_up.is_set():
                await self._say_if_open(type="complete", id=id)

    async def ask(self, query: str, variables: dict[str, Any] | None = None) -> dict[str, Any]:
        """The only answer of a query or mutation. Raises Lost, and Denied."""
        async with aclosing(self.operate(query, variables)) as answers:
            async for data in answers:
                return data
        raise Denied("The operation ended without an answer.")

    async def ask_until_answered(
        self, query: str, variables: dict[str, Any], again: Callable[[], None] = lambda: None
    ) -> dict[str, Any]:
        """As `ask`, but sent again, unchanged, for as long as it is not known what became of it. Raises Denied."""
        tries = 0
        while True:
            try:
                return await self.ask(query, variables)
            except Lost:
                again()
            except Denied as denied:
                if denied.code not in AGAIN:
                    raise
                again()
                await asyncio.sleep(self._pause(tries))
            tries += 1

    # ------------------------------------------------------------ the socket

    async def sign_in(self) -> None:
        """Get a token, over a socket that nobody is signed in on. Raises Denied, and what connecting raises."""
        variables = {"email": self.email, "password": self._password}
        log_in = {"type": "subscribe", "id": "1", "payload": {"query": LOG_IN, "variables": variables}}
        target = connect(_socket_url(self.url), subprotocols=[PROTOCOL], proxy=None)
        async with asyncio.timeout(LONGEST_SIGN_IN), target as socket:
            await socket.send(json.dumps({"type": "connection_init"}))
            async for text in socket:
                match json.loads(text):
                    case {"type": "connection_ack"}:
                        await socket.send(json.dumps(log_in))
                    case {"type": "next", "payload": payload}:
                        self._token = _token(_data(payload)["logIn"])
                        return
                    case {"type": "error", "payload": errors}:
                        raise _denied(errors)
                    case _:
                        continue
        raise Lost

    async def run(self) -> None:
        """Keep the socket open until cancelled, or until the server says that coming again would not help."""
        self._tries, self._lost_at = 0, clock.monotonic()
        while not self._failed:
            try:
                if not self._token:
                    await self.sign_in()
                await self._serve()
                self._was_lost("it closed the socket")
            except (*UNREACHABLE, Lost) as error:
                self._was_lost(str(error) or type(error).__name__, error)
            except Denied as denied:
                self._failed = None if denied.code in AGAIN else denied
            if not self._failed:
                await asyncio.sleep(self._pause(self._tries))
                self._tries += 1
        self._is_up.set()

    def _was_lost(self, reason: str, error: Exception | None = None) -> None:
        if self._was_up:
            self._was_up, self._tries, self._lost_at = False, 0, clock.monotonic()
            self.on_lost(reason)
        closed = error.rcvd if isinstance(error, ConnectionClosed) else None
        if closed and closed.code == NEW_TOKEN_NEEDED:
            self._token = ""
        elif closed and 4400 <= closed.code <= LAST_OWN_FAULT:
            self._failed = Denied(f"The server closed the socket with {closed.code}: {closed.reason}.")

    async def _serve(self) -> None:
        """One socket, from its opening to its end."""
        # No proxy: what is at 127.0.0.1 is not to be looked for elsewhere.
        async with connect(_socket_url(self.url), subprotocols=[PROTOCOL], proxy=None, max_size=None) as socket:
            self._socket = socket
            await self._say(type="connection_init", payload={"Authorization": f"Bearer {self._token}"})
            try:
                async for text in socket:
                    await self._take(json.loads(text))
            finally:
                self._is_up.clear()
                for answers in self._answers.values():
                    answers.put_nowait(LOST)

    async def _take(self, message: dict[str, Any]) -> None:
        if message["type"] == "connection_ack":
            self._was_up = True
            self._is_up.set()
            self.on_found(clock.monotonic() - self._lost_at)
        elif message["type"] == "ping":
            await self._say(type="pong")
        elif message.get("id") in self._answers:
            self._answers[message["id"]].put_nowait(message)

    def _pause(self, tries: int) -> float:
        """Growing, and never the same for two clients: they would all come back at once."""
        return min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** min(tries, 10)) * (0.5 + self._random.random())

    async def _say(self, **message: Any) -> None:
        assert self._socket
        try:
            await self._socket.send(json.dumps(message))
        except ConnectionClosed:
            self._is_up.clear()  # whoever tries again has to wait
            raise Lost from None

    async def _say_if_open(self, **message: Any) -> None:
        try:
            await self._say(**message)
        except Lost:
            return


def _token(payload: dict[str, Any]) -> str:
    if payload["token"] is None:
        raise Denied(payload["errors"][0]["message"])
    return str(payload["token"])


def _data(payload: dict[str, Any]) -> dict[str, Any]:
    if payload.get("errors"):
        raise _denied(payload["errors"])
    data: dict[str, Any] = payload["data"]
    return data


def _denied(errors: list[dict[str, Any]]) -> Denied:
    return Denied(errors[0]["message"], errors[0].get("extensions", {}).get("code", ""))


def _socket_url(url: str) -> str:
    """http and https, as people write it, are ws and wss to a socket."""
    return f"ws{url.removeprefix('http')}" if url.startswith("http") else url
