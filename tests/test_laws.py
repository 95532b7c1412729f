"""What holds for every aggregate and every read model, whoever wrote it: found by discovery, tried with any values."""

from datetime import datetime
from typing import Any, get_type_hints

import msgspec
import pytest
from hypothesis import Phase, find, given, settings
from hypothesis import strategies as st

import domain
import readmodels
from engine.codec import Codec, members
from engine.discovery import declared
from engine.refusals import Refusal
from engine.shapes import FIXED, Aggregate, Effect, Process, ReadModel, Recorded, replace
from engine.store.columns import Layout
from engine.testing import fold, keys_of, recorded
from tests.values import IDS, MOMENTS, declare

declare(domain, readmodels)

AGGREGATES = declared(domain, Aggregate)
MODELS = declared(readmodels, ReadModel)
PROCESSES = declared(domain, Process)
OWNER = {event: each for each in AGGREGATES for event in members(each.evolve, 1)}
EVENTS = sorted(OWNER, key=lambda event: event.__name__)
CODEC = Codec(EVENTS)

FIRST = settings(phases=[Phase.generate], database=None)

each_aggregate = pytest.mark.parametrize("aggregate", AGGREGATES, ids=lambda each: each.name)
each_model = pytest.mark.parametrize("model", MODELS, ids=lambda each: each.name)
each_event = pytest.mark.parametrize("event", EVENTS, ids=lambda each: each.__name__)


def messages(aggregate: Aggregate[Any], function: Any) -> st.SearchStrategy[Any]:
    """Commands or events of an aggregate, on few of its streams so that they meet."""
    anything = st.one_of([st.from_type(each) for each in members(function, 1)])
    return st.builds(lambda message, id: replace(message, **{aggregate.identity: id}), anything, IDS)


def commands(aggregate: Aggregate[Any]) -> st.SearchStrategy[Any]:
    return messages(aggregate, aggregate.decide)


def histories(aggregate: Aggregate[Any]) -> st.SearchStrategy[list[Any]]:
    return st.lists(messages(aggregate, aggregate.evolve), max_size=12)


def logs(model: ReadModel[Any]) -> st.SearchStrategy[list[Recorded]]:
    """Any events that a read model folds, in any order, at any time."""
    owners = {aggregate.name: aggregate for each in members(model.apply, 1) for aggregate in [OWNER[each]]}.values()
    entry = st.tuples(st.one_of([messages(each, each.evolve) for each in owners]), MOMENTS)
    return st.lists(entry, max_size=12).map(_timed)


def _timed(entries: list[tuple[Any, datetime]]) -> list[Recorded]:
    log = recorded(*(event for event, _ in entries))
    return [replace(entry, recorded_at=at) for entry, (_, at) in zip(log, entries, strict=True)]


@st.composite
def stories(draw: st.DrawFn) -> list[Recorded]:
    """Logs that can come to be: what the aggregates decide on any commands."""
    states: dict[str, Any] = {}
    events: list[Any] = []
    concerned = draw(st.lists(st.sampled_from(AGGREGATES), min_size=1, unique_by=lambda each: each.name))
    for aggregate in draw(st.lists(st.sampled_from(concerned), min_size=10, max_size=20)):
        command = draw(commands(aggregate))
        stream = aggregate.stream(getattr(command, aggregate.identity))
        decided = decision(aggregate, states.get(stream, aggregate.initial), command, draw(MOMENTS))
        if isinstance(decided, list):
            states[stream] = state_after(aggregate, decided, states.get(stream))
            events += decided
    return recorded(*events)


def state_after(aggregate: Aggregate[Any], history: list[Any], state: Any = None) -> Any:
    state = aggregate.initial if state is None else state
    for event in history:
        state = aggregate.evolve(state, event)
    return state


def decision(aggregate: Aggregate[Any], state: Any, command: Any, now: Any) -> Any:
    try:
        return list(aggregate.decide(state, command, now))
    except Refusal as refusal:
        return type(refusal), refusal.message, refusal.path


