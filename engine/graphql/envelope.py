"""The JSON in which a client wraps an operation, the same over every transport."""

from typing import Any

import orjson

from engine.graphql.execution import Request


class Malformed(Exception):
    """What came is not what the protocol says; the message is one short sentence for the client."""


def load(text: bytes | bytearray | str) -> Any:
    """JSON, strictly: UTF-8, no NaN, no lone surrogates, at most 1024 levels."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        raise Malformed("This is not valid JSON.") from None


def read(envelope: Any, size: int | None = None) -> Request:
    """The operation in an envelope, which is `size` characters of JSON if that is known. Raises Malformed."""
    # Exact types are enough and quick: the JSON parser makes no others.
    if type(envelope) is not dict:
        raise Malformed("A request is a JSON object, with one operation. Send several one by one.")
    query = envelope.get("query")
    if type(query) is not str:
        if query is not None or not _names_document(envelope):
            raise Malformed("A request needs `query`, a string, or the id of a document.")
        query = ""
    given = envelope.get
    variables, name, extensions, id = (
        given("variables"),
        given("operationName"),
        given("extensions"),
        given("documentId"),
    )
    if variables is not None and type(variables) is not dict:
        raise Malformed("`variables` must be an object or null.")
    if name is not None and type(name) is not str:
        raise Malformed("`operationName` must be a string or null.")
    if extensions is not None and type(extensions) is not dict:
        raise Malformed("`extensions` must be an object or null.")
    if id is not None and type(id) is not str:
        raise Malformed("`documentId` must be a string or null.")
    return Request(query, variables, name, extensions, id, size)


def _names_document(envelope: dict[str, Any]) -> bool:
    extensions = envelope.get("extensions")
    return envelope.get("documentId") is not None or (type(extensions) is dict and "persistedQuery" in extensions)
