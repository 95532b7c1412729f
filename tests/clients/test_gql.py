"""The Python client gql, over HTTP with two libraries, and over WebSockets with two more."""

import asyncio
from contextlib import aclosing

import pytest
from gql import Client, GraphQLRequest, gql
from gql.transport.aiohttp import AIOHTTPTransport
from gql.transport.aiohttp_websockets import AIOHTTPWebsocketsTransport
from gql.transport.async_transport import AsyncTransport
from gql.transport.exceptions import TransportError, TransportQueryError
from gql.transport.httpx import HTTPXAsyncTransport
from gql.transport.websockets import WebsocketsTransport
from graphql import print_schema

from tests.running import Shop, View, authorization, built

WRITE = gql("""
mutation ($key: String!, $value: String!) {
  writeRecord(input: { key: $key, value: $value }) { errors { code } receipt { position } record { key value } }
}
""")
FOLLOW = gql("subscription { records { kind since position upserted { id key value } removed } }")
HTTP = ["httpx", "aiohttp"]
SOCKETS = ["websockets", "aiohttp_websockets"]


def transport(kind: str, shop: Shop, token: str | None) -> AsyncTransport:
    headers = authorization(token)
    match kind:
        case "httpx":
            return HTTPXAsyncTransport(url=shop.url, headers=headers)
        case "aiohttp":
            return AIOHTTPTransport(url=shop.url, headers=headers)
        case "websockets":
            return WebsocketsTransport(url=shop.ws, init_payload=headers, ping_interval=5)
        case _:
            return AIOHTTPWebsocketsTransport(url=shop.ws, init_payload=headers)


@pytest.mark.parametrize("kind", [*HTTP, *SOCKETS])
async def test_gql_fetches_the_schema_and_holds_its_operations_against_it(shop: Shop, kind: str) -> None:
    client = Client(transport=transport(kind, shop, shop.token), fetch_schema_from_transport=True)
    async with client as session:
        assert client.schema is not None
        found, own = (set(print_schema(each).splitlines()) for each in (client.schema, built()._schema))
        assert found ^ own == set()
        answer = await session.execute(GraphQLRequest(WRITE, variable_values={"key": "a", "value": "1"}))
        assert answer == {
            "writeRecord": {"errors": [], "receipt": {"position": "1"}, "record": {"key": "a", "value": "1"}}
        }


@pytest.mark.parametrize("kind", [*HTTP, *SOCKETS])
async def test_gql_raises_the_errors_with_their_codes_and_goes_on(shop: Shop, kind: str) -> None:
    async with Client(transport=transport(kind, shop, None)) as session:
        for document, code in (
            ("{ nothing }", "GRAPHQL_VALIDATION_FAILED"),
            ("{ deadLetters { error } }", "UNAUTHENTICATED"),
            ("query ($key: String!) { record(key: $key) { key } }", "BAD_USER_INPUT"),
        ):
            with pytest.raises(TransportQueryError) as caught:
                await session.execute(gql(document))
            assert [error["extensions"]["code"] for error in caught.value.errors or []] == [code]
        assert await session.execute(gql("{ __typename }")) == {"__typename": "Query"}


@pytest.mark.parametrize("kind", SOCKETS)
async def test_gql_follows_a_view_and_leaves_it_as_often_as_it_likes(shop: Shop, kind: str) -> None:
    async with Client(transport=transport(kind, shop, shop.token)) as session:
        for turn in range(3):
            view = View()
            async with aclosing(session.subscribe(FOLLOW)) as answers:
                view.apply((await anext(answers))["records"])
                written = await session.execute(GraphQLRequest(WRITE, variable_values={"key": str(turn), "value": "1"}))
                while (receipt := written["writeRecord"]["receipt"]) and view.position != receipt["position"]:
                    view.apply((await anext(answers))["records"])
            assert view.kinds[0] == "SNAPSHOT"
            assert [row["key"] for row in view.rows.values()] == [str(number) for number in range(turn + 1)]


@pytest.mark.parametrize("kind", SOCKETS)
async def test_gql_is_told_that_its_token_is_not_good(shop: Shop, kind: str) -> None:
    async with asyncio.timeout(10):
        with pytest.raises(TransportError):
            async with Client(transport=transport(kind, shop, "x.y.z")):
                pass
