"""Documents by their ids, over both transports."""

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs

from engine.faults import Unavailable
from engine.graphql import persisted
from engine.graphql.persisted import Persisted, manifest
from tests.engine.graphql.test_websocket import ready
from tests.engine.graphql.toy import Live, live
from tests.running import opened

HELLO = "{ hello }"
ADD = "query A($a: Int!) { add(a: $a) }"
COUNT = "subscription { count(to: 1) }"
RESPONSE = "application/graphql-response+json"
NOT_FOUND = ("PERSISTED_QUERY_NOT_FOUND", "PersistedQueryNotFound")


def id_of(text: str) -> str:
    return "sha256:" + sha256(text.encode()).hexdigest()


def extension(text: str, version: Any = 1) -> dict[str, Any]:
    return {"persistedQuery": {"version": version, "sha256Hash": sha256(text.encode()).hexdigest()}}


async def post(server: Live, accept: str = RESPONSE, **request: Any) -> tuple[int, Any]:
    async with httpx.AsyncClient() as client:
        response = await client.post(server.url, json=request, headers={"accept": accept})
    return response.status_code, told(response.json())


async def sent(server: Live, **request: Any) -> Any:
    """What a socket hears of an operation, which must be open afterwards."""
    async with ready(server) as client:
        await client.send(json.dumps({"type": "subscribe", "id": "1", "payload": request}))
        message = json.loads(await client.recv())
        await client.send(json.dumps({"type": "subscribe", "id": "2", "payload": {"query": HELLO}}))
        while json.loads(await client.recv())["id"] != "2":
            pass
    return told({"errors": message["payload"]} if message["type"] == "error" else message["payload"])


def told(answer: dict[str, Any]) -> Any:
    """The data, or the code and the message of the only error."""
    if "data" in answer:
        return answer["data"]
    (error,) = answer["errors"]
    return error["extensions"]["code"], error["message"]


@pytest.mark.parametrize("named", [{"documentId": id_of(HELLO)}, {"extensions": extension(HELLO)}])
async def test_a_document_that_was_shown_once_is_known_by_its_hash(named: dict[str, Any]) -> None:
    async with live() as server:
        assert await post(server, **named) == (400, NOT_FOUND)
        assert await sent(server, **named) == NOT_FOUND
        assert await post(server, "application/json", **named) == (200, NOT_FOUND)
        assert await post(server, query=HELLO, **named) == (200, {"hello": "Hello, world!"})
        assert await post(server, **named) == (200, {"hello": "Hello, world!"})
        assert await sent(server, **named) == {"hello": "Hello, world!"}
        assert await post(server, documentId=id_of(HELLO)) == (200, {"hello": "Hello, world!"})


async def test_a_socket_may_show_a_document_as_well() -> None:
    async with live() as server:
        assert await sent(server, query=COUNT, extensions=extension(COUNT)) == {"count": 0}
        assert await sent(server, documentId=id_of(COUNT)) == {"count": 0}
        assert await sent(server, query=COUNT, documentId=id_of(COUNT)) == {"count": 0}


async def test_a_document_is_named_in_a_url_with_the_rest_of_the_request() -> None:
    async with live(persisted=Persisted({"add": ADD})) as server, httpx.AsyncClient(base_url=server.url) as client:
        params = {"documentId": id_of(ADD), "variables": '{"a": 3}', "operationName": "A"}
        assert told((await client.get("", params=params)).json()) == {"add": 5}
        named = {"extensions": json.dumps(extension(ADD)), "variables": '{"a": 4}'}
        assert told((await client.get("", params=named)).json()) == {"add": 6}
        stream = await client.get("", params=named, headers={"accept": "text/event-stream"})
        assert stream.text.startswith('event: next\ndata: {"data":{"add":6},')


async def test_an_id_of_another_text_is_refused_and_nothing_is_remembered() -> None:
    wrong = ("BAD_USER_INPUT", "The document id is not that of `query`.")
    async with live(persisted=Persisted({"greet": HELLO})) as server:
        for named in ({"documentId": id_of("{ other }")}, {"documentId": "custom"}, {"extensions": extension("{ o }")}):
            assert await post(server, query=HELLO, **named) == (400, wrong)
            assert await sent(server, query=HELLO, **named) == wrong
            assert await post(server, **named) == (400, NOT_FOUND)
        assert await post(server, query="{ add(a: 1) }", documentId="greet") == (400, wrong)
        assert await post(server, query=HELLO, documentId="greet") == (200, {"hello": "Hello, world!"})


BAD = {
    "another version": (extension(HELLO, 2), "PERSISTED_QUERY_NOT_SUPPORTED"),
    "no version": ({"persistedQuery": {"sha256Hash": "x"}}, "PERSISTED_QUERY_NOT_SUPPORTED"),
    "no hash": ({"persistedQuery": {"version": 1}}, "BAD_USER_INPUT"),
    "a hash of the wrong type": ({"persistedQuery": {"version": 1, "sha256Hash": 5}}, "BAD_USER_INPUT"),
    "null": ({"persistedQuery": None}, "BAD_USER_INPUT"),
    "a list": ({"persistedQuery": []}, "BAD_USER_INPUT"),
    "no hash at all": ({"persistedQuery": {"version": 1, "sha256Hash": ""}}, "PERSISTED_QUERY_NOT_FOUND"),
}


