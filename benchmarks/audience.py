"""An audience: a server with its subscribers, and somebody who writes what they see."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from benchmarks import fleet, http, machine, records
from benchmarks.fleet import Client, Fleet, Opening
from benchmarks.machine import Server
from benchmarks.records import Written
from engine import clock

Concerned = Callable[[str, Sequence[Client]], Sequence[Client]]
"Which of the clients must see a key."
Request = Callable[[str, str], bytes]
"What writes something under a key, as whoever holds the token."


def everybody(key: str, clients: Sequence[Client]) -> Sequence[Client]:
    return clients


@dataclass(frozen=True)
class Delivered:
    """Changes that every subscriber has that had to have them."""

    rows: int = 0
    "Of all subscribers together."
    frames: int = 0
    seconds: float = 0.0
    used: float = 0.0
    "Seconds of a processor that the server needed."
    loading: float = 0.0
    "Seconds of a processor that the load generator needed."
    delays: tuple[float, ...] = ()
    "Of each row at each subscriber, since its request was sent."

    @property
    def share(self) -> float:
        """How much of its core the load generator used."""
        return self.loading / self.seconds

    def __add__(self, other: "Delivered") -> "Delivered":
        """What came one after the other."""
        return Delivered(
            rows=self.rows + other.rows,
            frames=self.frames + other.frames,
            seconds=self.seconds + other.seconds,
            used=self.used + other.used,
            loading=self.loading + other.loading,
            delays=self.delays + other.delays,
        )


@dataclass(frozen=True)
class Audience:
    server: Server
    fleet: Fleet
    concerned: Concerned
    senders: int
    "Connections that write."
    request: Request

    async def send(self, keys: Sequence[str], rate: float | None = None) -> Delivered:
        """Write under each key and wait until all are where they have to be. Raises RuntimeError when one is not."""
        whom = {key: self.concerned(key, self.fleet.clients) for key in keys}
        for clients in whom.values():
            self.fleet.expect(clients)
        requests = {key: self.request(key, self.server.token) for key in keys}
        # Anew each time: uvicorn closes what is not used for five seconds.
        async with http.connected(self.server.port, self.senders) as connections:
            served = machine.processor_seconds(self.server.pid)
            loaded, start = machine.own_processor_seconds(), clock.monotonic()
            written = await records.write(connections, requests, rate)
            await self.fleet.arrived()
            passed = clock.monotonic() - start
            loaded = machine.own_processor_seconds() - loaded
            served = machine.processor_seconds(self.server.pid) - served
        due: dict[Client, dict[str, Written]] = {}
        for key, clients in whom.items():
            for client in clients:
                due.setdefault(client, {})[key] = written[key]
        delays = self.fleet.delays(written)
        return Delivered(
            rows=sum(map(len, whom.values())),
            frames=self.fleet.check(due),
            seconds=passed,
            used=served,
            loading=loaded,
            delays=tuple(delays),
        )


@asynccontextmanager
async def gathered(
    server: Server,
    openings: Sequence[Opening | None],
    concerned: Concerned = everybody,
    *,
    senders: int,
    request: Request = records.request,
) -> AsyncIterator[Audience]:
    async with fleet.connected(server.port, openings) as made:
        yield Audience(server, made, concerned, senders, request)
