"""The client that this program's own commands use, against a real server."""

import asyncio

import pytest

from engine.client import Client, Refused
from tests.running import Shop


@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1/graphql",
        "127.0.0.1:8000",
        "",
        "http:///graphql",
        "http://h:port",
        "http://h:99999",
        "http://[::1",
    ],
)
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(Refused, match=r"is not of the form http://host:port/graphql\.$"):
        Client(url)


async def test_an_operation_gives_its_data_or_says_why_not(shop: Shop) -> None:
    def work() -> None:
        client = Client(f"http://127.0.0.1:{shop.port}")
        assert client.post("query($id: ID!) { node(id: $id) { id } }", {"id": "x"}) == {"node": None}
        with pytest.raises(Refused, match=r"/graphql|:\d+ refused: Cannot query field 'nothing'"):
            client.post("{ nothing }", {})
        client.close()

    await asyncio.to_thread(work)


async def test_one_who_has_a_token_may_do_more(shop: Shop) -> None:
    events = "{ events { position } }"

    def work() -> None:
        url = f"http://127.0.0.1:{shop.port}"
        client = Client(url, token=shop.token)
        assert client.post(events, {}) == {"events": {"position": "0"}}
        client.close()
        client = Client(url)
        with pytest.raises(Refused, match=r"refused: Sign in to do this\.$"):
            client.post(events, {})
        client.close()
        for token in ("two\r\nlines", "ключ"):
            with pytest.raises(Refused, match=r"^The token holds characters that no token has\.$"):
                Client(url, token=token)

    await asyncio.to_thread(work)


@pytest.mark.parametrize("body", [b"[]", b'{"status": "ok"}', b"null", b'{"errors": "no"}', b'{"data": null}'])
async def test_an_answer_that_is_not_graphqls_is_refused(body: bytes) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s" % (len(body), body))
        await writer.drain()
        writer.close()

    def work() -> None:
        client = Client(f"http://127.0.0.1:{port}/graphql")
        with pytest.raises(Refused, match=r"does not answer as a GraphQL server does\.$"):
            client.post("{ a }", {})
        client.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        await asyncio.to_thread(work)
