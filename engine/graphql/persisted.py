"""Documents by their ids: those that are trusted from the start, and those that clients have shown before.

An id comes as `documentId`, from the appendix on persisted documents of GraphQL over HTTP, or as the extension
`persistedQuery` of Apollo's clients, whose `sha256Hash` is the id `sha256:…` under another name.
"""

from collections import OrderedDict
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import orjson

from engine.faults import Unavailable
from engine.graphql.errors import Shaped, shaped

PREFIX = "sha256:"
MOST_SHOWN = 1000
MOST_BYTES = 8 * 1024 * 1024
UNKNOWN = shaped("PERSISTED_QUERY_NOT_FOUND", "PersistedQueryNotFound")
"The message is the one that Apollo's clients look for; they send the text then."
UNSUPPORTED = shaped("PERSISTED_QUERY_NOT_SUPPORTED", "PersistedQueryNotSupported")
NOT_TRUSTED = shaped("DOCUMENT_NOT_TRUSTED", "This server runs only documents that it was given beforehand.")
OTHER_TEXT = shaped("BAD_USER_INPUT", "The document id is not that of `query`.")
NO_HASH = shaped("BAD_USER_INPUT", "The extension `persistedQuery` needs `sha256Hash`, a string, and `version`, 1.")


class Persisted:
    """The texts of documents. Those that clients have shown are kept while there is room, the last used ones."""

    def __init__(self, trusted: Mapping[str, str] | None = None, *, is_closed: bool = False) -> None:
        """`trusted` are texts by id; `is_closed` lets nobody run another."""
        self._trusted = {**{hashed(text): text for text in (trusted or {}).values()}, **(trusted or {})}
        self._texts = frozenset(self._trusted.values())
        self._is_closed = is_closed
        self._shown: OrderedDict[str, str] = OrderedDict()
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._shown)

    def text(self, query: str, document_id: str | None, extensions: Mapping[str, Any] | None) -> str | Shaped:
        """The text that a request means, or why there is none. `query` is empty where the request has only an id."""
        if document_id is None and extensions and "persistedQuery" in extensions:
            named = _named(extensions["persistedQuery"])
            if not isinstance(named, str):
                return named
            document_id = named
        if document_id is not None:
            found = self._checked(query, document_id) if query else self._found(document_id)
            return UNKNOWN if found is None else found
        return NOT_TRUSTED if self._is_closed and query not in self._texts else query

    def _found(self, document_id: str) -> str | None:
        trusted = self._trusted.get(document_id)
        if trusted is None and document_id in self._shown:
            self._shown.move_to_end(document_id)
            return self._shown[document_id]
        return trusted

    def _checked(self, query: str, document_id: str) -> str | Shaped:
        """A text that came with its id."""
        if document_id in self._trusted:
            return query if self._trusted[document_id] == query else OTHER_TEXT
        if self._is_closed:
            return NOT_TRUSTED
        if document_id != hashed(query):
            return OTHER_TEXT
        self._show(document_id, query)
        return query

    def _show(self, document_id: str, text: str) -> None:
        if document_id in self._shown:
            self._shown.move_to_end(document_id)
            return
        self._shown[document_id] = text
        self._bytes += len(text)
        while self._bytes > MOST_BYTES or len(self._shown) > MOST_SHOWN:
            _, gone = self._shown.popitem(last=False)
            self._bytes -= len(gone)


def hashed(text: str) -> str:
    return PREFIX + sha256(text.encode()).hexdigest()


def _named(extension: Any) -> str | Shaped:
    if type(extension) is not dict or type(extension.get("sha256Hash")) is not str:
        return NO_HASH
    return PREFIX + extension["sha256Hash"].lower() if extension.get("version") == 1 else UNSUPPORTED


def manifest(path: Path) -> dict[str, str]:
    """Texts by id, from a file with a JSON object. Raises Unavailable."""
    try:
        texts = orjson.loads(path.read_bytes())
    except OSError as error:
        raise Unavailable(f"TRUSTED_DOCUMENTS={path} cannot be read: {error.strerror}.") from None
    except orjson.JSONDecodeError as error:
        raise Unavailable(f"TRUSTED_DOCUMENTS={path} is not JSON: {error}.") from None
    if type(texts) is not dict or not all(type(text) is str and text for text in texts.values()):
        raise Unavailable(f"TRUSTED_DOCUMENTS={path} is not an object with the text of a document under each id.")
    return texts