def stored(value: Any) -> Any:
    return msgspec.json.decode(msgspec.json.encode(value), type=type(value))


def test_there_is_something_to_try() -> None:
    assert AGGREGATES
    assert MODELS
    assert PROCESSES


@each_aggregate
def test_every_message_gets_tried(aggregate: Aggregate[Any]) -> None:
    for message in (*members(aggregate.decide, 1), *members(aggregate.evolve, 1)):
        assert type(find(st.from_type(message), lambda _: True, settings=FIRST)) is message, (
            "give its value objects a strategy"
        )


@each_aggregate
@given(data=st.data())
def test_deciding_twice_gives_the_same_and_only_own_events(aggregate: Aggregate[Any], data: st.DataObject) -> None:
    state = state_after(aggregate, data.draw(histories(aggregate)))
    command = data.draw(commands(aggregate))
    now = data.draw(MOMENTS)
    first = decision(aggregate, state, command, now)
    assert decision(aggregate, state, command, now) == first
    if isinstance(first, list):
        assert {type(event) for event in first} <= set(members(aggregate.evolve, 1))
        assert {getattr(event, aggregate.identity) for event in first} <= {getattr(command, aggregate.identity)}


@each_aggregate
@given(data=st.data())
def test_what_is_decided_can_be_evolved_and_stored(aggregate: Aggregate[Any], data: st.DataObject) -> None:
    state = state_after(aggregate, data.draw(histories(aggregate)))
    decided = decision(aggregate, state, data.draw(commands(aggregate)), data.draw(MOMENTS))
    for event in decided if isinstance(decided, list) else []:
        state = aggregate.evolve(state, event)
        assert CODEC.decode(type(event).__name__, event.schema, CODEC.encode(event)) == event


@each_aggregate
@given(data=st.data())
def test_any_history_evolves_without_an_error(aggregate: Aggregate[Any], data: st.DataObject) -> None:
    state = state_after(aggregate, data.draw(histories(aggregate)))
    assert type(state) is type(aggregate.initial)


@each_aggregate
@given(data=st.data())
def test_a_stored_state_with_the_rest_is_the_whole_history(aggregate: Aggregate[Any], data: st.DataObject) -> None:
    before, after = data.draw(histories(aggregate)), data.draw(histories(aggregate))
    snapshot = stored(state_after(aggregate, before))
    assert state_after(aggregate, after, snapshot) == state_after(aggregate, before + after)


@each_aggregate
def test_every_message_names_its_stream(aggregate: Aggregate[Any]) -> None:
    messages = (*members(aggregate.decide, 1), *members(aggregate.evolve, 1))
    assert [each for each in messages if aggregate.identity not in each.__struct_fields__] == []


@each_event
@given(data=st.data())
def test_an_event_survives_being_stored(event: type[Any], data: st.DataObject) -> None:
    value = data.draw(st.from_type(event))
    assert CODEC.decode(event.__name__, event.schema, CODEC.encode(value)) == value


def test_an_event_belongs_to_one_aggregate_only() -> None:
    assert len(EVENTS) == sum(len(members(each.evolve, 1)) for each in AGGREGATES)


@each_model
@given(data=st.data())
def test_folding_never_fails_and_keeps_to_its_keys(model: ReadModel[Any], data: st.DataObject) -> None:
    table: dict[str, Any] = {}
    for entry in data.draw(logs(model)):
        keys = keys_of(model, entry)
        assert keys == keys_of(model, entry)
        after = fold(model, table, [entry])
        assert {key for key in table | after if table.get(key) != after.get(key)} <= set(keys)
        assert [row for key, row in after.items() if row.id != key or type(row) is not model.row] == []
        table = after


