"""What is somebody else's, asked for in every way there is: a second customer sees nothing of the first."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio
from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLObjectType,
    get_named_type,
    get_nullable_type,
    is_abstract_type,
    is_leaf_type,
    is_list_type,
    is_required_argument,
)

from schema.access import SIGNED_IN, TABLE
from tests.running import PASSWORD, Client, Shop, Stream, built, opened
from tests.schema.ordering import lines, order, paid, pay, stocked

MARK = "7f3x"
"In everything that is the first customer's: ids, names, addresses, command ids."
ANN = f"ann-{MARK}"
SCHEMA = built()._schema
QUERIES = sorted(SCHEMA.query_type.fields) if SCHEMA.query_type else []
STREAMS = sorted(SCHEMA.subscription_type.fields) if SCHEMA.subscription_type else []
TRIED: list[tuple[str, dict[str, Any]]] = [
    ("updateUserProfile", {"userId": ANN, "firstName": "x"}),
    ("updateUserContact", {"userId": ANN, "phone": "x"}),
    ("changeUserEmail", {"userId": ANN, "email": "x@example.org"}),
    ("changeUserPassword", {"userId": ANN, "currentPassword": PASSWORD, "newPassword": "the new password"}),
    ("deleteUser", {"userId": ANN}),
    ("placeOrder", {"userId": ANN, "lines": lines(m1=1)}),
    ("cancelOrder", {"orderId": f"o2-{MARK}", "reason": "x"}),
    ("processPayment", {"commandId": f"pay o-{MARK}", "orderId": f"o-{MARK}", "amount": "5", "method": "CARD"}),
]
DEPTH = 4
QUIET = 0.3
"Seconds in which a subscription that has something to say has said it."


@dataclass
class Story:
    """A shop in which the first customer has done everything there is to do."""

    shop: Shop
    bob: Client
    nobody: Client
    ids: list[str]
    "What is the first customer's, by every id that the API gives it."


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def story(world_of_module: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Story]:
    async with opened(tmp_path_factory.mktemp("shop")) as shop:
        await stocked(shop, quantity=100)
        ann, bob = await shop.viewer("customer", ANN), await shop.viewer("customer", "bob")
        for client in (ann, bob):
            await client.accepted(
                "updateUserContact", userId=client.user_id, phone=f"1-{MARK}" if client is ann else "2"
            )
        await paid(shop, ann, f"o-{MARK}", m1=1)
        await ann.accepted("placeOrder", id=f"o2-{MARK}", lines=lines(m3=1), commandId=f"c-{MARK}")
        await shop.drained()
        assert (await pay(ann, f"o2-{MARK}"))["errors"] == []
        await shop.drained()
        found = await order(ann, f"o-{MARK}")
        notices = await ann.data("{ notifications { nodes { id } } }")
        positions = [str(each.position) for each in await shop.app.log.read(0, 1000)]
        ids = [ANN, f"o-{MARK}", f"o2-{MARK}", f"p-o-{MARK}", f"p-o2-{MARK}", f"c-{MARK}", found["number"],
               *(each["id"] for each in notices["nodes"]), *(f"event_{each}" for each in positions),
               "inventory_m1", "m1"]  # fmt: skip
        yield Story(shop, bob, await shop.viewer(None), ids)


def selection(kind: Any, depth: int = DEPTH) -> str:
    """All that can be selected of a type without arguments, so deep."""
    named = get_named_type(kind)
    if is_leaf_type(named):
        return ""
    if is_abstract_type(named):
        members = [each for each in SCHEMA.type_map.values() if isinstance(each, GraphQLObjectType)]
        of = [each for each in members if named in each.interfaces]
        return "{ id " + " ".join(f"... on {each.name} {selection_of(each, depth)}" for each in of) + " }"
    return selection_of(named, depth)


def selection_of(kind: Any, depth: int) -> str:
    parts = [
        # Named after its type, as fields of one name clash where they differ in nullability.
        f"{kind.name}_{name}: {name}{page(field)} {selection(field.type, depth - 1)}"
        for name, field in kind.fields.items()
        if not any(map(is_required_argument, field.args.values()))
        and (is_leaf_type(get_named_type(field.type)) or depth > 1)
    ]
    return "{ " + " ".join(parts) + " }"


def page(field: GraphQLField) -> str:
    """Few of what is inside of others, so that it does not cost too much to be answered."""
    return "(first: 2)" if "first" in field.args else ""


def asked(root: str, name: str, field: GraphQLField, ids: list[str]) -> list[tuple[str, dict[str, Any]]]:
    """Every way of asking for something of somebody's: by each argument that takes an id, and by none."""
    takes = [key for key in ("id", "number", "orderNumber", "medicineId", "key", "text", "prefix") if key in field.args]
    ways: list[dict[str, Any]] = [{key: id} for key in takes for id in ids]
    filters = field.args.get("filter")
    if filters and isinstance(kind := get_named_type(filters.type), GraphQLInputObjectType):
        ways += [{"filter": {"userId": ANN}}] if "userId" in kind.fields else []
        ways += [{"filter": {"ids": ids}}] if "ids" in kind.fields else []
        # What leaves such a view goes by its id: it must be an id that was in it.
        ways += [{"filter": {"status": [each]}} for each in statuses(kind)]
    if not any(map(is_required_argument, field.args.values())):
        ways.append({})
    return [document(root, name, field, way) for way in ways]


