"""Events that were ever stored load for ever: a sample of each, at each schema version it ever had."""

import json
from pathlib import Path
from typing import Any

import pytest

import domain
from engine.codec import Codec, members
from engine.discovery import declared
from engine.shapes import Aggregate, Event, Upcaster

SAMPLES: list[dict[str, Any]] = [
    json.loads(line) for line in (Path(__file__).parent / "golden" / "events.jsonl").read_text("utf-8").splitlines()
]
EVENTS: list[type[Event]] = [
    event for aggregate in declared(domain, Aggregate) for event in members(aggregate.evolve, 1)
]
CODEC = Codec(EVENTS, declared(domain, Upcaster))


def loaded(sample: dict[str, Any]) -> Event:
    return CODEC.decode(sample["type"], sample["schema"], json.dumps(sample["data"]))


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: f"{sample['type']}-{sample['schema']}")
def test_a_stored_event_loads_for_ever(sample: dict[str, Any]) -> None:
    assert type(loaded(sample)).__name__ == sample["type"]


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.__name__)
def test_an_event_is_stored_as_its_sample_shows(event: type[Event]) -> None:
    """Fails for an event without a sample at its schema, and when a field changes without a new schema version."""
    samples = [each for each in SAMPLES if (each["type"], each["schema"]) == (event.__name__, event.schema)]
    assert [json.loads(CODEC.encode(loaded(each))) for each in samples] == [each["data"] for each in samples]
    assert len(samples) == 1


def test_every_schema_version_has_a_sample() -> None:
    versions = {(event.__name__, schema) for event in EVENTS for schema in range(1, event.schema + 1)}
    assert {(each["type"], each["schema"]) for each in SAMPLES} == versions
