"""The schema keeps the public contract: every name, argument, default and nullability that clients rely on."""

from pathlib import Path
from typing import Any

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    build_schema,
    is_required_argument,
    is_required_input_field,
    print_ast,
    print_schema,
)

from tests.running import built

CONTRACT_FILE = Path(__file__).parent / "contract.graphql"

# What the contract's comments describe instead of spelling it out.
LISTED = ["Medicine", "InventoryItem", "Order", "Payment", "User", "Record", "Notification"]
PATTERNS = "".join(
    f"type {name}Connection {{ edges: [{name}Edge!]! nodes: [{name}!]! pageInfo: PageInfo! position: Position! }}\n"
    f"type {name}Edge {{ node: {name}! cursor: String! }}\n"
    for name in [*LISTED, "Event"]
) + "".join(
    f"type {name}Frame {{ kind: FrameKind! since: Position! position: Position! more: Boolean! "
    f"upserted: [{name}!]! removed: [ID!]! }}\n"
    for name in LISTED
)
ENTITIES = {
    "medicine": "RegisterMedicine ChangeMedicinePrice ReceiveStock AdjustStock DiscontinueMedicine",
    "user": "RegisterUser UpdateUserProfile UpdateUserContact ChangeUserEmail ChangeUserPassword GrantRole SuspendUser "
    "ReinstateUser DeleteUser",
    "order": "PlaceOrder CancelOrder ShipOrder CompleteOrder",
    "payment": "ProcessPayment RefundPayment",
    "record": "WriteRecord DeleteRecord",
}
PAYLOADS = "".join(
    f"type {command}Payload implements CommandPayload "
    f"{{ receipt: Receipt errors: [CommandError!]! {entity}: {entity.capitalize()} }}\n"
    for entity, commands in ENTITIES.items()
    for command in commands.split()
)

CONTRACT = build_schema(CONTRACT_FILE.read_text() + PATTERNS + PAYLOADS)
SCHEMA: GraphQLSchema = build_schema(print_schema(built()._schema))
PROMISED = sorted(
    name
    for name in CONTRACT.type_map
    if not name.startswith("__") and name not in {"Int", "Float", "Boolean", "ID", "String"}
)


def shape(type_: Any) -> Any:
    """What a client can rely on of a type: its fields with their types, arguments and defaults."""
    if isinstance(type_, GraphQLEnumType):
        return set(type_.values)
    if isinstance(type_, GraphQLInputObjectType):
        return {name: argument(field) for name, field in type_.fields.items()}
    if isinstance(type_, GraphQLObjectType | GraphQLInterfaceType):
        return {name: output(field) for name, field in type_.fields.items()}
    return "scalar"


def output(field: GraphQLField) -> Any:
    return str(field.type), {name: argument(each) for name, each in field.args.items()}


def kept(ours: Any, theirs: Any) -> Any:
    """Of a shape, what was promised: more fields, values and optional arguments may be there."""
    if isinstance(theirs, set):
        return ours & theirs
    if isinstance(theirs, dict):
        return {name: kept(form, theirs[name]) for name, form in ours.items() if name in theirs}
    if isinstance(theirs, tuple):
        return tuple(kept(mine, promised) for mine, promised in zip(ours, theirs, strict=True))
    return ours


def argument(field: Any) -> Any:
    return str(field.type), field.default and print_ast(field.default.literal)


@pytest.mark.parametrize("name", PROMISED)
def test_a_promised_type_is_there_exactly(name: str) -> None:
    promised, found = CONTRACT.type_map[name], SCHEMA.type_map.get(name)
    assert found is not None
    assert type(found) is type(promised)
    ours, theirs = shape(found), shape(promised)
    assert kept(ours, theirs) == theirs


@pytest.mark.parametrize("name", PROMISED)
def test_a_promised_type_implements_its_interfaces(name: str) -> None:
    promised, found = CONTRACT.type_map[name], SCHEMA.type_map[name]
    if isinstance(promised, GraphQLObjectType) and isinstance(found, GraphQLObjectType):
        assert {each.name for each in promised.interfaces} <= {each.name for each in found.interfaces}


def test_what_clients_may_leave_out_may_be_left_out() -> None:
    """What we add to an input or to arguments is optional."""
    added = [
        f"{name}.{place}"
        for name in PROMISED
        for place, is_required in asked(SCHEMA.type_map[name]).items()
        if is_required and place not in asked(CONTRACT.type_map[name]) and is_promised(name, place)
    ]
    assert added == []


def asked(type_: Any) -> dict[str, bool]:
    """The fields of an input, or the arguments of every field, with whether they must be given."""
    if isinstance(type_, GraphQLInputObjectType):
        return {name: is_required_input_field(field) for name, field in type_.fields.items()}
    if isinstance(type_, GraphQLObjectType | GraphQLInterfaceType):
        return {
            f"{name}({key})": is_required_argument(each)
            for name, field in type_.fields.items()
            for key, each in field.args.items()
        }
    return {}


def is_promised(name: str, place: str) -> bool:
    """Whether clients already use the field that takes an argument; all use an input whole."""
    promised = CONTRACT.type_map[name]
    return not isinstance(promised, GraphQLObjectType) or place.partition("(")[0] in promised.fields


def test_the_mutation_of_every_command_carries_its_name() -> None:
    mutation = SCHEMA.mutation_type
    assert mutation
    for name, field in mutation.fields.items():
        kind = name[0].upper() + name[1:]
        assert str(field.type) == f"{kind}Payload!"
        assert {key: str(each.type) for key, each in field.args.items()} == {"input": f"{kind}Input!"}
