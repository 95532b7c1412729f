"""A shop in memory: the rules and the processes without the engine, so that stories of orders can be told quickly."""

from collections import deque
from datetime import timedelta
from typing import Any

from domain.fulfilment import FULFILMENT
from domain.gateway import ChargePayment
from domain.medicine import MEDICINE
from domain.order import ORDER
from domain.payment import PAYMENT
from domain.settlement import SETTLEMENT
from domain.user import USER
from engine.codec import members
from engine.refusals import AlreadyTaken, Refusal
from engine.shapes import Aggregate, Command, Effect, Erase, Recorded, Release
from engine.testing import NOW

AGGREGATES: tuple[Aggregate[Any], ...] = (MEDICINE, USER, ORDER, PAYMENT)
PROCESSES = (FULFILMENT, SETTLEMENT)
DECIDES = {command: each for each in AGGREGATES for command in members(each.decide, 1)}


class Shop:
    """Takes commands, remembers what follows from them, and does that when it is told to."""

    def __init__(self) -> None:
        self.now = NOW
        self.log: list[Recorded] = []
        self.states: dict[str, Any] = {}
        self.charges: list[ChargePayment] = []
        "What the gateway was asked and has not answered."
        self._versions: dict[str, int] = {}
        self._claims: dict[tuple[str, str, str], str] = {}
        self._processes: dict[tuple[str, str], Any] = {}
        self._pending: deque[Command | Effect] = deque()

    def pass_time(self, hours: int) -> None:
        self.now += timedelta(hours=hours)

    def send(self, command: Command) -> None:
        """Decide a command. One that is refused is part of the story."""
        aggregate = DECIDES[type(command)]
        stream = aggregate.stream(getattr(command, aggregate.identity))
        try:
            events = aggregate.decide(self.states.get(stream, aggregate.initial), command, self.now)
            for event in events:
                self._claim(aggregate, stream, event)
        except Refusal:
            return
        for event in events:
            self._store(aggregate, stream, event)

    def work(self) -> None:
        """Do what follows from everything so far, and what follows from that."""
        while self._pending:
            wish = self._pending.popleft()
            if isinstance(wish, ChargePayment):
                self.charges.append(wish)
            elif isinstance(wish, Command):
                self.send(wish)

    def expire(self, order_id: str) -> None:
        """The time to pay for an order is over, if it was still running."""
        state = self._processes.get((FULFILMENT.name, order_id), FULFILMENT.initial)
        assert FULFILMENT.due
        assert FULFILMENT.wake
        if FULFILMENT.due(state):
            self._pending.extend(FULFILMENT.wake(state))

    def state(self, aggregate: Aggregate[Any], id: str) -> Any:
        return self.states.get(aggregate.stream(id), aggregate.initial)

    def _claim(self, aggregate: Aggregate[Any], stream: str, event: Any) -> None:
        wished = aggregate.claims(event) if aggregate.claims else ()
        for each in wished:
            if isinstance(each, Erase):
                continue  # there are no secrets here
            key = aggregate.name, each.scope, each.value
            if isinstance(each, Release):
                del self._claims[key]
            elif self._claims.setdefault(key, stream) != stream:
                raise AlreadyTaken(f"{each.value} is taken.")

    def _store(self, aggregate: Aggregate[Any], stream: str, event: Any) -> None:
        self.states[stream] = aggregate.evolve(self.states.get(stream, aggregate.initial), event)
        position = len(self.log) + 1
        version = self._versions[stream] = self._versions.get(stream, 0) + 1
        id = f"command-{position}"
        self.log.append(Recorded(position, stream, version, event, self.now, id, id, None, None))
        for process in PROCESSES:
            if type(event) in members(process.evolve, 1):
                key = process.name, process.key(event)
                self._processes[key] = process.evolve(self._processes.get(key, process.initial), event)
                self._pending.extend(process.react(self._processes[key], event))
