"""The messages of the graphql-transport-ws subprotocol.

https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md
"""

import json
from typing import Any, NamedTuple

import orjson

from engine.graphql import envelope
from engine.graphql.envelope import Malformed

SUBPROTOCOL = "graphql-transport-ws"
# Of an operation's id: clients use UUIDs. The server says it again with every answer.
MOST_ID = 256
# Of connection_init, whose payload is kept as long as the socket lives.
MOST_INIT = 16 * 1024
UNREADABLE = "Text must not end within a surrogate pair, nor a number have more digits than can be read."
# A close frame holds 125 bytes, two of them the code.
MAX_REASON = 123


class Incoming(NamedTuple):
    """A message from a client, of the shape that its type asks for."""

    type: str
    id: str = ""
    payload: Any = None
    "Of subscribe: the Request, or why it cannot be read. Of ping: the pong. Of the others: an object or None."


def parse(text: str) -> Incoming:
    """Read a message. Raises Malformed."""
    try:
        message = envelope.load(text)
    except Malformed:
        return _half_read(text)
    if type(message) is not dict:
        raise Malformed("A message is a JSON object.")
    if message.get("type") == "connection_init" and len(text) > MOST_INIT:
        raise Malformed(f"A message of this type has at most {MOST_INIT} characters.")
    return _read(message, len(text))


def _read(message: dict[str, Any], size: int) -> Incoming:
    match message.get("type"):
        case "connection_init" | "pong" as type_:
            return Incoming(type_, payload=_payload(message))
        case "ping":
            return Incoming("ping", payload=_pong(_payload(message)))
        case "subscribe":
            return Incoming("subscribe", _id(message), envelope.read(message.get("payload"), size))
        case "complete":
            return Incoming("complete", _id(message))
        case str() as type_:
            raise Malformed(f"Unexpected message of type {type_[:40]!r}.")
        case _:
            raise Malformed("A message needs `type`, a string.")


def _half_read(text: str) -> Incoming:
    """An operation of which a value is valid JSON, and yet none that can be used: it harms no other operation.

    JavaScript makes such a text of one that was cut within an emoji.
    """
    try:
        message = json.loads(text, parse_constant=_no_constant)
        # The id is said again, so it at least must be one that can be: what cannot be encoded is a ValueError too.
        is_clear = type(message) is dict and message.get("type") == "subscribe" and bool(_id(message).encode())
    except (ValueError, RecursionError):
        raise Malformed("This is not valid JSON.") from None
    if not is_clear:
        raise Malformed(UNREADABLE)
    return Incoming("subscribe", _id(message), UNREADABLE)


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON.")


def _payload(message: dict[str, Any]) -> dict[str, Any] | None:
    payload = message.get("payload")
    if payload is not None and type(payload) is not dict:
        raise Malformed("`payload` must be an object or null.")
    return payload


def _id(message: dict[str, Any]) -> str:
    identity = message.get("id")
    if type(identity) is not str or not identity:
        raise Malformed("A message of this type needs `id`, a string.")
    if len(identity) > MOST_ID:
        raise Malformed(f"`id` has at most {MOST_ID} characters.")
    return identity


def acknowledged() -> bytes:
    return b'{"type":"connection_ack"}'


def ping() -> bytes:
    return b'{"type":"ping"}'


def _pong(payload: dict[str, Any] | None) -> bytes:
    try:
        return orjson.dumps({"type": "pong"} if payload is None else {"type": "pong", "payload": payload})
    except TypeError:
        raise Malformed("`payload` is nested too deeply.") from None


# Ids come already encoded, so that one encoded payload can go to many members, each adding no more than its id.
def next_head(id_json: bytes) -> bytes:
    """What comes before the payload of a next message; a brace comes after it."""
    return b'{"id":' + id_json + b',"type":"next","payload":'


def error(id_json: bytes, errors: bytes) -> bytes:
    return b'{"id":' + id_json + b',"type":"error","payload":' + errors + b"}"


def complete(id_json: bytes) -> bytes:
    return b'{"id":' + id_json + b',"type":"complete"}'


def reason(text: str) -> str:
    """A text short enough for a close frame."""
    return text.encode()[:MAX_REASON].decode(errors="ignore")
