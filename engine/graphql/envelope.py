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


def read(envelope: Any) -> Request:
    """The operation in an envelope. Raises Malformed."""
    # Exact types are enough and quick: the JSON parser makes no others.
    if type(envelope) is not dict:
        raise Malformed("A request is a JSON object.")
    query = envelope.get("query")
    if type(query) is not str:
        raise Malformed("A request needs `query`, a string.")
    return Request(
        query,
        _optional(envelope, "variables", dict, "an object"),
        _optional(envelope, "operationName", str, "a string"),
        _optional(envelope, "extensions", dict, "an object"),
    )


def _optional(envelope: dict[str, Any], name: str, kind: type, called: str) -> Any:
    value = envelope.get(name)
    if value is not None and type(value) is not kind:
        raise Malformed(f"`{name}` must be {called} or null.")
    return value
