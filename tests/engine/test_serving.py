"""The server itself: how it starts, stops, and parts from clients that do not read."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from engine import serving
from engine.graphql.exchange import Limits
from tests.engine.graphql.test_websocket import ready, until
from tests.engine.graphql.toy import live
from tests.raw_socket import frame, raw_socket

PROGRAM = """
import asyncio, sys
from engine import serving
from tests.engine.graphql.toy import Toy

async def drain():
    print("drained", flush=True)

async def app(scope, receive, send):
    await Toy()(scope, receive, send)

sys.exit(serving.serve(app, "127.0.0.1", int(sys.argv[1]), drain=drain, ready=lambda port: print(port, flush=True)))
"""


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        yield listening.getsockname()[1]


def started(port: int = 0) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", PROGRAM, str(port)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_drains_the_application_and_ends_with_0_and_no_traceback(stop: signal.Signals) -> None:
    with started() as process:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        socket.create_connection(("127.0.0.1", port)).close()
        process.send_signal(stop)
        out, err = process.communicate(timeout=20)
    assert (process.returncode, out, err) == (0, "drained\n", "")


def test_a_port_in_use_is_one_sentence_and_exit_code_2(taken: int) -> None:
    with started(taken) as process:
        out, err = process.communicate(timeout=20)
    assert (process.returncode, out) == (2, "")
    assert err == f"Cannot listen on 127.0.0.1 port {taken}: Address already in use.\n"


def test_a_port_in_use_is_told_to_the_caller(taken: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert serving.serve(None, "127.0.0.1", taken) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


@pytest.mark.skipif(not hasattr(socket, "TCP_USER_TIMEOUT"), reason="only Linux has it")
def test_a_connection_is_given_up_when_nothing_is_heard_of_its_client() -> None:
    with serving.bound("127.0.0.1", 0) as listening:
        listening.listen()
        with socket.create_connection(listening.getsockname()), listening.accept()[0] as accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == serving.UNHEARD * 1000


@pytest.mark.parametrize("times", [1, 2])
def test_serving_ends_with_0_when_it_is_told_to_stop(times: int) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        raise RuntimeError("no lifespan")

    def stop(port: int) -> None:
        for _ in range(times):
            threading.Timer(0.0, os.kill, (os.getpid(), signal.SIGINT)).start()

    before = signal.getsignal(signal.SIGINT)
    assert serving.serve(app, "127.0.0.1", 0, ready=stop) == 0
    assert signal.getsignal(signal.SIGINT) is before


def test_an_application_that_does_not_start_ends_with_its_exit_code() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "lifespan.startup.failed", "message": "no"})

    with pytest.raises(SystemExit) as caught:
        serving.serve(app, "127.0.0.1", 0, lifespan="on")
    assert caught.value.code == 3


async def test_a_server_without_a_drain_just_stops() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        raise RuntimeError("no lifespan")

    async with serving.running(app) as server:
        assert server.port


async def test_a_client_that_does_not_answer_a_ping_is_cut_off() -> None:
    async with live(ping_interval=0.05, ping_timeout=0.05) as server:
        async with raw_socket(server.port) as (reader, _):
            await reader.readuntil(b"connection_ack")
            with pytest.raises((asyncio.IncompleteReadError, ConnectionResetError)):
                async with asyncio.timeout(10):
                    await reader.readuntil(b"never")
        await until(lambda: len(server.toy.sockets) == 0)


async def test_what_a_dropped_client_has_not_read_does_not_keep_its_socket(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "LINGER", 0.1)
    async with live(limits=Limits(send_timeout=0.2)) as server, raw_socket(server.port) as (reader, writer):
        await reader.readuntil(b"connection_ack")
        query = f'subscription {{ endless(text: "{"x" * 60_000}") }}'
        server.toy.events.release.set()
        writer.write(frame({"type": "subscribe", "id": "s", "payload": {"query": query}}))
        protocol = next(iter(server.server.server_state.connections))
        await until(lambda: protocol.transport.get_write_buffer_size() > 0)
        writer.write(frame({"type": "nonsense"}))
        await until(lambda: not server.server.server_state.connections)


async def test_a_message_over_the_limit_closes_with_1009() -> None:
    async with live(body_limit=1000) as server, ready(server) as client:
        await client.send("x" * 2000)
        await client.wait_closed()
        assert client.close_code == 1009
