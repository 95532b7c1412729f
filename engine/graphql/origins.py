"""Which web pages may speak to an endpoint in their visitor's name."""

from collections.abc import Collection, Mapping


class Origins:
    """Lets in who sends no Origin, as no browser does, the endpoint's own pages, and those that are named."""

    def __init__(self, allowed: Collection[str] = ()) -> None:
        self.allowed = frozenset(origin.lower() for origin in allowed)

    def let_in(self, headers: Mapping[bytes, bytes]) -> bool:
        origin = headers.get(b"origin", b"").decode("latin-1").lower()
        host = headers.get(b"host", b"").decode("latin-1").lower()
        # Compared as text: an origin that cannot be parsed is that of nobody we know.
        return not origin or origin in self.allowed or origin.partition("://")[2] == host
