"""A message broker, as the relay sees it."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Protocol
from urllib.parse import parse_qsl, unquote, urlsplit

from engine.shapes import Value

SCHEMES = {
    "amqp": "rabbitmq",
    "amqps": "rabbitmq",
    "nats": "nats",
    "tls": "nats",
    "redis": "redis",
    "rediss": "redis",
    "kafka": "kafka",
}
"Which kind of broker the scheme of a URL means. Its client is the extra of that name."


class Message(Value):
    """One event, as it leaves."""

    id: str
    "Names the event among those of every log: who gets it again can tell."
    stream: str
    subject: str
    "What it is routed by: `<category>.<Type>`."
    body: bytes


class Broker(Protocol):
    """Publishes at least once. Whatever goes wrong is raised; `close`, then `connect` begin anew."""

    async def connect(self) -> None: ...

    async def publish(self, messages: Sequence[Message]) -> None:
        """Returns once the broker has said of each that it has it. When this raises, it may have any of them, but of a
        stream never a later one without those before it."""
        ...

    async def ping(self) -> None:
        """Raises when the broker is not there."""
        ...

    async def close(self) -> None:
        """Let go of the connection, whatever state it is in."""
        ...


def rounds(messages: Iterable[Message]) -> Iterator[Sequence[Message]]:
    """Messages in turns, none with two of one stream.

    Within a turn they may go side by side: should the broker take one and not another, no stream is out of order.
    """
    turn: list[Message] = []
    streams: set[str] = set()
    for message in messages:
        if message.stream in streams:
            yield turn
            turn, streams = [], set()
        turn.append(message)
        streams.add(message.stream)
    if turn:
        yield turn


def complaint(url: str) -> str | None:
    """What is wrong with the URL of a broker, without a word of it: it may hold a password."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "must be a URL"
    if parts.scheme not in SCHEMES:
        return "must begin with " + ", ".join(f"{scheme}://" for scheme in SCHEMES)
    if not parts.netloc.rpartition("@")[2]:
        return "must name a host"
    if SCHEMES[parts.scheme] == "kafka" and "@" in parts.netloc:
        return "must be kafka://host:9092,host:9092; names and passwords are not supported there"
    return None


def concealing(url: str) -> Callable[[str], str]:
    """A function that takes what is secret in the URL of a broker out of a text."""
    parts = urlsplit(url)
    userinfo = parts.netloc.rpartition("@")[0]
    name, _, password = userinfo.partition(":")
    # What stands there without a password is a token, for some.
    given = [password or name, *(value for key, value in parse_qsl(parts.query) if key in ("password", "token"))]
    secrets = sorted({form for each in given for form in (each, unquote(each)) if form}, key=len, reverse=True)

    def conceal(text: str) -> str:
        for secret in secrets:
            text = text.replace(secret, "***")
        return text

    return conceal
