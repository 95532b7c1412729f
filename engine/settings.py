"""Settings: the only reader of the environment. Each has a default; a wrong value is a sentence that names it."""

import re
from collections.abc import Iterator
from difflib import get_close_matches
from importlib.util import find_spec
from pathlib import Path
from typing import Literal, TypeVar
from urllib.parse import SplitResult, parse_qsl, urlsplit

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from engine import roles, urls
from engine.broker import complaint
from engine.roles import ALL, Role

_ORIGIN = re.compile(r"https?://[^/\s,@?#]+", re.IGNORECASE)
_HOST = re.compile(r"(\[[0-9a-f:.]+]|[^/\s,@?#:\[\]]+)(:\d{1,5})?", re.IGNORECASE)


class SettingsError(Exception):
    """What is wrong with the settings, a sentence for each, ready to be shown."""


class Settings(BaseSettings):
    """Read from the environment, then from `.env` beside the working directory.

    A subclass adds those of an application. One with `repr=False` is a secret: no message shows its value.
    """

    model_config = SettingsConfigDict(env_file=".env", env_file_encoding="utf-8", extra="forbid", frozen=True)

    roles: str = Field(
        ",".join(Role),
        description="What this process does, as `--role` says too; commas between them. On SQLite one does it all.",
    )
    host: str = Field("127.0.0.1", min_length=1, description="Address to listen on; 0.0.0.0 for all of this machine's.")
    port: int = Field(8000, ge=0, le=65535, description="Port to listen on; 0 takes a free one.")
    allowed_hosts: str = Field(
        "",
        description="Names, besides HOST and those of loopback, under which the server answers; commas between them.",
    )
    allowed_origins: str = Field(
        "", description="Origins of other web pages that may use the API, as https://shop.example; commas between them."
    )
    token_lifetime_minutes: int = Field(480, ge=1, le=43_200, description="How long one stays signed in.")
    write_db_url: str = Field(
        "sqlite:///data/log.db", repr=False, description="The event log: sqlite:///file or postgresql://…/database."
    )
    read_db_url: str = Field(
        "sqlite:///data/read.db", repr=False, description="The read tables, likewise; can be rebuilt from the log."
    )
    data_dir: str = Field(
        "data",
        min_length=1,
        description="Where the key of the tokens is kept, if the log is no file beside which it is.",
    )
    redis_url: str = Field(
        "",
        repr=False,
        description="Hints between processes, as redis://name:password@host:6379, rediss:// or unix:///path. "
        "Empty: within this process, which is all that one needs.",
    )
    relay_url: str = Field(
        "",
        repr=False,
        description="Broker that gets every event: amqp:// (RabbitMQ), nats://, redis:// or kafka://. Empty: none.",
    )
    relay_channel: str = Field(
        "events",
        pattern=r"^[A-Za-z0-9_-]{1,100}$",
        description="What the broker knows them by: exchange (RabbitMQ), stream (NATS, Redis) or topic (Kafka).",
    )
    relay_most_kept: int = Field(
        1_000_000,
        ge=1000,
        le=1_000_000_000,
        description="Events that NATS or Redis keeps, older ones going first.",
    )
    relay_personal_data: bool = Field(False, description="Let events leave with the personal data in them.")
    db_pool_min_size: int = Field(1, ge=1, le=64, description="Connections for reading that are opened at start.")
    db_pool_max_size: int = Field(4, ge=1, le=64, description="Connections for reading, at most, to each database.")
    projector_batch_size: int = Field(1000, ge=1, le=100_000, description="Events folded in one transaction, at most.")
    projector_poll_interval: float = Field(
        0.5, ge=0.01, le=60, description="Seconds after which the log is looked at even without a hint."
    )
    read_timeout_ms: int = Field(2000, ge=0, le=60_000, description="How long a read waits for `atLeast`, at most.")
    synchronous: bool = Field(False, description="Answer a mutation only once every read model shows it.")
    max_body_bytes: int = Field(2_097_152, ge=1024, le=67_108_864, description="Largest request or socket message.")
    trusted_documents: str = Field(
        "", description="File of GraphQL documents that may be run by their id: a JSON object, id to text."
    )
    only_trusted_documents: bool = Field(False, description="Run no document that is not in TRUSTED_DOCUMENTS.")
    aggregate_cache_size: int = Field(10_000, ge=0, le=10_000_000, description="Folded aggregates kept in memory.")
    command_retention_days: int = Field(30, ge=7, le=3650, description="How long a command id is remembered.")
    tombstone_retention_days: float = Field(7, gt=0, le=3650, description="How long a removal can be resumed across.")
    health_max_lag_seconds: float = Field(
        30, gt=0, le=86_400, description="How far a read model or process may be behind while the server is ready."
    )
    health_max_dead_letters: int = Field(
        1000,
        ge=0,
        le=10_000_000,
        description="Events that a process may set aside while the server is ready; 0: any.",
    )
    tracing: bool = Field(
        False, description="Send traces by OpenTelemetry, as its own OTEL_* variables say. Needs the extra `otel`."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="Least serious line to log.")
    log_format: Literal["auto", "console", "json"] = Field("auto", description="auto: JSON unless a person looks on.")

    @field_validator("allowed_hosts")
    @classmethod
    def _hosts(cls, hosts: str) -> str:
        if not all(_HOST.fullmatch(host) for host in _parts(hosts)):
            raise ValueError("must be names with commas between them, for example shop.example, 192.168.1.5:8000")
        return hosts

    @field_validator("allowed_origins")
    @classmethod
    def _origins(cls, origins: str) -> str:
        if not all(_ORIGIN.fullmatch(origin) for origin in _parts(origins)):
            raise ValueError("must be origins with commas between them, for example https://shop.example")
        return origins

    @field_validator("write_db_url", "read_db_url")
    @classmethod
    def _database(cls, url: str) -> str:
        if reason := urls.wrong(url):
            raise ValueError(reason)
        return url

    @field_validator("trusted_documents")
    @classmethod
    def _manifest(cls, path: str) -> str:
        if path and not path.endswith(".json"):
            raise ValueError("must name a JSON file, for example documents.json")
        return path

    @field_validator("redis_url")
    @classmethod
    def _redis(cls, url: str) -> str:
        if url and (wrong := _wrong_of_redis(url)):
            raise ValueError(wrong)
        return url

    @field_validator("relay_url")
    @classmethod
    def _broker(cls, url: str) -> str:
        if url and (problem := complaint(url)):
            raise ValueError(problem)
        return url

    @field_validator("roles")
    @classmethod
    def _roles(cls, given: str) -> str:
        roles.parsed(given)
        return given

    @property
    def serves(self) -> frozenset[Role]:
        """The roles of this process."""
        return roles.parsed(self.roles)

    @property
    def log_name(self) -> str:
        """What the log's database is called in a sentence."""
        return urls.shown(self.write_db_url)

    @property
    def reads_name(self) -> str:
        return urls.shown(self.read_db_url)

    @property
    def key_path(self) -> Path:
        """Where the key of the tokens is kept: beside the log, and as precious; in DATA_DIR, if the log is no file."""
        log = urls.file(self.write_db_url)
        return Path(self.data_dir, "token.key") if log is None else log.with_name("token.key")

    @property
    def hosts(self) -> tuple[str, ...]:
        """The names under which the server answers, as they stand in a Host header."""
        return (f"[{self.host}]" if ":" in self.host else self.host).lower(), *_parts(self.allowed_hosts)

    @property
    def origins(self) -> tuple[str, ...]:
        return _parts(self.allowed_origins)

    def conflicts(self) -> Iterator[str]:
        """What cannot be meant together, a sentence for each."""
        if self.db_pool_min_size > self.db_pool_max_size:
            least, most = self.db_pool_min_size, self.db_pool_max_size
            yield f"DB_POOL_MIN_SIZE ({least}) must not exceed DB_POOL_MAX_SIZE ({most})."
        log, rows = urls.file(self.write_db_url), urls.file(self.read_db_url)
        if log is not None and rows is not None and log.resolve() == rows.resolve():
            yield "WRITE_DB_URL and READ_DB_URL must name two different files."
        if self.serves != ALL and not (log is rows is None):
            yield (
                f"ROLES={self.roles!r} needs PostgreSQL, which several processes can share: set WRITE_DB_URL and "
                "READ_DB_URL to postgresql://…, or leave ROLES out, and one process does it all."
            )
        if self.serves == {Role.RELAY} and not self.relay_url:
            yield "ROLES='relay' needs RELAY_URL: there is no broker to publish to."
        if self.redis_url and find_spec("redis") is None:
            yield "REDIS_URL needs a client: pip install --require-hashes -r requirements/redis.txt."
        if self.only_trusted_documents and not self.trusted_documents:
            yield "ONLY_TRUSTED_DOCUMENTS needs TRUSTED_DOCUMENTS; without them nothing could be asked."


