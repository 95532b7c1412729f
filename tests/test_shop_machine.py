"""The whole shop against a model of it: any commands in any order, sent again, with crashes between and during them."""

import asyncio
from contextlib import ExitStack
from typing import Any

import pytest
from hypothesis import settings as effort
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from cli.application import DECLARATIONS, performers
from domain.medicine import ChangeMedicinePrice, DiscontinueMedicine, RegisterMedicine
from domain.money import Money
from domain.readership import CountRecordReads
from domain.record import DeleteRecord, WriteRecord
from domain.stock import AdjustStock, ReceiveStock
from engine import audit
from engine.app import App
from engine.graphql.execution import Executor, Request
from engine.refusals import Refusal
from engine.shapes import Command, Receipt
from engine.shapes import replace as replaced
from tests import worlds
from tests.running import as_staff, built, settings

QUERY = Request("""{
  records(first: 100) { nodes { key value version readCount writeCount } }
  medicines(first: 100) { nodes { id version price { amount } stockQuantity isAvailable isDiscontinued } }
  recordStatistics { totalRecords totalReads totalWrites }
  events(last: 1) { position }
}""")
KEYS = st.sampled_from(["a", "b", "ключ"])
IDS = st.sampled_from(["m1", "m2"])
THRESHOLD = 2
"At or below how many the stock is low: few enough to be crossed often."
COUNTS = st.integers(1, 5)
COMMANDS: st.SearchStrategy[Command] = st.one_of(
    st.builds(WriteRecord, key=KEYS, value=st.text("xyz", max_size=3)),
    st.builds(DeleteRecord, key=KEYS),
    st.builds(CountRecordReads, key=KEYS, reads=COUNTS),
    st.builds(
        RegisterMedicine,
        medicine_id=IDS,
        name=st.just("Aspirin"),
        generic_name=st.just("acid"),
        manufacturer=st.just("Bayer"),
        strength=st.just("5 mg"),
        price=st.builds(Money, COUNTS),
        stock_quantity=st.integers(0, 2),
        low_stock_threshold=st.just(THRESHOLD),
    ),
    st.builds(ReceiveStock, medicine_id=IDS, quantity=COUNTS),
    st.builds(AdjustStock, medicine_id=IDS, quantity=st.integers(0, 3), reason=st.just("counted")),
    st.builds(ChangeMedicinePrice, medicine_id=IDS, price=st.decimals(0, 1, places=2)),
    st.builds(DiscontinueMedicine, medicine_id=IDS, reason=st.just("old")),
)


class Model:
    """What the shop should be: plain dictionaries, changed by each command in turn."""

    def __init__(self) -> None:
        self.records: dict[str, dict[str, Any]] = {}
        self.medicines: dict[str, dict[str, Any]] = {}
        self.versions: dict[str, int] = {}
        self.reads = self.writes = self.position = 0

    def take(self, command: Command) -> bool:
        """Do what the command says; whether it is accepted."""
        match command:
            case WriteRecord():
                row = self.records.setdefault(command.key, {"key": command.key, "readCount": 0, "writeCount": 0})
                row |= {"value": command.value, "writeCount": row["writeCount"] + 1}
                row["version"] = self._stored(f"record-{command.key}")
                self.writes += 1
            case DeleteRecord():
                if self.records.pop(command.key, None) is None:
                    return False
                self._stored(f"record-{command.key}")
            case CountRecordReads():
                self._stored(f"readership-{command.key}")
                self.reads += command.reads
                if command.key in self.records:
                    self.records[command.key]["readCount"] += command.reads
            case _:
                return self._medicine(command)
        return True

    def _stored(self, stream: str) -> int:
        self.position += 1
        self.versions[stream] = self.versions.get(stream, 0) + 1
        return self.versions[stream]

    def _medicine(self, command: Any) -> bool:
        id = command.medicine_id
        row = self.medicines.get(id)
        before = row["stockQuantity"] if row else 0
        if isinstance(command, RegisterMedicine):
            if row:
                return False
            row = self.medicines[id] = {"id": id, "isDiscontinued": False}
            row |= {"price": {"amount": f"{command.price.amount}"}, "stockQuantity": command.stock_quantity}
        elif row is None or (row["isDiscontinued"] and isinstance(command, ReceiveStock | ChangeMedicinePrice)):
            return False
        else:
            changed = {**row, **_effect(row, command)}
            if changed == row:
                return True
            row |= changed
        row["isAvailable"] = row["stockQuantity"] > 0 and not row["isDiscontinued"]
        row["version"] = self._stored(f"medicine-{id}")
        if before > THRESHOLD >= row["stockQuantity"] and not row["isDiscontinued"]:
            row["version"] = self._stored(f"medicine-{id}")  # that it ran low is an event of its own
        return True


def _effect(row: dict[str, Any], command: Command) -> dict[str, Any]:
    match command:
        case ReceiveStock():
            return {"stockQuantity": row["stockQuantity"] + command.quantity}
        case AdjustStock():
            return {"stockQuantity": command.quantity}
        case ChangeMedicinePrice():
            return {"price": {"amount": f"{command.price:.2f}"}}
        case _:
            return {"isDiscontinued": True}


