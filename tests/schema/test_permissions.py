"""Permissions: every operation, asked by every kind of viewer, through the real endpoint."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import strawberry
from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLNonNull,
    GraphQLScalarType,
    GraphQLSchema,
    GraphQLType,
    ObjectTypeDefinitionNode,
    build_schema,
    get_named_type,
    is_leaf_type,
    is_list_type,
    is_required_argument,
    is_required_input_field,
    parse,
)

import schema
from cli.describing import VIEWERS
from domain.record import WriteRecord
from engine.graphql.errors import ProtocolError
from schema import permissions
from schema.access import ADMIN, ANYONE, SIGN_IN, SIGNED_IN, STAFF, TABLE
from schema.permissions import operations
from schema.viewers import Viewer
from tests.running import Client, Shop, authorization, built, opened

CONTRACT = Path(__file__).parents[1] / "contract.graphql"
KINDS = [None, "customer", "staff", "admin"]
OPERATIONS = [(root, name) for root, name, _ in operations(built()._schema)]
SAMPLES: dict[str, Any] = {
    "String": "x", "ID": "x", "Int": 1, "Float": 1.0, "Boolean": True,
    "Decimal": "1.00", "Position": "0", "DateTime": "2030-01-01T00:00:00Z",
}  # fmt: skip
"What is given for a required argument, by its type."
ONE_OF = {"order": {"id": "x"}, "payment": {"id": "x"}}
"What is given where one of several arguments is needed, whichever."


# ---------------------------------------------------------------- the table itself


def test_every_operation_is_in_the_table_and_the_table_names_no_other() -> None:
    """What is listed and not built yet must at least be promised."""
    listed = {(root, name) for root, names in TABLE.items() for name in names}
    assert set(OPERATIONS) <= listed
    promised = {
        (root.name.value, field.name.value)
        for root in parse(CONTRACT.read_text()).definitions
        if isinstance(root, ObjectTypeDefinitionNode) and root.name.value in TABLE
        for field in root.fields or ()
    }
    assert sorted(listed - set(OPERATIONS) - promised) == []


@pytest.mark.parametrize("root", TABLE)
def test_a_new_operation_fails_the_build_until_it_is_listed(root: str) -> None:
    listed = {"Query": "medicine", "Mutation": "writeRecord", "Subscription": "record"}
    permissions.hold(resolvable(listed))
    with pytest.raises(ValueError, match=rf"^schema/access\.py does not say who may use {root}\.fresh; add it"):
        permissions.hold(resolvable({**listed, root: "fresh"}))


def resolvable(names: dict[str, str]) -> GraphQLSchema:
    made = build_schema("\n".join(f"type {root} {{ {name}: String }}" for root, name in names.items()))
    for _, _, field in operations(made):
        field.resolve = field.subscribe = lambda *_: None
    return made


def test_a_slice_with_an_operation_that_is_not_listed_cannot_be_built(monkeypatch: pytest.MonkeyPatch) -> None:
    forgotten = strawberry.type(type("Query", (), {"__annotations__": {"forgotten": str}}))
    monkeypatch.setattr(permissions, "Query", forgotten, raising=False)
    with pytest.raises(ValueError, match=r"does not say who may use Query\.forgotten; add it to the table\.$"):
        schema.build()


# ---------------------------------------------------------------- every cell of it


def value(type_: GraphQLType) -> Any:
    """Something that can be given where this type is asked for."""
    inner = type_.of_type if isinstance(type_, GraphQLNonNull) else type_
    if is_list_type(inner):
        return [value(inner.of_type)]
    named = get_named_type(inner)
    if isinstance(named, GraphQLEnumType):
        return next(iter(named.values))
    if isinstance(named, GraphQLInputObjectType):
        return {name: value(field.type) for name, field in named.fields.items() if is_required_input_field(field)}
    assert isinstance(named, GraphQLScalarType)
    return SAMPLES[named.name]


def operation(root: str, name: str, **given: Any) -> tuple[str, dict[str, Any]]:
    """A document that asks for one operation and gives what it requires, and its variables."""
    given = {**ONE_OF.get(name, {}), **given}
    field: GraphQLField = next(each for *found, each in operations(built()._schema) if found == [root, name])
    arguments: dict[str, GraphQLArgument] = {
        each: argument for each, argument in field.args.items() if each in given or is_required_argument(argument)
    }
    variables = {each: given.get(each, value(argument.type)) for each, argument in arguments.items()}
    declared = ", ".join(f"${each}: {argument.type}" for each, argument in arguments.items())
    passed = ", ".join(f"{each}: ${each}" for each in arguments)
    selection = "" if is_leaf_type(get_named_type(field.type)) else " { __typename }"
    head = f"({declared})" if declared else ""
    return f"{root.lower()}{head} {{ {name}{f'({passed})' if passed else ''}{selection} }}", variables


def expected(root: str, name: str, kind: str | None) -> str | None:
    """The code that this kind of viewer gets at the door; None for one who is let in."""
    viewer: Viewer = VIEWERS[kind or "anonymous"]
    if TABLE[root][name].admits(viewer):
        return None
    return "FORBIDDEN" if kind else "UNAUTHENTICATED"


def at_the_door(errors: list[dict[str, Any]]) -> str | None:
    """The code with which somebody was not let in; None when what there is came from behind the door."""
    met = [each for each in errors if each["message"] == SIGN_IN or each["message"].startswith("Only ")]
    behind = [each["extensions"]["code"] for each in errors if each not in met]
    assert not {"INTERNAL", "GRAPHQL_VALIDATION_FAILED", "GRAPHQL_PARSE_FAILED", "BAD_USER_INPUT"} & set(behind), errors
    return met[0]["extensions"]["code"] if met else None


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def everybody(
    world_of_module: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Callable[[str | None], Client]]:
    """A client of each kind, at one shop."""
    async with opened(tmp_path_factory.mktemp("shop")) as shop:
        clients = {kind: await shop.viewer(kind) for kind in KINDS}
        for kind, client in clients.items():
            await shop.app.send(
                WriteRecord(key="x", value="x"),
                command_id=f"sent-by-{kind}",
                expected_version=None,
                actor_id=client.user_id,
            )
        yield lambda kind: clients[kind]


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("root", "name"), OPERATIONS, ids=lambda each: each)
async def test_each_kind_of_viewer_may_do_what_the_table_says_and_nothing_else(
    everybody: Callable[[str | None], Client], root: str, name: str, kind: str | None
) -> None:
    client = everybody(kind)
    if root == "Subscription":
        # With `after` there is something to tell at once; a command is one that this viewer sent.
        given = {"after": "0", "id": f"sent-by-{kind}"} if name == "command" else {"after": "0"}
        field = next(each for *found, each in operations(built()._schema) if found == [root, name])
        query, variables = operation(root, name, **{key: each for key, each in given.items() if key in field.args})
        async with client.follow(query, **variables) as stream:
            message = await stream.message()
        payload = message["payload"]
        errors = payload if message["type"] == "error" else payload.get("errors", [])
    else:
        query, variables = operation(root, name)
        response = await client.post(query, **variables)
        errors = response.json().get("errors", [])
    assert at_the_door(errors) == expected(root, name, kind)


# ---------------------------------------------------------------- what resolvers restrict


async def test_a_command_is_shown_to_whoever_sent_it_and_to_staff(shop: Shop) -> None:
    customer, other, nobody = (
        await shop.viewer("customer"),
        await shop.viewer("customer", "bob"),
        await shop.viewer(None),
    )
    for command_id, actor in (("by-customer", "customer"), ("by-nobody", None)):
        await shop.app.send(
            WriteRecord(key="a", value="1"), command_id=command_id, expected_version=None, actor_id=actor
        )
    await shop.settled()
    seen = {"by-customer": [customer, shop], "by-nobody": [nobody, shop]}
    for command_id, allowed in seen.items():
        for client in (customer, other, nobody, shop):
            answer = await client.answer("query($id: ID!) { command(id: $id) { commandId } }", id=command_id)
            async with client.follow("subscription($id: ID!) { command(id: $id) { commandId } }", id=command_id) as got:
                if client in allowed:
                    assert answer["data"]["command"] == {"commandId": command_id}
                    assert await got.next() == {"commandId": command_id}
                else:  # as if it had never been sent
                    assert answer["data"] == {"command": None}
                    await got.stays_silent()


async def test_who_registered_somebody_is_not_told_by_a_command_id_alone(shop: Shop) -> None:
    nobody = await shop.viewer(None)
    person = {"email": "ann@example.org", "firstName": "Ann", "lastName": "Quill", "password": "correct horse"}
    await nobody.accepted("registerUser", commandId="register-1", **person)
    await shop.settled()
    progress = "command(id: $id) { receipt { version } events { type data } }"
    shown = await nobody.data(f"query($id: ID!) {{ {progress} }}", id="register-1")
    assert shown == {"receipt": {"version": 1}, "events": [{"type": "UserRegistered", "data": {}}]}
    async with nobody.follow(f"subscription($id: ID!) {{ {progress} }}", id="register-1") as got:
        assert await got.next() == shown
    (event,) = (await shop.data(f"query($id: ID!) {{ {progress} }}", id="register-1"))["events"]
    assert event["data"]["email"] == "ann@example.org"


async def test_an_event_is_a_node_for_staff_alone(shop: Shop) -> None:
    await shop.accepted("writeRecord", key="a", value="1")
    await shop.settled()
    node = 'query { node(id: "event_1") { id } }'
    assert await shop.data(node) == {"id": "event_1"}
    assert await (await shop.viewer("admin")).data(node) == {"id": "event_1"}
    for kind in (None, "customer"):
        assert await (await shop.viewer(kind)).data(node) is None


async def test_who_did_it_is_on_the_event(shop: Shop) -> None:
    clerk = await shop.viewer("staff")
    receipt = await clerk.accepted("writeRecord", key="a", value="1")
    (event,) = (await shop.data("{ events(last: 1) { nodes { position actorId } } }"))["nodes"]
    assert event == {"position": receipt["position"], "actorId": "staff"}


@pytest.mark.parametrize(
    ("check", "allowed"),
    [
        (permissions.require_self, ["ann"]),
        (permissions.require_self_or_staff, ["ann", "staff", "admin"]),
        (permissions.require_self_or_admin, ["ann", "admin"]),
    ],
)
def test_what_is_anns_is_for_her_and_whoever_else_is_named(check: Callable[..., None], allowed: list[str]) -> None:
    viewers = {**VIEWERS, "ann": Viewer("ann", VIEWERS["customer"].role)}
    for name, viewer in viewers.items():
        info = type("Info", (), {"context": type("Context", (), {"viewer": viewer})})
        if name in allowed:
            check(info, "ann")
        else:
            with pytest.raises(ProtocolError) as caught:
                check(info, "ann")
            assert caught.value.code == ("UNAUTHENTICATED" if name == "anonymous" else "FORBIDDEN")


def test_what_is_nobodys_is_for_staff_and_not_for_those_who_are_nobody() -> None:
    assert VIEWERS["anonymous"].sees(None) is False
    assert VIEWERS["customer"].sees(None) is False
    assert VIEWERS["staff"].sees(None) is True


def test_the_kinds_of_access_include_one_another() -> None:
    for wider, narrower in ((ANYONE, SIGNED_IN), (SIGNED_IN, STAFF), (STAFF, ADMIN)):
        for viewer in VIEWERS.values():
            assert wider.admits(viewer) or not narrower.admits(viewer)
    assert authorization(None) == {}