@pytest.mark.parametrize("name", BAD)
async def test_an_extension_that_cannot_be_meant_is_an_error_of_its_operation_alone(name: str) -> None:
    said, code = BAD[name]
    async with live() as server:
        with capture_logs() as logs:
            assert (await post(server, extensions=said))[1][0] == code
            assert (await sent(server, extensions=said))[0] == code
        assert logs == []


async def test_a_document_id_that_is_no_string_is_malformed() -> None:
    async with live() as server:
        requests: list[dict[str, Any]] = [
            {"documentId": 5},
            {"documentId": None},
            {"query": 5, "documentId": "x"},
            {"extensions": {}},
        ]
        for request in requests:
            status, (code, _) = await post(server, **request)
            assert (status, code) == (400, "BAD_REQUEST")


async def test_what_is_wrong_with_a_document_is_wrong_with_it_by_its_id_too() -> None:
    async with live() as server:
        whole = await post(server, query="{ nothing }", documentId=id_of("{ nothing }"))
        assert whole[1][0] == "GRAPHQL_VALIDATION_FAILED"
        assert await post(server, documentId=id_of("{ nothing }")) == whole


async def test_only_what_is_trusted_runs_where_that_is_wanted() -> None:
    not_trusted = ("DOCUMENT_NOT_TRUSTED", "This server runs only documents that it was given beforehand.")
    async with live(persisted=Persisted({"add": ADD, "sub": COUNT}, is_closed=True)) as server:
        requests: list[dict[str, Any]] = [
            {"documentId": "add"},
            {"documentId": id_of(ADD)},
            {"extensions": extension(ADD)},
            {"query": ADD},
        ]
        for request in requests:
            assert await post(server, **request, variables={"a": 1}) == (200, {"add": 3})
        assert await post(server, query=HELLO) == (400, not_trusted)
        assert await post(server, query=HELLO, documentId=id_of(HELLO)) == (400, not_trusted)
        assert await post(server, query=HELLO, extensions=extension(HELLO)) == (400, not_trusted)
        assert await post(server, documentId=id_of(HELLO)) == (400, NOT_FOUND)
        async with ready(server) as client:
            for number, (request, kind) in enumerate([({"query": HELLO}, "error"), ({"documentId": "sub"}, "next")]):
                await client.send(json.dumps({"type": "subscribe", "id": f"{number}", "payload": request}))
                assert json.loads(await client.recv())["type"] == kind


def test_what_was_shown_is_kept_within_bounds_the_last_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(persisted, "MOST_SHOWN", 3)
    monkeypatch.setattr(persisted, "MOST_BYTES", 30)
    kept = Persisted()

    def show(text: str) -> None:
        assert kept.text(text, id_of(text), None) == text

    def known(*texts: str) -> list[str]:
        return [text for text in texts if kept.text("", id_of(text), None) == text]

    for text in ("a", "b", "c"):
        show(text)
    assert known("a") == ["a"]
    show("d")
    assert (known("b", "c", "d", "a"), len(kept)) == (["c", "d", "a"], 3)
    show("c")
    show("x" * 29)
    assert (known("d", "a", "c", "x" * 29), len(kept)) == (["c", "x" * 29], 2)
    show("y" * 31)
    assert (known("c", "x" * 29, "y" * 31), len(kept)) == ([], 0)


@pytest.mark.one_world("it keeps no tables")
def test_a_manifest_holds_texts_by_id(tmp_path: Path) -> None:
    path = tmp_path / "documents.json"
    path.write_text(json.dumps({"add": ADD}))
    assert manifest(path) == {"add": ADD}
    for text in ("{", "[]", "null", '{"a": 1}', '{"a": ""}'):
        path.write_text(text)
        with pytest.raises(Unavailable, match=r"^TRUSTED_DOCUMENTS="):
            manifest(path)
    with pytest.raises(Unavailable, match="No such file"):
        manifest(tmp_path / "missing.json")


async def test_a_shop_reads_its_trusted_documents_at_the_start(tmp_path: Path) -> None:
    path = tmp_path / "documents.json"
    path.write_text(json.dumps({"catalogue": "{ medicines { position } }"}))
    async with opened(tmp_path, trusted_documents=str(path), only_trusted_documents=True) as shop:
        answer = await shop.http.post("/graphql", json={"documentId": "catalogue"})
        assert told(answer.json()) == {"medicines": {"position": "0"}}
        refused = await shop.http.post("/graphql", json={"query": "{ __typename }"})
        assert refused.json()["errors"][0]["extensions"]["code"] == "DOCUMENT_NOT_TRUSTED"
