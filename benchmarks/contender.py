"""A server under load over HTTP: what was measured of it, slice by slice."""

from collections.abc import Callable, Iterator, Mapping
from statistics import median

from benchmarks import http, machine, records
from benchmarks.machine import Server


class Contender:
    """Loaded by so many connections at once."""

    def __init__(
        self, server: Server, check: Callable[[bytes], None], *, connections: int, has_read_models: bool
    ) -> None:
        self._server = server
        self._check = check
        self._connections = connections
        self._has_read_models = has_read_models
        self.rates: list[float] = []
        self.costs: list[float] = []
        "Processor time a request in µs, what followed from it included."
        self.held: list[float] = []
        "How much of its core it had. What is missing went to other work on the machine, or was not needed."
        self.share = 0.0
        "How much of its own core the load generator used at most."

    async def load(self, requests: Iterator[bytes], seconds: float, *, is_measured: bool) -> None:
        pid, port = self._server.pid, self._server.port
        before = machine.processor_seconds(pid)
        slice = await http.load(port, requests, self._check, connections=self._connections, seconds=seconds)
        loaded = machine.processor_seconds(pid)
        if self._has_read_models:
            await records.settled(port)
        if is_measured:
            self.rates.append(slice.rate)
            self.costs.append((machine.processor_seconds(pid) - before) / slice.answers * 1e6)
            self.held.append((loaded - before) / slice.seconds)
            self.share = max(self.share, slice.share)


def notes(contenders: Mapping[str, Contender]) -> tuple[str, ...]:
    costs = ", ".join(f"{name} {median(each.costs):.0f}" for name, each in contenders.items())
    held = ", ".join(f"{name} {median(each.held):.0%}" for name, each in contenders.items())
    share = max(each.share for each in contenders.values())
    return (
        f"processor time a request in µs, read models included: {costs}.",
        f"of their core the servers had: {held}; the load generator used at most {share:.0%} of its own.",
    )
