"""A PostgreSQL server of a test's own, which it may stop at once, pause and start again, and a proxy before it."""

import asyncio
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import psycopg

from engine.migration import migrated
from engine.store.postgres import Database
from engine.store.revisions import LOG, READS
from tests.redis import until
from tests.services import free_port, lack, program

PATIENCE = 30.0
"Seconds that it may take to come or to go, which it does in less than one where nothing else runs."
OPTIONS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "shared_buffers": "16MB",
    "max_connections": "60",
    "logging_collector": "off",
}


@dataclass
class OwnPostgres:
    """A server with an empty database `test`, on a port that stays the same when it is started again."""

    folder: Path
    programs: Path
    port: int
    process: subprocess.Popen[bytes] | None = None
    options: dict[str, str] = field(default_factory=OPTIONS.copy)

    @property
    def url(self) -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/test"

    async def start(self) -> None:
        """Start it, and wait until it answers."""
        self.launch()
        await until(partial(self.answers, "postgres"), PATIENCE)

    def launch(self) -> None:
        options: list[str] = [part for name, value in self.options.items() for part in ("-c", f"{name}={value}")]
        command: tuple[str | Path, ...] = (
            self.programs / "postgres",
            "-D",
            self.folder / "data",
            "-p",
            str(self.port),
            *options,
        )
        nothing = subprocess.DEVNULL
        self.process = subprocess.Popen(_as_nobody(command), cwd=self.folder, stdout=nothing, stderr=nothing)

    async def answers(self, database: str = "test") -> bool:
        url = self.url.replace("/test", f"/{database}")
        try:
            async with await psycopg.AsyncConnection.connect(url, connect_timeout=2):
                return True
        except psycopg.OperationalError:
            return False

    async def stop(self) -> None:
        """End it at once, as `pg_ctl stop -m immediate` does: what it had in hand is lost, as when a machine fails."""
        process, self.process = self.process, None
        if process is not None:
            process.send_signal(signal.SIGCONT)
            process.send_signal(signal.SIGQUIT)

            async def is_gone() -> bool:
                return process.poll() is not None

            await until(is_gone, PATIENCE)

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Have every process of it stand still, so that it takes connections and answers nothing."""
        assert self.process is not None
        ours = [self.process.pid, *_children(self.process.pid)]
        for pid in ours:
            os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in ours:
                os.kill(pid, signal.SIGCONT)


def _children(pid: int) -> list[int]:
    return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _as_nobody(command: Sequence[str | Path]) -> Sequence[str | Path]:
    """The command, run by somebody whom PostgreSQL suffers: it does nothing for root."""
    if os.geteuid() != 0:
        return command
    return ("setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", *command)


def _programs() -> Path:
    """Where the server's programs are: on Debian outside of PATH."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    if (initdb := shutil.which("initdb")) is not None:
        found.append(Path(initdb).resolve().parent)
    if not found:
        lack("initdb is needed to have a PostgreSQL server that may be stopped; Debian has it in postgresql")
    return found[-1]


@asynccontextmanager
async def own_postgres() -> AsyncIterator[OwnPostgres]:
    """A running one, with the tables of a log and of read models.

    The test is skipped without the programs, or fails with REQUIRE_SERVICES set.
    """
    programs = _programs()
    # Not in the test's own folder, into which none but its user may look.
    folder = Path(tempfile.mkdtemp(prefix="dispensary-postgres-"))
    server = OwnPostgres(folder, programs, free_port())
    try:
        if os.geteuid() == 0:
            shutil.chown(folder, "postgres", "postgres")
        made = ["-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C", "--no-sync"]
        subprocess.run(
            _as_nobody((programs / "initdb", "-D", folder / "data", *made)),
            cwd=folder, check=True, capture_output=True,
        )  # fmt: skip
        await server.start()
        with psycopg.connect(server.url.replace("/test", "/postgres"), autocommit=True) as connection:
            connection.execute("CREATE DATABASE test")
        for kind in (LOG, READS):
            await migrated(Database(server.url), kind)
        yield server
    finally:
        await server.stop()
        shutil.rmtree(folder)


@asynccontextmanager
async def pooling(server: OwnPostgres, connections: int) -> AsyncIterator[str]:
    """The URL of a proxy with so few connections to the server, each lent out for a transaction at a time."""
    pgbouncer, port = program("pgbouncer", "to try what is so behind a proxy that pools transactions"), free_port()
    settings = {
        "listen_addr": "127.0.0.1",
        "listen_port": port,
        "unix_socket_dir": "",
        "auth_type": "any",
        "pool_mode": "transaction",
        "default_pool_size": connections,
    }
    lines = [f"{name} = {value}" for name, value in settings.items()]
    where = f"test = host=127.0.0.1 port={server.port} user=postgres"
    file = server.folder / "pgbouncer.ini"
    file.write_text("\n".join(["[databases]", where, "[pgbouncer]", *lines]))
    nothing = subprocess.DEVNULL
    command = _as_nobody([pgbouncer, file])
    process = await asyncio.create_subprocess_exec(*command, cwd=server.folder, stdout=nothing, stderr=nothing)
    proxy = OwnPostgres(server.folder, server.programs, port)
    try:
        await until(proxy.answers, PATIENCE)
        yield proxy.url
    finally:
        process.kill()
        await process.wait()
