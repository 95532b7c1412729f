"""What a client gets to read when something fails.

Exception
├── ProtocolError    raised by anyone who wants the client to see a code and a sentence
├── Busy             RATE_LIMITED, with its sentence
└── anything else    UNAVAILABLE when a store is away, BAD_USER_INPUT when the input cannot be read, otherwise INTERNAL

Nothing that was not written for a client reaches one: a fault's text stays in the log, beside the id the client got.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import structlog
from graphql import FieldNode, GraphQLError
from strawberry.exceptions import StrawberryGraphQLError, StrawberryInputCoercionError

from engine import ids
from engine.faults import Busy, Unavailable
from engine.refusals import Refusal

Shaped = dict[str, Any]
"An error as it stands in an answer: message, locations, path, extensions with a code."

_log = structlog.get_logger(__name__)


class ProtocolError(Exception):
    """A top-level error whose code and sentence are meant for the client."""

    def __init__(self, code: str, message: str, extensions: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.extensions = {**(extensions or {}), "code": code}


def shaped(code: str, message: str, **extensions: Any) -> Shaped:
    """An error that belongs to no place in the document."""
    return {"message": message, "extensions": {**extensions, "code": code}}


def located(error: GraphQLError, code: str) -> Shaped:
    """An error of graphql-core about the request itself, which may be shown as it is."""
    return {**error.formatted, "extensions": {**(error.extensions or {}), "code": code}}


def told(errors: Iterable[Exception]) -> tuple[Shaped, ...]:
    """Errors raised while an operation ran, as the client may see them. Logs every fault, once."""
    found = tuple(errors)
    try:
        return tuple(_told(error) for error in found)
    finally:
        let_go(found)


def let_go(errors: Iterable[BaseException]) -> None:
    """Forget through what calls errors came. These hold all that a request brought, and often the error again: then it
    stays in memory until all garbage is looked for, which with large requests is too late."""
    waiting, met = list(errors), set[int]()
    while waiting:
        error = waiting.pop()
        if id(error) in met:
            continue
        met.add(id(error))
        error.__traceback__ = None
        before = (error.__cause__, error.__context__, getattr(error, "original_error", None))
        waiting += [each for each in before if each is not None]


def _told(error: Exception) -> Shaped:
    chain = tuple(_causes(error))
    place = {key: value for key, value in _formatted(chain[0]).items() if key in ("locations", "path")}
    message, extensions = _explained(chain)
    return {"message": message, **place, "extensions": extensions}


def _formatted(error: Exception) -> Mapping[str, Any]:
    return error.formatted if isinstance(error, GraphQLError) else {}


def _causes(error: Exception | None) -> Iterator[Exception]:
    while error is not None:
        yield error
        error = error.original_error if isinstance(error, GraphQLError) else None


def _explained(chain: tuple[Exception, ...]) -> tuple[str, dict[str, Any]]:
    for error in chain:
        if isinstance(error, ProtocolError):
            return error.message, error.extensions
        if isinstance(error, Refusal):
            # A command's refusal goes into its payload; what reaches here was refused in a query's argument.
            return error.message, {"code": "BAD_USER_INPUT"}
        if isinstance(error, GraphQLError) and error.extensions and "code" in error.extensions:
            return error.message, dict(error.extensions)
    return _found(chain[-1])


def _found(cause: Exception) -> tuple[str, dict[str, Any]]:
    if isinstance(cause, Busy):
        return str(cause), {"code": "RATE_LIMITED"}
    if isinstance(cause, StrawberryInputCoercionError) or _about_arguments(cause):
        return str(getattr(cause, "message", cause)), {"code": "BAD_USER_INPUT"}
    if isinstance(cause, StrawberryGraphQLError):
        # What Strawberry's permission classes raise, unless they name a code of their own.
        return cause.message or "Not allowed.", {**(cause.extensions or {}), "code": "FORBIDDEN"}
    if isinstance(cause, sqlite3.OperationalError | Unavailable):
        request_id = ids.new()
        _log.warning("store unavailable", request_id=request_id, reason=str(cause))
        return "The store is not available at the moment. Try again.", {"code": "UNAVAILABLE", "requestId": request_id}
    return _masked(cause)


def _about_arguments(error: Exception) -> bool:
    # graphql-core hangs what is wrong with an argument on the argument's node, and what is wrong with a result on the
    # field's or on none; it tells them apart in no other way.
    nodes = error.nodes if isinstance(error, GraphQLError) else None
    return nodes is not None and not isinstance(nodes[0], FieldNode)


def _masked(fault: Exception) -> tuple[str, dict[str, Any]]:
    request_id = ids.new()
    _log.error("fault in an operation", request_id=request_id, exc_info=fault)
    return "Internal error", {"code": "INTERNAL", "requestId": request_id}
