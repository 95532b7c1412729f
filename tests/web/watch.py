"""What a page must not do, whatever is tested: ask anybody but its own server for anything, or report an error."""

import re
from dataclasses import dataclass, field

from playwright.async_api import BrowserContext, ConsoleMessage, Page, WebSocket

# Made by the page itself.
OWN = "data:", "blob:", "about:"
NOWHERE = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"
"With this argument a browser reaches this machine only."


@dataclass
class Watch:
    """Looks on at all pages of one server's desk."""

    url: str
    outside: list[str] = field(default_factory=list)
    "The addresses of requests that left the origin."
    errors: list[str] = field(default_factory=list)
    "What the console showed as an error, and what was thrown and never caught."
    expected: list[str] = field(default_factory=list)

    def over(self, context: BrowserContext) -> None:
        context.on("request", lambda request: self._asked(request.url))
        context.on("page", self._opened)
        context.on("console", self._said)
        context.on("weberror", lambda error: self.errors.append(str(error.error)))

    def expect(self, pattern: str) -> None:
        """Errors that a test brings about are no fault: a regular expression that finds them."""
        self.expected.append(pattern)

    def faults(self) -> list[str]:
        """What must not have been."""
        unexpected = [each for each in self.errors if not any(re.search(one, each) for one in self.expected)]
        return [f"asked elsewhere: {each}" for each in self.outside] + unexpected

    def _opened(self, page: Page) -> None:
        page.on("websocket", self._connected)

    def _connected(self, socket: WebSocket) -> None:
        self._asked(socket.url)

    def _asked(self, url: str) -> None:
        ours = self.url, self.url.replace("http", "ws", 1)
        if not url.startswith((*OWN, *(f"{each}/" for each in ours))):
            self.outside.append(url)

    def _said(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.errors.append(f"{message.text} ({message.location.get('url', '')})")
