"""A client of the GraphQL API over HTTP, for what this program's own commands send to a running server."""

import http.client
import json
from typing import Any
from urllib.parse import urlsplit


class Refused(Exception):
    """The server is not there, or did not answer as a GraphQL server does."""


class Client:
    """One kept-alive connection. Not for concurrent use."""

    def __init__(self, url: str, *, token: str | None = None, timeout: float = 30.0) -> None:
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port
        except ValueError:
            host, port = None, None
        if not host or parts.scheme != "http":
            raise Refused(f"{url!r} is not of the form http://host:port/graphql.")
        if token is not None and not (token.isascii() and token.isprintable()):
            raise Refused("The token holds characters that no token has.")
        self._url = url
        self._headers = {"content-type": "application/json"}
        if token:
            self._headers["authorization"] = f"Bearer {token}"
        self._path = parts.path.rstrip("/") or "/graphql"
        self._connection = http.client.HTTPConnection(host, port or 80, timeout=timeout)

    def post(self, query: str, variables: dict[str, Any]) -> dict[str, Any]:
        """The data of an operation. Raises Refused for anything else."""
        body = json.dumps({"query": query, "variables": variables})
        try:
            self._connection.request("POST", self._path, body, self._headers)
            answer = json.loads(self._connection.getresponse().read())
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise Refused(f"{self._url} did not answer: {error}.") from error
        match answer:
            case {"errors": [{"message": str(message)}, *_]}:
                raise Refused(f"{self._url} refused: {message}")
            case {"data": dict(data)}:
                return data
            case _:
                raise Refused(f"{self._url} does not answer as a GraphQL server does.")

    def close(self) -> None:
        self._connection.close()
