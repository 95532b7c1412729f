"""The stored form of events, through every schema version they had."""

from typing import Any, ClassVar

import pytest

from engine.codec import Codec, fingerprint, members
from engine.faults import UnknownEvent
from engine.shapes import Command, Event, Upcaster


class PaintMixed(Event):
    schema: ClassVar[int] = 3
    paint: str
    red: int
    green: int


class PaintSpilled(Event):
    paint: str


class MixPaint(Command):
    paint: str


class SpillPaint(Command):
    paint: str


def split(stored: dict[str, Any]) -> dict[str, Any]:
    red, green = stored.pop("mix").split("/")
    return {**stored, "red": int(red), "green": int(green)}


def renamed(stored: dict[str, Any]) -> dict[str, Any]:
    return {"paint": stored["name"], "mix": stored["mix"]}


FIRST, SECOND = Upcaster("PaintMixed", 1, renamed), Upcaster("PaintMixed", 2, split)


def test_an_event_is_stored_as_its_fields() -> None:
    codec = Codec([PaintMixed])
    assert codec.encode(PaintMixed(paint="ü", red=1, green=2)) == '{"paint":"ü","red":1,"green":2}'
    assert codec.decode("PaintMixed", 3, '{"paint":"ü","red":1,"green":2}') == PaintMixed(paint="ü", red=1, green=2)


@pytest.mark.parametrize("upcasters", [(FIRST, SECOND), (SECOND, FIRST)])
def test_every_old_form_is_read_through_the_upcasters_behind_it(upcasters: tuple[Upcaster, ...]) -> None:
    codec = Codec([PaintMixed], upcasters)
    today = PaintMixed(paint="lime", red=1, green=9)
    assert codec.decode("PaintMixed", 1, '{"name":"lime","mix":"1/9"}') == today
    assert codec.decode("PaintMixed", 2, '{"paint":"lime","mix":"1/9"}') == today
    assert codec.decode("PaintMixed", 3, codec.encode(today)) == today
    assert [codec.knows("PaintMixed", schema) for schema in range(5)] == [False, True, True, True, False]


@pytest.mark.parametrize(("name", "schema"), [("PaintDried", 1), ("PaintMixed", 4), ("PaintMixed", 2)])
def test_what_this_code_cannot_read_is_said_in_a_sentence(name: str, schema: int) -> None:
    codec = Codec([PaintMixed, PaintSpilled])
    with pytest.raises(UnknownEvent) as caught:
        codec.decode(name, schema, "{}")
    assert str(caught.value) == (
        f"The log holds {name} at schema {schema}, unknown to this code. Run the code that wrote it, or newer."
    )
    assert not codec.knows(name, schema)


def test_two_events_of_one_name_are_refused() -> None:
    namesake = type("PaintMixed", (Event,), {"__annotations__": {"paint": str}})
    with pytest.raises(ValueError, match=r"^Two events are called PaintMixed; the name is storage"):
        Codec([PaintMixed, namesake])
    assert list(Codec([PaintMixed, PaintMixed]).types) == ["PaintMixed"]


@pytest.mark.parametrize(
    "upcasters", [[FIRST], [Upcaster("PaintDried", 1, renamed)], [Upcaster("PaintMixed", 3, split)]]
)
def test_an_upcaster_that_leads_nowhere_is_refused(upcasters: list[Upcaster]) -> None:
    name, schema = upcasters[0].event, upcasters[0].schema
    with pytest.raises(ValueError, match=f"^The upcaster of {name} from schema {schema} leads to no schema"):
        Codec([PaintMixed], upcasters)


def test_two_upcasters_from_one_schema_are_refused() -> None:
    with pytest.raises(ValueError, match=r"^Two ways to read PaintMixed at schema 2\.$"):
        Codec([PaintMixed], [SECOND, SECOND])


def test_a_stored_event_with_a_field_too_many_or_too_few_is_not_taken_for_another() -> None:
    codec = Codec([PaintSpilled])
    for stored in ('{"paint":"a","floor":"b"}', "{}", '{"paint":1}'):
        with pytest.raises(ValueError, match=r"Object|Expected"):
            codec.decode("PaintSpilled", 1, stored)


def test_a_fingerprint_tells_commands_contents_and_expected_versions_apart() -> None:
    prints = {
        fingerprint(MixPaint(paint="a"), None),
        fingerprint(MixPaint(paint="b"), None),
        fingerprint(MixPaint(paint="a"), 1),
        fingerprint(SpillPaint(paint="a"), None),
    }
    assert len(prints) == 4
    assert fingerprint(MixPaint(paint="a"), None) in prints


def test_the_members_of_a_union_are_what_a_function_handles() -> None:
    def both(state: int, event: PaintMixed | PaintSpilled) -> None: ...
    def one(state: int, event: PaintMixed) -> None: ...

    assert members(both, 1) == (PaintMixed, PaintSpilled)
    assert members(one, 1) == (PaintMixed,)
