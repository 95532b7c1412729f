"""Which web pages may speak to an endpoint in their visitor's name."""

from collections.abc import Collection, Mapping

ELSEWHERE = (b"cross-site", b"same-site")


class Origins:
    """Lets in who sends no Origin, as no browser does, the endpoint's own pages, and those that are named."""

    def __init__(self, allowed: Collection[str] = ()) -> None:
        self.allowed = frozenset(origin.lower() for origin in allowed)

    def let_in(self, headers: Mapping[bytes, bytes]) -> bool:
        if b"origin" not in headers:
            # A browser hides the origin of what a page asks for without wanting to read it, as an image. A link that
            # somebody follows is not the page's doing.
            return headers.get(b"sec-fetch-site") not in ELSEWHERE or headers.get(b"sec-fetch-mode") == b"navigate"
        origin = headers[b"origin"].decode("latin-1").lower()
        host = headers.get(b"host", b"").decode("latin-1").lower()
        # Compared as text: an origin that cannot be parsed is that of nobody we know.
        return origin in self.allowed or origin.partition("://")[2] == host
