"""A shop in memory: aggregates with their claims, and processes that can be stopped and crash between any two steps.

It keeps to what engine/shapes.py says of them, with nothing of the engine in it but the shapes: what is wrong here is
wrong in the rules.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from domain.gateway import ChargePayment, RefundCharge
from domain.mail import SendMail
from domain.payment import ConfirmPayment, FailPayment
from engine.codec import members
from engine.ids import derived
from engine.refusals import AlreadyTaken, Refusal
from engine.shapes import Aggregate, Claim, Command, Effect, Process, Recorded, Release
from engine.testing import NOW


class Outside:
    """The gateway and the post: each does the same wish once, however often it is asked under the same id."""

    def __init__(self) -> None:
        self.charges: dict[str, ChargePayment] = {}
        self.refunds: dict[str, RefundCharge] = {}
        self.mails: dict[str, SendMail] = {}
        self.declines: set[str] = set()
        "The payments that the gateway will not take."

    def perform(self, effect: Effect, id: str) -> Command | None:
        """Do it, unless that is done; what the performer sends next."""
        kept: dict[str, Any] = self.mails
        if isinstance(effect, ChargePayment | RefundCharge):
            kept = self.charges if isinstance(effect, ChargePayment) else self.refunds
        assert kept.setdefault(id, effect) == effect, "one id for two wishes"
        if not isinstance(effect, ChargePayment):
            return None
        if effect.payment_id in self.declines:
            return FailPayment(payment_id=effect.payment_id, reason="no funds")
        return ConfirmPayment(payment_id=effect.payment_id)

    def balance(self) -> int:
        """What the shop has, in hundredths."""
        taken = [charge for charge in self.charges.values() if charge.payment_id not in self.declines]
        return sum(each.amount.units for each in taken) - sum(each.amount.units for each in self.refunds.values())


class Shop:
    """The log, what the aggregates make of it, and the processes that follow it."""

    def __init__(self, aggregates: list[Aggregate[Any]], processes: list[Process[Any]]) -> None:
        self.now = NOW
        self.log: list[Recorded] = []
        self.claims: dict[tuple[str, str], str] = {}
        self.answers: dict[str, int] = {}
        "How many events each accepted command led to, by its id; refused ones are decided anew, as in the engine."
        self.sent: list[tuple[Command, str]] = []
        self.outside = Outside()
        self.consumers = [Consumer(self, process) for process in processes]
        self._states: dict[str, tuple[Any, int]] = {}
        self._rules = {command: each for each in aggregates for command in members(each.decide, 1)}

    def state(self, aggregate: Aggregate[Any], id: str) -> Any:
        return self._states.get(aggregate.stream(id), (aggregate.initial, 0))[0]

    def send(self, command: Command, id: str | None = None) -> Refusal | None:
        """Decide a command and store what it leads to; the refusal, if there is one."""
        id = id or f"command-{len(self.sent)}"
        self.sent.append((command, id))
        if id in self.answers:
            return None
        rules = self._rules[type(command)]
        stream = rules.stream(getattr(command, rules.identity))
        state, version = self._states.get(stream, (rules.initial, 0))
        try:
            events = rules.decide(state, command, self.now)
            self._claim(rules, stream, events)
        except Refusal as refusal:
            return refusal
        self.answers[id] = len(events)
        for event in events:
            state, version = rules.evolve(state, event), version + 1
            entry = Recorded(len(self.log) + 1, stream, version, event, self.now, id, id, None, None)
            self.log.append(entry)
            for consumer in self.consumers:
                consumer.take(entry)
        self._states[stream] = state, version
        return None

    def _claim(self, rules: Aggregate[Any], stream: str, events: Any) -> None:
        wanted = [each for event in events for each in rules.claims(event)] if rules.claims else []
        for each in wanted:
            if isinstance(each, Claim) and self.claims.get((each.scope, each.value), stream) != stream:
                raise AlreadyTaken(f"{each.value!r} is already in use.", [each.scope])
        for each in wanted:
            if isinstance(each, Claim):
                self.claims[each.scope, each.value] = stream
            elif isinstance(each, Release) and self.claims.get((each.scope, each.value)) == stream:
                del self.claims[each.scope, each.value]

    def pass_time(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    def drain(self) -> None:
        """Let everything that has begun, or is due by now, come to its end."""
        while any([consumer.step(0) for consumer in self.consumers]):
            pass


class Consumer:
    """One process at work: events of one key in order, those of others side by side, one wish a step.

    What it knows is lost in a crash, back to what was saved last: then it sends again what it sent since.
    """

    def __init__(self, shop: Shop, process: Process[Any]) -> None:
        self.process = process
        self._shop = shop
        self._source = tuple(members(process.evolve, 1))
        self._events: dict[str, list[Recorded]] = {}
        self.states: dict[str, Any] = {}
        self._reached: dict[str, int] = {}
        self._woken: dict[str, datetime] = {}
        self._running: dict[str, Iterator[None]] = {}
        self.save()

    def take(self, entry: Recorded) -> None:
        if isinstance(entry.event, self._source):
            self._events.setdefault(self.process.key(entry.event), []).append(entry)

    def save(self) -> None:
        self._saved = dict(self.states), dict(self._reached), dict(self._woken)

    def crash(self) -> None:
        self.states, self._reached, self._woken = (dict(each) for each in self._saved)
        self._running.clear()

    def step(self, pick: int) -> bool:
        """One step for one of the keys that have something to do; False when none has."""
        if not (ready := self._ready()):
            return False
        key = ready[pick % len(ready)]
        if key not in self._running:
            is_behind = self._reached.get(key, 0) < len(self._events.get(key, ()))
            # Being woken comes before what has come in since, now and then: the clock does not wait for the log.
            wakes = self._is_due(key) and (pick % 2 == 1 or not is_behind)
            self._running[key] = self._wake(key) if wakes else self._handle(key)
        if next(self._running[key], self) is self:
            del self._running[key]
        return True

    def _ready(self) -> list[str]:
        behind = [key for key, events in self._events.items() if self._reached.get(key, 0) < len(events)]
        return list(dict.fromkeys([*self._running, *behind, *(key for key in self.states if self._is_due(key))]))

    def _is_due(self, key: str) -> bool:
        due = self.process.due(self.states.get(key, self.process.initial)) if self.process.due else None
        return due is not None and due <= self._shop.now and self._woken.get(key) != due

    def _handle(self, key: str) -> Iterator[None]:
        place = self._reached.get(key, 0)
        entry = self._events[key][place]
        state = self.process.evolve(self.states.get(key, self.process.initial), entry.event)
        for index, wish in enumerate(self.process.react(state, entry.event)):
            yield from self._send(wish, derived(self.process.name, str(entry.position), str(index)))
        self._reached[key] = place + 1
        self._woken.pop(key, None)
        self.states[key] = state
        if state == self.process.initial:
            del self.states[key]

    def _wake(self, key: str) -> Iterator[None]:
        assert self.process.due
        assert self.process.wake
        state = self.states[key]
        due = self.process.due(state)
        assert due is not None
        for index, wish in enumerate(self.process.wake(state)):
            yield from self._send(wish, derived(self.process.name, key, due.isoformat(), str(index)))
        self._woken[key] = due

    def _send(self, wish: Command | Effect, id: str) -> Iterator[None]:
        if isinstance(wish, Command):
            self._shop.send(wish, id)  # a refusal is an answer too
            yield
            return
        follow_up = self._shop.outside.perform(wish, id)
        yield
        if follow_up:
            self._shop.send(follow_up, derived(id, "answer"))
            yield
