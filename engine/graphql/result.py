"""What an operation comes to, and its JSON."""

import json
from dataclasses import dataclass
from typing import Any, Literal

import orjson

from engine.graphql.errors import Shaped, told


@dataclass(slots=True)
class Result:
    """An answer. A `refused` one never came to be executed, so it has no data at all, not even null."""

    data: dict[str, Any] | None = None
    errors: tuple[Shaped, ...] = ()
    kind: Literal["executed", "refused"] = "executed"
    extensions: dict[str, Any] | None = None
    "What is told about the answer as a whole; None leaves the member out."

    def encode(self) -> bytes:
        """The answer as JSON. Never raises: what cannot be encoded is a fault like any other."""
        try:
            return _json(self.answer())
        except (TypeError, ValueError, RecursionError) as fault:
            return _json({"data": None, "errors": told([fault])})

    def encode_errors(self) -> bytes:
        """The errors alone, as JSON. Never raises."""
        try:
            return _json(self.errors)
        except (TypeError, ValueError, RecursionError) as fault:
            return _json(told([fault]))

    def answer(self) -> dict[str, Any]:
        answer: dict[str, Any] = {} if self.kind == "refused" else {"data": self.data}
        if self.errors:
            answer["errors"] = self.errors
        if self.extensions is not None:
            answer["extensions"] = self.extensions
        return answer


def refused(errors: tuple[Shaped, ...]) -> Result:
    return Result(None, errors, "refused")


def _json(value: Any) -> bytes:
    try:
        return orjson.dumps(value)
    except TypeError:
        # orjson stops at integers of 64 bits, at lone surrogates and at 254 levels; the standard library does not.
        return json.dumps(value, allow_nan=False).encode()
