"""The heads of requests, which clients repeat: read once, and known by their bytes from then on."""

from collections.abc import Iterable
from typing import Any, NamedTuple

Header = tuple[bytes, bytes]
END = b"\r\n\r\n"
FRAMING = {b"content-length", b"transfer-encoding"}
MOST = 256
LONGEST = 4096
"Bytes. Longer ones are rare, and read each time."


class Headers(list[Header]):
    """The headers of a request. Whoever reads something from them keeps it in `found`: a client says the same in each
    of its requests, and the same bytes come with the same headers."""

    def __init__(self, headers: Iterable[Header] = ()) -> None:
        super().__init__(headers)
        self.found: dict[Any, Any] = {}


class Head(NamedTuple):
    """The head of a request that came whole."""

    scope: dict[str, Any]
    "What it gives to the scope."
    length: int
    "Bytes of the body."


kept: dict[bytes, Head] = {}
"Those that were read last, by their bytes. Of the same bytes the parser makes the same."


def known(text: bytes) -> Head | None:
    """The head that these bytes were, if they came before."""
    return kept.get(text)


def keep(text: bytes, head: Head) -> None:
    if len(kept) >= MOST:
        del kept[next(iter(kept))]
    kept[text] = head