S = TypeVar("S", bound=Settings)


def load(kind: type[S], **given: str) -> S:
    """The settings in force, those `given` before any of the environment. Raises SettingsError."""
    try:
        settings = kind(**given)  # type: ignore[arg-type]  # pydantic reads them
    except ValidationError as error:
        raise SettingsError("\n".join(_sentence(kind, dict(each)) for each in error.errors())) from None
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f".env cannot be read: {error}.") from None
    if conflicts := "\n".join(settings.conflicts()):
        raise SettingsError(conflicts)
    return settings


def _sentence(kind: type[Settings], error: dict[str, object]) -> str:
    location = error["loc"]
    name = str(location[0]).upper() if isinstance(location, tuple) and location else "?"
    if error["type"] == "extra_forbidden":
        near = get_close_matches(name, [field.upper() for field in kind.model_fields], n=1)
        return f"{name} in .env is no setting." + (f" Did you mean {near[0]}?" if near else "")
    # What is kept out of a repr may be a password.
    field = kind.model_fields.get(name.lower())
    value = f"={error['input']!r}" if field is None or field.repr else ""
    reason = str(error["msg"]).removeprefix("Value error, ").replace("Input should be", "must be", 1)
    return f"{name}{value} is refused: {reason}."


def _parts(text: str) -> tuple[str, ...]:
    return tuple(part.strip().lower() for part in text.split(",") if part.strip())