class Shop(RuleBasedStateMachine):
    """A shop in a directory, and the model beside it."""

    @initialize()
    def open(self) -> None:
        self.runner = asyncio.Runner()
        self.folders = ExitStack()
        self.folder = self.folders.enter_context(worlds.folder())
        self.model = Model()
        self.answers: dict[str, tuple[Command, Receipt]] = {}
        self.sent = 0
        self.runner.run(self._start())

    async def _start(self) -> None:
        chosen = settings(self.folder)
        self.running = App.running(chosen, DECLARATIONS, performers(chosen))
        self.app = await self.running.__aenter__()

    async def _stop(self) -> None:
        await self.running.__aexit__(None, None, None)

    def _id(self) -> str:
        self.sent += 1
        return f"c{self.sent}"

    def _check(self, command: Command, id: str, outcome: Receipt | Refusal) -> None:
        """An answer must be what the model says."""
        accepted = self.model.take(command)
        assert isinstance(outcome, Receipt) is accepted, outcome
        if isinstance(outcome, Receipt):
            assert outcome.position == self.model.position
            assert outcome.version == self.model.versions.get(outcome.stream, 0)
            self.answers[id] = command, outcome

    @rule(command=COMMANDS)
    def send(self, command: Command) -> None:
        id = self._id()
        self._check(command, id, self.runner.run(self._sent(command, id)))

    @rule(commands=st.lists(COMMANDS, min_size=2, max_size=6))
    def send_together(self, commands: list[Command]) -> None:
        ids = [self._id() for _ in commands]
        for command, id, outcome in zip(commands, ids, self.runner.run(self._all(commands, ids)), strict=True):
            self._check(command, id, outcome)

    async def _all(self, commands: list[Command], ids: list[str]) -> list[Any]:
        return await asyncio.gather(*(self._sent(each, id) for each, id in zip(commands, ids, strict=True)))

    async def _sent(self, command: Command, id: str) -> Receipt | Refusal:
        return await self.app.dispatcher.send(command, command_id=id)

    @rule(data=st.data())
    def send_again(self, data: st.DataObject) -> None:
        if self.answers:
            id = data.draw(st.sampled_from(sorted(self.answers)))
            command, receipt = self.answers[id]
            again = self.runner.run(self._sent(command, id))
            assert again == replaced(receipt, replayed=True)

    @rule()
    def restart(self) -> None:
        self.runner.run(self._stop())
        self.runner.run(self._start())

    @rule(commands=st.lists(COMMANDS, max_size=5), turns=st.integers(0, 4))
    def crash(self, commands: list[Command], turns: int) -> None:
        """Go on from the tables as they are in the middle of something; then find out what was stored, in order."""
        ids = [self._id() for _ in commands]
        self.runner.run(self._crash(commands, ids, turns))
        stored = [place for place, id in enumerate(ids) if self.runner.run(self.app.log.command(id))]
        for place, (command, id) in enumerate(zip(commands, ids, strict=True)):
            if place not in stored and stored and place < stored[-1]:
                # Decided before one that was stored, and not stored: it was refused then. Now it might not be.
                assert not self.model.take(command)
                continue
            outcome = self.runner.run(self._sent(command, id))
            known = isinstance(outcome, Receipt)
            self._check(command, id, replaced(outcome, replayed=False) if known else outcome)  # type: ignore[type-var]

    async def _crash(self, commands: list[Command], ids: list[str], turns: int) -> None:
        tasks = [asyncio.create_task(self._sent(each, id)) for each, id in zip(commands, ids, strict=True)]
        for _ in range(turns):
            await asyncio.wait(tasks or [asyncio.create_task(self.app.statuses())], timeout=0)
        after = self.folders.enter_context(worlds.folder())
        # The read tables first: they are never ahead of the log.
        for name in ("read.db", "log.db"):
            worlds.snapshot(self.folder / name, after / name)
        await asyncio.gather(*tasks)
        await self._stop()
        self.folder = after
        await self._start()

    @rule()
    def look(self) -> None:
        self.runner.run(self._look())

    async def _look(self) -> None:
        assert await self.app.settled()
        answer = await Executor(built()).execute(QUERY, as_staff(self.app))
        assert not answer.errors
        data = answer.data
        assert data is not None
        assert {each["key"]: each for each in data["records"]["nodes"]} == self.model.records
        assert {each["id"]: each for each in data["medicines"]["nodes"]} == self.model.medicines
        assert data["recordStatistics"] == {
            "totalRecords": len(self.model.records),
            "totalReads": self.model.reads,
            "totalWrites": self.model.writes,
        }
        assert data["events"]["position"] == str(self.model.position)

    @invariant()
    def the_log_is_where_the_model_is(self) -> None:
        if hasattr(self, "model"):
            assert self.app.log.position == self.model.position

    def teardown(self) -> None:
        if hasattr(self, "runner"):
            self.runner.run(self._end())
            self.runner.close()
            self.folders.close()

    async def _end(self) -> None:
        await self._look()
        verdicts = await audit.verify(self.app.log, self.app.rows, DECLARATIONS.models)
        assert all(verdict.is_exact for verdict in verdicts)
        events, _ = await self.app.log.select(limit=10_000)
        assert [each.position for each in events] == list(range(1, self.model.position + 1))
        await self._stop()


EXAMPLES = {"sqlite": 15, "postgresql": 5}
"How many runs: fewer where each step takes several times as long."


@pytest.mark.worlds
@pytest.mark.timeout(240)  # it opens and closes some two hundred shops
def test_the_shop_is_what_the_model_says_whatever_happens(world: str) -> None:
    many = effort(max_examples=EXAMPLES[world], stateful_step_count=20, deadline=None)
    run_state_machine_as_test(Shop, settings=many)
