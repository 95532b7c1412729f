"""The messages of the graphql-transport-ws subprotocol.

https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md
"""

from typing import Any, NamedTuple

import orjson

from engine.graphql import envelope
from engine.graphql.envelope import Malformed
from engine.graphql.execution import Request

SUBPROTOCOL = "graphql-transport-ws"
# A close frame holds 125 bytes, two of them the code.
MAX_REASON = 123


class Incoming(NamedTuple):
    """A message from a client, of the shape that its type asks for."""

    type: str
    id: str = ""
    payload: Any = None
    "Of subscribe: the Request. Of the others: an object or None."


def parse(text: str) -> Incoming:
    """Read a message. Raises Malformed."""
    message = envelope.load(text)
    if type(message) is not dict:
        raise Malformed("A message is a JSON object.")
    match message.get("type"):
        case "connection_init" | "ping" | "pong" as type_:
            return Incoming(type_, payload=_payload(message))
        case "subscribe":
            return Incoming("subscribe", _id(message), _operation(message))
        case "complete":
            return Incoming("complete", _id(message))
        case str() as type_:
            raise Malformed(f"Unexpected message of type {type_[:40]!r}.")
        case _:
            raise Malformed("A message needs `type`, a string.")


def _payload(message: dict[str, Any]) -> dict[str, Any] | None:
    payload = message.get("payload")
    if payload is not None and type(payload) is not dict:
        raise Malformed("`payload` must be an object or null.")
    return payload


def _id(message: dict[str, Any]) -> str:
    identity = message.get("id")
    if type(identity) is not str or not identity:
        raise Malformed("A message of this type needs `id`, a string.")
    return identity


def _operation(message: dict[str, Any]) -> Request:
    return envelope.read(message.get("payload"))


def acknowledged() -> bytes:
    return b'{"type":"connection_ack"}'


def pong(payload: dict[str, Any] | None) -> bytes:
    return orjson.dumps({"type": "pong"} if payload is None else {"type": "pong", "payload": payload})


# Ids come already encoded, so that one encoded payload can go to many members, each adding no more than its id.
def next_(id_json: bytes, payload: bytes) -> bytes:
    return b'{"id":' + id_json + b',"type":"next","payload":' + payload + b"}"


def error(id_json: bytes, errors: bytes) -> bytes:
    return b'{"id":' + id_json + b',"type":"error","payload":' + errors + b"}"


def complete(id_json: bytes) -> bytes:
    return b'{"id":' + id_json + b',"type":"complete"}'


def reason(text: str) -> str:
    """A text short enough for a close frame."""
    return text.encode()[:MAX_REASON].decode(errors="ignore")
