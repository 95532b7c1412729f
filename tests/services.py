"""What a test needs of the machine beside Python."""

import os
import shutil
import socket
from typing import NoReturn
from urllib.parse import urlsplit

import pytest


def lack(reason: str) -> NoReturn:
    """Skip the test; with REQUIRE_SERVICES set, fail it."""
    if "REQUIRE_SERVICES" in os.environ:
        pytest.fail(reason)
    pytest.skip(reason)


def program(name: str, why: str) -> str:
    """The path of a program. Without it the test is skipped; with REQUIRE_SERVICES set, it fails."""
    path = shutil.which(name) or shutil.which(name, path="/usr/sbin")  # which is in the PATH of root alone
    if path is None:
        lack(f"{name} is needed {why}")
    return path


BROKERS = {
    "rabbitmq": "amqp://guest:guest@127.0.0.1:5672/",
    "nats": "nats://127.0.0.1:4222",
    "redis": "redis://127.0.0.1:6379/15",
}
"Where each is looked for; TEST_RABBITMQ_URL and its like say otherwise."


def broker(kind: str) -> str:
    """The URL of a broker that listens. Without it the test is skipped; with REQUIRE_SERVICES set, it fails."""
    name = f"TEST_{kind.upper()}_URL"
    url = os.environ.get(name, BROKERS[kind])
    parts = urlsplit(url)
    try:
        socket.create_connection((parts.hostname or "", parts.port or 0), timeout=2).close()
    except OSError as error:
        lack(f"{kind} is needed, and does not listen at {parts.hostname}:{parts.port} ({error}); {name} says where")
    return url


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
    return port