def statuses(kind: GraphQLInputObjectType) -> list[str]:
    """The values that a filter takes several of."""
    status = kind.fields.get("status")
    named = get_named_type(status.type) if status and is_list_type(get_nullable_type(status.type)) else None
    return list(named.values) if isinstance(named, GraphQLEnumType) else []


def document(root: str, name: str, field: GraphQLField, given: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    declared = ", ".join(f"${key}: {field.args[key].type}" for key in given)
    passed = ", ".join(f"{key}: ${key}" for key in given)
    head, call = (f"({declared})", f"({passed})") if given else ("", "")
    return f"{root}{head} {{ {name}{call} {selection(field.type)} }}", given


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("name", QUERIES)
async def test_no_query_shows_what_is_somebody_elses(name: str, story: Story) -> None:
    assert SCHEMA.query_type
    for query, variables in asked("query", name, SCHEMA.query_type.fields[name], story.ids):
        for client in (story.bob, story.nobody):
            response = await client.post(query, **variables)
            assert "GRAPHQL_VALIDATION_FAILED" not in response.text
            assert "TOO_COMPLEX" not in response.text
            assert "INTERNAL" not in response.text
            assert MARK not in response.text, (query, variables)
            assert story.ids[6] not in response.text


@pytest.mark.asyncio(loop_scope="module")
async def test_what_hides_from_the_second_customer_shows_to_the_first_and_to_staff(story: Story) -> None:
    """So that the tests here can fail: the same questions, asked by those who may."""
    assert SCHEMA.query_type
    ann = await story.shop.viewer("customer", ANN)
    shown: dict[str, set[str]] = {"ann": set(), "staff": set()}
    for name in QUERIES:
        for query, variables in asked("query", name, SCHEMA.query_type.fields[name], story.ids):
            for who, client in {"ann": ann, "staff": story.shop}.items():
                shown[who] |= {name} if MARK in (await client.post(query, **variables)).text else set()
    own = {"command", "me", "node", "notifications", "order", "orders", "payment", "payments", "user"}
    assert shown["ann"] == own
    assert shown["staff"] == own - {"me"} | {"events", "inventory", "inventoryItem", "users"}


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(("name", "fields"), TRIED, ids=[name for name, _ in TRIED])
async def test_no_mutation_touches_what_is_somebody_elses(name: str, fields: dict[str, Any], story: Story) -> None:
    kind = f"{name[0].upper()}{name[1:]}Input"
    document = f"mutation($input: {kind}!) {{ {name}(input: $input) {{ receipt {{ position }} errors {{ code }} }} }}"
    await story.shop.drained()
    before = story.shop.app.log.position
    for client in (story.bob, story.nobody):
        answer = await client.answer(document, input=fields)
        codes = {each["extensions"]["code"] for each in answer.get("errors", ())}
        if name in ("cancelOrder", "processPayment") and client is story.bob:
            assert answer["data"] == {name: {"receipt": None, "errors": [{"code": "NOT_FOUND"}]}}
        else:
            assert codes == {"FORBIDDEN" if client is story.bob else "UNAUTHENTICATED"}
    assert story.shop.app.log.position == before


def test_every_mutation_is_tried_that_could_name_what_is_somebody_elses() -> None:
    # Somebody else's token would be named by refreshToken; whoever has that may use it.
    listed = {name for name, access in TABLE["Mutation"].items() if access is SIGNED_IN} - {"refreshToken"}
    assert {name for name, _ in TRIED} == listed


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("name", STREAMS)
async def test_no_subscription_shows_what_is_somebody_elses(name: str, story: Story) -> None:
    assert SCHEMA.subscription_type
    field = SCHEMA.subscription_type.fields[name]
    shop, ann = story.shop, await story.shop.viewer("customer", ANN)
    ids = [each for each in story.ids if MARK in each or each == "m1"]
    ways = asked("subscription", name, field, ids)
    if "after" in field.args:
        ways.append(document("subscription", name, field, {"after": "0"}))

    async with AsyncExitStack() as stack:
        # Those who may see it are there already, so that the work could be shared with them.
        others = [
            await stack.enter_async_context(client.follow(query, **given))
            for client in (shop, ann)
            for query, given in ways
        ]
        await asyncio.gather(*map(everything, others))
        streams = [await stack.enter_async_context(story.bob.follow(query, **given)) for query, given in ways]
        said = await asyncio.gather(*map(everything, streams))
        await step(shop, ann)
        said += await asyncio.gather(*map(everything, streams))
    assert any(said) or name == "command", "only somebody else's command has nothing at all to say"
    for text in [text for each in said for text in each]:
        assert "GRAPHQL_VALIDATION_FAILED" not in text
        assert "TOO_COMPLEX" not in text
        assert "INTERNAL" not in text
        assert MARK not in text
        assert story.ids[6] not in text


@pytest.mark.asyncio(loop_scope="module")
async def test_what_is_somebody_elses_is_followed_like_what_does_not_exist(story: Story) -> None:
    shop, ann = story.shop, await story.shop.viewer("customer", ANN)
    for name, id in (("order", f"o-{MARK}"), ("payment", f"p-o-{MARK}"), ("user", ANN)):
        query = f"subscription($id: ID!) {{ {name}(id: $id) {{ id version }} }}"
        async with story.bob.follow(query, id=id) as theirs, story.bob.follow(query, id="nothing") as nothing:
            said = [await everything(each) for each in (theirs, nothing)]
            await step(shop, ann)
            assert await everything(theirs) == await everything(nothing) == []
        assert said[0] == said[1]
        assert [json.loads(each)["payload"]["data"] for each in said[0]] == [{name: None}]


async def everything(stream: Stream) -> list[str]:
    """What a subscription says until it falls silent."""
    said: list[str] = []
    while True:
        try:
            async with asyncio.timeout(QUIET):
                message = await stream.message()
        except TimeoutError:
            return said
        said.append(json.dumps(message))
        if message["type"] in ("error", "complete"):
            return said


async def step(shop: Shop, client: Client) -> None:
    """Something changes about the first customer: the account, an order, a payment, the stock."""
    number = shop.app.log.position
    await client.accepted("updateUserContact", userId=client.user_id, phone=f"{number}-{MARK}")
    await client.accepted("placeOrder", id=f"o{number}-{MARK}", lines=lines(m1=1))
    await shop.drained()
    await client.accepted("cancelOrder", orderId=f"o{number}-{MARK}", reason=MARK)
    await shop.drained()
