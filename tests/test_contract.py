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

# Still to be built. A name here that the schema has fails the test, so the list can only grow shorter.
OWED_TYPES = set(
    [
        "InsufficientStock",
        "RegisterUserInput",
        "UpdateUserProfileInput",
        "UpdateUserContactInput",
        "ChangeUserEmailInput",
        "ChangeUserPasswordInput",
        "GrantRoleInput",
        "SuspendUserInput",
        "ReinstateUserInput",
        "DeleteUserInput",
        "LogInInput",
        "LogInPayload",
        "OrderLineInput",
        "PlaceOrderInput",
        "CancelOrderInput",
        "ShipOrderInput",
        "CompleteOrderInput",
        "ProcessPaymentInput",
        "RefundPaymentInput",
        "RegisterUserPayload",
        "UpdateUserProfilePayload",
        "UpdateUserContactPayload",
        "ChangeUserEmailPayload",
        "ChangeUserPasswordPayload",
        "GrantRolePayload",
        "SuspendUserPayload",
        "ReinstateUserPayload",
        "DeleteUserPayload",
        "PlaceOrderPayload",
        "CancelOrderPayload",
        "ShipOrderPayload",
        "CompleteOrderPayload",
        "ProcessPaymentPayload",
        "RefundPaymentPayload",
        "Role",
        "UserStatus",
        "OrderStatus",
        "PaymentMethod",
        "PaymentStatus",
        "InventoryItem",
        "InventoryItemConnection",
        "InventoryItemEdge",
        "InventoryItemFrame",
        "User",
        "UserConnection",
        "UserEdge",
        "UserFrame",
        "UserOrderSummary",
        "MedicineCount",
        "StatusCount",
        "OrderLine",
        "TimelineEntry",
        "Order",
        "OrderConnection",
        "OrderEdge",
        "OrderFrame",
        "Payment",
        "PaymentConnection",
        "PaymentEdge",
        "PaymentFrame",
        "Notification",
        "NotificationConnection",
        "NotificationEdge",
        "NotificationFrame",
        "NotificationKind",
        "OrderStatistics",
        "DayCount",
        "InventoryFilter",
        "UserFilter",
        "OrderFilter",
        "PaymentFilter",
    ]
)
OWED_FIELDS = {
    "Query": set(
        [
            "inventoryItem",
            "inventory",
            "me",
            "user",
            "users",
            "order",
            "orders",
            "payment",
            "payments",
            "orderStatistics",
            "notifications",
        ]
    ),
    "Mutation": set(
        [
            "registerUser",
            "updateUserProfile",
            "updateUserContact",
            "changeUserEmail",
            "changeUserPassword",
            "grantRole",
            "suspendUser",
            "reinstateUser",
            "deleteUser",
            "logIn",
            "placeOrder",
            "cancelOrder",
            "shipOrder",
            "completeOrder",
            "processPayment",
            "refundPayment",
        ]
    ),
    "Subscription": set(
        [
            "inventoryItem",
            "inventory",
            "user",
            "order",
            "orders",
            "payment",
            "payments",
            "notifications",
            "orderStatistics",
        ]
    ),
}

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


def argument(field: Any) -> Any:
    return str(field.type), field.default and print_ast(field.default.literal)


@pytest.mark.parametrize("name", sorted(set(PROMISED) - OWED_TYPES))
def test_a_promised_type_is_there_exactly(name: str) -> None:
    promised, found = CONTRACT.type_map[name], SCHEMA.type_map.get(name)
    assert found is not None
    assert type(found) is type(promised)
    ours, theirs = shape(found), shape(promised)
    if isinstance(theirs, dict):
        owed = OWED_FIELDS.get(name, set())
        theirs = {field: form for field, form in theirs.items() if field not in owed}
        ours = {field: form for field, form in ours.items() if field in theirs}
    if isinstance(theirs, set):
        ours &= theirs
    assert ours == theirs


@pytest.mark.parametrize("name", sorted(set(PROMISED) - OWED_TYPES))
def test_a_promised_type_implements_its_interfaces(name: str) -> None:
    promised, found = CONTRACT.type_map[name], SCHEMA.type_map[name]
    if isinstance(promised, GraphQLObjectType) and isinstance(found, GraphQLObjectType):
        assert {each.name for each in promised.interfaces} <= {each.name for each in found.interfaces}


def test_what_clients_may_leave_out_may_be_left_out() -> None:
    """What we add to an input or to arguments is optional."""
    added = [
        f"{name}.{field}"
        for name in sorted(set(PROMISED) - OWED_TYPES)
        if isinstance(ours := SCHEMA.type_map[name], GraphQLInputObjectType)
        and isinstance(promised := CONTRACT.type_map[name], GraphQLInputObjectType)
        for field, definition in ours.fields.items()
        if field not in promised.fields and is_required_input_field(definition)
    ]
    assert added == []


def test_nothing_owed_is_there_already() -> None:
    assert OWED_TYPES & set(SCHEMA.type_map) == set()
    for root, owed in OWED_FIELDS.items():
        found = SCHEMA.type_map[root]
        assert isinstance(found, GraphQLObjectType)
        assert owed & set(found.fields) == set()


def test_only_what_was_promised_is_owed() -> None:
    assert set(PROMISED) >= OWED_TYPES
    for root, owed in OWED_FIELDS.items():
        promised = CONTRACT.type_map[root]
        assert isinstance(promised, GraphQLObjectType)
        assert owed <= set(promised.fields)


def test_the_mutation_of_every_command_carries_its_name() -> None:
    mutation = SCHEMA.mutation_type
    assert mutation
    for name, field in mutation.fields.items():
        kind = name[0].upper() + name[1:]
        assert str(field.type) == f"{kind}Payload!"
        assert {key: str(each.type) for key, each in field.args.items()} == {"input": f"{kind}Input!"}
