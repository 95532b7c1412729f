"""Which broker a URL means."""

from importlib import import_module
from urllib.parse import urlsplit

from engine.broker import SCHEMES, Broker
from engine.faults import Unavailable


def chosen(url: str, channel: str, *, most: int) -> Broker:
    """The broker at a URL, which publishes to `channel`; where it stores events itself, `most` of them.

    Raises Unavailable when its client is not installed.
    """
    kind = SCHEMES[urlsplit(url).scheme]
    try:
        broker: Broker = import_module(f"engine.brokers.{kind}").broker(url, channel, most)
    except ModuleNotFoundError as error:
        raise Unavailable(
            f"RELAY_URL names a broker whose client is not installed: no module {error.name}. "
            f"Install requirements/{kind}.txt, or the extra {kind}."
        ) from None
    return broker