@each_model
@given(data=st.data())
def test_one_by_one_is_the_same_as_any_batches(model: ReadModel[Any], data: st.DataObject) -> None:
    log = data.draw(logs(model))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(log)), max_size=4)))
    table: dict[str, Any] = {}
    for start, end in zip([0, *cuts], [*cuts, len(log)], strict=True):
        table = {key: stored(row) for key, row in fold(model, table, log[start:end]).items()}
    assert table == fold(model, {}, log)


@each_model
@given(data=st.data())
def test_a_row_survives_its_columns(model: ReadModel[Any], data: st.DataObject) -> None:
    layout = Layout(model.row)
    for row in fold(model, {}, data.draw(logs(model))).values():
        read_back = layout.decode(layout.encode(row))
        assert read_back == row
        one, other = (msgspec.json.encode(each, order="deterministic") for each in (read_back, row))
        assert one == other, "shown from memory it would look otherwise than read back"


# A story is drawn for all models at once: drawing it costs far more than folding it.
@given(story=stories())
def test_a_column_declared_fixed_never_changes(story: list[Recorded]) -> None:
    for model in MODELS:
        hints = get_type_hints(model.row, include_extras=True)
        fixed = [name for name, hint in hints.items() if FIXED in getattr(hint, "__metadata__", ())]
        table: dict[str, Any] = {}
        for entry in story:
            after = fold(model, table, [entry])
            kept = table.keys() & after.keys()
            changed = [each for key in kept for each in fixed if getattr(table[key], each) != getattr(after[key], each)]
            assert (model.name, changed) == (model.name, [])
            table = after


@given(story=stories())
def test_rows_tell_the_version_of_the_stream_they_mirror(story: list[Recorded]) -> None:
    versions = {entry.stream: entry.version for entry in story}
    for model in MODELS:
        table = fold(model, {}, story)
        mirrored = {key: versions[f"{model.of}-{key}"] if model.of else 0 for key in table}
        assert (model.name, {key: row.version for key, row in table.items()}) == (model.name, mirrored)


each_process = pytest.mark.parametrize("process", PROCESSES, ids=lambda each: each.name)


def of_one_key(process: Process[Any]) -> st.SearchStrategy[list[Any]]:
    """Any events that belong to one instance of a process, in any order."""
    event = st.one_of([st.from_type(each) for each in members(process.evolve, 1)])
    return st.lists(event, max_size=12).map(lambda events: [each for each in events if same_key(process, each, events)])


def same_key(process: Process[Any], event: Any, events: list[Any]) -> bool:
    return process.key(event) == process.key(events[0])


def wishes_of(process: Process[Any], events: list[Any]) -> tuple[Any, list[Any]]:
    """The state that events lead to, with a stored form between any two, and all that follows from them."""
    state: Any = process.initial
    wishes: list[Any] = []
    for event in events:
        state = stored(process.evolve(state, event))
        wishes += process.react(state, event)
        if process.due and process.due(state) is not None:
            assert process.wake
            wishes += process.wake(state)
    return state, wishes


@each_process
@given(data=st.data())
def test_a_process_takes_any_events_in_any_order_and_wishes_the_same_again(
    process: Process[Any], data: st.DataObject
) -> None:
    events = data.draw(of_one_key(process))
    state, wishes = wishes_of(process, events)
    assert type(state) is type(process.initial)
    assert wishes_of(process, events) == (state, wishes)


@each_process
@given(data=st.data())
def test_a_process_wishes_only_what_an_aggregate_decides_or_the_world_outside_does(
    process: Process[Any], data: st.DataObject
) -> None:
    decided = {command for aggregate in AGGREGATES for command in members(aggregate.decide, 1)}
    _, wishes = wishes_of(process, data.draw(of_one_key(process)))
    assert [each for each in wishes if type(each) not in decided and not isinstance(each, Effect)] == []


@each_process
def test_a_process_takes_the_same_events_everywhere(process: Process[Any]) -> None:
    assert set(members(process.evolve, 1)) == set(members(process.react, 1)) == set(members(process.key, 0))