_OF_REDIS = {
    "redis": {"db"},
    "rediss": {"db", "ssl_ca_certs", "ssl_ca_path", "ssl_certfile", "ssl_keyfile", "ssl_cert_reqs"},
    "unix": {"db", "username", "password"},
}
"What may stand behind the question mark of each kind of URL. Time limits and all the like are the channel's own."


def _wrong_of_redis(url: str) -> str:
    """What is wrong with a URL of Redis, or nothing. Nothing of it is repeated, as there may be a password in it."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return "must have a port from 1 to 65535, and characters like / # ? @ in its password as %2F %23 %3F %40"
    if parts.scheme not in _OF_REDIS:
        return "must begin with redis://, rediss:// (encrypted) or unix://, or be empty"
    if parts.scheme == "unix":
        if parts.netloc or not parts.path.startswith("/"):
            return "must name the whole path of a socket, for example unix:///run/redis.sock"
    elif not parts.hostname or port == 0 or not re.fullmatch(r"/?|/\d{1,5}", parts.path):
        return "must name a host and at most a port and a database, for example redis://name:password@host:6379/0"
    return _wrong_options(parts)


def _wrong_options(parts: SplitResult) -> str:
    known = _OF_REDIS[parts.scheme]
    if parts.fragment or not {name for name, _ in parse_qsl(parts.query, keep_blank_values=True)} <= known:
        return f"may have no options but {', '.join(sorted(known))}, and # in a password as %23"
    return ""


def example(kind: type[Settings]) -> str:
    """The text of `.env.example`: every setting with what it means and its default."""
    lines = ["# Every setting, with its default. Copy to .env and change what you need."]
    for name, field in kind.model_fields.items():
        default = str(field.default).lower() if isinstance(field.default, bool) else field.default
        lines += ["", f"# {field.description}", f"{name.upper()}={default}"]
    return "\n".join(lines) + "\n"
